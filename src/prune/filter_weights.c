#include "prune/filter_weights.h"

#include "core/memory.h"
#include "prune/gram.h"

#include <math.h>
#include <string.h>

/* Distances shorter than this part of their ends' lengths are taken from the weights themselves: in
 * |a|^2 + |b|^2 - 2ab they would drown in rounding. */
static const double NEAR = 1e-4;

enum { BLOCK = 512, MOST_READERS = 64 };

/* --- the view --- */

static int filter_axis(const struct tn_graph *graph, const struct tn_node *node)
{
    switch (node->op) {
    case TN_OP_CONV:
        return 0;
    case TN_OP_GEMM:
        return tn_node_int(node, "transB", 0) != 0 ? 0 : 1;
    case TN_OP_CONV_TRANSPOSE:
        return 1;
    case TN_OP_MATMUL: {
        const struct tn_tensor *weights = tn_node_constant(graph, node, 1);
        return weights ? weights->rank - 1 : -1;
    }
    default:
        return -1;
    }
}

/* Gamma of a BatchNorm that reads what the node makes, or NULL. */
static const struct tn_tensor *scale_behind(const struct tn_graph *graph,
                                            const struct tn_node *node, int filters)
{
    int readers[MOST_READERS];
    int count = tn_graph_consumers(graph, node->outputs[0], MOST_READERS, readers);
    for (int i = 0; i < count && i < MOST_READERS; i++) {
        const struct tn_node *reader = &graph->nodes[readers[i]];
        const struct tn_tensor *scale = tn_node_constant(graph, reader, 1);
        if (reader->op == TN_OP_BATCH_NORM && reader->inputs[0] == node->outputs[0] && scale &&
            scale->count == (size_t)filters)
            return scale;
    }
    return NULL;
}

static bool is_real(const struct tn_tensor *tensor)
{
    return tensor->dtype == TN_FLOAT32 || tensor->dtype == TN_DOUBLE;
}

bool tn_filter_part_of(const struct tn_graph *graph, const struct tn_layer *layer,
                       struct tn_filter_part *part)
{
    const struct tn_node *node = &graph->nodes[layer->node];
    const struct tn_tensor *weights = tn_node_constant(graph, node, 1);
    int axis = filter_axis(graph, node);
    if (!weights || !is_real(weights) || axis < 0 || axis >= weights->rank ||
        weights->dims[axis] != layer->filters)
        return false;
    *part = (struct tn_filter_part){
        .layer = layer->name, .weights = weights, .axis = axis, .count = layer->filters};
    return true;
}

static bool part_of(const struct tn_graph *graph, const struct tn_layers *layers,
                    const struct tn_groups *groups, int layer, struct tn_filter_part *part,
                    struct tn_error *error)
{
    const struct tn_node *node = &graph->nodes[layers->layer[layer].node];
    const struct tn_filter_map *map = &groups->filters[layer];
    if (!tn_filter_part_of(graph, &layers->layer[layer], part) || !map->channels ||
        part->count != map->count)
        return tn_fail(error, TN_ERROR_INPUT, "layer '%s' has no filters to be ranked by weights",
                       layers->layer[layer].name);
    part->channels = map->channels;
    part->scale = scale_behind(graph, node, map->count);
    return true;
}

bool tn_filter_weights_of(const struct tn_graph *graph, const struct tn_layers *layers,
                          const struct tn_groups *groups, int group,
                          struct tn_filter_weights *weights, struct tn_error *error)
{
    const struct tn_group *g = &groups->group[group];
    *weights = (struct tn_filter_weights){.channels = g->channels};
    if (!g->prunable)
        return tn_fail(error, TN_ERROR_USE, "%s cannot be pruned: %s", g->name, g->why_not);
    weights->parts = tn_calloc((size_t)g->producer_count, sizeof *weights->parts);
    if (!weights->parts)
        return tn_fail_memory(error, "filters", (size_t)g->producer_count * sizeof *weights->parts);
    for (int i = 0; i < g->producer_count; i++) {
        if (!part_of(graph, layers, groups, g->producers[i], &weights->parts[i], error)) {
            tn_filter_weights_free(weights);
            return false;
        }
        weights->part_count++;
    }
    return true;
}

void tn_filter_weights_free(struct tn_filter_weights *weights)
{
    tn_free(weights->parts);
    *weights = (struct tn_filter_weights){0};
}

/* --- numbers of a filter --- */

/* Filter f of a part: `outer` runs of `inner` numbers, a run every `stride`. */
struct shape {
    size_t outer, inner, stride;
};

static struct shape shape_of(const struct tn_filter_part *part)
{
    struct shape shape = {1, 1, 1};
    for (int i = 0; i < part->axis; i++)
        shape.outer *= (size_t)part->weights->dims[i];
    for (int i = part->axis + 1; i < part->weights->rank; i++)
        shape.inner *= (size_t)part->weights->dims[i];
    shape.stride = shape.inner * (size_t)part->count;
    return shape;
}

static double number(const struct tn_tensor *tensor, size_t index)
{
    const float *floats = tn_tensor_floats(tensor);
    return floats ? (double)floats[index] : tn_tensor_doubles(tensor)[index];
}

/* Numbers from .. from+count-1 of filter f, step apart in `to`. */
static void copy_numbers(const struct tn_filter_part *part, int f, size_t from, size_t count,
                         double *to, size_t step)
{
    struct shape shape = shape_of(part);
    size_t run = from / shape.inner, at = from % shape.inner;
    for (size_t i = 0; i < count; i++) {
        to[i * step] = number(part->weights, run * shape.stride + (size_t)f * shape.inner + at);
        if (++at == shape.inner) {
            at = 0;
            run++;
        }
    }
}

size_t tn_filter_length(const struct tn_filter_part *part)
{
    struct shape shape = shape_of(part);
    return shape.outer * shape.inner;
}

void tn_filter_numbers(const struct tn_filter_part *part, int filter, size_t count, double *numbers)
{
    copy_numbers(part, filter, 0, count, numbers, 1);
}

/* --- sums over filters --- */

static double absolute(double x)
{
    return fabs(x);
}

static double square_of(double x)
{
    return x * x;
}

static void sum_over(const struct tn_filter_weights *weights, double (*term)(double), double *score)
{
    double numbers[BLOCK];
    memset(score, 0, (size_t)weights->channels * sizeof *score);
    for (int p = 0; p < weights->part_count; p++) {
        const struct tn_filter_part *part = &weights->parts[p];
        struct shape shape = shape_of(part);
        size_t length = shape.outer * shape.inner;
        for (int f = 0; f < part->count; f++) {
            if (part->channels[f] == TN_NO_CHANNEL)
                continue;
            for (size_t at = 0; at < length; at += BLOCK) {
                size_t count = length - at < BLOCK ? length - at : BLOCK;
                copy_numbers(part, f, at, count, numbers, 1);
                for (size_t i = 0; i < count; i++)
                    score[part->channels[f]] += term(numbers[i]);
            }
        }
    }
}

bool tn_filter_l1(const struct tn_filter_weights *weights, double *score, struct tn_error *error)
{
    (void)error;
    sum_over(weights, absolute, score);
    return true;
}

bool tn_filter_l2(const struct tn_filter_weights *weights, double *score, struct tn_error *error)
{
    (void)error;
    sum_over(weights, square_of, score);
    for (int c = 0; c < weights->channels; c++)
        score[c] = sqrt(score[c]);
    return true;
}

bool tn_filter_scale(const struct tn_filter_weights *weights, double *score, struct tn_error *error)
{
    memset(score, 0, (size_t)weights->channels * sizeof *score);
    for (int p = 0; p < weights->part_count; p++) {
        const struct tn_filter_part *part = &weights->parts[p];
        if (!part->scale || !is_real(part->scale))
            return tn_fail(error, TN_ERROR_USE,
                           "no BatchNorm follows layer '%s' directly: bn-scale needs one; take "
                           "another method (l2), or a network exported with BatchNorm not fused",
                           part->layer);
        for (int f = 0; f < part->count; f++) {
            if (part->channels[f] != TN_NO_CHANNEL)
                score[part->channels[f]] += fabs(number(part->scale, (size_t)f));
        }
    }
    return true;
}

/* --- distances --- */

/* A part's filters by channel: the 1st, 2nd ... of each. */
struct slots {
    int depth;   /* the most filters a channel has */
    int *filter; /* [depth,C] or -1 */
};

static bool slots_of(const struct tn_filter_weights *weights, const struct tn_filter_part *part,
                     struct slots *slots, struct tn_error *error)
{
    size_t channels = (size_t)weights->channels, cells;
    int *count = tn_calloc(channels, sizeof *count);
    *slots = (struct slots){0};
    if (!count)
        return tn_fail_memory(error, "filters", channels * sizeof *count);
    for (int f = 0; f < part->count; f++) {
        int c = part->channels[f];
        if (c != TN_NO_CHANNEL && ++count[c] > slots->depth)
            slots->depth = count[c];
    }
    bool fits = tn_mul((size_t)slots->depth, channels, &cells);
    slots->filter = fits ? tn_alloc(cells, sizeof *slots->filter) : NULL;
    if (slots->filter) {
        for (size_t i = 0; i < cells; i++)
            slots->filter[i] = -1;
        memset(count, 0, channels * sizeof *count);
        for (int f = 0; f < part->count; f++) {
            int c = part->channels[f];
            if (c != TN_NO_CHANNEL)
                slots->filter[(size_t)count[c]++ * channels + (size_t)c] = f;
        }
    }
    tn_free(count);
    return slots->filter || tn_fail_memory(error, "filters", cells * sizeof *slots->filter);
}

/* Add the products of all pairs of channels over one slot to `products`, in blocks: block
 * [BLOCK,C].
 */
static void add_products(const struct tn_filter_weights *weights, const struct tn_filter_part *part,
                         const int *filter, double *block, double *products)
{
    size_t channels = (size_t)weights->channels;
    struct shape shape = shape_of(part);
    size_t length = shape.outer * shape.inner;
    for (size_t at = 0; at < length; at += BLOCK) {
        size_t count = length - at < BLOCK ? length - at : BLOCK;
        memset(block, 0, count * channels * sizeof *block);
        for (size_t c = 0; c < channels; c++) {
            if (filter[c] >= 0)
                copy_numbers(part, filter[c], at, count, block + c, channels);
        }
        tn_gram_add((int64_t)count, weights->channels, block, products);
    }
}

/* Squared distance over one slot, straight from the weights; a filter that is not there is 0. */
static double distance(const struct tn_filter_part *part, int a, int b)
{
    double left[BLOCK] = {0}, right[BLOCK] = {0}, sum = 0;
    struct shape shape = shape_of(part);
    size_t length = shape.outer * shape.inner;
    for (size_t at = 0; at < length; at += BLOCK) {
        size_t count = length - at < BLOCK ? length - at : BLOCK;
        if (a >= 0)
            copy_numbers(part, a, at, count, left, 1);
        if (b >= 0)
            copy_numbers(part, b, at, count, right, 1);
        for (size_t i = 0; i < count; i++)
            sum += (left[i] - right[i]) * (left[i] - right[i]);
    }
    return sum;
}

struct distances {
    const struct tn_filter_weights *weights;
    struct slots *slots; /* [parts] */
    double *block;       /* [BLOCK,C] */
    double *products;    /* [C,C] */
    int *same;           /* [C] first channel with the very same filters */
};

static void end(struct distances *d)
{
    for (int p = 0; d->slots && p < d->weights->part_count; p++)
        tn_free(d->slots[p].filter);
    tn_free(d->slots);
    tn_free(d->block);
    tn_free(d->products);
    tn_free(d->same);
}

static bool start(const struct tn_filter_weights *weights, struct distances *d,
                  struct tn_error *error)
{
    size_t n = (size_t)weights->channels, cells, numbers;
    *d = (struct distances){.weights = weights};
    if (!tn_mul(n, n, &cells) || !tn_mul(n, BLOCK, &numbers))
        return tn_fail_memory(error, "distances", SIZE_MAX);
    d->slots = tn_calloc((size_t)weights->part_count, sizeof *d->slots);
    d->block = tn_alloc(numbers, sizeof *d->block);
    d->products = tn_calloc(cells, sizeof *d->products);
    d->same = tn_alloc(n, sizeof *d->same);
    if (!d->slots || !d->block || !d->products || !d->same)
        return tn_fail_memory(error, "distances", cells * sizeof *d->products);
    for (int p = 0; p < weights->part_count; p++) {
        const struct tn_filter_part *part = &weights->parts[p];
        if (!slots_of(weights, part, &d->slots[p], error))
            return false;
        for (int s = 0; s < d->slots[p].depth; s++)
            add_products(weights, part, d->slots[p].filter + (size_t)s * n, d->block, d->products);
    }
    tn_gram_mirror(weights->channels, d->products);
    return true;
}

static double direct(const struct distances *d, int a, int b)
{
    size_t n = (size_t)d->weights->channels;
    double sum = 0;
    for (int p = 0; p < d->weights->part_count; p++) {
        for (int s = 0; s < d->slots[p].depth; s++) {
            const int *filter = d->slots[p].filter + (size_t)s * n;
            sum += distance(&d->weights->parts[p], filter[a], filter[b]);
        }
    }
    return sum;
}

/* b < a */
static void add_pair(const struct distances *d, int a, int b, double *score)
{
    size_t n = (size_t)d->weights->channels, i = (size_t)a, j = (size_t)b;
    double ends = d->products[i * n + i] + d->products[j * n + j];
    double square = ends - 2 * d->products[i * n + j];
    if (square < NEAR * ends)
        square = direct(d, a, b);
    if (square == 0 && d->same[a] == a)
        d->same[a] = d->same[b];
    double length = sqrt(fmax(square, 0));
    score[a] += length;
    score[b] += length;
}

bool tn_filter_median(const struct tn_filter_weights *weights, double *score,
                      struct tn_error *error)
{
    struct distances d;
    bool ok = start(weights, &d, error);
    if (ok) {
        memset(score, 0, (size_t)weights->channels * sizeof *score);
        for (int a = 0; a < weights->channels; a++) {
            d.same[a] = a;
            for (int b = 0; b < a; b++)
                add_pair(&d, a, b, score);
        }
        /* Copies are equally far from all others; rounding must not tell them apart. */
        for (int a = 0; a < weights->channels; a++)
            score[a] = score[d.same[a]];
    }
    end(&d);
    return ok;
}
