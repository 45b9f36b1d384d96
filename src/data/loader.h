/* Batches prepared ahead of time by threads of its own (one for images in memory, several for
 * files), so that decoding overlaps with computing. A loader is used by one thread at a time. */
#ifndef TN_DATA_LOADER_H
#define TN_DATA_LOADER_H

#include "data/dataset.h"

struct tn_loader;

struct tn_batch {
    const float *images;   /* [count,C,H,W] */
    const int32_t *labels; /* [count] */
    size_t count;
};

enum { TN_LOADER_BATCHES = 3 }; /* that it holds at once */

/* Load images order[0 .. count-1] (NULL: 0, 1, 2 ...; copied) of a split in batches of `batch`, the
 * last one shorter. The dataset is referenced until the loader is freed. */
struct tn_loader *tn_loader_new(struct tn_dataset *dataset, enum tn_split split,
                                const uint32_t *order, size_t count, size_t batch,
                                const struct tn_augment *augment, struct tn_error *error);

/* The next batch, valid until the next call; count 0 after the last. Waits for the prefetch
 * threads. Corrupt images of a folder are left out and counted (tn_dataset_skipped), which makes
 * their batch shorter; too many of them (tn_dataset_leave_out) are an error. After an error the
 * loader is only good for freeing, except when cancelled: then it can be asked again. */
bool tn_loader_next(struct tn_loader *loader, struct tn_batch *batch, struct tn_error *error);

/* Make tn_loader_next fail with TN_ERROR_CANCELLED when this asks to stop, within 50 ms also while
 * it waits. `progress` must outlive the loader; NULL: no more. */
void tn_loader_watch(struct tn_loader *loader, const struct tn_progress *progress);

/* Stops the threads, each after the image it is at. NULL does nothing. */
void tn_loader_free(struct tn_loader *loader);

#endif
