#include "model/resize.h"

#include "model/argument.h"
#include "model/axes.h"

#include <math.h>
#include <string.h>

enum { GREATEST = 1 << 20 }; /* of a resized axis */

/* A word among others, by its place in a table; -1 where it is not there. */
static int word(const char *text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

static bool read_words(const struct tn_node *node, int64_t opset, struct tn_resize *resize,
                       struct tn_error *error)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const places[] = {
        "half_pixel", "pytorch_half_pixel",   "half_pixel_symmetric", "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                         "ceil"};
    const char *mode = tn_node_string(node, "mode", "nearest");
    const char *place = tn_node_string(node, "coordinate_transformation_mode", "half_pixel");
    const char *round = tn_node_string(node, "nearest_mode", "round_prefer_floor");
    /* Upsample of opset 7 called it bilinear. */
    int which = strcmp(mode, "bilinear") == 0 ? TN_RESIZE_LINEAR : word(mode, modes, 3);
    bool old = node->op == TN_OP_UPSAMPLE || opset < 11;
    int where = old ? TN_PLACE_ASYMMETRIC : word(place, places, 7);
    int nearest = old ? TN_ROUND_OUTWARD : word(round, rounds, 4);
    if (which < 0)
        return tn_fail(error, TN_ERROR_INPUT, "its mode is '%s'", mode);
    if (where < 0)
        return tn_fail(error, TN_ERROR_INPUT, "its coordinate_transformation_mode is '%s'", place);
    if (nearest < 0)
        return tn_fail(error, TN_ERROR_INPUT, "its nearest_mode is '%s'", round);
    resize->mode = (enum tn_resize_mode)which;
    resize->place = (enum tn_resize_place)where;
    resize->round = (enum tn_resize_round)nearest;
    resize->cubic = tn_node_float(node, "cubic_coeff_a", -0.75f);
    resize->exclude_outside = tn_node_int(node, "exclude_outside", 0) != 0;
    resize->antialias = tn_node_int(node, "antialias", 0) != 0;
    return true;
}

/* Axis i of the argument lists: all of them in turn, or those attribute 'axes' names. */
struct axis_list {
    int count, axis[TN_MAX_RANK];
};

static bool read_axes(const struct tn_node *node, int rank, struct axis_list *axes,
                      struct tn_error *error)
{
    struct tn_ints list = tn_ints_attribute(node, "axes");
    bool taken[TN_MAX_RANK] = {false};
    axes->count = rank;
    for (int i = 0; i < rank; i++)
        axes->axis[i] = i;
    if (!list.list)
        return true;
    if (list.count > (size_t)rank)
        return tn_fail(error, TN_ERROR_INPUT, "it names %zu axes of %d", list.count, rank);
    axes->count = (int)list.count;
    for (int i = 0; i < axes->count; i++) {
        if (!tn_axis_normal(list.list[i], rank, &axes->axis[i], error))
            return false;
        if (taken[axes->axis[i]])
            return tn_fail(error, TN_ERROR_INPUT, "axis %d is there twice", axes->axis[i]);
        taken[axes->axis[i]] = true;
    }
    return true;
}

static bool resize_axis(struct tn_resize *resize, int axis, int64_t in, float scale, int64_t out,
                        bool *constant, struct tn_error *error)
{
    if (!(scale > 0.0f && scale < (float)GREATEST))
        return tn_fail(error, TN_ERROR_INPUT, "its scale is %g", (double)scale);
    if (in == TN_BATCH) {
        if (scale != 1.0f)
            *constant = false;
        return true;
    }
    if (out < 0 || out > GREATEST)
        return tn_fail(error, TN_ERROR_INPUT, "dimension %d would have %lld", axis, (long long)out);
    resize->scale[axis] = scale;
    resize->out[axis] = out;
    resize->resized[axis] = out != in || scale != 1.0f;
    return true;
}

static bool from_scales(const struct tn_graph *graph, const struct tn_node *node, int count,
                        const float *scales, const struct axis_list *axes, struct tn_resize *resize,
                        bool *constant, struct tn_error *error)
{
    const int64_t *dims = graph->values[node->inputs[0]].dims;
    if (count != axes->count)
        return tn_fail(error, TN_ERROR_INPUT, "it has %d scales, expected %d", count, axes->count);
    for (int i = 0; i < count; i++) {
        int axis = axes->axis[i];
        double out = floor((double)((float)dims[axis] * scales[i]));
        if (!(out >= -1 && out < (double)GREATEST))
            return tn_fail(error, TN_ERROR_INPUT, "its scale is %g", (double)scales[i]);
        if (!resize_axis(resize, axis, dims[axis], scales[i], (int64_t)out, constant, error))
            return false;
    }
    return true;
}

/* One scale for all axes, so that the image fits into the sizes or covers them. */
static bool keep_aspect(const struct tn_node *node, const int64_t *dims,
                        const struct axis_list *axes, const int64_t *sizes, float *scale,
                        struct tn_error *error)
{
    const char *policy = tn_node_string(node, "keep_aspect_ratio_policy", "stretch");
    *scale = 0.0f; /* none */
    if (strcmp(policy, "stretch") == 0)
        return true;
    bool larger = strcmp(policy, "not_larger") == 0;
    if (!larger && strcmp(policy, "not_smaller") != 0)
        return tn_fail(error, TN_ERROR_INPUT, "its keep_aspect_ratio_policy is '%s'", policy);
    for (int i = 0; i < axes->count; i++) {
        float next = (float)sizes[i] / (float)dims[axes->axis[i]];
        bool first = *scale <= 0.0f;
        if (next > 0.0f && (first || (larger ? next < *scale : next > *scale)))
            *scale = next;
    }
    return true;
}

static bool from_sizes(const struct tn_graph *graph, const struct tn_node *node,
                       const struct tn_ints *sizes, const struct axis_list *axes,
                       struct tn_resize *resize, bool *constant, struct tn_error *error)
{
    const int64_t *dims = graph->values[node->inputs[0]].dims;
    float common;
    if (sizes->count != (size_t)axes->count)
        return tn_fail(error, TN_ERROR_INPUT, "it has %zu sizes, expected %d", sizes->count,
                       axes->count);
    if (!keep_aspect(node, dims, axes, sizes->list, &common, error))
        return false;
    for (int i = 0; i < axes->count; i++) {
        int axis = axes->axis[i];
        int64_t in = dims[axis], out = sizes->list[i];
        bool batch = in == TN_BATCH;
        if (batch && (common > 0.0f || out != graph->info.batch_size))
            *constant = false;
        if (batch)
            continue;
        if (common > 0.0f)
            out = (int64_t)roundf(common * (float)in);
        float scale = common > 0.0f ? common : (float)out / (float)in;
        if (!resize_axis(resize, axis, in, scale, out, constant, error))
            return false;
    }
    return true;
}

/* Input `index`, or NULL where it is left out (or empty, as opset 11 had it). */
static const struct tn_tensor *given(const struct tn_graph *graph, const struct tn_node *node,
                                     int index, bool *constant)
{
    if (index >= node->input_count || node->inputs[index] == TN_NO_VALUE)
        return NULL;
    const struct tn_tensor *tensor = tn_node_constant(graph, node, index);
    if (!tensor)
        *constant = false;
    return tensor && tensor->count > 0 ? tensor : NULL;
}

static bool read_arguments(const struct tn_graph *graph, const struct tn_node *node,
                           struct tn_resize *resize, bool *constant, struct tn_error *error)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, "scales");
    bool late = node->op == TN_OP_RESIZE && graph->info.opset >= 11;
    const struct tn_tensor *scales = given(graph, node, late ? 2 : 1, constant);
    const struct tn_tensor *sizes = late ? given(graph, node, 3, constant) : NULL;
    struct axis_list axes = {0};
    if (!*constant)
        return true;
    if (!read_axes(node, resize->rank, &axes, error))
        return false;
    if (scales && sizes)
        return tn_fail(error, TN_ERROR_INPUT, "it has both scales and sizes");
    if (sizes && tn_tensor_ints(sizes)) {
        struct tn_ints list = {tn_tensor_ints(sizes), sizes->count};
        return from_sizes(graph, node, &list, &axes, resize, constant, error);
    }
    if (scales && tn_tensor_floats(scales) && scales->count <= TN_MAX_RANK)
        return from_scales(graph, node, (int)scales->count, tn_tensor_floats(scales), &axes, resize,
                           constant, error);
    if (!scales && attribute && attribute->kind == TN_ATTR_FLOATS &&
        attribute->count <= TN_MAX_RANK)
        return from_scales(graph, node, (int)attribute->count, attribute->floats, &axes, resize,
                           constant, error);
    return tn_fail(error, TN_ERROR_INPUT, "it has neither scales nor sizes");
}

bool tn_resize_of(const struct tn_graph *graph, const struct tn_node *node,
                  struct tn_resize *resize, bool *constant, struct tn_error *error)
{
    const struct tn_value *input = &graph->values[node->inputs[0]];
    memset(resize, 0, sizeof *resize);
    *constant = true;
    resize->rank = input->rank;
    for (int i = 0; i < input->rank; i++) {
        resize->scale[i] = 1.0f;
        resize->out[i] = input->dims[i];
    }
    return read_words(node, graph->info.opset, resize, error) &&
           read_arguments(graph, node, resize, constant, error);
}
