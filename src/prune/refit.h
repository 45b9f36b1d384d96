/* Refitting the layers that read pruned channels (He, Zhang, Sun, ICCV 2017, section 3.1): the
 * whole kernel, by least squares to the outputs of the network before the cut. Layers are taken
 * front to back; each one's inputs come from the network as cut and refitted so far, so that it
 * also makes up for the errors of those before it. */
#ifndef TN_PRUNE_REFIT_H
#define TN_PRUNE_REFIT_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "prune/surgery.h"

struct tn_refit_options {
    const uint32_t *images; /* training images, ascending: each fifth one judges the ridge */
    size_t image_count;     /* at least TN_REFIT_FEWEST */
    uint64_t seed;          /* of the places in the images */
    size_t memory;          /* bytes that one layer's sums and all targets may take; 0: 1 GiB */
};

enum { TN_REFIT_FEWEST = 5 };

/* What became of one layer. */
struct tn_refit_result {
    int cut;         /* index of the first cut whose channels it reads */
    int node;        /* the layer */
    int64_t samples; /* places seen */
    int unknowns;    /* numbers of one filter, its constant term included */
    bool constant;   /* whether there was one */
    bool kept;       /* nothing was better on held-out images than what the cut made */
    double ridge;    /* chosen; relative to each unknown's own sum of squares */
    /* ||y - y'||^2 / ||y||^2 on held-out images, with the kernel as cut and as refitted. */
    double error_before, error_after;
    char why[160]; /* it was left as cut because ..., or "" */
};

struct tn_refit {
    int count;
    struct tn_refit_result *results; /* in order of nodes */
};

/* `now` is tn_cut_channels(before, groups, count, cuts) and is changed: weights are replaced, never
 * written, nodes stay. A layer that cannot be refitted stays as it is. Same images, seed and
 * network: the same bits for any number of threads. */
bool tn_refit(const struct tn_graph *before, const struct tn_groups *groups, int count,
              const struct tn_cut *cuts, struct tn_dataset *dataset,
              const struct tn_refit_options *options, const struct tn_progress *progress,
              struct tn_graph *now, struct tn_refit *refit, struct tn_error *error);
void tn_refit_free(struct tn_refit *refit);

#endif
