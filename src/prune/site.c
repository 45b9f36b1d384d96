#include "prune/site.h"

#include "core/memory.h"
#include "core/threads.h"
#include "engine/kernels.h"
#include "model/layers.h"
#include "prune/activation.h"

#include <math.h>

enum { BLOCK = 8 /* positions a task */ };

/* Finding them */

static bool is_view(enum tn_op op)
{
    return op == TN_OP_FLATTEN || op == TN_OP_IDENTITY || op == TN_OP_RESHAPE ||
           op == TN_OP_SQUEEZE || op == TN_OP_UNSQUEEZE || op == TN_OP_DROPOUT || op == TN_OP_CAST;
}

/* The first node that reads a value, also through other views of it; or TN_NO_NODE. */
static int reader_of(const struct tn_graph *graph, int value)
{
    for (int n = 0; n < graph->node_count; n++) {
        const struct tn_node *node = &graph->nodes[n];
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != value)
                continue;
            int behind = is_view(node->op) && i == 0 ? reader_of(graph, node->outputs[0]) : n;
            if (behind != TN_NO_NODE)
                return behind;
        }
    }
    return TN_NO_NODE;
}

/* How an image's numbers lie; false where `positions` is no axis of the value. */
static bool lay_out(const struct tn_graph *graph, struct tn_site *site, int axis)
{
    const struct tn_value *value = &graph->values[site->value];
    site->outer = site->area = 1;
    if (!value->has_shape || axis >= value->rank || value->dims[axis] != site->positions)
        return false;
    for (int i = 1; i < value->rank; i++) {
        if (value->dims[i] < 1)
            return false;
        if (i != axis)
            *(i < axis ? &site->outer : &site->area) *= (size_t)value->dims[i];
    }
    return true;
}

static bool at_producer(const struct tn_graph *graph, const struct tn_groups *groups,
                        const struct tn_layers *layers, int layer, struct tn_site *site)
{
    const struct tn_filter_map *map = &groups->filters[layer];
    const struct tn_node *node = &graph->nodes[layers->layer[layer].node];
    int output = node->outputs[0];
    site->value = tn_activation_of(graph, output);
    site->reader = reader_of(graph, site->value);
    site->positions = map->count;
    site->channel_of = map->channels;
    int axis = node->op == TN_OP_MATMUL ? graph->values[output].rank - 1 : 1;
    return map->channels && site->reader != TN_NO_NODE && lay_out(graph, site, axis);
}

static bool at_consumer(const struct tn_graph *graph, const struct tn_group *group,
                        struct tn_site *site)
{
    const struct tn_consumer *consumer = &group->consumers[0];
    const struct tn_node *node = &graph->nodes[consumer->node];
    site->value = node->inputs[0];
    site->reader = consumer->node;
    site->positions = consumer->count;
    site->channel_of = consumer->channels;
    int axis = node->op == TN_OP_MATMUL ? graph->values[site->value].rank - 1 : 1;
    return lay_out(graph, site, axis);
}

static bool is_gate(const struct tn_graph *graph, const struct tn_site *site)
{
    return graph->nodes[site->reader].op == TN_OP_MUL;
}

static bool add_site(struct tn_sites *sites, struct tn_site *site, bool taylor,
                     struct tn_error *error)
{
    for (int i = 0; i < sites->count; i++) {
        if (sites->site[i].group == site->group && sites->site[i].value == site->value)
            return true;
    }
    size_t positions = (size_t)site->positions;
    site->zeros = tn_calloc(positions, sizeof *site->zeros);
    site->sum = tn_calloc(positions, sizeof *site->sum);
    site->taylor = taylor ? tn_calloc(positions, sizeof *site->taylor) : NULL;
    sites->site[sites->count++] = *site;
    return (site->zeros && site->sum && (!taylor || site->taylor)) ||
           tn_fail_memory(error, "activations", positions * 3 * sizeof *site->sum);
}

/* Where every producer of a group makes its channels; gates for them do not. */
static bool add_group(const struct tn_graph *graph, const struct tn_groups *groups,
                      const struct tn_layers *layers, int chosen, int place, bool taylor,
                      struct tn_sites *sites, struct tn_error *error)
{
    const struct tn_group *group = &groups->group[chosen];
    int before = sites->count;
    for (int p = 0; p < group->producer_count; p++) {
        struct tn_site site = {.group = place};
        if (!at_producer(graph, groups, layers, group->producers[p], &site) ||
            (p > 0 && (groups->scope == TN_SCOPE_INNER || is_gate(graph, &site))))
            continue;
        if (!add_site(sites, &site, taylor, error))
            return false;
    }
    struct tn_site site = {.group = place};
    return sites->count > before || !at_consumer(graph, group, &site) ||
           add_site(sites, &site, taylor, error);
}

bool tn_sites_of(const struct tn_graph *graph, const struct tn_groups *groups, int count,
                 const int *chosen, bool taylor, struct tn_sites *sites, struct tn_error *error)
{
    size_t most = 0;
    for (int i = 0; i < count; i++)
        most += (size_t)groups->group[chosen[i]].producer_count + 1;
    *sites = (struct tn_sites){.site = tn_calloc(most, sizeof *sites->site)};
    if (!sites->site)
        return tn_fail_memory(error, "activations", most * sizeof *sites->site);
    struct tn_layers layers;
    bool ok = tn_layers_of(graph, &layers, error);
    for (int i = 0; ok && i < count; i++)
        ok = add_group(graph, groups, &layers, chosen[i], i, taylor, sites, error);
    tn_layers_free(&layers);
    return ok;
}

void tn_sites_free(struct tn_sites *sites)
{
    for (int i = 0; i < sites->count; i++) {
        tn_free(sites->site[i].zeros);
        tn_free(sites->site[i].sum);
        tn_free(sites->site[i].taylor);
    }
    tn_free(sites->site);
    *sites = (struct tn_sites){0};
}

/* Reading them: a task is a few positions over all images, so sums run in one order. */

struct reading {
    struct tn_site *site;
    const float *activations, *gradients;
    int images;
};

static void add_position(const struct reading *reading, size_t position)
{
    struct tn_site *site = reading->site;
    const struct tn_kernels *kernels = tn_kernels();
    for (size_t i = 0; i < (size_t)reading->images * site->outer; i++) {
        const float *x =
            reading->activations + (i * (size_t)site->positions + position) * site->area;
        kernels->magnitudes(site->area, x, &site->sum[position], &site->zeros[position]);
    }
}

static void add_taylor(const struct reading *reading, size_t position)
{
    struct tn_site *site = reading->site;
    const struct tn_kernels *kernels = tn_kernels();
    for (size_t n = 0; n < (size_t)reading->images; n++) {
        double sum = 0;
        for (size_t i = n * site->outer; i < (n + 1) * site->outer; i++) {
            size_t at = (i * (size_t)site->positions + position) * site->area;
            sum += kernels->product(site->area, reading->activations + at, reading->gradients + at);
        }
        /* The loss is a mean over the images; what counts is each image's own. */
        site->taylor[position] += fabs(sum) * reading->images / (double)(site->outer * site->area);
    }
}

static void add_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct reading *reading = context;
    size_t end = (index + 1) * BLOCK, positions = (size_t)reading->site->positions;
    for (size_t p = index * BLOCK; p < (end < positions ? end : positions); p++) {
        if (reading->site->channel_of[p] < 0)
            continue;
        if (reading->gradients)
            add_taylor(reading, p);
        else
            add_position(reading, p);
    }
}

static void add_all(const struct reading *reading)
{
    size_t blocks = ((size_t)reading->site->positions + BLOCK - 1) / BLOCK;
    tn_parallel(blocks, add_block, (void *)(uintptr_t)reading);
    reading->site->images += reading->images;
}

void tn_site_add(struct tn_site *site, const float *activations, int images)
{
    struct reading reading = {site, activations, NULL, images};
    add_all(&reading);
}

void tn_site_add_gradients(struct tn_site *site, const float *activations, const float *gradients,
                           int images)
{
    struct reading reading = {site, activations, gradients, images};
    add_all(&reading);
}

/* Add to out[c] the mean over the channel's filters of numbers[filter] times the site's factor. */
static void fold(const struct tn_sites *sites, int place, int channels, bool by_activation,
                 const double *(*numbers)(const struct tn_site *site), double *out, double *filters)
{
    for (int c = 0; c < channels; c++)
        out[c] = filters[c] = 0;
    for (int s = 0; s < sites->count; s++) {
        const struct tn_site *site = &sites->site[s];
        if (site->group != place || site->images == 0)
            continue;
        double count = (double)site->images;
        if (by_activation)
            count *= (double)(site->outer * site->area);
        for (int p = 0; p < site->positions; p++) {
            int c = site->channel_of[p];
            if (c < 0)
                continue;
            out[c] += numbers(site)[p] / count;
            filters[c]++;
        }
    }
    for (int c = 0; c < channels; c++)
        out[c] = filters[c] > 0 ? out[c] / filters[c] : 0;
}

static const double *zeros_of(const struct tn_site *site)
{
    return site->zeros;
}

static const double *sum_of(const struct tn_site *site)
{
    return site->sum;
}

static const double *taylor_of(const struct tn_site *site)
{
    return site->taylor;
}

static struct tn_tensor *folded(const struct tn_sites *sites, int place, int channels, bool taylor,
                                struct tn_error *error)
{
    double *filters = tn_calloc((size_t)channels, sizeof *filters);
    if (!filters) {
        tn_fail_memory(error, "activations", (size_t)channels * sizeof *filters);
        return NULL;
    }
    int64_t rows = taylor ? 1 : 2;
    struct tn_tensor *tensor = tn_tensor_new(TN_DOUBLE, 2, (int64_t[]){rows, channels}, error);
    if (tensor && taylor) {
        fold(sites, place, channels, false, taylor_of, tn_tensor_doubles(tensor), filters);
    } else if (tensor) {
        fold(sites, place, channels, true, zeros_of, tn_tensor_doubles(tensor), filters);
        fold(sites, place, channels, true, sum_of, tn_tensor_doubles(tensor) + channels, filters);
    }
    tn_free(filters);
    return tensor;
}

struct tn_tensor *tn_sites_activity(const struct tn_sites *sites, int place, int channels,
                                    struct tn_error *error)
{
    return folded(sites, place, channels, false, error);
}

struct tn_tensor *tn_sites_taylor(const struct tn_sites *sites, int place, int channels,
                                  struct tn_error *error)
{
    return folded(sites, place, channels, true, error);
}
