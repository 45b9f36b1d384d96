#include "model/window.h"

#include <limits.h>
#include <string.h>

enum {
    GREATEST = 1 << 20
}; /* of images, kernels, strides, dilations and paddings: so no sum overflows */

/* Numbers of an attribute of spatial sizes, `parts` for each dimension; what is absent is
 * `otherwise`. One dimension is the width of an image of height 1. */
static bool read_sizes(const struct tn_node *node, const struct tn_window *window, const char *name,
                       int parts, int least, int otherwise, int *sizes, struct tn_error *error)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, name);
    size_t count = (size_t)parts * (size_t)window->spatial;
    int first = 2 - window->spatial;
    for (int i = 0; i < 2 * parts; i++)
        sizes[i] = i % 2 < first ? least : otherwise;
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
        sizes[window->spatial == 1 ? 2 * i + 1 : i] = (int)size;
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
        return node->op == TN_OP_CONV_TRANSPOSE ||
               pad_same(window, strcmp(mode, "SAME_UPPER") == 0, error);
    if (strcmp(mode, "NOTSET") == 0) {
        if (!read_sizes(node, window, "pads", 2, 0, 0, pads, error))
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
        /* Rounding up keeps a last window that is not whole, be it the only one. */
        if (room < 0 && !(window->ceil_mode && -room < stride))
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

/* How many of the image's channels one filter sees, and how many filters there are: [filters,
 * channels / groups, ...] and, transposed, [channels, filters / groups, ...]. */
static bool read_channels(const struct tn_tensor *weight, bool transposed, int64_t groups,
                          struct tn_window *window, struct tn_error *error)
{
    const int64_t *dims = weight->dims;
    int64_t whole = dims[0], part;
    const char *what = transposed ? "channels" : "filters";
    if (groups < 1 || groups > whole || whole % groups != 0)
        return tn_fail(error, TN_ERROR_INPUT, "%lld %s do not divide into %lld groups",
                       (long long)whole, what, (long long)groups);
    if (__builtin_mul_overflow(dims[1], groups, &part) || whole > INT_MAX || part > INT_MAX)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are too large");
    if (!transposed && part != window->channels_in)
        return tn_fail(error, TN_ERROR_INPUT,
                       "the input has %d channels, the weights expect %lld x %lld",
                       window->channels_in, (long long)groups, (long long)dims[1]);
    if (transposed && whole != window->channels_in)
        return tn_fail(error, TN_ERROR_INPUT, "the input has %d channels, the weights expect %lld",
                       window->channels_in, (long long)whole);
    window->groups = (int)groups;
    window->channels_out = (int)(transposed ? part : whole);
    return true;
}

static bool read_kernel(const struct tn_node *node, const struct tn_tensor *weight,
                        struct tn_window *window, struct tn_error *error)
{
    int64_t kernel[2] = {window->spatial == 2 ? weight->dims[2] : 1,
                         weight->dims[window->spatial + 1]};
    if (kernel[0] > GREATEST || kernel[1] > GREATEST)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are too large");
    if (tn_node_attribute(node, "kernel_shape") &&
        (window->kernel[0] != kernel[0] || window->kernel[1] != kernel[1]))
        return tn_fail(error, TN_ERROR_INPUT, "kernel_shape is %dx%d but the weights are %lldx%lld",
                       window->kernel[0], window->kernel[1], (long long)kernel[0],
                       (long long)kernel[1]);
    for (int i = 0; i < 2; i++)
        window->kernel[i] = (int)kernel[i];
    return true;
}

static bool read_weights(const struct tn_graph *graph, const struct tn_node *node,
                         struct tn_window *window, struct tn_error *error)
{
    const struct tn_tensor *weight = tn_node_constant(graph, node, 1);
    const struct tn_tensor *bias = tn_node_constant(graph, node, 2);
    bool transposed = node->op == TN_OP_CONV_TRANSPOSE;
    if (!weight)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are not constant");
    if (weight->dtype != TN_FLOAT32 || weight->rank != window->spatial + 2 || weight->count == 0)
        return tn_fail(error, TN_ERROR_INPUT, "its weights are not numbers %s%s",
                       transposed ? "[channels,filters" : "[filters,channels",
                       window->spatial == 2 ? ",height,width]" : ",width]");
    if (!read_channels(weight, transposed, tn_node_int(node, "group", 1), window, error))
        return false;
    if (bias &&
        (bias->dtype != TN_FLOAT32 || bias->rank != 1 || bias->dims[0] != window->channels_out))
        return tn_fail(error, TN_ERROR_INPUT, "its bias is not %d numbers", window->channels_out);
    return read_kernel(node, weight, window, error);
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
    if (input->rank != 3 && input->rank != 4)
        return tn_fail(error, TN_ERROR_INPUT,
                       "its input has %d dimensions, expected [N,C,W] or [N,C,H,W]", input->rank);
    for (int i = 1; i < input->rank; i++)
        if (input->dims[i] < 1 || input->dims[i] > GREATEST)
            return tn_fail(error, TN_ERROR_INPUT, "its input has %lld in dimension %d",
                           (long long)input->dims[i], i);
    window->spatial = input->rank - 2;
    window->channels_in = (int)input->dims[1];
    window->in[0] = window->spatial == 2 ? (int)input->dims[2] : 1;
    window->in[1] = (int)input->dims[window->spatial + 1];
    return true;
}

/* Padding of a ConvTranspose that makes `out` of the input, split as auto_pad says; never negative:
 * what is asked for beyond the input's reach stays empty. */
static bool pad_to(struct tn_window *window, int axis, int64_t out, bool more_first,
                   struct tn_error *error)
{
    int64_t reach = (int64_t)(window->in[axis] - 1) * window->stride[axis] + extent(window, axis) +
                    window->output_padding[axis];
    int64_t total = reach > out ? reach - out : 0;
    if (total > GREATEST)
        return tn_fail(error, TN_ERROR_INPUT, "its kernel covers %lld",
                       (long long)extent(window, axis));
    int less = (int)(total / 2), more = (int)(total - less);
    window->pad_begin[axis] = more_first ? more : less;
    window->pad_end[axis] = more_first ? less : more;
    return true;
}

/* The output sizes a ConvTranspose asks for, 0 where it asks for none. Early files list the batch
 * and the channels as well. */
static bool read_output_shape(const struct tn_node *node, const struct tn_window *window,
                              int64_t *wanted, struct tn_error *error)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, "output_shape");
    size_t spatial = (size_t)window->spatial;
    wanted[0] = wanted[1] = 0;
    if (!attribute)
        return true;
    if (attribute->kind != TN_ATTR_INTS ||
        (attribute->count != spatial && attribute->count != spatial + 2))
        return tn_fail(error, TN_ERROR_INPUT,
                       "attribute 'output_shape' is not a list of %d numbers", window->spatial);
    const int64_t *sizes = attribute->ints + attribute->count - spatial;
    wanted[0] = window->spatial == 2 ? sizes[0] : 1;
    wanted[1] = sizes[spatial - 1];
    for (int i = 0; i < 2; i++)
        if (wanted[i] < 1 || wanted[i] > GREATEST)
            return tn_fail(error, TN_ERROR_INPUT,
                           "attribute 'output_shape' holds %lld, expected 1 to %d",
                           (long long)wanted[i], GREATEST);
    return true;
}

static bool place_transposed(const struct tn_node *node, struct tn_window *window,
                             struct tn_error *error)
{
    const char *mode = tn_node_string(node, "auto_pad", "NOTSET");
    bool same = strncmp(mode, "SAME_", 5) == 0, upper = strcmp(mode, "SAME_UPPER") == 0;
    int64_t wanted[2];
    if (!read_output_shape(node, window, wanted, error))
        return false;
    for (int i = 0; i < 2; i++) {
        int64_t out = wanted[i] ? wanted[i] : (int64_t)window->in[i] * window->stride[i];
        if ((wanted[i] || same) && !pad_to(window, i, out, !upper, error))
            return false;
        if (!wanted[i])
            out = (int64_t)(window->in[i] - 1) * window->stride[i] + extent(window, i) +
                  window->output_padding[i] - window->pad_begin[i] - window->pad_end[i];
        if (out < 1 || out > GREATEST)
            return tn_fail(error, TN_ERROR_INPUT, "its output would have %lld of %s",
                           (long long)out, i ? "width" : "height");
        window->out[i] = (int)out;
    }
    return true;
}

static bool decode_transposed(const struct tn_graph *graph, const struct tn_node *node,
                              struct tn_window *window, struct tn_error *error)
{
    return read_sizes(node, window, "output_padding", 1, 0, 0, window->output_padding, error) &&
           read_weights(graph, node, window, error) && read_padding(node, window, error) &&
           place_transposed(node, window, error);
}

bool tn_window_decode(const struct tn_graph *graph, const struct tn_node *node,
                      struct tn_window *window, struct tn_error *error)
{
    memset(window, 0, sizeof *window);
    bool convolution = node->op == TN_OP_CONV;
    if (!read_input(graph, node, window, error) ||
        !read_sizes(node, window, "kernel_shape", 1, 1, 1, window->kernel, error) ||
        !read_sizes(node, window, "strides", 1, 1, 1, window->stride, error) ||
        !read_sizes(node, window, "dilations", 1, 1, 1, window->dilation, error))
        return false;
    if (node->op == TN_OP_CONV_TRANSPOSE)
        return decode_transposed(graph, node, window, error);
    return (convolution ? read_weights(graph, node, window, error)
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
