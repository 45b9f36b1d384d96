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

static bool fail_to_write(struct tn_error *error, const char *path, int number)
{
    return tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be written: %s", path, strerror(number));
}

enum { BUFFER = 1 << 16 };

bool tn_file_begin(struct tn_file_draft *draft, const char *path, struct tn_error *error)
{
    struct stat status;
    *draft = (struct tn_file_draft){.descriptor = -1};
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return tn_fail(error, TN_ERROR_USE, "%s: exists and is not a regular file", path);
    char *target = realpath(path, NULL);
    draft->path = tn_strdup(path);
    draft->target = tn_strdup(target ? target : path);
    draft->beside = tn_sprintf("%s.%ld.tmp", target ? target : path, (long)getpid());
    draft->buffer = tn_alloc(BUFFER, 1);
    free(target);
    if (!draft->path || !draft->target || !draft->beside || !draft->buffer) {
        tn_file_drop(draft);
        return tn_fail_memory(error, path, BUFFER);
    }
    unlink(draft->beside); /* left by a process that died */
    draft->descriptor = open(draft->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    draft->made = draft->descriptor >= 0;
    if (draft->made)
        return true;
    fail_to_write(error, path, errno);
    tn_file_drop(draft);
    return false;
}

static void put(struct tn_file_draft *draft, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0 && draft->trouble == 0) {
        ssize_t done = write(draft->descriptor, at, size < (1u << 30) ? size : (1u << 30));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            draft->trouble = errno;
            return;
        }
        at += done;
        size -= (size_t)done;
    }
}

static void flush(struct tn_file_draft *draft)
{
    put(draft, draft->buffer, draft->filled);
    draft->filled = 0;
}

void tn_file_append(struct tn_file_draft *draft, const void *bytes, size_t size)
{
    draft->size += size;
    if (size > BUFFER - draft->filled)
        flush(draft);
    if (size >= BUFFER) {
        put(draft, bytes, size);
    } else if (size > 0) {
        memcpy(draft->buffer + draft->filled, bytes, size);
        draft->filled += size;
    }
}

bool tn_file_end(struct tn_file_draft *draft, struct tn_error *error)
{
    flush(draft);
    if (draft->trouble == 0 && fsync(draft->descriptor) != 0)
        draft->trouble = errno;
    if (close(draft->descriptor) != 0 && draft->trouble == 0)
        draft->trouble = errno;
    draft->descriptor = -1;
    return draft->trouble == 0 || fail_to_write(error, draft->path, draft->trouble);
}

bool tn_file_publish(struct tn_file_draft *draft, struct tn_error *error)
{
    if (rename(draft->beside, draft->target) != 0)
        return fail_to_write(error, draft->path, errno);
    draft->made = false;
    return true;
}

void tn_file_drop(struct tn_file_draft *draft)
{
    if (draft->descriptor >= 0)
        close(draft->descriptor);
    if (draft->made)
        unlink(draft->beside);
    tn_free(draft->path);
    tn_free(draft->target);
    tn_free(draft->beside);
    tn_free(draft->buffer);
    *draft = (struct tn_file_draft){.descriptor = -1};
}

bool tn_file_write(const char *path, size_t count, const void *const *pieces, const size_t *sizes,
                   struct tn_error *error)
{
    struct tn_file_draft draft;
    if (!tn_file_begin(&draft, path, error))
        return false;
    for (size_t i = 0; i < count; i++)
        tn_file_append(&draft, pieces[i], sizes[i]);
    bool ok = tn_file_end(&draft, error) && tn_file_publish(&draft, error);
    tn_file_drop(&draft);
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
