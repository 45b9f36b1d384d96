/* Whole files in one go. */
#ifndef TN_MODEL_ONNX_FILE_H
#define TN_MODEL_ONNX_FILE_H

#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

/* Errors do not name the path: the caller does. Released with tn_free. An empty file is an error.
 */
bool tn_onnx_file_read(const char *path, uint8_t **bytes, size_t *size, struct tn_error *error);

/* Write beside PATH and rename, so that PATH is at any time either the old file or the new one. */
bool tn_onnx_file_write(const char *path, const uint8_t *bytes, size_t size,
                        struct tn_error *error);

#endif
