/* Batches prepared ahead of time by a thread of its own, so that decoding overlaps with computing. */
#ifndef TN_DATA_LOADER_H
#define TN_DATA_LOADER_H

#include "data/dataset.h"

struct tn_loader;

struct tn_batch {
    const float *images;   /* [count,C,H,W] */
    const int32_t *labels; /* [count] */
    size_t count;
};

/* Load images order[0 .. count-1] (NULL: 0, 1, 2 ...; copied) of a split in batches of `batch`, the last one
 * shorter. The dataset is referenced until the loader is freed. */
struct tn_loader *tn_loader_new(struct tn_dataset *dataset, enum tn_split split, const uint32_t *order,
                                size_t count, size_t batch, const struct tn_augment *augment,
                                struct tn_error *error);

/* The next batch, valid until the next call; count 0 after the last. Waits for the prefetch thread. */
bool tn_loader_next(struct tn_loader *loader, struct tn_batch *batch, struct tn_error *error);

void tn_loader_free(struct tn_loader *loader); /* stops the thread, whatever it is doing */

#endif
