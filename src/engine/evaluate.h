/* Accuracy of a network on a data set. */
#ifndef TN_ENGINE_EVALUATE_H
#define TN_ENGINE_EVALUATE_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "model/graph.h"

struct tn_evaluation {
    int64_t images;
    double top1, top5; /* fractions */
    double loss;       /* mean softmax cross-entropy, natural logarithm */
    double ci95;       /* half width of the 95 % interval of top1 (Wilson) */
    double seconds;
};

/* limit 0: all images; otherwise the first `limit`. batch 0: chosen. */
bool tn_evaluate(const struct tn_graph *graph, struct tn_dataset *dataset, enum tn_split split,
                 int64_t limit, int batch, const struct tn_progress *progress,
                 struct tn_evaluation *evaluation, struct tn_error *error);

/* The same on the `count` images order[...] of a split, with the engine's choice of a batch. */
bool tn_evaluate_images(const struct tn_graph *graph, struct tn_dataset *dataset,
                        enum tn_split split, const uint32_t *order, size_t count,
                        const struct tn_progress *progress, struct tn_evaluation *evaluation,
                        struct tn_error *error);

/* Images at once that keep the activations of a network of this size in the cache, or nearly. */
int tn_evaluate_batch(const struct tn_graph *graph);

/* Half width of the 95 % interval of a share seen in `count` images (Wilson 1927); 0 for no images.
 */
double tn_half_width(double share, double count);

/* Does the network take this data's images and give its number of classes? Says what differs if
 * not. */
bool tn_evaluate_fits(const struct tn_graph *graph, const struct tn_dataset *dataset,
                      struct tn_error *error);

#endif
