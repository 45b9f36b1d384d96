#include "prune/patch.h"

static bool open_conv(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_patch *patch, struct tn_error *error)
{
    struct tn_window *window = &patch->window;
    if (!tn_window_of(graph, node, window, error))
        return false;
    patch->groups = window->groups;
    patch->channels = window->channels_in / window->groups;
    patch->filters = window->channels_out / window->groups;
    patch->taps = window->kernel[0] * window->kernel[1];
    patch->places = window->out[0] * window->out[1];
    patch->input_size = (size_t)window->channels_in * (size_t)window->in[0] * (size_t)window->in[1];
    return patch->places > 0 ||
           tn_fail(error, TN_ERROR_INPUT, "node %s has no output", tn_node_label(graph, node));
}

static bool open_dense(const struct tn_graph *graph, const struct tn_node *node,
                       const struct tn_tensor *weights, struct tn_patch *patch,
                       struct tn_error *error)
{
    const struct tn_value *input = &graph->values[node->inputs[0]];
    int64_t rows = 1;
    patch->transposed = node->op == TN_OP_GEMM && tn_node_int(node, "transB", 0) != 0;
    patch->alpha = node->op == TN_OP_GEMM ? (double)tn_node_float(node, "alpha", 1) : 1;
    for (int i = 1; i < input->rank - 1; i++)
        rows *= input->dims[i];
    if (weights->rank != 2 || !input->has_shape || input->rank < 2 || rows < 1 ||
        rows > INT32_MAX ||
        weights->dims[patch->transposed ? 1 : 0] != input->dims[input->rank - 1])
        return tn_fail(error, TN_ERROR_INPUT, "node %s: its weights are no matrix for its input",
                       tn_node_label(graph, node));
    patch->channels = (int)weights->dims[patch->transposed ? 1 : 0];
    patch->filters = (int)weights->dims[patch->transposed ? 0 : 1];
    patch->places = (int)rows;
    patch->input_size = (size_t)rows * (size_t)patch->channels;
    return true;
}

bool tn_patch_open(const struct tn_graph *graph, int node, struct tn_patch *patch,
                   struct tn_error *error)
{
    const struct tn_node *n = &graph->nodes[node];
    const struct tn_tensor *weights = tn_node_constant(graph, n, 1);
    *patch = (struct tn_patch){.node = node, .op = n->op, .groups = 1, .taps = 1, .alpha = 1};
    patch->weights = weights ? tn_tensor_floats(weights) : NULL;
    if (!weights || !patch->weights)
        return tn_fail(error, TN_ERROR_INPUT, "node %s: float32 weights expected",
                       tn_node_label(graph, n));
    bool dense = n->op == TN_OP_GEMM || n->op == TN_OP_MATMUL;
    return dense ? open_dense(graph, n, weights, patch, error) : open_conv(graph, n, patch, error);
}

int tn_patch_size(const struct tn_patch *patch)
{
    return patch->channels * patch->taps;
}

/* Which input position kernel offset k meets on one axis for output position `out`; -1 where that
 * is padding, or between the inputs that a transposed convolution spreads. */
static int met(const struct tn_patch *patch, int axis, int out, int k)
{
    const struct tn_window *w = &patch->window;
    int at;
    if (patch->op == TN_OP_CONV) {
        at = out * w->stride[axis] - w->pad_begin[axis] + k * w->dilation[axis];
    } else {
        at = out + w->pad_begin[axis] - k * w->dilation[axis];
        if (at < 0 || at % w->stride[axis] != 0)
            return -1;
        at /= w->stride[axis];
    }
    return at >= 0 && at < w->in[axis] ? at : -1;
}

static void gather_window(const struct tn_patch *patch, const float *input, int group, int place,
                          double *numbers)
{
    const struct tn_window *w = &patch->window;
    size_t plane = (size_t)w->in[0] * (size_t)w->in[1];
    int p = place / w->out[1], q = place % w->out[1];
    const float *first = input + (size_t)group * (size_t)patch->channels * plane;
    for (int y = 0; y < w->kernel[0]; y++) {
        int row = met(patch, 0, p, y);
        for (int x = 0; x < w->kernel[1]; x++) {
            int column = row < 0 ? -1 : met(patch, 1, q, x);
            double *to = numbers + y * w->kernel[1] + x;
            const float *from =
                column < 0 ? NULL : first + (size_t)row * (size_t)w->in[1] + (size_t)column;
            for (int c = 0; c < patch->channels; c++)
                to[(size_t)c * (size_t)patch->taps] = from ? (double)from[(size_t)c * plane] : 0;
        }
    }
}

void tn_patch_gather(const struct tn_patch *patch, const float *input, int group, int place,
                     double *numbers)
{
    if (patch->op == TN_OP_CONV || patch->op == TN_OP_CONV_TRANSPOSE) {
        gather_window(patch, input, group, place, numbers);
        return;
    }
    const float *row = input + (size_t)place * (size_t)patch->channels;
    for (int c = 0; c < patch->channels; c++)
        numbers[c] = (double)row[c];
}

size_t tn_patch_weight(const struct tn_patch *patch, int group, int number, int filter)
{
    size_t channel = (size_t)(number / patch->taps), tap = (size_t)(number % patch->taps);
    size_t taps = (size_t)patch->taps, channels = (size_t)patch->channels;
    size_t filters = (size_t)patch->filters, g = (size_t)group, f = (size_t)filter;
    if (patch->op == TN_OP_CONV)
        return ((g * filters + f) * channels + channel) * taps + tap;
    if (patch->op == TN_OP_CONV_TRANSPOSE)
        return ((g * channels + channel) * filters + f) * taps + tap;
    return patch->transposed ? f * channels + channel : channel * filters + f;
}
