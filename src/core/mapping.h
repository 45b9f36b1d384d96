/* A part of a file in memory, to be read only: large parts are mapped, so that they take memory
 * only as they are touched; small ones, and those of files on another machine, are read.
 *
 * A mapped file must not shrink while it is in use: touching what is gone ends the program
 * (SIGBUS). Programs that replace files as they should (a new file, renamed over the old one; this
 * one does so) leave the mapped file as it is. For those that write into the old one,
 * tn_mapping_check finds out before the pages are used. */
#ifndef TN_CORE_MAPPING_H
#define TN_CORE_MAPPING_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TN_MAPPING_LEAST = 16 << 20 }; /* bytes: what is smaller is read */

struct tn_mapping {
    const uint8_t *bytes;
    size_t size;
    bool large; /* worth pointing into it, rather than copying out of it */
};

/* `size` bytes from `offset` of an open file, which must have them; one reference. NULL on failure.
 * `path` is remembered; the descriptor stays the caller's and may be closed. */
struct tn_mapping *tn_mapping_new(int descriptor, const char *path, size_t offset, size_t size,
                                  struct tn_error *error);
struct tn_mapping *tn_mapping_ref(struct tn_mapping *mapping); /* NULL gives NULL */
void tn_mapping_unref(struct tn_mapping *mapping);

/* These bytes have been copied and need not stay in memory. */
void tn_mapping_pass(const struct tn_mapping *mapping, const uint8_t *bytes, size_t size);

/* False, with an error naming the file, when it was written to since it was opened. */
bool tn_mapping_check(const struct tn_mapping *mapping, struct tn_error *error);

#endif
