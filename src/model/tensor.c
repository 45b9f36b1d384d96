#include "model/tensor.h"

#include "core/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* What the outside does not see: `shown` is first, so that a pointer to one is a pointer to the
 * other. */
struct shared_tensor {
    struct tn_tensor shown;
    struct tn_mapping *mapping; /* that the data is in; NULL where it is the tensor's own */
    atomic_uint references;
    atomic_bool digested;
    struct tn_digest digest;
};

/* Guards the writing of digests; they are rare and short to copy, so one lock serves all tensors.
 */
static pthread_mutex_t digest_lock = PTHREAD_MUTEX_INITIALIZER;

static struct shared_tensor *whole(struct tn_tensor *tensor)
{
    return (struct shared_tensor *)tensor;
}

size_t tn_dtype_size(enum tn_dtype dtype)
{
    return dtype == TN_FLOAT32 ? sizeof(float) : 8;
}

static bool count_elements(int rank, const int64_t *dims, size_t size, size_t *count, size_t *bytes,
                           struct tn_error *error)
{
    if (rank < 0 || rank > TN_MAX_RANK)
        return tn_fail(error, TN_ERROR_INPUT,
                       "a tensor has %d dimensions, at most %d are supported", rank, TN_MAX_RANK);
    *count = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return tn_fail(error, TN_ERROR_INPUT, "dimension %d of a tensor is %lld", i,
                           (long long)dims[i]);
        if (!tn_mul(*count, (size_t)dims[i], count))
            return tn_fail(error, TN_ERROR_INPUT,
                           "a tensor's dimensions multiply beyond any memory");
    }
    if (!tn_mul(*count, size, bytes))
        return tn_fail(error, TN_ERROR_INPUT, "a tensor's dimensions multiply beyond any memory");
    return true;
}

/* All but the data. */
static struct shared_tensor *new_shared(enum tn_dtype dtype, int rank, const int64_t *dims,
                                        struct tn_error *error)
{
    size_t count, bytes;
    if (!count_elements(rank, dims, tn_dtype_size(dtype), &count, &bytes, error))
        return NULL;
    struct shared_tensor *made = tn_calloc(1, sizeof *made);
    if (!made) {
        tn_fail_memory(error, "a tensor", sizeof *made);
        return NULL;
    }
    made->shown.dtype = dtype;
    made->shown.rank = rank;
    for (int i = 0; i < rank; i++)
        made->shown.dims[i] = dims[i];
    made->shown.count = count;
    made->shown.bytes = bytes;
    atomic_init(&made->references, 1);
    atomic_init(&made->digested, false);
    return made;
}

struct tn_tensor *tn_tensor_new_unset(enum tn_dtype dtype, int rank, const int64_t *dims,
                                      struct tn_error *error)
{
    struct shared_tensor *made = new_shared(dtype, rank, dims, error);
    if (!made)
        return NULL;
    made->shown.data = tn_alloc(made->shown.bytes, 1);
    if (made->shown.data)
        return &made->shown;
    tn_fail_memory(error, "a tensor", made->shown.bytes);
    tn_free(made);
    return NULL;
}

struct tn_tensor *tn_tensor_new(enum tn_dtype dtype, int rank, const int64_t *dims,
                                struct tn_error *error)
{
    struct tn_tensor *tensor = tn_tensor_new_unset(dtype, rank, dims, error);
    if (tensor)
        memset(tensor->data, 0, tensor->bytes);
    return tensor;
}

struct tn_tensor *tn_tensor_view(enum tn_dtype dtype, int rank, const int64_t *dims,
                                 const void *data, struct tn_mapping *mapping,
                                 struct tn_error *error)
{
    struct shared_tensor *made = new_shared(dtype, rank, dims, error);
    if (!made)
        return NULL;
    made->mapping = tn_mapping_ref(mapping);
    made->shown.data =
        (void *)(uintptr_t)data; /* the mapping is read-only: writing is seen at once */
    return &made->shown;
}

struct tn_tensor *tn_tensor_copy(const struct tn_tensor *tensor, struct tn_error *error)
{
    struct tn_tensor *copy = tn_tensor_new_unset(tensor->dtype, tensor->rank, tensor->dims, error);
    if (copy)
        memcpy(copy->data, tensor->data, tensor->bytes);
    return copy;
}

struct tn_tensor *tn_tensor_ref(struct tn_tensor *tensor)
{
    if (tensor)
        atomic_fetch_add_explicit(&whole(tensor)->references, 1, memory_order_relaxed);
    return tensor;
}

void tn_tensor_unref(struct tn_tensor *tensor)
{
    if (!tensor)
        return;
    /* The last one out must see all that the others did with it. */
    if (atomic_fetch_sub_explicit(&whole(tensor)->references, 1, memory_order_acq_rel) > 1)
        return;
    if (whole(tensor)->mapping)
        tn_mapping_unref(whole(tensor)->mapping);
    else
        tn_free(tensor->data);
    tn_free(whole(tensor));
}

bool tn_tensor_check(const struct tn_tensor *tensor, struct tn_error *error)
{
    const struct shared_tensor *shared = (const struct shared_tensor *)tensor;
    return !shared->mapping || tn_mapping_check(shared->mapping, error);
}

bool tn_tensor_is_private(const struct tn_tensor *tensor)
{
    const struct shared_tensor *shared = (const struct shared_tensor *)tensor;
    return !shared->mapping &&
           atomic_load_explicit(&shared->references, memory_order_acquire) == 1 &&
           !atomic_load_explicit(&shared->digested, memory_order_acquire);
}

float *tn_tensor_floats(const struct tn_tensor *tensor)
{
    return tensor->dtype == TN_FLOAT32 ? tensor->data : NULL;
}

int64_t *tn_tensor_ints(const struct tn_tensor *tensor)
{
    return tensor->dtype == TN_INT64 ? tensor->data : NULL;
}

double *tn_tensor_doubles(const struct tn_tensor *tensor)
{
    return tensor->dtype == TN_DOUBLE ? tensor->data : NULL;
}

const struct tn_digest *tn_tensor_digest(struct tn_tensor *tensor)
{
    struct shared_tensor *shared = whole(tensor);
    if (atomic_load_explicit(&shared->digested, memory_order_acquire))
        return &shared->digest;
    int64_t head[2 + TN_MAX_RANK] = {tensor->dtype, tensor->rank};
    memcpy(head + 2, tensor->dims, sizeof tensor->dims);
    const void *pieces[] = {head, tensor->data};
    size_t sizes[] = {sizeof head, tensor->bytes};
    /* Two threads may both compute it; they come to the same, and only one writes it down. */
    struct tn_digest digest;
    tn_digest_pieces(&digest, 2, pieces, sizes);
    pthread_mutex_lock(&digest_lock);
    if (!atomic_load_explicit(&shared->digested, memory_order_relaxed)) {
        shared->digest = digest;
        atomic_store_explicit(&shared->digested, true, memory_order_release);
    }
    pthread_mutex_unlock(&digest_lock);
    return &shared->digest;
}
