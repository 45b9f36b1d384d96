#include "engine/evaluate.h"

#include "core/clock.h"
#include "data/loader.h"
#include "engine/loss.h"
#include "engine/network.h"
#include "model/logits.h"

#include <math.h>
#include <stdio.h>

/* Numbers of the largest activation that a batch of the engine's choice may have: a few megabytes
 * keep the last-level cache. */
enum { CHOSEN_FLOATS = 8 << 20, LARGEST_BATCH = 200, SMALLEST_BATCH = 8 };

int tn_evaluate_batch(const struct tn_graph *graph)
{
    size_t largest = 1;
    for (int v = 0; v < graph->value_count; v++) {
        const struct tn_value *value = &graph->values[v];
        size_t size = 1;
        for (int i = 1; value->has_shape && !value->constant && i < value->rank; i++)
            size *= value->dims[i] > 0 ? (size_t)value->dims[i] : 1;
        largest = size > largest ? size : largest;
    }
    size_t batch = CHOSEN_FLOATS / largest;
    return batch > LARGEST_BATCH    ? LARGEST_BATCH
           : batch < SMALLEST_BATCH ? SMALLEST_BATCH
                                    : (int)batch;
}

bool tn_evaluate_fits(const struct tn_graph *graph, const struct tn_dataset *dataset,
                      struct tn_error *error)
{
    int chw[3];
    tn_dataset_shape(dataset, chw);
    if (graph->input_count != 1 || graph->output_count < 1)
        return tn_fail(error, TN_ERROR_USE,
                       "the network has %d inputs and %d outputs, expected one of each",
                       graph->input_count, graph->output_count);
    const struct tn_value *in = &graph->values[graph->inputs[0]],
                          *out = &graph->values[graph->outputs[0]];
    if (!in->has_shape || in->rank != 4)
        return tn_fail(error, TN_ERROR_USE,
                       "the network's input '%s' is no batch of images [N,C,H,W]", in->name);
    if (in->dims[1] != chw[0] || in->dims[2] != chw[1] || in->dims[3] != chw[2])
        return tn_fail(error, TN_ERROR_USE,
                       "the network takes images of %lldx%lldx%lld (channels, height, width), the "
                       "data has %dx%dx%d: "
                       "see resize=, crop= and channels= of data",
                       (long long)in->dims[1], (long long)in->dims[2], (long long)in->dims[3],
                       chw[0], chw[1], chw[2]);
    int64_t outputs = 1;
    for (int i = 1; out->has_shape && i < out->rank; i++)
        outputs *= out->dims[i];
    if (!out->has_shape || outputs < tn_dataset_classes(dataset))
        return tn_fail(error, TN_ERROR_USE, "the network gives %lld classes, the data has %d",
                       out->has_shape ? (long long)outputs : 0LL, tn_dataset_classes(dataset));
    return true;
}

double tn_half_width(double share, double count)
{
    const double z = 1.959963984540054;
    if (count < 1)
        return 0;
    return z / (1 + z * z / count) *
           sqrt(share * (1 - share) / count + z * z / (4 * count * count));
}

static bool run_batches(struct tn_network *network, struct tn_loader *loader, int64_t total,
                        const struct tn_progress *progress, struct tn_loss *loss, int64_t *seen,
                        struct tn_error *error)
{
    struct tn_batch batch;
    while (true) {
        const float *logits;
        char detail[64] = "";
        if (*seen > 0)
            snprintf(detail, sizeof detail, "top-1 %.2f%%",
                     100.0 * (double)loss->top1 / (double)*seen);
        if (!tn_progress_step(progress, "eval", (double)*seen, (double)total, "images", detail,
                              error) ||
            !tn_loader_next(loader, &batch, error))
            return false;
        if (batch.count == 0)
            return true;
        if (!tn_network_forward(network, batch.images, (int)batch.count, NULL, &logits, error))
            return false;
        tn_softmax_loss((int)batch.count, tn_network_outputs(network), logits, batch.labels, NULL,
                        loss);
        *seen += (int64_t)batch.count;
    }
}

/* On `count` images of a split, in the order given or from the first on. */
static bool evaluate(const struct tn_graph *graph, struct tn_dataset *dataset, enum tn_split split,
                     const uint32_t *order, size_t count, int batch,
                     const struct tn_progress *progress, struct tn_evaluation *evaluation,
                     struct tn_error *error)
{
    double start = tn_clock_seconds();
    if (!tn_evaluate_fits(graph, dataset, error))
        return false;
    if (count == 0)
        return tn_fail(error, TN_ERROR_USE, "the data has no %s images",
                       split == TN_TRAIN ? "training" : "test");
    if (batch < 1)
        batch = tn_evaluate_batch(graph);
    if ((size_t)batch > count)
        batch = (int)count;
    struct tn_loss loss = {0};
    int64_t seen = 0;
    struct tn_graph *ends = tn_graph_logits(graph, error);
    struct tn_network *network =
        ends ? tn_network_new_evaluating(ends, batch, progress, error) : NULL;
    tn_graph_free(ends);
    struct tn_loader *loader =
        network ? tn_loader_new(dataset, split, order, count, (size_t)batch, NULL, error) : NULL;
    if (loader)
        tn_loader_watch(loader, progress);
    bool ok = loader && run_batches(network, loader, (int64_t)count, progress, &loss, &seen, error);
    tn_loader_free(loader);
    tn_network_free(network);
    if (!ok)
        return false;
    if (seen == 0)
        return tn_fail(error, TN_ERROR_INPUT, "none of the %zu images could be read", count);
    double images = (double)seen;
    *evaluation = (struct tn_evaluation){.images = seen,
                                         .top1 = (double)loss.top1 / images,
                                         .top5 = (double)loss.top5 / images,
                                         .loss = loss.sum / images,
                                         .ci95 = tn_half_width((double)loss.top1 / images, images),
                                         .seconds = tn_clock_seconds() - start};
    return true;
}

bool tn_evaluate(const struct tn_graph *graph, struct tn_dataset *dataset, enum tn_split split,
                 int64_t limit, int batch, const struct tn_progress *progress,
                 struct tn_evaluation *evaluation, struct tn_error *error)
{
    size_t count = tn_dataset_count(dataset, split);
    if (limit > 0 && (size_t)limit < count)
        count = (size_t)limit;
    return evaluate(graph, dataset, split, NULL, count, batch, progress, evaluation, error);
}

bool tn_evaluate_images(const struct tn_graph *graph, struct tn_dataset *dataset,
                        enum tn_split split, const uint32_t *order, size_t count,
                        const struct tn_progress *progress, struct tn_evaluation *evaluation,
                        struct tn_error *error)
{
    return evaluate(graph, dataset, split, order, count, 0, progress, evaluation, error);
}
