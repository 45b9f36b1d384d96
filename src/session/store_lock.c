/* One writer at a time. SQLite's own locks last for a transaction; this one as long as the session
 * is open, and leaves reading alone. It stands on a byte beyond those that SQLite locks, and
 * belongs to the descriptor (F_OFD_SETLK): SQLite, which unlocks whole files, does not let go of
 * it, closing another descriptor does not, and a second one in the same process does not get it. */
#include "session/store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SQLite: 0x40000000 to 0x400001ff, where there is never anything of a database. */
enum { WRITER = 0x40000400 };

/* Such a lock names no process, but Linux shows each process its own descriptors with what they
 * lock. Is this one, /proc/PID/fdinfo/FD, the writer's? */
static bool locks_for_writing(const char *pid, const char *descriptor)
{
    char path[64], line[160];
    snprintf(path, sizeof path, "/proc/%.16s/fdinfo/%.16s", pid, descriptor);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "lock:", 5) == 0 && strstr(line, "OFDLCK") && strstr(line, "WRITE");
    if (file)
        fclose(file);
    return found;
}

static bool is_writer(const char *pid, const struct stat *wanted)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *folder = opendir(path); /* of another user's process: may not be */
    struct dirent *entry;
    bool found = false;
    while (folder && !found && (entry = readdir(folder))) {
        struct stat status;
        found = fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
                status.st_dev == wanted->st_dev && status.st_ino == wanted->st_ino &&
                locks_for_writing(pid, entry->d_name);
    }
    if (folder)
        closedir(folder);
    return found;
}

/* 0 where it cannot be told. */
static long holder_of(int file)
{
    struct stat status;
    DIR *processes = fstat(file, &status) == 0 ? opendir("/proc") : NULL;
    struct dirent *entry;
    long holder = 0;
    while (processes && !holder && (entry = readdir(processes))) {
        if (isdigit((unsigned char)*entry->d_name) && is_writer(entry->d_name, &status))
            holder = strtol(entry->d_name, NULL, 10);
    }
    if (processes)
        closedir(processes);
    return holder;
}

bool tn_store_lock(const char *path, int *lock, long *holder, struct tn_error *error)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = WRITER, .l_len = 1};
    *holder = 0;
    *lock = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (*lock < 0)
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be opened for writing: %s", path,
                       strerror(errno));
    if (fcntl(*lock, F_OFD_SETLK, &all) == 0)
        return true;
    bool held = errno == EAGAIN || errno == EACCES;
    if (held)
        *holder = holder_of(*lock);
    else
        tn_fail(error, TN_ERROR_SYSTEM, "%s: cannot be locked: %s", path, strerror(errno));
    close(*lock);
    *lock = -1;
    return held;
}
