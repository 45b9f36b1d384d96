/* Reading files a user points at: only regular ones (a FIFO would block for ever), sizes known
 * first. */
#ifndef TN_DATA_FILE_H
#define TN_DATA_FILE_H

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

bool tn_file_is_folder(const char *path);
bool tn_file_exists(const char *path); /* as anything but a folder */

/* FOLDER/NAME, released with tn_free; NULL when out of memory. */
char *tn_file_join(const char *folder, const char *name);

#endif
