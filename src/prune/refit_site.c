#include "prune/refit_site.h"

#include "core/memory.h"
#include "prune/flow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the largest scale of a BatchNorm. */
static const double SMALL_SCALE = 1e-3;

static void refuse(struct tn_refit_site *site, const char *why)
{
    snprintf(site->result->why, sizeof site->result->why, "%.150s", why);
}

static bool is_refused(const struct tn_refit_site *site)
{
    return site->result->why[0] != '\0';
}

int tn_refit_site_filters(const struct tn_refit_site *site)
{
    return site->now.groups * site->now.filters;
}

/* Does the channel of a flow's id stay? */
static bool stays(const struct tn_groups *groups, int count, const struct tn_cut *cuts, int id)
{
    int group = groups->group_of[id], channel = groups->channel_of[id];
    for (int i = 0; i < count; i++) {
        if (cuts[i].group != group)
            continue;
        for (int k = 0; k < cuts[i].keep_count; k++)
            if (cuts[i].keep[k] == channel)
                return true;
        return false;
    }
    return true;
}

static const struct tn_touch *filters_touch(const struct tn_flow *flow, int node)
{
    for (int t = 0; t < flow->touch_count; t++) {
        const struct tn_touch *touch = &flow->touches[t];
        if (touch->node == node && touch->input == 1 && touch->role == TN_FILTERS)
            return touch;
    }
    return NULL;
}

/* Which filter each one left was. */
static void match_filters(const struct tn_groups *groups, int count, const struct tn_cut *cuts,
                          struct tn_refit_site *site)
{
    int all = site->before.groups * site->before.filters, left = tn_refit_site_filters(site),
        found = 0;
    const struct tn_touch *touch = filters_touch(groups->flow, site->before.node);
    bool known = touch && touch->count == all;
    for (int f = 0; f < all && (known || left == all); f++)
        if (!known || stays(groups, count, cuts, touch->ids[f])) {
            if (found < left)
                site->filter_of[found] = f;
            found++;
        }
    if (found != left)
        refuse(site, "its filters are cut in a way that is not followed");
}

static void match_groups(struct tn_refit_site *site)
{
    for (int f = 0; f < tn_refit_site_filters(site) && !is_refused(site); f++) {
        int group = site->filter_of[f] / site->before.filters, now = f / site->now.filters;
        if (f % site->now.filters == 0)
            site->group_of[now] = group;
        else if (site->group_of[now] != group)
            refuse(site, "its groups are cut in a way that is not followed");
    }
}

/* A vector of float32 with one number a filter. */
static bool is_vector(const struct tn_graph *graph, const struct tn_node *node, int input,
                      int filters)
{
    const struct tn_tensor *tensor = tn_node_constant(graph, node, input);
    return tensor && tn_tensor_floats(tensor) && tensor->count == (size_t)filters;
}

static bool is_output(const struct tn_graph *graph, int value)
{
    for (int i = 0; i < graph->output_count; i++)
        if (graph->outputs[i] == value)
            return true;
    return false;
}

/* The one node that reads what `node` makes, or NULL. */
static const struct tn_node *only_reader(const struct tn_graph *graph, const struct tn_node *node)
{
    int readers[2];
    int count = tn_graph_consumers(graph, node->outputs[0], 2, readers);
    return count == 1 && !is_output(graph, node->outputs[0]) ? &graph->nodes[readers[0]] : NULL;
}

static void place_constant(struct tn_refit_site *site, enum tn_constant_place place,
                           const struct tn_graph *graph, const struct tn_node *node, int input)
{
    site->place = place;
    site->constant_node = (int)(node - graph->nodes);
    site->constant_input = input;
    site->constant_factor = 1;
}

/* A bias of its own; else the mean of a BatchNorm, or the vector of an Add, that alone reads it. */
static void find_constant(const struct tn_graph *graph, struct tn_refit_site *site)
{
    const struct tn_node *node = &graph->nodes[site->now.node];
    int filters = tn_refit_site_filters(site);
    if (node->input_count > 2 && node->inputs[2] != TN_NO_VALUE) {
        double beta = node->op == TN_OP_GEMM ? (double)tn_node_float(node, "beta", 1) : 1;
        if (!is_vector(graph, node, 2, filters) || !(fabs(beta) > 0))
            return;
        place_constant(site, TN_CONSTANT_BIAS, graph, node, 2);
        site->constant_factor = beta;
        return;
    }
    const struct tn_node *reader = only_reader(graph, node);
    if (reader && reader->op == TN_OP_BATCH_NORM && reader->inputs[0] == node->outputs[0] &&
        is_vector(graph, reader, 3, filters))
        place_constant(site, TN_CONSTANT_MEAN, graph, reader, 3);
    if (reader && reader->op == TN_OP_ADD && node->op == TN_OP_MATMUL) {
        int other = reader->inputs[0] == node->outputs[0] ? 1 : 0;
        const struct tn_tensor *vector = tn_node_constant(graph, reader, other);
        if (is_vector(graph, reader, other, filters) &&
            vector->dims[vector->rank - 1] == filters) /* the features are last */
            place_constant(site, TN_CONSTANT_BIAS, graph, reader, other);
    }
}

/* What BatchNorm makes of one more in its input. */
static bool read_scale(const struct tn_graph *graph, const struct tn_node *norm,
                       struct tn_refit_site *site, struct tn_error *error)
{
    size_t filters = (size_t)tn_refit_site_filters(site);
    const float *gamma = tn_tensor_floats(tn_node_constant(graph, norm, 1));
    const float *variance = tn_tensor_floats(tn_node_constant(graph, norm, 4));
    double epsilon = (double)tn_node_float(norm, "epsilon", 1e-5F);
    site->scale = tn_alloc(filters, sizeof *site->scale);
    if (!site->scale)
        return tn_fail_memory(error, "refitting", filters * sizeof *site->scale);
    for (size_t f = 0; f < filters; f++)
        site->scale[f] = (double)gamma[f] / sqrt((double)variance[f] + epsilon);
    return true;
}

static bool same_shape(const struct tn_value *a, const struct tn_value *b)
{
    bool same = a->has_shape && b->has_shape && a->rank == b->rank && !a->constant && !b->constant;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

/* Layer, perhaps BatchNorm, Add: nobody else reads what is between, so the other stream does not
 * depend on the layer. */
static bool find_add(const struct tn_graph *graph, struct tn_refit_site *site,
                     struct tn_error *error)
{
    int filters = tn_refit_site_filters(site);
    const struct tn_node *node = &graph->nodes[site->now.node], *norm = NULL;
    const struct tn_node *reader = only_reader(graph, node);
    site->add_node = TN_NO_NODE;
    if (reader && reader->op == TN_OP_BATCH_NORM && reader->inputs[0] == node->outputs[0] &&
        is_vector(graph, reader, 1, filters) && is_vector(graph, reader, 4, filters)) {
        norm = node = reader;
        reader = only_reader(graph, norm);
    }
    if (!reader || reader->op != TN_OP_ADD || reader->input_count != 2)
        return true;
    int stream = reader->inputs[0] == node->outputs[0] ? 1 : 0;
    if (reader->inputs[stream] == node->outputs[0] ||
        !same_shape(&graph->values[reader->inputs[stream]], &graph->values[node->outputs[0]]))
        return true;
    site->add_node = (int)(reader - graph->nodes);
    site->add_input = stream;
    return !norm || read_scale(graph, norm, site, error);
}

/* FNV-1a: the same number for the same name everywhere. */
static uint64_t stream_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

static bool weights_are_shared(const struct tn_graph *graph, int node)
{
    int readers[2], value = graph->nodes[node].inputs[1];
    return tn_graph_consumers(graph, value, 2, readers) != 1 || is_output(graph, value);
}

bool tn_refit_site_open(const struct tn_graph *before, const struct tn_groups *groups, int count,
                        const struct tn_cut *cuts, const struct tn_graph *now, int node,
                        struct tn_refit_site *site, struct tn_error *error)
{
    struct tn_error why = {0};
    site->result->node = node;
    if (!tn_patch_open(before, node, &site->before, &why) ||
        !tn_patch_open(now, node, &site->now, &why)) {
        refuse(site, why.text);
        return true;
    }
    site->filter_of = tn_alloc((size_t)tn_refit_site_filters(site), sizeof *site->filter_of);
    site->group_of = tn_alloc((size_t)site->now.groups, sizeof *site->group_of);
    if (!site->filter_of || !site->group_of)
        return tn_fail_memory(error, "refitting",
                              (size_t)tn_refit_site_filters(site) * sizeof(int));
    if (site->before.places != site->now.places || site->before.taps != site->now.taps)
        refuse(site, "its output has another size than before the cut");
    else if (!(fabs(site->now.alpha) > 0))
        refuse(site, "its weights are multiplied by zero");
    else if (weights_are_shared(now, node))
        refuse(site, "another layer has the same weights");
    else
        match_filters(groups, count, cuts, site);
    match_groups(site);
    find_constant(now, site);
    if (!find_add(now, site, error))
        return false;
    site->unknowns = tn_patch_size(&site->now) + (site->place != TN_CONSTANT_NOWHERE);
    site->stream = stream_of(tn_node_label(now, &now->nodes[node]));
    return true;
}

void tn_refit_site_free(struct tn_refit_site *site)
{
    tn_free(site->filter_of);
    tn_free(site->group_of);
    tn_free(site->targets);
    tn_free(site->scale);
    site->scale = NULL;
    site->filter_of = site->group_of = NULL;
    site->targets = NULL;
}

size_t tn_refit_site_output(const struct tn_refit_site *site, int filters, int filter, int place)
{
    return site->now.op == TN_OP_MATMUL ? (size_t)place * (size_t)filters + (size_t)filter
                                        : (size_t)filter * (size_t)site->now.places + (size_t)place;
}

double tn_refit_site_scale(const struct tn_refit_site *site, int filter)
{
    return site->scale ? site->scale[filter] : 1;
}

void tn_refit_site_kernel(const struct tn_refit_site *site, int group, double *kernel)
{
    const struct tn_patch *now = &site->now;
    size_t filters = (size_t)now->filters;
    for (int k = 0; k < site->unknowns; k++)
        for (int f = 0; f < now->filters; f++)
            kernel[(size_t)k * filters + (size_t)f] =
                k < tn_patch_size(now)
                    ? tn_refit_site_scale(site, group * now->filters + f) * now->alpha *
                          (double)now->weights[tn_patch_weight(now, group, k, f)]
                    : 0;
}

/* Let a node read another tensor (taken over) at one input, and no other node with it. */
static bool replace(struct tn_graph *graph, int node, int input, struct tn_tensor *tensor,
                    struct tn_error *error)
{
    int value = graph->nodes[node].inputs[input], readers[2];
    if (!tensor)
        return false;
    if (tn_graph_consumers(graph, value, 2, readers) == 1 && !is_output(graph, value)) {
        tn_graph_set_constant(graph, value, tensor);
        return true;
    }
    char *name = NULL;
    for (int number = 2; !name || tn_graph_find_value(graph, name) != TN_NO_VALUE; number++) {
        tn_free(name);
        name = tn_sprintf("%s_%d", graph->values[value].name, number);
        if (!name) {
            tn_tensor_unref(tensor);
            return tn_fail_memory(error, "a name", 1);
        }
    }
    int own = tn_graph_add_value(graph, name, tensor, error);
    tn_free(name);
    if (own < 0)
        return false;
    graph->values[own].stored_type = graph->values[value].stored_type;
    graph->nodes[node].inputs[input] = own;
    return true;
}

/* BatchNorm all but stops this filter: no kernel would get through, only a large one. */
static bool is_stopped(const struct tn_refit_site *site, int filter)
{
    double largest = 0;
    for (int f = 0; site->scale && f < tn_refit_site_filters(site); f++)
        largest = fmax(largest, fabs(site->scale[f]));
    return site->scale && !(fabs(site->scale[filter]) > SMALL_SCALE * largest);
}

static bool write_weights(struct tn_refit_site *site, struct tn_graph *graph, const double *kernels,
                          struct tn_error *error)
{
    const struct tn_patch *now = &site->now;
    size_t filters = (size_t)now->filters, size = (size_t)site->unknowns * filters;
    struct tn_tensor *tensor =
        tn_tensor_copy(tn_node_constant(graph, &graph->nodes[now->node], 1), error);
    if (!tensor)
        return false;
    float *weights = tn_tensor_floats(tensor);
    for (int filter = 0; filter < tn_refit_site_filters(site); filter++) {
        int g = filter / now->filters, f = filter % now->filters;
        const double *column = kernels + (size_t)g * size + (size_t)f;
        double divisor = now->alpha * tn_refit_site_scale(site, filter);
        for (int k = 0; !is_stopped(site, filter) && k < tn_patch_size(now); k++)
            weights[tn_patch_weight(now, g, k, f)] = (float)(column[(size_t)k * filters] / divisor);
    }
    return replace(graph, now->node, 1, tensor, error);
}

static bool write_constants(struct tn_refit_site *site, struct tn_graph *graph,
                            const double *kernels, struct tn_error *error)
{
    size_t filters = (size_t)site->now.filters, size = (size_t)site->unknowns * filters;
    struct tn_tensor *tensor = tn_tensor_copy(
        tn_node_constant(graph, &graph->nodes[site->constant_node], site->constant_input), error);
    if (!tensor)
        return false;
    float *vector = tn_tensor_floats(tensor);
    double factor = site->place == TN_CONSTANT_MEAN ? -1 : 1 / site->constant_factor;
    for (int filter = 0; filter < tn_refit_site_filters(site); filter++) {
        size_t g = (size_t)(filter / site->now.filters), f = (size_t)(filter % site->now.filters);
        double constant = kernels[(g + 1) * size - filters + f] / tn_refit_site_scale(site, filter);
        if (!is_stopped(site, filter))
            vector[filter] = (float)((double)vector[filter] + factor * constant);
    }
    return replace(graph, site->constant_node, site->constant_input, tensor, error);
}

bool tn_refit_site_write(struct tn_refit_site *site, struct tn_graph *graph, const double *kernels,
                         struct tn_error *error)
{
    return write_weights(site, graph, kernels, error) &&
           (site->place == TN_CONSTANT_NOWHERE || write_constants(site, graph, kernels, error));
}
