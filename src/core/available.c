#include "core/available.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { RESERVE = 16 };

/* Number behind `name` in a file of lines, or the file's only one; UINT64_MAX where there is none.
 */
static uint64_t number_in(const char *path, const char *name)
{
    uint64_t number = UINT64_MAX;
    char line[160];
    FILE *file = fopen(path, "r");
    while (file && number == UINT64_MAX && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0 &&
            sscanf(line + strlen(name), "%" SCNu64, &number) != 1)
            number = UINT64_MAX;
    if (file)
        fclose(file);
    return number;
}

static uint64_t left_of_group(void)
{
    uint64_t most = number_in("/sys/fs/cgroup/memory.max", "");
    uint64_t used = number_in("/sys/fs/cgroup/memory.current", "");
    uint64_t cache = number_in("/sys/fs/cgroup/memory.stat", "inactive_file ");
    if (most == UINT64_MAX || used == UINT64_MAX)
        return UINT64_MAX;
    used -= cache != UINT64_MAX && cache < used ? cache : 0;
    return most > used ? most - used : 0;
}

size_t tn_memory_available(void)
{
    uint64_t kilobytes = number_in("/proc/meminfo", "MemAvailable:");
    uint64_t bytes = kilobytes == UINT64_MAX ? UINT64_MAX : kilobytes * 1024;
    uint64_t group = left_of_group();
    bytes = group < bytes ? group : bytes;
    return bytes >= SIZE_MAX ? SIZE_MAX : (size_t)(bytes - bytes / RESERVE);
}

size_t tn_memory_peak(void)
{
    struct rusage usage = {0};
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

struct tn_size_text tn_size_text(double bytes)
{
    struct tn_size_text size;
    if (bytes >= 1e9)
        snprintf(size.text, sizeof size.text, "%.2f GB", bytes * 1e-9);
    else
        snprintf(size.text, sizeof size.text, "%.3g MB", bytes * 1e-6);
    return size;
}
