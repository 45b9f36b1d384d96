/* What a file claims to be, read from SQLite's 100-byte header without opening it as a database:
 * nothing of a stranger's file is interpreted, and a newer format is left untouched. */
#include "session/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 100 };

static uint32_t big_endian(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Is there a rollback journal beside the file? Then the last transaction was cut off, and SQLite
 * mends the file before it is read: its size says nothing yet. */
static bool has_journal(const char *path)
{
    char name[4096];
    struct stat status;
    int length = snprintf(name, sizeof name, "%s-journal", path);
    return length > 0 && length < (int)sizeof name && stat(name, &status) == 0 &&
           status.st_size > 0;
}

static bool check_header(const char *path, const uint8_t *header, int64_t size,
                         struct tn_error *error)
{
    if (memcmp(header, "SQLite format 3", 16) != 0)
        return tn_fail(error, TN_ERROR_INPUT, "%s: not a session (not an SQLite database)", path);
    if (big_endian(header + 68, 4) != TN_STORE_APPLICATION)
        return tn_fail(error, TN_ERROR_INPUT,
                       "%s: an SQLite database, but not a session of thinet-tui", path);
    uint32_t format = big_endian(header + 60, 4);
    if (format != TN_STORE_FORMAT)
        return tn_fail(
            error, TN_ERROR_INPUT,
            "%s: a session of format %u, this program reads format %d; a newer program wrote it",
            path, format, TN_STORE_FORMAT);
    uint32_t page = big_endian(header + 16, 2);
    page = page == 1 ? 65536 : page;
    uint32_t pages = big_endian(header + 28, 4);
    bool counted = big_endian(header + 24, 4) == big_endian(header + 92, 4);
    if (counted && size < (int64_t)page * pages && !has_journal(path))
        return tn_fail(error, TN_ERROR_INPUT, "%s: a session cut short: %lld bytes of %lld", path,
                       (long long)size, (long long)page * pages);
    return true;
}

static bool inspect_open(const char *path, int file, bool *exists, struct tn_error *error)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return tn_fail(error, TN_ERROR_INPUT, "%s: a directory, expected a session file", path);
    if (!S_ISREG(status.st_mode))
        return tn_fail(error, TN_ERROR_INPUT, "%s: not an ordinary file, expected a session file",
                       path);
    *exists = status.st_size > 0;
    if (!*exists)
        return true;
    uint8_t header[HEADER] = {0};
    ssize_t got = pread(file, header, sizeof header, 0);
    if (got < 0)
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    if (got < HEADER && memcmp(header, "SQLite format 3", 16) == 0)
        return tn_fail(error, TN_ERROR_INPUT, "%s: a session cut short: %lld bytes", path,
                       (long long)got);
    return check_header(path, header, status.st_size, error);
}

bool tn_store_inspect(const char *path, bool *exists, struct tn_error *error)
{
    *exists = false;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); /* a FIFO must not block */
    if (file < 0) {
        if (errno == ENOENT)
            return true;
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    }
    bool fine = inspect_open(path, file, exists, error);
    close(file);
    return fine;
}
