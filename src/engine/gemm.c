/* Gemm: a fully connected layer on features [N,in]. */
#include "core/memory.h"
#include "engine/linear.h"

/* C is one number, one a feature, or such for every image where it is computed. */
static bool read_bias(const struct tn_network *network, const struct tn_step *step,
                      struct tn_linear *linear, struct tn_error *error)
{
    const struct tn_param *bias = tn_step_param(network, step, 2);
    bool computed = step->input_count > 2 && step->inputs[2] >= 0;
    if (bias)
        linear->bias_count = bias->count;
    else if (computed)
        linear->bias_count = network->blobs[step->inputs[2]].size;
    if (linear->bias_count > 1 && linear->bias_count != (size_t)linear->out)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': its bias has %zu numbers, expected %d",
                       tn_step_node(network, step)->name, linear->bias_count, linear->out);
    return true;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct tn_linear *linear = step->state = tn_calloc(1, sizeof *linear);
    if (!linear)
        return tn_fail_memory(error, node->name, sizeof *linear);
    const struct tn_param *weights = tn_step_param(network, step, 1);
    if (!weights || step->inputs[0] < 0 || tn_node_int(node, "transA", 0) != 0)
        return tn_fail(
            error, TN_ERROR_INPUT,
            "node '%s': Gemm is run with constant weights and an input that is not transposed",
            node->name);
    *linear = (struct tn_linear){.rows = 1,
                                 .in = (int)network->blobs[step->input].size,
                                 .out = (int)network->blobs[step->output].size,
                                 .weights = 1,
                                 .transposed = tn_node_int(node, "transB", 0) != 0,
                                 .alpha = tn_node_float(node, "alpha", 1),
                                 .beta = tn_node_float(node, "beta", 1)};
    if (weights->count != (size_t)linear->in * (size_t)linear->out)
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': weights do not fit %d inputs and %d outputs", node->name,
                       linear->in, linear->out);
    return read_bias(network, step, linear, error) && tn_linear_check(network, step, linear, error);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    tn_linear_forward(network, step, step->state);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    tn_linear_backward(network, step, step->state);
}

static void release(struct tn_step *step)
{
    tn_free(step->state);
    step->state = NULL;
}

const struct tn_step_ops tn_gemm_ops = {
    .weights = 1u << 1 | 1u << 2,
    .constants = 1u << 1,
    .name = "Gemm",
    .relu_fuses = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
