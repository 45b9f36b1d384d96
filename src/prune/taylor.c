#include "prune/taylor.h"

#include "core/memory.h"
#include "data/loader.h"
#include "engine/loss.h"
#include "model/logits.h"
#include "prune/draw.h"
#include "prune/site.h"

struct work {
    struct tn_network *network;
    struct tn_sites *sites;
    int *makers; /* [sites] node whose step makes the site's value */
    const struct tn_progress *progress;
};

/* Before a node's backward the gradient of what it made is whole. */
static bool read_gradients(void *context, int node, const float *input, int count,
                           struct tn_error *error)
{
    (void)input;
    (void)error;
    const struct work *work = context;
    for (int s = 0; s < work->sites->count; s++) {
        struct tn_site *site = &work->sites->site[s];
        const float *gradients =
            work->makers[s] == node ? tn_network_value_gradient(work->network, site->value) : NULL;
        if (gradients)
            tn_site_add_gradients(site, tn_network_value(work->network, site->value), gradients,
                                  count);
    }
    return true;
}

static bool pass_batch(struct work *work, const struct tn_batch *batch, struct tn_error *error)
{
    const float *logits;
    struct tn_loss loss = {0};
    struct tn_observer observer = {read_gradients, work};
    int count = (int)batch->count, classes = tn_network_outputs(work->network);
    if (!tn_network_forward(work->network, batch->images, count, NULL, &logits, error))
        return false;
    float *gradient = tn_alloc((size_t)count * (size_t)classes, sizeof *gradient);
    if (!gradient)
        return tn_fail_memory(error, "gradients", (size_t)classes * sizeof *gradient);
    tn_softmax_loss(count, classes, logits, batch->labels, gradient, &loss);
    bool ok = tn_network_backward_observed(work->network, gradient, &observer, error);
    tn_free(gradient);
    return ok;
}

static bool pass_images(struct work *work, struct tn_loader *loader, size_t total,
                        struct tn_error *error)
{
    struct tn_batch batch;
    for (size_t done = 0;; done += batch.count) {
        if (!tn_progress_step(work->progress, "gradients", (double)done, (double)total, "images",
                              "", error) ||
            !tn_loader_next(loader, &batch, error))
            return false;
        if (batch.count == 0)
            return true;
        if (!pass_batch(work, &batch, error))
            return false;
    }
}

static bool find_makers(struct work *work, struct tn_error *error)
{
    size_t count = (size_t)work->sites->count;
    work->makers = tn_alloc(count, sizeof *work->makers);
    for (size_t s = 0; work->makers && s < count; s++)
        work->makers[s] = tn_network_maker(work->network, work->sites->site[s].value);
    return work->makers || tn_fail_memory(error, "gradients", count * sizeof *work->makers);
}

static bool run(const struct tn_graph *graph, struct tn_dataset *dataset,
                const struct tn_draw *drawn, struct work *work, struct tn_error *error)
{
    struct tn_graph *ends = tn_graph_logits(graph, error);
    struct tn_network_options options = {
        .max_batch = drawn->batch, .mode = TN_TRAINING, .progress = work->progress};
    work->network = ends ? tn_network_new_with(ends, &options, error) : NULL;
    tn_graph_free(ends);
    if (!work->network)
        return false;
    tn_network_freeze(work->network);
    struct tn_loader *loader = tn_loader_new(dataset, TN_TRAIN, drawn->images, drawn->count,
                                             (size_t)drawn->batch, NULL, error);
    if (loader)
        tn_loader_watch(loader, work->progress);
    bool ok = loader && find_makers(work, error) && pass_images(work, loader, drawn->count, error);
    tn_loader_free(loader);
    tn_network_free(work->network);
    tn_free(work->makers);
    return ok;
}

bool tn_taylor_groups(const struct tn_graph *graph, const struct tn_groups *groups, int count,
                      const int *chosen, struct tn_dataset *dataset,
                      const struct tn_sampling_options *options, const struct tn_progress *progress,
                      struct tn_tensor **taylor, struct tn_error *error)
{
    struct tn_draw drawn;
    struct tn_sites sites = {0};
    struct work work = {.sites = &sites, .progress = progress};
    for (int i = 0; i < count; i++)
        taylor[i] = NULL;
    if (!tn_draw_images(graph, dataset, options, &drawn, error))
        return false;
    bool ok = tn_sites_of(graph, groups, count, chosen, true, &sites, error) &&
              run(graph, dataset, &drawn, &work, error);
    for (int i = 0; ok && i < count; i++) {
        taylor[i] = tn_sites_taylor(&sites, i, groups->group[chosen[i]].channels, error);
        ok = taylor[i] != NULL;
    }
    for (int i = 0; !ok && i < count; i++) {
        tn_tensor_unref(taylor[i]);
        taylor[i] = NULL;
    }
    tn_sites_free(&sites);
    tn_draw_free(&drawn);
    return ok;
}
