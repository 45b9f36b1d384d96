#include "engine/tally.h"

#include "data/loader.h"
#include "engine/network.h"
#include "model/logits.h"

static bool count_batches(struct tn_network *network, struct tn_loader *loader,
                          const struct tn_tally_images *images, const struct tn_tally_show *show,
                          const struct tn_progress *progress, struct tn_tally *tally,
                          struct tn_error *error)
{
    while (true) {
        struct tn_batch batch;
        const float *logits;
        if (!tn_progress_step(progress, show->stage, show->before + (double)tally->at, show->total,
                              "images", show->detail, error) ||
            !tn_loader_next(loader, &batch, error))
            return false;
        if (batch.count == 0) {
            tally->at = images->count;
            return true;
        }
        if (!tn_network_forward(network, batch.images, (int)batch.count, NULL, &logits, error))
            return false;
        tn_softmax_loss((int)batch.count, tn_network_outputs(network), logits, batch.labels, NULL,
                        &tally->loss);
        tally->seen += (int64_t)batch.count;
        /* A batch is shorter where images could not be read; it stands for as many all the same. */
        tally->at += (size_t)images->batch;
        tally->at = tally->at < images->count ? tally->at : images->count;
    }
}

bool tn_tally_go_on(const struct tn_graph *graph, const struct tn_tally_images *images,
                    const struct tn_tally_show *show, const struct tn_progress *progress,
                    struct tn_tally *tally, struct tn_error *error)
{
    if (tally->at >= images->count)
        return true;
    struct tn_graph *ends = tn_graph_logits(graph, error);
    struct tn_network *network =
        ends ? tn_network_new_evaluating(ends, images->batch, progress, error) : NULL;
    tn_graph_free(ends);
    struct tn_loader *loader =
        network ? tn_loader_new(images->dataset, images->split, images->order + tally->at,
                                images->count - tally->at, (size_t)images->batch, NULL, error)
                : NULL;
    if (loader)
        tn_loader_watch(loader, progress);
    bool ok = loader && count_batches(network, loader, images, show, progress, tally, error);
    tn_loader_free(loader);
    tn_network_free(network);
    if (ok && tally->seen == 0)
        return tn_fail(error, TN_ERROR_INPUT, "none of the %zu images could be read",
                       images->count);
    return ok;
}

struct tn_evaluation tn_tally_evaluation(const struct tn_tally *tally)
{
    double images = tally->seen > 0 ? (double)tally->seen : 1;
    double top1 = (double)tally->loss.top1 / images;
    return (struct tn_evaluation){.images = tally->seen,
                                  .top1 = top1,
                                  .top5 = (double)tally->loss.top5 / images,
                                  .loss = tally->loss.sum / images,
                                  .ci95 = tn_half_width(top1, (double)tally->seen)};
}
