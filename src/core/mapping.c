#include "core/mapping.h"

#include "core/file.h"
#include "core/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* `shown` is first, so that a pointer to one is a pointer to the other. */
struct whole_mapping {
    struct tn_mapping shown;
    atomic_uint references;
    void *area; /* of whole pages around the bytes; NULL where they are in memory of our own */
    size_t area_size;
    void *own;
    bool of_file; /* the area shows the file itself */
    char *path;
    struct stat status;
};

static struct whole_mapping *whole(struct tn_mapping *mapping)
{
    return (struct whole_mapping *)mapping;
}

/* Files of other machines can vanish or shrink under a mapping at any time. */
static bool is_local(int descriptor)
{
    enum { NFS = 0x6969, SMB = 0x517b, PLAN9 = 0x01021997, FUSE = 0x65735546, CEPH = 0x00c36400 };
    static const uint32_t cifs = 0xff534d42, smb2 = 0xfe534d42;
    struct statfs system;
    if (fstatfs(descriptor, &system) != 0)
        return false;
    uint32_t type = (uint32_t)system.f_type;
    return type != NFS && type != SMB && type != PLAN9 && type != FUSE && type != CEPH &&
           type != cifs && type != smb2;
}

static bool fail_errno(struct tn_error *error, const char *path, int number)
{
    return tn_fail(error, number == ENOMEM ? TN_ERROR_SYSTEM : TN_ERROR_INPUT,
                   "%s: cannot be read: %s", path, strerror(number));
}

static bool map_file(struct whole_mapping *made, int descriptor, size_t offset, size_t size,
                     struct tn_error *error)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = offset % page;
    made->area_size = before + size;
    made->area =
        mmap(NULL, made->area_size, PROT_READ, MAP_PRIVATE, descriptor, (off_t)(offset - before));
    if (made->area == MAP_FAILED) {
        made->area = NULL;
        return fail_errno(error, made->path, errno);
    }
    made->of_file = true;
    made->shown.bytes = (const uint8_t *)made->area + before;
    return true;
}

static bool read_part(struct whole_mapping *made, int descriptor, size_t offset, size_t size,
                      struct tn_error *error)
{
    void *memory;
    if (made->shown.large) { /* pages of their own, which can be given back one by one */
        made->area_size = size;
        made->area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        made->area = made->area == MAP_FAILED ? NULL : made->area;
        memory = made->area;
    } else {
        memory = made->own = tn_alloc(size, 1);
    }
    if (!memory)
        return tn_fail_memory(error, made->path, size);
    made->shown.bytes = memory;
    if (lseek(descriptor, (off_t)offset, SEEK_SET) < 0)
        return fail_errno(error, made->path, errno);
    return tn_file_fill(descriptor, made->path, memory, size, error);
}

struct tn_mapping *tn_mapping_new(int descriptor, const char *path, size_t offset, size_t size,
                                  struct tn_error *error)
{
    struct whole_mapping *made = tn_calloc(1, sizeof *made);
    if (!made || !(made->path = tn_strdup(path))) {
        tn_free(made);
        tn_fail_memory(error, path, sizeof *made);
        return NULL;
    }
    atomic_init(&made->references, 1);
    made->shown.size = size;
    made->shown.large = size >= TN_MAPPING_LEAST;
    bool ok = fstat(descriptor, &made->status) == 0 || fail_errno(error, path, errno);
    if (ok && made->shown.large && is_local(descriptor))
        ok = map_file(made, descriptor, offset, size, error);
    else if (ok)
        ok = read_part(made, descriptor, offset, size, error);
    if (ok)
        return &made->shown;
    tn_mapping_unref(&made->shown);
    return NULL;
}

struct tn_mapping *tn_mapping_ref(struct tn_mapping *mapping)
{
    if (mapping)
        atomic_fetch_add_explicit(&whole(mapping)->references, 1, memory_order_relaxed);
    return mapping;
}

void tn_mapping_unref(struct tn_mapping *mapping)
{
    if (!mapping ||
        atomic_fetch_sub_explicit(&whole(mapping)->references, 1, memory_order_acq_rel) > 1)
        return;
    struct whole_mapping *last = whole(mapping);
    if (last->area)
        munmap(last->area, last->area_size);
    tn_free(last->own);
    tn_free(last->path);
    tn_free(last);
}

void tn_mapping_pass(const struct tn_mapping *mapping, const uint8_t *bytes, size_t size)
{
    const struct whole_mapping *known = (const struct whole_mapping *)mapping;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    /* whole pages only: what is beside them may still be wanted */
    uintptr_t begin = ((uintptr_t)bytes + page - 1) / page * page,
              end = ((uintptr_t)bytes + size) / page * page;
    if (known->of_file && begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

bool tn_mapping_check(const struct tn_mapping *mapping, struct tn_error *error)
{
    const struct whole_mapping *known = (const struct whole_mapping *)mapping;
    const struct stat *then = &known->status;
    struct stat now;
    if (!known->of_file || stat(known->path, &now) != 0)
        return true; /* a file without a name stays as it is */
    bool same = now.st_dev == then->st_dev && now.st_ino == then->st_ino;
    bool written = now.st_size != then->st_size || now.st_mtim.tv_sec != then->st_mtim.tv_sec ||
                   now.st_mtim.tv_nsec != then->st_mtim.tv_nsec;
    if (same && written)
        return tn_fail(error, TN_ERROR_INPUT,
                       "%s: was written to since it was opened; open it anew", known->path);
    return true;
}
