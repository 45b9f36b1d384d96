#include "prune/tap.h"

#include "core/random.h"

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

static bool open_conv(const struct tn_graph *graph, const struct tn_node *node, struct tn_tap *tap,
                      struct tn_error *error)
{
    struct tn_window *window = &tap->window;
    if (!tn_window_of(graph, node, window, error))
        return false;
    if (window->groups != 1 || window->channels_in != tap->channels || window->out[0] < 1 ||
        window->out[1] < 1)
        return tn_fail(error, TN_ERROR_INPUT, "node %s does not read %d channels",
                       tn_node_label(graph, node), tap->channels);
    tap->filters = window->channels_out;
    tap->input_size = (size_t)window->channels_in * (size_t)window->in[0] * (size_t)window->in[1];
    return true;
}

static bool open_gemm(const struct tn_graph *graph, const struct tn_node *node,
                      const struct tn_tensor *weights, struct tn_tap *tap, struct tn_error *error)
{
    tap->gemm = true;
    tap->transposed = tn_node_int(node, "transB", 0) != 0;
    tap->alpha = tn_node_float(node, "alpha", 1);
    int64_t features = weights->dims[tap->transposed ? 1 : 0];
    if (features != (int64_t)tap->channels * tap->per_channel)
        return tn_fail(error, TN_ERROR_INPUT, "node %s does not read %d channels",
                       tn_node_label(graph, node), tap->channels);
    tap->filters = (int)weights->dims[tap->transposed ? 0 : 1];
    tap->input_size = (size_t)features;
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
        .per_channel = reader->per_channel,
        .weights = weights ? tn_tensor_floats(weights) : NULL,
        .alpha = 1,
        .stream = stream_of(group->name, consumer),
    };
    if (!weights || !tap->weights)
        return tn_fail(error, TN_ERROR_INPUT, "node %s: float32 weights expected",
                       tn_node_label(graph, node));
    return node->op == TN_OP_GEMM ? open_gemm(graph, node, weights, tap, error)
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

static void conv_row(const struct tn_tap *tap, const float *input, struct tn_random *random,
                     double *row)
{
    const struct tn_window *w = &tap->window;
    uint32_t d = tn_random_below(random, (uint32_t)tap->filters);
    int p = (int)tn_random_below(random, (uint32_t)w->out[0]);
    int q = (int)tn_random_below(random, (uint32_t)w->out[1]);
    int top = p * w->stride[0] - w->pad_begin[0], left = q * w->stride[1] - w->pad_begin[1];
    int y0, y1, x0, x1;
    span(top, w->kernel[0], w->dilation[0], w->in[0], &y0, &y1);
    span(left, w->kernel[1], w->dilation[1], w->in[1], &x0, &x1);
    size_t kernel = (size_t)w->kernel[0] * (size_t)w->kernel[1];
    const float *weights = tap->weights + (size_t)d * (size_t)tap->channels * kernel;
    size_t plane = (size_t)w->in[0] * (size_t)w->in[1];
    for (int c = 0; c < tap->channels; c++) {
        double sum = 0;
        for (int y = y0; y < y1; y++) {
            ptrdiff_t line = (ptrdiff_t)(top + y * w->dilation[0]) * w->in[1] + left;
            const float *taps = weights + y * w->kernel[1];
            for (int x = x0; x < x1; x++)
                sum += (double)taps[x] * (double)input[line + x * w->dilation[1]];
        }
        row[c] = sum;
        input += plane;
        weights += kernel;
    }
}

static void gemm_row(const struct tn_tap *tap, const float *input, struct tn_random *random,
                     double *row)
{
    size_t d = tn_random_below(random, (uint32_t)tap->filters);
    size_t start = tap->transposed ? d * tap->input_size : d;
    size_t step = tap->transposed ? 1 : (size_t)tap->filters;
    const float *weight = tap->weights + start;
    for (int c = 0; c < tap->channels; c++) {
        double sum = 0;
        for (int j = 0; j < tap->per_channel; j++) {
            sum += (double)*weight * (double)*input++;
            weight += step;
        }
        row[c] = (double)tap->alpha * sum;
    }
}

void tn_tap_image(const struct tn_tap *tap, const float *input, uint64_t seed, uint64_t image,
                  int locations, double *rows)
{
    struct tn_random random;
    tn_random_seed(&random, seed, mix_number(tap->stream, image));
    for (int i = 0; i < locations; i++) {
        double *row = rows + (size_t)i * (size_t)tap->channels;
        if (tap->gemm)
            gemm_row(tap, input, &random, row);
        else
            conv_row(tap, input, &random, row);
    }
}
