/* ReduceMean, ReduceSum and ReduceMax over any axes but the batch. The output stretches over the
 * input as an operand does in arithmetic. */
#include "core/memory.h"
#include "engine/stretch.h"
#include "model/axes.h"

enum { GRAIN = 16384 }; /* numbers a task */

struct reduce {
    struct tn_stretch stretch; /* over the input; its operand is the output */
    float scale;               /* a mean's 1 / count, else 1 */
    bool greatest;
    float *equal; /* ReduceMax while training: [max_batch, output] how many share its gradient */
};

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const struct reduce *reduce;
    float *to;
};

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *input = tn_step_input_value(network, step);
    struct tn_axes axes;
    bool constant, kept[TN_MAX_RANK];
    struct reduce *reduce = step->state = tn_calloc(1, sizeof *reduce);
    if (!reduce)
        return tn_fail_memory(error, node->name, sizeof *reduce);
    if (!tn_axes_of(network->graph, node, &axes, &constant, error))
        return tn_fail_in(error, "node '%s'", node->name);
    if (!constant || axes.chosen[0])
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': %s over %s cannot be run", node->name,
                       node->op_type, constant ? "the batch" : "computed axes");
    for (int d = 1; d < input->rank; d++)
        kept[d - 1] = !axes.chosen[d];
    if (!tn_stretch_over(input->rank - 1, input->dims + 1, kept, node->name, &reduce->stretch,
                         error))
        return false;
    size_t in = network->blobs[step->input].size, out = network->blobs[step->output].size;
    reduce->scale = node->op == TN_OP_REDUCE_MEAN ? (float)out / (float)in : 1;
    reduce->greatest = node->op == TN_OP_REDUCE_MAX;
    if (!reduce->greatest || network->mode != TN_TRAINING)
        return true;
    reduce->equal = tn_want_memory(network, out * (size_t)network->max_batch, sizeof(float));
    return reduce->equal ||
           tn_fail_memory(error, node->name, out * (size_t)network->max_batch * sizeof(float));
}

static void release(struct tn_step *step)
{
    struct reduce *reduce = step->state;
    if (!reduce)
        return;
    tn_stretch_release(&reduce->stretch);
    tn_free(reduce->equal);
    tn_free(reduce);
    step->state = NULL;
}

static const float *input_at(const struct job *job, const struct tn_piece *piece)
{
    return job->network->blobs[job->step->input].data + tn_piece_at(&job->reduce->stretch, piece);
}

static const float *input_values(void *context, const struct tn_piece *piece, float *buffer)
{
    (void)buffer;
    return input_at(context, piece);
}

/* Which of a piece's numbers are the greatest: 1, else 0. */
static void mark_greatest(const struct job *job, const struct tn_piece *piece, float *marks)
{
    const struct tn_stretch *stretch = &job->reduce->stretch;
    const struct tn_operand *output = &stretch->operands[0];
    const float *x = input_at(job, piece);
    const float *y =
        job->network->blobs[job->step->output].data + tn_operand_at(stretch, output, piece);
    size_t y_step = tn_operand_step(stretch, output);
    for (size_t i = 0; i < piece->count; i++)
        marks[i] = x[i] == y[i * y_step] ? 1 : 0;
}

static const float *greatest_marks(void *context, const struct tn_piece *piece, float *buffer)
{
    mark_greatest(context, piece, buffer);
    return buffer;
}

static void scale_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    job->network->kernels->scale_shift(end - begin, job->to + begin, job->reduce->scale, 0, 0,
                                       job->to + begin);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct reduce *reduce = step->state;
    const struct tn_stretch *stretch = &reduce->stretch;
    struct job job = {network, step, reduce, network->blobs[step->output].data};
    size_t images = (size_t)network->count;
    if (reduce->greatest)
        tn_stretch_greatest(network, stretch, stretch->operands, images, input_values, &job,
                            job.to);
    else
        tn_stretch_sum(network, stretch, stretch->operands, images, input_values, &job, job.to);
    if (reduce->scale != 1)
        tn_for_ranges(stretch->operands[0].size * images, GRAIN, scale_range, &job);
}

/* dx = scale dy, or for a maximum dy / equal where x is the greatest. */
static void gradient_piece(void *context, const struct tn_piece *piece)
{
    const struct job *job = context;
    const struct reduce *reduce = job->reduce;
    const struct tn_stretch *stretch = &reduce->stretch;
    size_t at = tn_operand_at(stretch, stretch->operands, piece);
    size_t step = tn_operand_step(stretch, stretch->operands);
    const float *dy = job->network->blobs[job->step->output].gradient + at;
    float *dx = job->to + tn_piece_at(stretch, piece);
    if (reduce->greatest)
        mark_greatest(job, piece, dx);
    for (size_t i = 0; i < piece->count; i++) {
        float share = dy[i * step] * reduce->scale;
        if (reduce->greatest)
            share = dx[i] > 0 ? share / reduce->equal[at + i * step] : 0;
        dx[i] = share;
    }
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct reduce *reduce = step->state;
    const struct tn_stretch *stretch = &reduce->stretch;
    struct job job = {network, step, reduce, tn_gradient_begin(network, step->input)};
    if (job.to && reduce->greatest)
        tn_stretch_sum(network, stretch, stretch->operands, (size_t)network->count, greatest_marks,
                       &job, reduce->equal);
    if (job.to)
        tn_stretch_walk(stretch, (size_t)network->count, gradient_piece, &job);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_reduce_ops = {
    .name = "Reduce",
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
