/* NumPy's .npy files (format 1.0 to 3.0): float32, float64 and integers, C order. */
#ifndef TN_DATA_NPY_H
#define TN_DATA_NPY_H

#include "core/error.h"
#include "model/tensor.h"

/* Read a file into a tensor (integers become TN_INT64); NULL with an error naming the file. */
struct tn_tensor *tn_npy_read(const char *path, struct tn_error *error);
/* Write through a temporary file and rename. */
bool tn_npy_write(const char *path, const struct tn_tensor *tensor, struct tn_error *error);

#endif
