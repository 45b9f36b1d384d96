/* A layer between a program and the disk (LD_PRELOAD), for test_durability.py: it writes down what
 * is done to the files of one folder, in order, so that the disk can be built as it would have been
 * after the power went at any moment; or it lets the disk be full.
 *
 * POWERCUT_FOLDER  the folder, as the program names it
 * POWERCUT_LOG     where the record goes
 * POWERCUT_ROOM    bytes that may be written in the folder before the disk is full; none: no end
 *
 * The record is a row of `struct head`, each followed by `length` bytes. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 1024 };

struct head {
    /* C create, W write, T truncate, S sync, D sync of the folder, U unlink, R rename (old, 0,
     * new), P standard output has been written */
    int64_t op;
    int64_t file; /* its inode */
    int64_t offset, length;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static enum { OTHER, FILE_OF_FOLDER, FOLDER } kinds[FILES]; /* by descriptor */
static const char *folder;
static int record = -1;
static int64_t room = -1;

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        abort();
    return function;
}

static ssize_t plain_write(int file, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t))next("write");
    return real(file, data, size);
}

static int plain_open(const char *path, int flags, mode_t mode)
{
    static int (*real)(const char *, int, ...);
    if (!real)
        real = (int (*)(const char *, int, ...))next("open");
    return real(path, flags, mode);
}

__attribute__((constructor)) static void begin(void)
{
    const char *log = getenv("POWERCUT_LOG"), *left = getenv("POWERCUT_ROOM");
    folder = getenv("POWERCUT_FOLDER");
    room = left ? atoll(left) : -1;
    if (log)
        record = plain_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool is_within(const char *path)
{
    size_t length = folder ? strlen(folder) : 0;
    return length && strncmp(path, folder, length) == 0 && path[length] == '/';
}

static const char *base(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* With the mutex: the record is in the order of what was done. */
static void note(int op, int file, int64_t offset, const void *data, size_t length)
{
    struct stat status = {0};
    if (file >= 0)
        fstat(file, &status);
    struct head head = {op, (int64_t)status.st_ino, offset, (int64_t)length};
    if (record < 0)
        return;
    if (plain_write(record, &head, sizeof head) != (ssize_t)sizeof head ||
        (length && plain_write(record, data, length) != (ssize_t)length))
        abort();
}

static int open_as(const char *path, int flags, mode_t mode)
{
    struct stat status;
    pthread_mutex_lock(&mutex);
    bool within = is_within(path), is_folder = folder && strcmp(path, folder) == 0;
    bool fresh = within && (flags & O_CREAT) && stat(path, &status) != 0;
    int file = plain_open(path, flags, mode);
    if (file >= 0 && file < FILES)
        kinds[file] = within ? FILE_OF_FOLDER : is_folder ? FOLDER : OTHER;
    if (file >= 0 && fresh)
        note('C', file, 0, base(path), strlen(base(path)));
    pthread_mutex_unlock(&mutex);
    return file;
}

static bool is_file(int file)
{
    return file >= 0 && file < FILES && kinds[file] == FILE_OF_FOLDER;
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open_as(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open_as(path, flags, mode);
}

int close(int file)
{
    static int (*real)(int);
    if (!real)
        real = (int (*)(int))next("close");
    if (file >= 0 && file < FILES)
        kinds[file] = OTHER;
    return real(file);
}

static ssize_t write_at(int file, const void *data, size_t size, off_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off_t))next("pwrite");
    if (!is_file(file))
        return real(file, data, size, offset);
    pthread_mutex_lock(&mutex);
    ssize_t done = -1;
    if (room >= 0 && (int64_t)size > room) {
        room = 0;
        errno = ENOSPC;
    } else {
        room -= room >= 0 ? (int64_t)size : 0;
        done = real(file, data, size, offset);
    }
    if (done > 0)
        note('W', file, offset, data, (size_t)done);
    pthread_mutex_unlock(&mutex);
    return done;
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset)
{
    return write_at(file, data, size, offset);
}

ssize_t pwrite64(int file, const void *data, size_t size, off_t offset)
{
    return write_at(file, data, size, offset);
}

ssize_t write(int file, const void *data, size_t size)
{
    if (is_file(file))
        abort(); /* nothing is written so today: it would be missing in the record */
    return plain_write(file, data, size);
}

static int truncate_to(int file, off_t size)
{
    static int (*real)(int, off_t);
    if (!real)
        real = (int (*)(int, off_t))next("ftruncate");
    pthread_mutex_lock(&mutex);
    int code = real(file, size);
    if (code == 0 && is_file(file))
        note('T', file, size, NULL, 0);
    pthread_mutex_unlock(&mutex);
    return code;
}

int ftruncate(int file, off_t size)
{
    return truncate_to(file, size);
}

int ftruncate64(int file, off_t size)
{
    return truncate_to(file, size);
}

static int sync_by(const char *name, int file)
{
    int (*real)(int) = (int (*)(int))next(name);
    pthread_mutex_lock(&mutex);
    int code = real(file);
    if (code == 0 && is_file(file))
        note('S', file, 0, NULL, 0);
    if (code == 0 && file >= 0 && file < FILES && kinds[file] == FOLDER)
        note('D', file, 0, NULL, 0);
    pthread_mutex_unlock(&mutex);
    return code;
}

int fsync(int file)
{
    return sync_by("fsync", file);
}

int fdatasync(int file)
{
    return sync_by("fdatasync", file);
}

int unlink(const char *path)
{
    int (*real)(const char *) = (int (*)(const char *))next("unlink");
    pthread_mutex_lock(&mutex);
    int code = real(path);
    if (code == 0 && is_within(path))
        note('U', -1, 0, base(path), strlen(base(path)));
    pthread_mutex_unlock(&mutex);
    return code;
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))next("rename");
    char names[1024];
    pthread_mutex_lock(&mutex);
    int code = real(from, to);
    if (code == 0 && is_within(from) && is_within(to)) {
        int length = snprintf(names, sizeof names, "%s%c%s", base(from), '\0', base(to));
        note('R', -1, 0, names, (size_t)length);
    }
    pthread_mutex_unlock(&mutex);
    return code;
}

/* The program flushes after every command: then somebody has seen that it is done. */
int fflush(FILE *file)
{
    int (*real)(FILE *) = (int (*)(FILE *))next("fflush");
    int code = real(file);
    if (file == stdout) {
        pthread_mutex_lock(&mutex);
        note('P', -1, 0, NULL, 0);
        pthread_mutex_unlock(&mutex);
    }
    return code;
}
