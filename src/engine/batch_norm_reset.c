#include "engine/batch_norm_reset.h"

#include "core/memory.h"
#include "data/loader.h"
#include "engine/evaluate.h"
#include "engine/step.h"
#include "model/logits.h"

enum { PARAM_MEAN = 3, PARAM_VARIANCE = 4 };

/* Activations of a batch, all of which training mode keeps: 1 GiB. */
enum { BATCH_FLOATS = 1 << 28, LARGEST_BATCH = 250, SMALLEST_BATCH = 8 };

/* One BatchNorm: what it has seen by now. */
struct moments {
    int node, channels;
    double area;               /* numbers of a channel in one image */
    double seen;               /* numbers of a channel by now */
    double *mean, *deviations; /* [channels] squares of deviations from the mean, summed */
};

struct reset {
    struct tn_network *network;
    int count;
    struct moments *norms;
};

static int count_norms(const struct tn_graph *graph)
{
    int count = 0;
    for (int n = 0; n < graph->node_count; n++)
        count += graph->nodes[n].op == TN_OP_BATCH_NORM;
    return count;
}

/* A clone in which each batch's statistics take the place of the running ones at once. */
static struct tn_graph *forgetful(const struct tn_graph *graph, struct tn_error *error)
{
    struct tn_graph *clone = tn_graph_logits(graph, error);
    for (int n = 0; clone && n < clone->node_count; n++) {
        struct tn_node *node = &clone->nodes[n];
        if (node->op == TN_OP_DROPOUT)
            node->op = TN_OP_IDENTITY;
        if (node->op == TN_OP_BATCH_NORM && !tn_node_set_float(node, "momentum", 0, error)) {
            tn_graph_free(clone);
            return NULL;
        }
    }
    return clone;
}

static int choose_batch(const struct tn_graph *graph, size_t count)
{
    double floats = 1;
    for (int v = 0; v < graph->value_count; v++) {
        const struct tn_value *value = &graph->values[v];
        double size = 1;
        for (int i = 1; i < value->rank; i++)
            size *= (double)value->dims[i];
        if (value->has_shape && !value->constant)
            floats += size;
    }
    double batch = BATCH_FLOATS / floats;
    batch = batch > LARGEST_BATCH ? LARGEST_BATCH : batch < SMALLEST_BATCH ? SMALLEST_BATCH : batch;
    return batch > (double)count ? (int)count : (int)batch;
}

static const float *statistic(const struct tn_network *network, int node, int input)
{
    return network->params[network->param_of[network->graph->nodes[node].inputs[input]]].data;
}

static bool open_norms(struct reset *reset, const struct tn_graph *graph, struct tn_error *error)
{
    reset->norms = tn_calloc((size_t)count_norms(graph), sizeof *reset->norms);
    if (!reset->norms)
        return tn_fail_memory(error, "BatchNorm statistics", sizeof *reset->norms);
    for (int n = 0; n < graph->node_count; n++) {
        const struct tn_node *node = &graph->nodes[n];
        if (node->op != TN_OP_BATCH_NORM)
            continue;
        const struct tn_tensor *mean = tn_node_constant(graph, node, PARAM_MEAN);
        const struct tn_value *input = &graph->values[node->inputs[0]];
        struct moments *norm = &reset->norms[reset->count++];
        *norm = (struct moments){.node = n, .channels = (int)mean->count, .area = 1};
        for (int i = 2; i < input->rank; i++)
            norm->area *= (double)input->dims[i];
        norm->mean = tn_calloc(mean->count, sizeof *norm->mean);
        norm->deviations = tn_calloc(mean->count, sizeof *norm->deviations);
        if (!norm->mean || !norm->deviations)
            return tn_fail_memory(error, "BatchNorm statistics", mean->count * sizeof(double));
    }
    return true;
}

static void close_norms(struct reset *reset)
{
    for (int i = 0; i < reset->count; i++) {
        tn_free(reset->norms[i].mean);
        tn_free(reset->norms[i].deviations);
    }
    tn_free(reset->norms);
}

/* Take in a batch's mean and unbiased variance (Chan, Golub, LeVeque 1979). */
static void add_batch(const struct tn_network *network, int images, struct moments *norm)
{
    const float *mean = statistic(network, norm->node, PARAM_MEAN);
    const float *variance = statistic(network, norm->node, PARAM_VARIANCE);
    double count = images * norm->area, all = norm->seen + count;
    for (int c = 0; c < norm->channels; c++) {
        double apart = (double)mean[c] - norm->mean[c];
        norm->mean[c] += apart * count / all;
        norm->deviations[c] +=
            (double)variance[c] * (count - 1) + apart * apart * norm->seen * count / all;
    }
    norm->seen = all;
}

static bool see_images(struct reset *reset, struct tn_loader *loader, size_t count,
                       const struct tn_progress *progress, struct tn_error *error)
{
    for (size_t done = 0;;) {
        struct tn_batch batch;
        const float *outputs;
        if (!tn_progress_step(progress, "BatchNorm", (double)done, (double)count, "images", "",
                              error) ||
            !tn_loader_next(loader, &batch, error))
            return false;
        if (batch.count == 0)
            return done > 0 || tn_fail(error, TN_ERROR_INPUT, "no training image could be read");
        if (!tn_network_forward(reset->network, batch.images, (int)batch.count, NULL, &outputs,
                                error))
            return false;
        for (int i = 0; i < reset->count; i++)
            add_batch(reset->network, (int)batch.count, &reset->norms[i]);
        done += batch.count;
    }
}

static bool give(struct tn_graph *graph, int value, const double *numbers, double divisor,
                 struct tn_error *error)
{
    struct tn_tensor *tensor = tn_tensor_copy(graph->values[value].constant, error);
    if (!tensor)
        return false;
    for (size_t c = 0; c < tensor->count; c++)
        tn_tensor_floats(tensor)[c] = (float)(numbers[c] / divisor);
    tn_graph_set_constant(graph, value, tensor);
    return true;
}

static bool give_all(const struct reset *reset, struct tn_graph *graph, struct tn_error *error)
{
    for (int i = 0; i < reset->count; i++) {
        const struct moments *norm = &reset->norms[i];
        const struct tn_node *node = &graph->nodes[norm->node];
        if (!give(graph, node->inputs[PARAM_MEAN], norm->mean, 1, error) ||
            !give(graph, node->inputs[PARAM_VARIANCE], norm->deviations,
                  norm->seen > 1 ? norm->seen - 1 : 1, error))
            return false;
    }
    return true;
}

static bool measure(struct reset *reset, const struct tn_graph *graph, struct tn_dataset *dataset,
                    const uint32_t *order, size_t count, const struct tn_progress *progress,
                    struct tn_error *error)
{
    int batch = choose_batch(graph, count);
    struct tn_graph *clone = forgetful(graph, error);
    struct tn_network_options options = {
        .max_batch = batch, .mode = TN_TRAINING, .progress = progress};
    reset->network = clone ? tn_network_new_with(clone, &options, error) : NULL;
    tn_graph_free(clone);
    struct tn_loader *loader =
        reset->network ? tn_loader_new(dataset, TN_TRAIN, order, count, (size_t)batch, NULL, error)
                       : NULL;
    if (loader)
        tn_loader_watch(loader, progress);
    bool fine = loader && open_norms(reset, graph, error) &&
                see_images(reset, loader, count, progress, error);
    tn_loader_free(loader);
    tn_network_free(reset->network);
    return fine;
}

bool tn_batch_norm_reset(struct tn_graph *graph, struct tn_dataset *dataset, const uint32_t *order,
                         size_t count, const struct tn_progress *progress, int *layers,
                         struct tn_error *error)
{
    struct reset reset = {0};
    *layers = count_norms(graph);
    if (*layers == 0)
        return true;
    if (count == 0)
        return tn_fail(error, TN_ERROR_USE, "no images to take BatchNorm's statistics from");
    bool fine = tn_evaluate_fits(graph, dataset, error) && tn_graph_unshare_vectors(graph, error) &&
                measure(&reset, graph, dataset, order, count, progress, error) &&
                give_all(&reset, graph, error);
    close_norms(&reset);
    return fine;
}
