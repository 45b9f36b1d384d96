#include "model/onnx_file.h"

#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_errno(struct tn_error *error, const char *what)
{
    return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s", what, strerror(errno));
}

static bool read_all(int file, uint8_t *bytes, size_t size, struct tn_error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(file, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, "cannot be read");
        if (got == 0)
            return tn_fail(error, TN_ERROR_SYSTEM, "became shorter while it was read");
        done += (size_t)got;
    }
    return true;
}

bool tn_onnx_file_read(const char *path, uint8_t **bytes, size_t *size, struct tn_error *error)
{
    struct stat status;
    /* Not blocking on a pipe: what it is can only be asked once it is open. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return fail_errno(error, "cannot be opened");
    bool ok = fstat(file, &status) == 0 || fail_errno(error, "cannot be opened");
    if (ok && S_ISDIR(status.st_mode))
        ok = tn_fail(error, TN_ERROR_INPUT, "is a folder, expected a file");
    else if (ok && !S_ISREG(status.st_mode))
        ok = tn_fail(error, TN_ERROR_INPUT, "is not a regular file");
    else if (ok && status.st_size == 0)
        ok = tn_fail(error, TN_ERROR_INPUT, "is empty");
    *bytes = NULL;
    if (ok) {
        *size = (size_t)status.st_size;
        *bytes = tn_alloc(*size, 1);
        ok = *bytes ? read_all(file, *bytes, *size, error)
                    : tn_fail_memory(error, "the file's contents", *size);
    }
    close(file);
    if (!ok) {
        tn_free(*bytes);
        *bytes = NULL;
    }
    return ok;
}

static bool write_all(int file, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(file, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

static bool write_new(const char *path, const uint8_t *bytes, size_t size, struct tn_error *error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        return fail_errno(error, "cannot be created");
    bool ok = (write_all(file, bytes, size) && fsync(file) == 0) ||
              fail_errno(error, "cannot be written");
    if (close(file) != 0 && ok)
        ok = fail_errno(error, "cannot be written");
    return ok;
}

bool tn_onnx_file_write(const char *path, const uint8_t *bytes, size_t size, struct tn_error *error)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return tn_fail(error, TN_ERROR_USE, "exists and is not a regular file");
    /* A link stays a link: what it points to is replaced. */
    char *target = realpath(path, NULL);
    char *beside = tn_sprintf("%s.%ld.tmp", target ? target : path, (long)getpid());
    if (!beside) {
        free(target);
        return tn_fail_memory(error, "a path", strlen(path));
    }
    unlink(beside); /* left by a process that died */
    bool ok = write_new(beside, bytes, size, error);
    if (ok && rename(beside, target ? target : path) != 0)
        ok = fail_errno(error, "cannot be replaced");
    if (!ok)
        unlink(beside);
    tn_free(beside);
    free(target);
    return ok;
}
