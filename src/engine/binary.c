/* Arithmetic between activations and constants of any shapes that stretch over each other: Add,
 * Sub, Mul, Div, Pow, Min, Max, Sum, Mean; and PRelu, which is arithmetic between x and its slopes.
 */
#include "core/memory.h"
#include "engine/stretch.h"
#include "engine/unary.h"

#include <string.h>

struct arithmetic {
    const struct tn_binary_kernels *kernels; /* for more than two operands: one after the other */
    struct tn_stretch stretch;               /* over the output */
    const float **data;                      /* [operands] their numbers, in the pass at hand */
    float scale;                             /* of the result: a mean's 1 / count */
};

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const struct arithmetic *arithmetic;
    int by; /* the operand whose gradient is made */
    float *to;
};

static const enum tn_binary function_of[TN_OP_COUNT] = {
    [TN_OP_ADD] = TN_PLUS,    [TN_OP_SUM] = TN_PLUS,  [TN_OP_MEAN] = TN_PLUS,
    [TN_OP_SUB] = TN_MINUS,   [TN_OP_MUL] = TN_TIMES, [TN_OP_DIV] = TN_DIVIDED,
    [TN_OP_POW] = TN_POWER,   [TN_OP_MIN] = TN_LEAST, [TN_OP_MAX] = TN_GREATEST,
    [TN_OP_PRELU] = TN_SLOPED};

/* --- planning --- */

static void release(struct tn_step *step)
{
    struct arithmetic *arithmetic = step->state;
    if (!arithmetic)
        return;
    tn_stretch_release(&arithmetic->stretch);
    tn_free(arithmetic->data);
    tn_free(arithmetic);
    step->state = NULL;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct arithmetic *arithmetic = step->state = tn_calloc(1, sizeof *arithmetic);
    if (!arithmetic)
        return tn_fail_memory(error, node->name, sizeof *arithmetic);
    arithmetic->data = tn_calloc((size_t)node->input_count, sizeof *arithmetic->data);
    if (!arithmetic->data)
        return tn_fail_memory(error, node->name, (size_t)node->input_count * sizeof(float *));
    arithmetic->kernels = &network->kernels->binary[function_of[node->op]];
    arithmetic->scale = node->op == TN_OP_MEAN ? 1.0f / (float)node->input_count : 1;
    for (int i = 0; i < node->input_count; i++) {
        const struct tn_tensor *constant = tn_node_constant(network->graph, node, i);
        if (constant && !tn_tensor_floats(constant))
            return tn_fail(error, TN_ERROR_INPUT, "node '%s': '%s' is not float32", node->name,
                           network->graph->values[node->inputs[i]].name);
    }
    if (!tn_stretch_of(network->graph, node, tn_step_output_value(network, step), node->input_count,
                       node->inputs, &arithmetic->stretch, error))
        return false;
    if (node->input_count > 2) /* the first must last until the others are through */
        step->ops = &tn_arithmetic_many_ops;
    return true;
}

/* Powers that have a function of their own. */
static bool known_power(const struct tn_tensor *exponent, enum tn_unary *function)
{
    static const struct {
        double exponent;
        enum tn_unary function;
    } known[] = {{2, TN_SQUARE},
                 {3, TN_CUBE},
                 {0.5, TN_SQRT},
                 {-0.5, TN_RECIPROCAL_SQRT},
                 {-1, TN_RECIPROCAL}};
    if (!exponent || exponent->count != 1)
        return false;
    double number = tn_tensor_floats(exponent) ? (double)*tn_tensor_floats(exponent)
                    : tn_tensor_ints(exponent) ? (double)*tn_tensor_ints(exponent)
                                               : *tn_tensor_doubles(exponent);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].exponent == number) {
            *function = known[i].function;
            return true;
        }
    return false;
}

static bool prepare_power(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    enum tn_unary function;
    const float none[TN_UNARY_PARAMETERS] = {0};
    if (!known_power(tn_node_constant(network->graph, node, 1), &function) ||
        network->blobs[step->input].size != network->blobs[step->output].size)
        return prepare(network, step, error);
    step->ops = &tn_unary_ops;
    return tn_unary_prepare(network, step, function, none, error);
}

/* --- forward --- */

static const float *data_of(const struct tn_network *network, const struct tn_step *step,
                            int operand)
{
    const struct tn_param *param = tn_step_param(network, step, operand);
    if (step->inputs[operand] >= 0)
        return network->blobs[step->inputs[operand]].data;
    if (param)
        return param->data;
    return tn_tensor_floats(tn_node_constant(network->graph, tn_step_node(network, step), operand));
}

static void find_data(const struct tn_network *network, const struct tn_step *step)
{
    struct arithmetic *arithmetic = step->state;
    for (int i = 0; i < arithmetic->stretch.count; i++)
        arithmetic->data[i] = data_of(network, step, i);
}

static const float *numbers(const struct job *job, int operand, const struct tn_piece *piece)
{
    const struct arithmetic *arithmetic = job->arithmetic;
    const struct tn_stretch *stretch = &arithmetic->stretch;
    return arithmetic->data[operand] + tn_operand_at(stretch, &stretch->operands[operand], piece);
}

static size_t step_of(const struct job *job, int operand)
{
    const struct tn_stretch *stretch = &job->arithmetic->stretch;
    return tn_operand_step(stretch, &stretch->operands[operand]);
}

static void forward_piece(void *context, const struct tn_piece *piece)
{
    const struct job *job = context;
    const struct arithmetic *arithmetic = job->arithmetic;
    const struct tn_kernels *kernels = job->network->kernels;
    float *y = job->to + tn_piece_at(&arithmetic->stretch, piece);
    const float *first = numbers(job, 0, piece);
    size_t count = piece->count, first_step = step_of(job, 0);
    bool finish = job->step->relu || arithmetic->scale != 1;
    if (arithmetic->stretch.count == 1)
        memmove(y, first, count * sizeof *y);
    for (int i = 1; i < arithmetic->stretch.count; i++) {
        const float *next = numbers(job, i, piece);
        size_t next_step = step_of(job, i);
        if (job->step->relu && first_step && next_step) {
            kernels->add(count, first, next, 1, y);
            finish = false;
        } else {
            arithmetic->kernels->forward(count, first, first_step, next, next_step, y);
        }
        first = y;
        first_step = 1;
    }
    if (finish)
        kernels->scale_shift(count, y, arithmetic->scale, 0, job->step->relu, y);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, step->state, 0, network->blobs[step->output].data};
    find_data(network, step);
    tn_stretch_walk(&job.arithmetic->stretch, (size_t)network->count, forward_piece, &job);
}

/* --- backward --- */

/* Min and Max of many: those that are equal to the result share its gradient. */
static void extreme_of_many(const struct job *job, const struct tn_piece *piece, const float *y,
                            const float *dy, float *g)
{
    int count = job->arithmetic->stretch.count;
    const float *own = numbers(job, job->by, piece);
    size_t own_step = step_of(job, job->by);
    for (size_t i = 0; i < piece->count; i++) {
        int equal = 0;
        for (int o = 0; o < count; o++)
            equal += numbers(job, o, piece)[i * step_of(job, o)] == y[i];
        g[i] = own[i * own_step] == y[i] ? dy[i] / (float)equal : 0;
    }
}

static const float *gradient_values(void *context, const struct tn_piece *piece, float *buffer)
{
    const struct job *job = context;
    const struct arithmetic *arithmetic = job->arithmetic;
    const struct tn_blob *output = &job->network->blobs[job->step->output];
    size_t at = tn_piece_at(&arithmetic->stretch, piece);
    const float *y = output->data + at, *dy = output->gradient + at;
    if (arithmetic->scale != 1) {
        job->network->kernels->scale_shift(piece->count, dy, arithmetic->scale, 0, 0, buffer);
        return buffer;
    }
    if (arithmetic->kernels == &job->network->kernels->binary[TN_PLUS] ||
        arithmetic->stretch.count == 1)
        return dy;
    if (arithmetic->stretch.count > 2)
        extreme_of_many(job, piece, y, dy, buffer);
    else
        arithmetic->kernels->gradient[job->by](piece->count, numbers(job, 0, piece),
                                               step_of(job, 0), numbers(job, 1, piece),
                                               step_of(job, 1), y, dy, buffer);
    return buffer;
}

static void gradient_piece(void *context, const struct tn_piece *piece)
{
    const struct job *job = context;
    float *to = job->to + tn_piece_at(&job->arithmetic->stretch, piece);
    const float *from = gradient_values(context, piece, to);
    if (from != to)
        memcpy(to, from, piece->count * sizeof *to);
}

static void make_gradient(struct job *job)
{
    const struct tn_stretch *stretch = &job->arithmetic->stretch;
    const struct tn_operand *operand = &stretch->operands[job->by];
    size_t images = (size_t)job->network->count;
    if (tn_operand_is_full(stretch, operand))
        tn_stretch_walk(stretch, images, gradient_piece, job);
    else
        tn_stretch_sum(job->network, stretch, operand, images, gradient_values, job, job->to);
}

static void backward_by(struct tn_network *network, struct tn_step *step, int operand)
{
    int blob = step->inputs[operand];
    const struct tn_param *param = tn_step_param(network, step, operand);
    struct job job = {network, step, step->state, operand, NULL};
    if (blob >= 0)
        job.to = tn_gradient_begin(network, blob);
    else if (param && param->trainable)
        job.to = param->gradient;
    if (job.to)
        make_gradient(&job);
    if (blob >= 0)
        tn_gradient_done(network, blob);
}

/* The step's own input comes last: its gradient may take the place of the output's. */
static void backward(struct tn_network *network, struct tn_step *step)
{
    int last = -1;
    find_data(network, step);
    for (int i = 0; i < step->input_count; i++) {
        if (last < 0 && step->inputs[i] == step->input)
            last = i;
        else
            backward_by(network, step, i);
    }
    backward_by(network, step, last);
}

/* --- the steps --- */

enum { EVERY_INPUT = -1 };

const struct tn_step_ops tn_add_ops = {
    .weights = (uint32_t)EVERY_INPUT,
    .weights_follow = true,
    .name = "Add",
    .relu_fuses = true,
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};

const struct tn_step_ops tn_arithmetic_ops = {
    .weights = (uint32_t)EVERY_INPUT,
    .weights_follow = true,
    .name = "arithmetic",
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};

const struct tn_step_ops tn_arithmetic_many_ops = {
    .name = "arithmetic of many",
    .forward = forward,
    .backward = backward,
    .release = release,
};

/* Exponents are not trained: the power of a negative number has no derivative by them. */
const struct tn_step_ops tn_power_ops = {
    .name = "Pow",
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare_power,
    .forward = forward,
    .backward = backward,
    .release = release,
};

const struct tn_step_ops tn_prelu_ops = {
    .weights = 1u << 1,
    .name = "PRelu",
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
