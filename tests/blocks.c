#include "blocks.h"

#include "core/memory.h"
#include "model/shape.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int block_dim(const struct small_graph *s, int x, int axis)
{
    assert_true(s->graph->values[x].has_shape && axis < s->graph->values[x].rank);
    return (int)s->graph->values[x].dims[axis];
}

int block_rank(const struct small_graph *s, int x)
{
    return s->graph->values[x].rank;
}

/* The shape of what the last node makes, once it has its attributes. */
static int done(struct small_graph *s)
{
    struct tn_error error = {0};
    if (!tn_node_infer_shape(s->graph, s->graph->node_count - 1, &error))
        fail_msg("%s", error.text);
    assert_true(s->graph->values[s->last].has_shape);
    return s->last;
}

static struct tn_node *node_of(struct small_graph *s, const char *op, int count, const int *inputs)
{
    int output;
    return small_join(s, op, count, inputs, 1, &output);
}

static void set_int(struct tn_node *node, const char *name, int64_t value)
{
    assert_true(tn_node_set_int(node, name, value, NULL));
}

static void set_ints(struct tn_node *node, const char *name, int count, int64_t value)
{
    int64_t list[8] = {value, value, value, value, value, value, value, value};
    assert_true(tn_node_set_ints(node, name, (size_t)count, list, NULL));
}

/* Weights that keep numbers at their scale. */
static int weights(struct small_graph *s, int rank, const int64_t *dims, int64_t fan_in)
{
    return small_constant(s, "weight", rank, dims, 0, sqrt(3.0 / (double)fan_in));
}

static int vector(struct small_graph *s, const char *name, int64_t count, double mean)
{
    return small_constant(s, name, 1, &count, mean, 0.5);
}

int block_conv(struct small_graph *s, int x, int filters, int kernel, int stride, int groups)
{
    int rank = block_rank(s, x), width = block_dim(s, x, 1) / groups, spatial = rank - 2;
    const int64_t dims[] = {filters, width, kernel, kernel};
    int area = spatial == 2 ? kernel * kernel : kernel;
    const int inputs[] = {x, weights(s, rank, dims, width * area), vector(s, "bias", filters, 0)};
    struct tn_node *node = node_of(s, "Conv", 3, inputs);
    set_ints(node, "kernel_shape", spatial, kernel);
    set_ints(node, "strides", spatial, stride);
    set_ints(node, "pads", 2 * spatial, kernel / 2);
    set_int(node, "group", groups);
    return done(s);
}

int block_deconv(struct small_graph *s, int x, int filters, int groups)
{
    int channels = block_dim(s, x, 1), rank = block_rank(s, x);
    const int64_t dims[] = {channels, filters / groups, 2, 2};
    const int inputs[] = {x, weights(s, rank, dims, channels / groups),
                          vector(s, "bias", filters, 0)};
    struct tn_node *node = node_of(s, "ConvTranspose", 3, inputs);
    set_ints(node, "kernel_shape", rank - 2, 2);
    set_ints(node, "strides", rank - 2, 2);
    set_int(node, "group", groups);
    return done(s);
}

int block_gemm(struct small_graph *s, int x, int outputs, bool transposed)
{
    int features = block_dim(s, x, 1);
    const int64_t dims[] = {transposed ? outputs : features, transposed ? features : outputs};
    const int inputs[] = {x, weights(s, 2, dims, features), vector(s, "bias", outputs, 0)};
    set_int(node_of(s, "Gemm", 3, inputs), "transB", transposed);
    return done(s);
}

int block_matmul(struct small_graph *s, int x, int outputs)
{
    int features = block_dim(s, x, block_rank(s, x) - 1);
    const int inputs[] = {x, weights(s, 2, (const int64_t[]){features, outputs}, features)};
    node_of(s, "MatMul", 2, inputs);
    return done(s);
}

int block_norm(struct small_graph *s, int x)
{
    int channels = block_dim(s, x, 1);
    const int inputs[] = {x, vector(s, "scale", channels, 1), vector(s, "shift", channels, 0),
                          vector(s, "mean", channels, 0), vector(s, "variance", channels, 1)};
    node_of(s, "BatchNormalization", 5, inputs);
    return done(s);
}

int block_instance_norm(struct small_graph *s, int x)
{
    int channels = block_dim(s, x, 1);
    const int inputs[] = {x, vector(s, "scale", channels, 1), vector(s, "shift", channels, 0)};
    node_of(s, "InstanceNormalization", 3, inputs);
    return done(s);
}

int block_op(struct small_graph *s, const char *op, int x)
{
    node_of(s, op, 1, &x);
    return done(s);
}

int block_along(struct small_graph *s, const char *op, int x, int axis)
{
    int inputs[3] = {x}, count = 1, rank = block_rank(s, x);
    int64_t dims[TN_MAX_RANK];
    for (int i = axis; i < rank; i++)
        dims[i - axis] = block_dim(s, x, i);
    if (strcmp(op, "LayerNormalization") == 0) {
        inputs[count++] = small_constant(s, "scale", rank - axis, dims, 1, 0.5);
        inputs[count++] = small_constant(s, "shift", rank - axis, dims, 0, 0.5);
    }
    set_int(node_of(s, op, count, inputs), "axis", axis);
    return done(s);
}

int block_pool(struct small_graph *s, const char *op, int x)
{
    int spatial = block_rank(s, x) - 2;
    struct tn_node *node = node_of(s, op, 1, &x);
    set_ints(node, "kernel_shape", spatial, 2);
    set_ints(node, "strides", spatial, 2);
    return done(s);
}

int block_two(struct small_graph *s, const char *op, int a, int b)
{
    node_of(s, op, 2, (const int[]){a, b});
    return done(s);
}

int block_each(struct small_graph *s, const char *op, int x, int axis, bool first)
{
    int rank = block_rank(s, x) - axis;
    int64_t dims[TN_MAX_RANK] = {block_dim(s, x, axis), 1, 1, 1, 1, 1, 1, 1};
    int constant = small_constant(s, "each", rank, dims, 1, 0.5);
    return first ? block_two(s, op, constant, x) : block_two(s, op, x, constant);
}

int block_concat(struct small_graph *s, int axis, int count, const int *xs)
{
    set_int(node_of(s, "Concat", count, xs), "axis", axis);
    return done(s);
}

void block_split(struct small_graph *s, int x, int axis, int count, const int64_t *sizes, int *ys)
{
    const int inputs[] = {x, sizes ? small_whole_numbers(s, "split", count, sizes) : TN_NO_VALUE};
    struct tn_node *node = small_join(s, "Split", sizes ? 2 : 1, inputs, count, ys);
    set_int(node, "axis", axis);
    done(s);
}

int block_slice(struct small_graph *s, int x, int axis, int64_t start, int64_t end, int64_t step)
{
    int64_t place = axis;
    const int inputs[] = {
        x, small_whole_numbers(s, "starts", 1, &start), small_whole_numbers(s, "ends", 1, &end),
        small_whole_numbers(s, "axes", 1, &place), small_whole_numbers(s, "steps", 1, &step)};
    node_of(s, "Slice", 5, inputs);
    return done(s);
}

int block_pad(struct small_graph *s, int x, int axis, int64_t begin, int64_t end)
{
    int rank = block_rank(s, x);
    int64_t pads[2 * TN_MAX_RANK] = {0};
    pads[axis] = begin;
    pads[rank + axis] = end;
    node_of(s, "Pad", 2, (const int[]){x, small_whole_numbers(s, "pads", 2 * rank, pads)});
    return done(s);
}

int block_gather(struct small_graph *s, int x, int axis, int count, const int64_t *indices)
{
    const int inputs[] = {x, small_whole_numbers(s, "indices", count, indices)};
    set_int(node_of(s, "Gather", 2, inputs), "axis", axis);
    return done(s);
}

int block_reshape(struct small_graph *s, int x, int rank, const int64_t *dims)
{
    node_of(s, "Reshape", 2, (const int[]){x, small_whole_numbers(s, "shape", rank, dims)});
    return done(s);
}

int block_transpose(struct small_graph *s, int x, int rank, const int64_t *perm)
{
    assert_true(tn_node_set_ints(node_of(s, "Transpose", 1, &x), "perm", (size_t)rank, perm, NULL));
    return done(s);
}

int block_reduce(struct small_graph *s, const char *op, int x, int count, const int64_t *axes,
                 bool keep)
{
    struct tn_node *node = node_of(s, op, 1, &x);
    assert_true(tn_node_set_ints(node, "axes", (size_t)count, axes, NULL));
    set_int(node, "keepdims", keep);
    return done(s);
}

int block_resize(struct small_graph *s, int x, bool sizes)
{
    int inputs[4] = {x, TN_NO_VALUE, TN_NO_VALUE, TN_NO_VALUE};
    const int64_t wanted[] = {2, block_dim(s, x, 1), 2 * block_dim(s, x, 2),
                              2 * block_dim(s, x, 3)};
    s->graph->info.batch_size = 2;
    if (sizes) {
        inputs[3] = small_whole_numbers(s, "sizes", 4, wanted);
    } else {
        inputs[2] = small_constant(s, "scales", 1, (const int64_t[]){4}, 0, 0);
        float *scales = tn_tensor_floats(s->graph->values[inputs[2]].constant);
        for (int i = 0; i < 4; i++)
            scales[i] = i < 2 ? 1 : 2;
    }
    node_of(s, "Resize", sizes ? 4 : 3, inputs);
    return done(s);
}

int block_depth(struct small_graph *s, const char *op, int x, bool crd)
{
    struct tn_node *node = node_of(s, op, 1, &x);
    set_int(node, "blocksize", 2);
    if (crd) {
        struct tn_attribute *mode = tn_node_new_attribute(node, "mode", TN_ATTR_STRING, NULL);
        assert_non_null(mode);
        mode->count = 1;
        mode->strings = tn_calloc(1, sizeof *mode->strings);
        mode->strings[0] = tn_strdup("CRD");
    }
    return done(s);
}

int block_shuffle(struct small_graph *s, int x, int groups)
{
    int channels = block_dim(s, x, 1), height = block_dim(s, x, 2), width = block_dim(s, x, 3);
    const int64_t apart[] = {0, groups, channels / groups, height, width};
    const int64_t together[] = {0, channels, height, width};
    x = block_reshape(s, x, 5, apart);
    x = block_transpose(s, x, 5, (const int64_t[]){0, 2, 1, 3, 4});
    return block_reshape(s, x, 4, together);
}

int block_squeeze(struct small_graph *s, int x, int hidden)
{
    int gate = block_op(s, "GlobalAveragePool", x);
    gate = block_op(s, "Relu", block_conv(s, gate, hidden, 1, 1, 1));
    gate = block_op(s, "Sigmoid", block_conv(s, gate, block_dim(s, x, 1), 1, 1, 1));
    return block_two(s, "Mul", x, gate);
}

int block_classify(struct small_graph *s, int x, int classes)
{
    x = block_op(s, "Flatten", block_op(s, "GlobalAveragePool", x));
    return block_gemm(s, x, classes, true);
}

struct tn_graph *block_end(struct small_graph *s, int count, const int *outputs)
{
    struct tn_error error = {0};
    for (int i = 0; i < count; i++)
        assert_true(tn_graph_add_output(s->graph, outputs[i], &error));
    if (!tn_graph_infer_shapes(s->graph, &error))
        fail_msg("%s", error.text);
    return s->graph;
}
