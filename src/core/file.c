#include "core/file.h"

#include "core/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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
    else if (S_ISDIR(status.st_mode))
        tn_fail(error, TN_ERROR_INPUT, "%s: is a folder, expected a file", path);
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

static bool write_piece(int descriptor, const void *piece, size_t size)
{
    const uint8_t *at = piece;
    while (size > 0) {
        ssize_t put = write(descriptor, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

static bool fail_to_write(struct tn_error *error, const char *path)
{
    return tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
}

/* A new file of that name, on the disk when this returns. */
static bool write_new(const char *name, const char *path, size_t count, const void *const *pieces, const size_t *sizes,
                      struct tn_error *error)
{
    int descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return fail_to_write(error, path);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = write_piece(descriptor, pieces[i], sizes[i]);
    ok = ok && fsync(descriptor) == 0;
    if (!ok)
        fail_to_write(error, path);
    if (close(descriptor) != 0 && ok)
        ok = fail_to_write(error, path);
    return ok;
}

bool tn_file_write(const char *path, size_t count, const void *const *pieces, const size_t *sizes,
                   struct tn_error *error)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return tn_fail(error, TN_ERROR_USE, "%s: exists and is not a regular file", path);
    char *target = realpath(path, NULL);
    char *beside = tn_sprintf("%s.%ld.tmp", target ? target : path, (long)getpid());
    if (!beside) {
        free(target);
        return tn_fail_memory(error, path, strlen(path));
    }
    unlink(beside); /* left by a process that died */
    bool ok = write_new(beside, path, count, pieces, sizes, error);
    if (ok && rename(beside, target ? target : path) != 0)
        ok = fail_to_write(error, path);
    if (!ok)
        unlink(beside);
    tn_free(beside);
    free(target);
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
