#include "model/window.h"

#include <limits.h>
#include <string.h>

enum {
    GREATEST = 1 << 20
}; /* of images, kernels, strides, dilations and paddings: so no sum overflows */

/* Numbers of an attribute of spatial sizes; what is absent is `otherwise`. */
static bool read_sizes(const struct tn_node *node, const char *name, size_t count, int least,
                       int otherwise, int *sizes, struct tn_error *error)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, name);
    for (size_t i = 0; i < count; i++)
        sizes[i] = otherwise;
    if (!attribute)
        return true;
    if (attribute->kind != TN_ATTR_INTS || attribute->count != count)
        return tn_fail(error, TN_ERROR_INPUT, "attribute '%s' is not a list of %zu numbers", name,
                       count);
    for (size_t i = 0; i < count; i++) {
        int64_t size = attribute->ints[i];
        if (size < least || size > GREATEST)
            return tn_fail(error, TN_ERROR_INPUT, "attribute '%s' holds %lld, expected %d to %d",
                           name, (long long)size, least, GREATEST);
        sizes[i] = (int)size;
    }
    return true;
}

static int64_t extent(const struct tn_window *window, int axis)
{
    return (int64_t)(window->kernel[axis] - 1) * window->dilation[axis] + 1;
}

/* auto_pad SAME_*: as many outputs as input / stride, rounded up; the odd one goes to one end. */
static bool pad_same(struct tn_window *window, bool upper, struct tn_error *error)
{
    for (int i = 0; i < 2; i++) {
        int64_t stride = window->stride[i], in = window->in[i];
        int64_t out = (in + stride - 1) / stride;
        int64_t total = (out - 1) * stride + extent(window, i) - in;
        if (total < 0)
            total = 0;
        if (total > GREATEST)
            return tn_fail(error, TN_ERROR_INPUT, "its kernel covers %lld",
                           (long long)extent(window, i));
        int less = (int)(total / 2), more = (int)(total - less);
        window->pad_begin[i] = upper ? less : more;
        window->pad_end[i] = upper ? more : less;
    }
    return true;
}

static bool read_padding(const struct tn_node *node, struct tn_window *window,
                         struct tn_error *error)
{
    const char *mode = tn_node_string(node, "auto_pad", "NOTSET");
    int pads[4] = {0};
    if (strcmp(mode, "SAME_UPPER") == 0 || strcmp(mode, "SAME_LOWER") == 0)
        return pad_same(window, strcmp(mode, "SAME_UPPER") == 0, error);
    if (strcmp(mode, "NOTSET") == 0) {
        if (!read_sizes(node, "pads", 4, 0, 0, pads, error))
            return false;
    } else if (strcmp(mode, "VALID") != 0) {
        return tn_fail(error, TN_ERROR_INPUT, "auto_pad is '%s'", mode);
    }
    for (int i = 0; i < 2; i++) {
        window->pad_begin[i] = pads[i];
        window->pad_end[i] = pads[i + 2];
    }
    return true;
}

static bool place_outputs(struct tn_window *window, struct tn_error *error)
{
    for (int i = 0; i < 2; i++) {
        int64_t stride = window->stride[i];
        int64_t padded = (int64_t)window->in[i] + window->pad_begin[i] + window->pad_end[i];
        int64_t room = padded - extent(window, i);
        if (room < 0)
            return tn_fail(error, TN_ERROR_INPUT,
                           "the kernel covers %lld of %s but the padded input has %lld",
                           (long long)extent(window, i), i ? "width" : "height", (long long)padded);
        int64_t out = (window->ceil_mode ? room + stride - 1 : room) / stride + 1;
        /* A window that would begin in the padding at the end is left out. */
        if (window->ceil_mode &&
            (out - 1) * stride >= (int64_t)window->in[i] + window->pad_begin[i])
            out--;
        window->out[i] = (int)out;
    }
    return true;
}

static bool read_weights(const struct tn_graph *graph, const struct tn_node *node,
                         struct tn_window *window, struct tn_error *error)
{
    const struct tn_tensor *weight = tn_node_constant(graph, node, 1);
    const struct tn_tensor *bias = tn_node_constant(graph, node, 2);
    if (!weight)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are not constant");
    if (weight->dtype != TN_FLOAT32 || weight->rank != 4 || weight->count == 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "its weights are not numbers [filters,channels,height,width]");
    int64_t groups = tn_node_int(node, "group", 1);
    const int64_t *dims = weight->dims;
    if (dims[0] > INT_MAX || dims[2] > GREATEST || dims[3] > GREATEST)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are too large");
    if (groups < 1 || groups > dims[0] || dims[0] % groups != 0)
        return tn_fail(error, TN_ERROR_INPUT, "%lld filters do not divide into %lld groups",
                       (long long)dims[0], (long long)groups);
    int64_t channels;
    if (__builtin_mul_overflow(dims[1], groups, &channels) || channels != window->channels_in)
        return tn_fail(error, TN_ERROR_INPUT,
                       "the input has %d channels, the weights expect %lld x %lld",
                       window->channels_in, (long long)groups, (long long)dims[1]);
    if (bias && (bias->dtype != TN_FLOAT32 || bias->rank != 1 || bias->dims[0] != dims[0]))
        return tn_fail(error, TN_ERROR_INPUT, "its bias is not %lld numbers", (long long)dims[0]);
    window->groups = (int)groups;
    window->channels_out = (int)dims[0];
    if (tn_node_attribute(node, "kernel_shape") &&
        (window->kernel[0] != dims[2] || window->kernel[1] != dims[3]))
        return tn_fail(error, TN_ERROR_INPUT, "kernel_shape is %dx%d but the weights are %lldx%lld",
                       window->kernel[0], window->kernel[1], (long long)dims[2],
                       (long long)dims[3]);
    window->kernel[0] = (int)dims[2];
    window->kernel[1] = (int)dims[3];
    return true;
}

static bool read_pooling(const struct tn_node *node, struct tn_window *window,
                         struct tn_error *error)
{
    if (!tn_node_attribute(node, "kernel_shape"))
        return tn_fail(error, TN_ERROR_INPUT, "attribute 'kernel_shape' is missing");
    window->groups = 1;
    window->channels_out = window->channels_in;
    window->ceil_mode = tn_node_int(node, "ceil_mode", 0) != 0;
    window->count_include_pad = tn_node_int(node, "count_include_pad", 0) != 0;
    return true;
}

/* A window that sees only padding has no greatest and no mean. */
static bool check_pooling_pads(const struct tn_window *window, struct tn_error *error)
{
    for (int i = 0; i < 2; i++)
        if (window->pad_begin[i] >= window->kernel[i] || window->pad_end[i] >= window->kernel[i])
            return tn_fail(error, TN_ERROR_INPUT, "padding must be smaller than the kernel");
    return true;
}

static bool read_input(const struct tn_graph *graph, const struct tn_node *node,
                       struct tn_window *window, struct tn_error *error)
{
    if (node->input_count < 1 || node->inputs[0] == TN_NO_VALUE)
        return tn_fail(error, TN_ERROR_INPUT, "it has no input");
    const struct tn_value *input = &graph->values[node->inputs[0]];
    if (!input->has_shape)
        return tn_fail(error, TN_ERROR_INPUT, "the shape of its input '%s' is not known",
                       input->name);
    if (input->rank != 4)
        return tn_fail(error, TN_ERROR_INPUT, "its input has %d dimensions, expected [N,C,H,W]",
                       input->rank);
    for (int i = 1; i < 4; i++)
        if (input->dims[i] < 1 || input->dims[i] > GREATEST)
            return tn_fail(error, TN_ERROR_INPUT, "its input has %lld in dimension %d",
                           (long long)input->dims[i], i);
    window->channels_in = (int)input->dims[1];
    window->in[0] = (int)input->dims[2];
    window->in[1] = (int)input->dims[3];
    return true;
}

bool tn_window_decode(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_window *window, struct tn_error *error)
{
    memset(window, 0, sizeof *window);
    bool convolution = node->op == TN_OP_CONV;
    return read_input(graph, node, window, error) &&
           read_sizes(node, "kernel_shape", 2, 1, 1, window->kernel, error) &&
           read_sizes(node, "strides", 2, 1, 1, window->stride, error) &&
           read_sizes(node, "dilations", 2, 1, 1, window->dilation, error) &&
           (convolution ? read_weights(graph, node, window, error)
                        : read_pooling(node, window, error)) &&
           read_padding(node, window, error) &&
           (convolution || check_pooling_pads(window, error)) && place_outputs(window, error);
}

bool tn_window_of(const struct tn_graph *graph, const struct tn_node *node,
                  struct tn_window *window, struct tn_error *error)
{
    if (tn_window_decode(graph, node, window, error))
        return true;
    return tn_fail_in(error, "node '%s' (%s)", tn_node_label(graph, node), node->op_type);
}
