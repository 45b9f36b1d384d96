/* A constant tensor: weights, statistics, shape constants. Reference counted and never changed once
 * it is shared, so graphs, snapshots and threads can hold the same one. */
#ifndef TN_MODEL_TENSOR_H
#define TN_MODEL_TENSOR_H

#include "core/digest.h"
#include "core/error.h"
#include "core/mapping.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TN_MAX_RANK = 8 };

enum tn_dtype {
    TN_FLOAT32 = 1,
    TN_INT64 = 7,
    TN_DOUBLE = 11
}; /* numbers of ONNX TensorProto.DataType;
other element types are converted when read: half, bfloat16 -> float32; small integers, bool ->
int64 */

struct tn_tensor {
    enum tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
    size_t count; /* elements */
    size_t bytes;
    void *data; /* written only by whoever made the tensor, before sharing it; aligned to
                   TN_ALIGNMENT, but in a view only as its elements need */
};

/* New tensor with one reference, zeroed. Checks sizes. NULL on failure. */
struct tn_tensor *tn_tensor_new(enum tn_dtype dtype, int rank, const int64_t *dims,
                                struct tn_error *error);
/* The same with whatever numbers the memory holds: for one who writes all of them. */
struct tn_tensor *tn_tensor_new_unset(enum tn_dtype dtype, int rank, const int64_t *dims,
                                      struct tn_error *error);
/* A tensor whose numbers are those at `data` in `mapping`, which it holds a reference of; never to
 * be written to. There must be as many as `dims` say, aligned as their type needs. */
struct tn_tensor *tn_tensor_view(enum tn_dtype dtype, int rank, const int64_t *dims,
                                 const void *data, struct tn_mapping *mapping,
                                 struct tn_error *error);
struct tn_tensor *tn_tensor_copy(const struct tn_tensor *tensor, struct tn_error *error);

struct tn_tensor *tn_tensor_ref(struct tn_tensor *tensor); /* NULL gives NULL */
void tn_tensor_unref(struct tn_tensor *tensor);

/* False, with an error, when the tensor is a view of a file that was written to since. */
bool tn_tensor_check(const struct tn_tensor *tensor, struct tn_error *error);

/* Whether nobody else has the tensor or its digest, so that whoever has it may still write it. */
bool tn_tensor_is_private(const struct tn_tensor *tensor);

size_t tn_dtype_size(enum tn_dtype dtype);
float *tn_tensor_floats(const struct tn_tensor *tensor);   /* NULL unless TN_FLOAT32 */
int64_t *tn_tensor_ints(const struct tn_tensor *tensor);   /* NULL unless TN_INT64 */
double *tn_tensor_doubles(const struct tn_tensor *tensor); /* NULL unless TN_DOUBLE */

/* Digest of type, shape and contents; computed once and remembered (thread safe). */
const struct tn_digest *tn_tensor_digest(struct tn_tensor *tensor);

#endif
