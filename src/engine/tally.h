/* Accuracy counted bit by bit: a count that can be left at any batch and gone on with later. */
#ifndef TN_ENGINE_TALLY_H
#define TN_ENGINE_TALLY_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "engine/evaluate.h"
#include "engine/loss.h"
#include "model/graph.h"

/* Which images are to be counted, in which order. */
struct tn_tally_images {
    struct tn_dataset *dataset;
    enum tn_split split;
    const uint32_t *order; /* [count] indices in the split */
    size_t count;
    int batch;
};

struct tn_tally {
    size_t at;    /* how many of them are dealt with */
    int64_t seen; /* those that could be read */
    struct tn_loss loss;
};

/* How the work shows: its own images are at `before` + at of `total`. */
struct tn_tally_show {
    const char *stage, *detail;
    double before, total;
};

/* Go on where the tally stands, to the last image. When it is cancelled, within the batch at hand,
 * the tally stands behind the batches done. */
bool tn_tally_go_on(const struct tn_graph *graph, const struct tn_tally_images *images,
                    const struct tn_tally_show *show, const struct tn_progress *progress,
                    struct tn_tally *tally, struct tn_error *error);

/* What was counted, as tn_evaluate says it. */
struct tn_evaluation tn_tally_evaluation(const struct tn_tally *tally);

#endif
