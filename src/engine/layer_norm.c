/* LayerNormalization (Ba, Kiros, Hinton 2016): rows of all numbers from an axis on are brought to
 * mean 0 and variance 1, then scaled and shifted number by number. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/step.h"
#include "model/axes.h"

#include <math.h>

enum {
    PARAM_SCALE = 1,
    PARAM_SHIFT,
    GRAIN = 8192, /* numbers a task, about */
    SLICES = 16   /* of the rows, whose sums for the parameters are made apart and then added */
};

struct layer_norm {
    size_t rows; /* an image */
    size_t length;
    float epsilon;
    float *mean, *inverse; /* [max_batch x rows] as of the last forward; inverse = 1 / deviation */
    double *sums;          /* training: [SLICES, 2, length] of dy x^ and of dy */
};

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const struct layer_norm *norm;
    size_t rows; /* of the batch */
    float *to;
};

static void release(struct tn_step *step)
{
    struct layer_norm *norm = step->state;
    if (!norm)
        return;
    tn_free(norm->mean);
    tn_free(norm->inverse);
    tn_free(norm->sums);
    tn_free(norm);
    step->state = NULL;
}

static bool check_params(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct layer_norm *norm = step->state;
    for (int i = PARAM_SCALE; i <= PARAM_SHIFT; i++) {
        const struct tn_param *param = tn_step_param(network, step, i);
        bool given = i < node->input_count && node->inputs[i] != TN_NO_VALUE;
        if (!given && i == PARAM_SHIFT)
            continue;
        if (!param || param->count != norm->length)
            return tn_fail(error, TN_ERROR_INPUT,
                           "node '%s': LayerNormalization is run with a constant %s of %zu numbers",
                           node->name, i == PARAM_SCALE ? "scale" : "shift", norm->length);
    }
    return true;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *input = tn_step_input_value(network, step);
    int axis;
    struct layer_norm *norm = step->state = tn_calloc(1, sizeof *norm);
    if (!norm)
        return tn_fail_memory(error, node->name, sizeof *norm);
    if (!tn_axis_of(node, input->rank, -1, &axis, error))
        return tn_fail_in(error, "node '%s'", node->name);
    if (axis == 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': LayerNormalization over the batch cannot be run", node->name);
    norm->rows = norm->length = 1;
    for (int d = 1; d < input->rank; d++)
        *(d < axis ? &norm->rows : &norm->length) *= (size_t)input->dims[d];
    norm->epsilon = tn_node_float(node, "epsilon", 1e-5f);
    size_t rows = norm->rows * (size_t)network->max_batch, sums = 2 * SLICES * norm->length;
    norm->mean = tn_want_memory(network, rows, sizeof(float));
    norm->inverse = tn_want_memory(network, rows, sizeof(float));
    norm->sums = tn_want_memory(network, network->mode == TN_TRAINING ? sums : 0, sizeof(double));
    if (!norm->mean || !norm->inverse || !norm->sums)
        return tn_fail_memory(error, node->name, 2 * rows * sizeof(float) + sums * sizeof(double));
    return check_params(network, step, error);
}

static const float *param_data(const struct job *job, int index)
{
    const struct tn_param *param = tn_step_param(job->network, job->step, index);
    return param ? param->data : NULL;
}

static void forward_row(const struct job *job, size_t row, const float *scale, const float *shift)
{
    const struct layer_norm *norm = job->norm;
    size_t length = norm->length;
    const float *x = job->network->blobs[job->step->input].data + row * length;
    float *y = job->to + row * length;
    double sum = 0, squares = 0, first = (double)x[0];
    job->network->kernels->moments(length, x, x[0], &sum, &squares);
    double offset = sum / (double)length;
    double variance = squares / (double)length - offset * offset;
    float mean = (float)(first + offset);
    float inverse = (float)(1 / sqrt((variance > 0 ? variance : 0) + (double)norm->epsilon));
    if (isnan(variance))
        inverse = NAN;
    norm->mean[row] = mean;
    norm->inverse[row] = inverse;
    for (size_t i = 0; i < length; i++)
        y[i] = (x[i] - mean) * inverse * scale[i];
    for (size_t i = 0; shift && i < length; i++)
        y[i] += shift[i];
}

static void forward_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const float *scale = param_data(job, PARAM_SCALE), *shift = param_data(job, PARAM_SHIFT);
    for (size_t row = begin; row < end; row++)
        forward_row(job, row, scale, shift);
}

static void for_rows(struct job *job, void (*range)(void *, size_t, size_t, unsigned))
{
    tn_for_ranges(job->rows, (GRAIN + job->norm->length - 1) / job->norm->length, range, job);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct layer_norm *norm = step->state;
    struct job job = {network, step, norm, norm->rows * (size_t)network->count,
                      network->blobs[step->output].data};
    for_rows(&job, forward_range);
}

/* With x^ = (x - mean) inverse and h = scale dy: dx = inverse (h - mean(h) - x^ mean(h x^)). dx may
 * be dy. */
static void gradient_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct layer_norm *norm = job->norm;
    const float *scale = param_data(job, PARAM_SCALE);
    size_t length = norm->length;
    for (size_t row = begin; row < end; row++) {
        const float *x = job->network->blobs[job->step->input].data + row * length;
        const float *dy = job->network->blobs[job->step->output].gradient + row * length;
        float *dx = job->to + row * length, mean = norm->mean[row], inverse = norm->inverse[row];
        double sum = 0, product = 0;
        for (size_t i = 0; i < length; i++) {
            float h = dy[i] * scale[i];
            sum += (double)h;
            product += (double)h * (double)((x[i] - mean) * inverse);
        }
        float a = (float)(sum / (double)length), b = (float)(product / (double)length);
        for (size_t i = 0; i < length; i++)
            dx[i] = inverse * (dy[i] * scale[i] - a - (x[i] - mean) * inverse * b);
    }
}

/* d scale = sum over rows of dy x^, d shift = sum of dy, of one slice of the rows */
static void sum_slice(void *context, size_t slice, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct layer_norm *norm = job->norm;
    size_t length = norm->length, begin = job->rows * slice / SLICES;
    size_t end = job->rows * (slice + 1) / SLICES;
    double *products = norm->sums + slice * 2 * length, *sums = products + length;
    for (size_t i = 0; i < 2 * length; i++)
        products[i] = 0;
    for (size_t row = begin; row < end; row++) {
        const float *x = job->network->blobs[job->step->input].data + row * length;
        const float *dy = job->network->blobs[job->step->output].gradient + row * length;
        float mean = norm->mean[row], inverse = norm->inverse[row];
        for (size_t i = 0; i < length; i++) {
            products[i] += (double)(dy[i] * ((x[i] - mean) * inverse));
            sums[i] += (double)dy[i];
        }
    }
}

static void param_gradients(struct job *job)
{
    const struct layer_norm *norm = job->norm;
    struct tn_param *scale = tn_step_param(job->network, job->step, PARAM_SCALE);
    struct tn_param *shift = tn_step_param(job->network, job->step, PARAM_SHIFT);
    tn_parallel(SLICES, sum_slice, job);
    for (size_t i = 0; i < norm->length; i++) {
        double product = 0, sum = 0;
        for (size_t s = 0; s < SLICES; s++) {
            product += norm->sums[2 * s * norm->length + i];
            sum += norm->sums[(2 * s + 1) * norm->length + i];
        }
        scale->gradient[i] = (float)product;
        if (shift)
            shift->gradient[i] = (float)sum;
    }
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct layer_norm *norm = step->state;
    struct job job = {network, step, norm, norm->rows * (size_t)network->count,
                      tn_gradient_begin(network, step->input)};
    param_gradients(&job);
    if (job.to)
        for_rows(&job, gradient_range);
    tn_gradient_done(network, step->input);
}

const struct tn_step_ops tn_layer_norm_ops = {
    .weights = 1u << PARAM_SCALE | 1u << PARAM_SHIFT,
    .constants = 1u << PARAM_SCALE | 1u << PARAM_SHIFT,
    .name = "LayerNormalization",
    .in_place_forward = true,
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
