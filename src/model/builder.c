#include "model/builder.h"

#include "core/memory.h"
#include "model/shape.h"

#include <string.h>

static int fail(struct tn_builder *builder)
{
    builder->failed = true;
    return -1;
}

static bool set_text(char **text, const char *value)
{
    tn_free(*text);
    *text = tn_strdup(value);
    return *text != NULL;
}

struct tn_graph *tn_builder_start(struct tn_builder *builder, const char *graph_name,
                                  struct tn_error *error)
{
    struct tn_graph *graph = tn_graph_new(error);
    if (!graph)
        return NULL;
    graph->info.ir_version = 7; /* what goes with opset 13 */
    graph->info.opset = 13;
    if (!set_text(&graph->info.producer_name, "thinet-tui") ||
        !set_text(&graph->info.graph_name, graph_name) || !set_text(&graph->info.batch_name, "N")) {
        tn_fail_memory(error, "a network", 0);
        tn_graph_free(graph);
        return NULL;
    }
    *builder = (struct tn_builder){.graph = graph, .error = error};
    return graph;
}

int tn_build_input(struct tn_builder *builder, const char *name, int channels, int height,
                   int width)
{
    int value = tn_graph_add_value(builder->graph, name, NULL, builder->error);
    if (value < 0 || !tn_graph_add_input(builder->graph, value, builder->error))
        return fail(builder);
    struct tn_value *input = &builder->graph->values[value];
    const int64_t dims[] = {TN_BATCH, channels, height, width};
    input->has_shape = true;
    input->rank = 4;
    memcpy(input->dims, dims, sizeof dims);
    return value;
}

/* Whether so many weights more are still within the limit. */
static bool claim_weights(struct tn_builder *builder, int rank, const int64_t *dims)
{
    int64_t count = 1;
    bool fine = true;
    for (int i = 0; i < rank; i++)
        fine = fine && !__builtin_mul_overflow(count, dims[i], &count);
    fine = fine && !__builtin_add_overflow(builder->weights, count, &builder->weights);
    return (fine && (!builder->most_weights || builder->weights <= builder->most_weights)) ||
           tn_fail(builder->error, TN_ERROR_USE, "it would have more than %lld weights",
                   (long long)builder->most_weights);
}

/* Takes over `tensor`, which may be NULL after a failure, under the name NAME.SUFFIX. */
static int named(struct tn_builder *builder, const char *name, const char *suffix,
                 struct tn_tensor *tensor)
{
    if (!tensor)
        return fail(builder);
    char *full = tn_sprintf("%s.%s", name, suffix);
    if (!full) {
        tn_tensor_unref(tensor);
        tn_fail_memory(builder->error, "a name", strlen(name));
        return fail(builder);
    }
    int value = tn_graph_add_value(builder->graph, full, tensor, builder->error);
    tn_free(full);
    return value < 0 ? fail(builder) : value;
}

/* Floats, not set for now. */
static int constant(struct tn_builder *builder, const char *name, const char *suffix, int rank,
                    const int64_t *dims)
{
    if (builder->failed || !claim_weights(builder, rank, dims))
        return fail(builder);
    return named(builder, name, suffix,
                 tn_tensor_new_unset(TN_FLOAT32, rank, dims, builder->error));
}

static int int_constant(struct tn_builder *builder, const char *name, const char *suffix,
                        int64_t count, const int64_t *ints)
{
    if (builder->failed)
        return -1;
    struct tn_tensor *tensor = tn_tensor_new(TN_INT64, 1, &count, builder->error);
    if (tensor)
        memcpy(tn_tensor_ints(tensor), ints, tensor->bytes);
    return named(builder, name, suffix, tensor);
}

/* A node with one output called NAME/out. Its shape is inferred by `finish`, once attributes are
 * set. */
static int node(struct tn_builder *builder, const char *name, const char *op_type, int input_count,
                const int *inputs)
{
    if (builder->failed)
        return -1;
    char *full = tn_sprintf("%s/out", name);
    int output = full ? tn_graph_add_value(builder->graph, full, NULL, builder->error) : -1;
    tn_free(full);
    if (output < 0)
        return fail(builder);
    int made = tn_graph_add_node(builder->graph, name, op_type, input_count, inputs, 1, &output,
                                 builder->error);
    return made < 0 ? fail(builder) : made;
}

static int finish(struct tn_builder *builder, int made)
{
    if (builder->failed || !tn_node_infer_shape(builder->graph, made, builder->error))
        return fail(builder);
    return builder->graph->nodes[made].outputs[0];
}

static void set_pair(struct tn_builder *builder, int made, const char *name, int size)
{
    const int64_t sizes[] = {size, size};
    if (!builder->failed &&
        !tn_node_set_ints(&builder->graph->nodes[made], name, 2, sizes, builder->error))
        fail(builder);
}

static void set_pads(struct tn_builder *builder, int made, int pad)
{
    const int64_t pads[] = {pad, pad, pad, pad};
    if (!builder->failed &&
        !tn_node_set_ints(&builder->graph->nodes[made], "pads", 4, pads, builder->error))
        fail(builder);
}

static void set_int(struct tn_builder *builder, int made, const char *name, int64_t number)
{
    if (!builder->failed &&
        !tn_node_set_int(&builder->graph->nodes[made], name, number, builder->error))
        fail(builder);
}

static void set_float(struct tn_builder *builder, int made, const char *name, float number)
{
    if (!builder->failed &&
        !tn_node_set_float(&builder->graph->nodes[made], name, number, builder->error))
        fail(builder);
}

int tn_build_conv(struct tn_builder *builder, const char *name, int input,
                  const struct tn_conv_options *options)
{
    if (builder->failed)
        return -1;
    int groups = options->groups ? options->groups : 1;
    int stride = options->stride ? options->stride : 1;
    int64_t channels = builder->graph->values[input].dims[1];
    const int64_t dims[] = {options->filters, channels / groups, options->kernel, options->kernel};
    int inputs[] = {input, constant(builder, name, "weight", 4, dims), TN_NO_VALUE};
    if (options->bias)
        inputs[2] = constant(builder, name, "bias", 1, dims);
    int made = node(builder, name, "Conv", options->bias ? 3 : 2, inputs);
    set_pair(builder, made, "dilations", 1);
    set_int(builder, made, "group", groups);
    set_pair(builder, made, "kernel_shape", options->kernel);
    set_pads(builder, made, options->pad);
    set_pair(builder, made, "strides", stride);
    return finish(builder, made);
}

int tn_build_batch_norm(struct tn_builder *builder, const char *name, int input)
{
    static const char *const suffixes[] = {"weight", "bias", "running_mean", "running_var"};
    if (builder->failed)
        return -1;
    int64_t channels = builder->graph->values[input].dims[1];
    int inputs[5] = {input};
    for (int i = 0; i < 4; i++)
        inputs[i + 1] = constant(builder, name, suffixes[i], 1, &channels);
    int made = node(builder, name, "BatchNormalization", 5, inputs);
    set_float(builder, made, "epsilon", 1e-5f);
    set_float(builder, made, "momentum", 0.9f);
    return finish(builder, made);
}

int tn_build_relu(struct tn_builder *builder, const char *name, int input)
{
    return finish(builder, node(builder, name, "Relu", 1, &input));
}

int tn_build_max_pool(struct tn_builder *builder, const char *name, int input, int kernel,
                      int stride, int pad)
{
    int made = node(builder, name, "MaxPool", 1, &input);
    set_pair(builder, made, "kernel_shape", kernel);
    set_pads(builder, made, pad);
    set_pair(builder, made, "strides", stride);
    return finish(builder, made);
}

int tn_build_global_pool(struct tn_builder *builder, const char *name, int input)
{
    return finish(builder, node(builder, name, "GlobalAveragePool", 1, &input));
}

int tn_build_add(struct tn_builder *builder, const char *name, int a, int b)
{
    const int inputs[] = {a, b};
    return finish(builder, node(builder, name, "Add", 2, inputs));
}

int tn_build_dropout(struct tn_builder *builder, const char *name, int input, float ratio)
{
    const int inputs[] = {input, constant(builder, name, "ratio", 0, NULL)};
    if (!builder->failed)
        *tn_tensor_floats(builder->graph->values[inputs[1]].constant) = ratio;
    return finish(builder, node(builder, name, "Dropout", 2, inputs));
}

int tn_build_every_second(struct tn_builder *builder, const char *name, int input)
{
    static const int64_t starts[] = {0, 0}, ends[] = {INT64_MAX, INT64_MAX}, axes[] = {2, 3},
                         steps[] = {2, 2};
    const int inputs[] = {
        input,
        int_constant(builder, name, "starts", 2, starts),
        int_constant(builder, name, "ends", 2, ends),
        int_constant(builder, name, "axes", 2, axes),
        int_constant(builder, name, "steps", 2, steps),
    };
    return finish(builder, node(builder, name, "Slice", 5, inputs));
}

int tn_build_pad_channels(struct tn_builder *builder, const char *name, int input, int before,
                          int after)
{
    const int64_t pads[] = {0, before, 0, 0, 0, after, 0, 0};
    const int inputs[] = {input, int_constant(builder, name, "pads", 8, pads)};
    return finish(builder, node(builder, name, "Pad", 2, inputs));
}

int tn_build_flatten(struct tn_builder *builder, const char *name, int input)
{
    int made = node(builder, name, "Flatten", 1, &input);
    set_int(builder, made, "axis", 1);
    return finish(builder, made);
}

int tn_build_gemm(struct tn_builder *builder, const char *name, int input, int outputs)
{
    if (builder->failed)
        return -1;
    const int64_t dims[] = {outputs, builder->graph->values[input].dims[1]};
    int inputs[] = {input, constant(builder, name, "weight", 2, dims),
                    constant(builder, name, "bias", 1, dims)};
    int made = node(builder, name, "Gemm", 3, inputs);
    set_float(builder, made, "alpha", 1.0f);
    set_float(builder, made, "beta", 1.0f);
    set_int(builder, made, "transB", 1);
    return finish(builder, made);
}

int tn_build_channels(const struct tn_builder *builder, int value)
{
    return builder->failed ? 0 : (int)builder->graph->values[value].dims[1];
}

bool tn_build_output(struct tn_builder *builder, const char *name, int value)
{
    if (builder->failed)
        return false;
    if (!set_text(&builder->graph->values[value].name, name)) {
        fail(builder);
        return tn_fail_memory(builder->error, "a name", strlen(name));
    }
    return tn_graph_add_output(builder->graph, value, builder->error);
}
