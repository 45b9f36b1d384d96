/* Files a user points at. Read: only regular ones (a FIFO would block for ever), sizes known first.
 * Written: whole, or not at all. Errors name the path. */
#ifndef TN_CORE_FILE_H
#define TN_CORE_FILE_H

#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

/* Open for reading; -1 with an error naming the path: TN_ERROR_SYSTEM when the machine is short of
 * something, otherwise TN_ERROR_INPUT. */
int tn_file_open(const char *path, size_t *size, struct tn_error *error);

/* Fill `size` bytes from a descriptor; `path` is for the error. */
bool tn_file_fill(int descriptor, const char *path, void *bytes, size_t size,
                  struct tn_error *error);

/* The whole file, of at most `most` bytes, in new memory (tn_free). */
bool tn_file_read(const char *path, size_t most, uint8_t **bytes, size_t *size,
                  struct tn_error *error);

/* Write the concatenation of `count` pieces beside PATH, see it on the disk and rename it, so that
 * PATH is at any time either the old file or the new one. A link stays a link: what it points to is
 * replaced. */
bool tn_file_write(const char *path, size_t count, const void *const *pieces, const size_t *sizes,
                   struct tn_error *error);

/* The same in steps, for what is too large to be in memory at once or belongs together with another
 * file. */
struct tn_file_draft {
    char *path, *target, *beside; /* as asked for; behind its links; the temporary name */
    int descriptor;
    bool made;     /* the temporary file is there */
    int trouble;   /* errno of the first write that failed, 0 */
    size_t size;   /* bytes so far */
    size_t filled; /* of the buffer */
    uint8_t *buffer;
};
bool tn_file_begin(struct tn_file_draft *draft, const char *path, struct tn_error *error);
/* What goes wrong is told by tn_file_end. */
void tn_file_append(struct tn_file_draft *draft, const void *bytes, size_t size);
/* All of it is on the disk, under the temporary name. */
bool tn_file_end(struct tn_file_draft *draft, struct tn_error *error);
/* Takes its name and the place of the old file. */
bool tn_file_publish(struct tn_file_draft *draft, struct tn_error *error);
/* Release a draft that was begun; without publishing, nothing is left of it. */
void tn_file_drop(struct tn_file_draft *draft);

bool tn_file_is_folder(const char *path);
bool tn_file_exists(const char *path); /* as anything but a folder */

/* FOLDER/NAME, released with tn_free; NULL when out of memory. */
char *tn_file_join(const char *folder, const char *name);

#endif
