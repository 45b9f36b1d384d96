/* Functions of each number by itself: activations and their like, Cast between kinds of floating
 * point numbers (all are float32 here), and powers by a known exponent (binary.c). */
#include "engine/unary.h"

#include "core/memory.h"
#include "model/axes.h"

#include <string.h>

enum { GRAIN = 16384 }; /* numbers a task */

struct unary {
    const struct tn_unary_kernels *kernels;
    float parameters[TN_UNARY_PARAMETERS];
};

/* Which function an operator is, and its attributes. */
struct form {
    enum tn_unary function;
    const char *names[TN_UNARY_PARAMETERS];
    float defaults[TN_UNARY_PARAMETERS];
};

static const struct form forms[TN_OP_COUNT] = {
    [TN_OP_RELU] = {.function = TN_RELU},
    [TN_OP_LEAKY_RELU] = {TN_LEAKY_RELU, {"alpha"}, {0.01f}},
    [TN_OP_ELU] = {TN_ELU, {"alpha"}, {1}},
    [TN_OP_SELU] = {TN_SELU, {"alpha", "gamma"}, {1.67326319f, 1.05070102f}},
    [TN_OP_CELU] = {TN_CELU, {"alpha"}, {1}},
    [TN_OP_CLIP] = {.function = TN_CLIP},
    [TN_OP_SIGMOID] = {.function = TN_SIGMOID},
    [TN_OP_HARD_SIGMOID] = {TN_HARD_SIGMOID, {"alpha", "beta"}, {0.2f, 0.5f}},
    [TN_OP_HARD_SWISH] = {TN_HARD_SWISH, {NULL}, {1.0f / 6, 0.5f}},
    [TN_OP_MISH] = {.function = TN_MISH},
    [TN_OP_GELU] = {.function = TN_GELU},
    [TN_OP_SOFTPLUS] = {.function = TN_SOFTPLUS},
    [TN_OP_SOFTSIGN] = {.function = TN_SOFTSIGN},
    [TN_OP_TANH] = {.function = TN_TANH},
    [TN_OP_ERF] = {.function = TN_ERF},
    [TN_OP_EXP] = {.function = TN_EXP},
    [TN_OP_LOG] = {.function = TN_LOG},
    [TN_OP_SQRT] = {.function = TN_SQRT},
    [TN_OP_RECIPROCAL] = {.function = TN_RECIPROCAL},
    [TN_OP_ABS] = {.function = TN_ABS},
    [TN_OP_NEG] = {.function = TN_NEG},
};

bool tn_unary_prepare(struct tn_network *network, struct tn_step *step, enum tn_unary function,
                      const float parameters[TN_UNARY_PARAMETERS], struct tn_error *error)
{
    struct unary *unary = step->state = tn_calloc(1, sizeof *unary);
    if (!unary)
        return tn_fail_memory(error, tn_step_node(network, step)->name, sizeof *unary);
    unary->kernels = &network->kernels->unary[function];
    memcpy(unary->parameters, parameters, sizeof unary->parameters);
    return true;
}

static bool find_bounds(const struct tn_network *network, const struct tn_node *node,
                        float bounds[TN_UNARY_PARAMETERS], struct tn_error *error)
{
    bool constant;
    if (!tn_clip_of(network->graph, node, &bounds[0], &bounds[1], &constant, error))
        return tn_fail_in(error, "node '%s'", node->name);
    return constant ||
           tn_fail(error, TN_ERROR_INPUT, "node '%s': Clip whose bounds are computed cannot be run",
                   node->name);
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct form *form = &forms[node->op];
    enum tn_unary function = form->function;
    float parameters[TN_UNARY_PARAMETERS];
    for (int i = 0; i < TN_UNARY_PARAMETERS; i++)
        parameters[i] = form->names[i] ? tn_node_float(node, form->names[i], form->defaults[i])
                                       : form->defaults[i];
    if (node->op == TN_OP_CLIP && !find_bounds(network, node, parameters, error))
        return false;
    if (node->op == TN_OP_GELU && strcmp(tn_node_string(node, "approximate", "none"), "tanh") == 0)
        function = TN_GELU_TANH;
    return tn_unary_prepare(network, step, function, parameters, error);
}

static void release(struct tn_step *step)
{
    tn_free(step->state);
    step->state = NULL;
}

struct job {
    const struct unary *unary;
    const float *x, *y, *dy;
    float *to;
};

static void forward_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    job->unary->kernels->forward(end - begin, job->x + begin, job->unary->parameters,
                                 job->to + begin);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct tn_blob *output = &network->blobs[step->output];
    struct job job = {step->state, network->blobs[step->input].data, NULL, NULL, output->data};
    tn_for_ranges(output->size * (size_t)network->count, GRAIN, forward_range, &job);
}

static void gradient_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    job->unary->kernels->gradient(end - begin, job->x + begin, job->y + begin, job->dy + begin,
                                  job->unary->parameters, job->to + begin);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct tn_blob *output = &network->blobs[step->output];
    struct job job = {step->state, network->blobs[step->input].data, output->data, output->gradient,
                      tn_gradient_begin(network, step->input)};
    if (job.to)
        tn_for_ranges(output->size * (size_t)network->count, GRAIN, gradient_range, &job);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_unary_ops = {
    .name = "a function of each number",
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};

/* --- Cast: those that change nothing are views (plan.c), the others end here --- */

static bool is_floating(const struct tn_graph *graph, int value)
{
    return value != TN_NO_VALUE &&
           (graph->values[value].dtype == TN_FLOAT32 || graph->values[value].dtype == TN_DOUBLE);
}

bool tn_is_float_cast(const struct tn_graph *graph, const struct tn_node *node)
{
    return node->op == TN_OP_CAST && is_floating(graph, node->inputs[0]) &&
           is_floating(graph, node->outputs[0]);
}

static bool refuse_cast(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_INPUT,
                   "node '%s': Cast between floating point and whole numbers cannot be run",
                   tn_step_node(network, step)->name);
}

const struct tn_step_ops tn_cast_ops = {
    .name = "Cast",
    .prepare = refuse_cast,
    .forward = forward,
    .backward = backward,
    .release = release,
};
