#include "prune/tap.h"

/* FNV-1a: the same number for the same name everywhere. */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t mix_number(uint64_t hash, uint64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> 8 * i);
    return mix(hash, bytes, sizeof bytes);
}

static uint64_t stream_of(const char *name, int consumer)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = mix(hash, name, 1);
    return mix_number(hash, (uint64_t)consumer);
}

static bool wrong_channels(const struct tn_graph *graph, const struct tn_node *node,
                           const struct tn_tap *tap, struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_INPUT, "node %s does not read %d channels",
                   tn_node_label(graph, node), tap->positions);
}

static bool open_conv(const struct tn_graph *graph, const struct tn_node *node, struct tn_tap *tap,
                      struct tn_error *error)
{
    struct tn_window *window = &tap->window;
    if (!tn_window_of(graph, node, window, error))
        return false;
    if (window->channels_in != tap->positions || window->out[0] < 1 || window->out[1] < 1)
        return wrong_channels(graph, node, tap, error);
    tap->filters = window->channels_out;
    tap->input_size = (size_t)window->channels_in * (size_t)window->in[0] * (size_t)window->in[1];
    return true;
}

static bool open_dense(const struct tn_graph *graph, const struct tn_node *node,
                       const struct tn_tensor *weights, struct tn_tap *tap, struct tn_error *error)
{
    const struct tn_value *input = &graph->values[node->inputs[0]];
    tap->transposed = node->op == TN_OP_GEMM && tn_node_int(node, "transB", 0) != 0;
    tap->alpha = node->op == TN_OP_GEMM ? tn_node_float(node, "alpha", 1) : 1;
    if (weights->rank != 2 || weights->dims[tap->transposed ? 1 : 0] != tap->positions)
        return wrong_channels(graph, node, tap, error);
    int64_t rows = 1;
    for (int i = 1; i < input->rank - 1; i++)
        rows *= input->dims[i];
    if (rows < 1 || rows > INT32_MAX)
        return wrong_channels(graph, node, tap, error);
    tap->rows_in = (int)rows;
    tap->filters = (int)weights->dims[tap->transposed ? 0 : 1];
    tap->input_size = (size_t)tap->positions * (size_t)rows;
    return true;
}

bool tn_tap_open(const struct tn_graph *graph, const struct tn_group *group, int consumer,
                 struct tn_tap *tap, struct tn_error *error)
{
    const struct tn_consumer *reader = &group->consumers[consumer];
    const struct tn_node *node = &graph->nodes[reader->node];
    const struct tn_tensor *weights = tn_node_constant(graph, node, 1);
    *tap = (struct tn_tap){
        .node = reader->node,
        .channels = group->channels,
        .positions = reader->count,
        .channel_of = reader->channels,
        .weights = weights ? tn_tensor_floats(weights) : NULL,
        .op = node->op,
        .alpha = 1,
        .stream = stream_of(group->name, consumer),
    };
    if (!weights || !tap->weights)
        return tn_fail(error, TN_ERROR_INPUT, "node %s: float32 weights expected",
                       tn_node_label(graph, node));
    bool dense = node->op == TN_OP_GEMM || node->op == TN_OP_MATMUL;
    return dense ? open_dense(graph, node, weights, tap, error)
                 : open_conv(graph, node, tap, error);
}

static int greater(int a, int b)
{
    return a > b ? a : b;
}

/* First and one past the last offset k of a kernel axis for which start + k * dilation lies in 0 ..
 * size-1. */
static void span(int start, int kernel, int dilation, int size, int *first, int *end)
{
    *first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    int last = start < size ? (size - 1 - start) / dilation : -1;
    *end = greater(*first, last + 1 < kernel ? last + 1 : kernel);
}

/* One window of one plane times its kernel. */
static double window_sum(const struct tn_window *w, const float *weights, const float *plane,
                         int top, int left)
{
    int y0, y1, x0, x1;
    double sum = 0;
    span(top, w->kernel[0], w->dilation[0], w->in[0], &y0, &y1);
    span(left, w->kernel[1], w->dilation[1], w->in[1], &x0, &x1);
    for (int y = y0; y < y1; y++) {
        ptrdiff_t line = (ptrdiff_t)(top + y * w->dilation[0]) * w->in[1] + left;
        const float *taps = weights + y * w->kernel[1];
        for (int x = x0; x < x1; x++)
            sum += (double)taps[x] * (double)plane[line + x * w->dilation[1]];
    }
    return sum;
}

/* What one plane gives to position (p,q) of a transposed convolution: input (y,x) reaches p = y
 * stride + k dilation - pad. */
static double scattered_sum(const struct tn_window *w, const float *weights, const float *plane,
                            int p, int q)
{
    double sum = 0;
    for (int i = 0; i < w->kernel[0]; i++) {
        int y = p + w->pad_begin[0] - i * w->dilation[0];
        if (y < 0 || y % w->stride[0] != 0 || y / w->stride[0] >= w->in[0])
            continue;
        for (int j = 0; j < w->kernel[1]; j++) {
            int x = q + w->pad_begin[1] - j * w->dilation[1];
            if (x < 0 || x % w->stride[1] != 0 || x / w->stride[1] >= w->in[1])
                continue;
            sum += (double)weights[i * w->kernel[1] + j] *
                   (double)plane[(size_t)(y / w->stride[0]) * (size_t)w->in[1] +
                                 (size_t)(x / w->stride[1])];
        }
    }
    return sum;
}

/* Add to row[c] what filter d makes of channel c at (p,q); a grouped convolution's filter reads the
 * channels of its group alone. */
static void conv_row(const struct tn_tap *tap, const float *input, const struct tn_place *place,
                     double *row)
{
    const struct tn_window *w = &tap->window;
    int d = place->filter, p = place->row, q = place->column;
    int width = w->channels_in / w->groups, made = w->channels_out / w->groups;
    int first = d / made * width;
    size_t kernel = (size_t)w->kernel[0] * (size_t)w->kernel[1];
    size_t plane = (size_t)w->in[0] * (size_t)w->in[1];
    bool scattered = tap->op == TN_OP_CONV_TRANSPOSE;
    for (int i = 0; i < width; i++) {
        int channel = tap->channel_of[first + i];
        if (channel < 0)
            continue;
        size_t at = scattered ? (size_t)(first + i) * (size_t)made + (size_t)(d % made)
                              : (size_t)d * (size_t)width + (size_t)i;
        const float *weights = tap->weights + at * kernel;
        const float *from = input + (size_t)(first + i) * plane;
        row[channel] += scattered ? scattered_sum(w, weights, from, p, q)
                                  : window_sum(w, weights, from, p * w->stride[0] - w->pad_begin[0],
                                               q * w->stride[1] - w->pad_begin[1]);
    }
}

static void dense_row(const struct tn_tap *tap, const float *input, const struct tn_place *place,
                      double *row)
{
    size_t positions = (size_t)tap->positions;
    size_t d = (size_t)place->filter;
    input += (size_t)place->row * positions;
    size_t step = tap->transposed ? 1 : (size_t)tap->filters;
    const float *weight = tap->weights + (tap->transposed ? d * positions : d);
    for (size_t i = 0; i < positions; i++) {
        if (tap->channel_of[i] >= 0)
            row[tap->channel_of[i]] += (double)weight[i * step] * (double)input[i];
    }
    for (int c = 0; c < tap->channels; c++)
        row[c] *= (double)tap->alpha;
}

static bool is_dense(const struct tn_tap *tap)
{
    return tap->op == TN_OP_GEMM || tap->op == TN_OP_MATMUL;
}

void tn_places_start(struct tn_places *places, const struct tn_tap *tap, uint64_t seed,
                     uint64_t image)
{
    tn_random_seed(&places->random, seed, mix_number(tap->stream, image));
}

struct tn_place tn_places_next(struct tn_places *places, const struct tn_tap *tap)
{
    struct tn_random *random = &places->random;
    struct tn_place place = {.filter = (int)tn_random_below(random, (uint32_t)tap->filters)};
    if (tap->op == TN_OP_MATMUL)
        place.row = (int)tn_random_below(random, (uint32_t)tap->rows_in);
    if (is_dense(tap))
        return place;
    place.row = (int)tn_random_below(random, (uint32_t)tap->window.out[0]);
    place.column = (int)tn_random_below(random, (uint32_t)tap->window.out[1]);
    return place;
}

void tn_tap_row(const struct tn_tap *tap, const float *input, const struct tn_place *place,
                double *row)
{
    for (int c = 0; c < tap->channels; c++)
        row[c] = 0;
    if (is_dense(tap))
        dense_row(tap, input, place, row);
    else
        conv_row(tap, input, place, row);
}

void tn_tap_image(const struct tn_tap *tap, const float *input, uint64_t seed, uint64_t image,
                  int locations, double *rows)
{
    struct tn_places places;
    tn_places_start(&places, tap, seed, image);
    for (int i = 0; i < locations; i++) {
        struct tn_place place = tn_places_next(&places, tap);
        tn_tap_row(tap, input, &place, rows + (size_t)i * (size_t)tap->channels);
    }
}
