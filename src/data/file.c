#include "data/file.h"

#include "core/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_errno(struct tn_error *error, const char *path, const char *what, int number)
{
    bool short_of_something = number == ENOMEM || number == EMFILE || number == ENFILE;
    return tn_fail(error, short_of_something ? TN_ERROR_SYSTEM : TN_ERROR_INPUT,
                   "%s: cannot %s: %s", path, what, strerror(number));
}

int tn_file_open(const char *path, size_t *size, struct tn_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        fail_errno(error, path, "be opened", errno);
        return -1;
    }
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        fail_errno(error, path, "be examined", errno);
    else if (!S_ISREG(status.st_mode))
        tn_fail(error, TN_ERROR_INPUT, "%s: not a regular file", path);
    else if ((uintmax_t)status.st_size > SIZE_MAX)
        tn_fail(error, TN_ERROR_INPUT, "%s: too large for this machine", path);
    else {
        *size = (size_t)status.st_size;
        return descriptor;
    }
    close(descriptor);
    return -1;
}

bool tn_file_fill(int descriptor, const char *path, void *bytes, size_t size,
                  struct tn_error *error)
{
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = read(descriptor, at, size < (1u << 30) ? size : (1u << 30));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, path, "be read", errno);
        if (got == 0)
            return tn_fail(error, TN_ERROR_INPUT, "%s: ends %zu bytes early", path, size);
        at += got;
        size -= (size_t)got;
    }
    return true;
}

bool tn_file_read(const char *path, size_t most, uint8_t **bytes, size_t *size,
                  struct tn_error *error)
{
    int descriptor = tn_file_open(path, size, error);
    if (descriptor < 0)
        return false;
    bool ok = false;
    *bytes = NULL;
    if (*size > most)
        tn_fail(error, TN_ERROR_INPUT, "%s: %zu bytes, expected at most %zu", path, *size, most);
    else if (!(*bytes = tn_alloc(*size, 1)))
        tn_fail_memory(error, path, *size);
    else
        ok = tn_file_fill(descriptor, path, *bytes, *size, error);
    close(descriptor);
    if (!ok) {
        tn_free(*bytes);
        *bytes = NULL;
    }
    return ok;
}

bool tn_file_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool tn_file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

char *tn_file_join(const char *folder, const char *name)
{
    return tn_sprintf("%s/%s", folder, name);
}
