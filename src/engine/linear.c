#include "engine/linear.h"

#include "core/memory.h"
#include "core/threads.h"

#include <cblas.h>
#include <limits.h>

enum { ROWS = 1024 }; /* of a task */

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const struct tn_linear *linear;
    size_t rows; /* of all images at hand */
    float *gradient;
};

bool tn_linear_check(const struct tn_network *network, const struct tn_step *step,
                     const struct tn_linear *linear, struct tn_error *error)
{
    size_t rows;
    if (!tn_mul(linear->rows, (size_t)network->max_batch, &rows) || rows > INT_MAX)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': it multiplies %zu rows an image",
                       tn_step_node(network, step)->name, linear->rows);
    return true;
}

/* Columns of a task: a wide layer's are enough for all threads. */
static int columns(int total)
{
    return total >= 1024 ? 256 : 64;
}

static int column_blocks(int total)
{
    return (total + columns(total) - 1) / columns(total);
}

static int width(int total, int block)
{
    int left = total - block * columns(total);
    return left < columns(total) ? left : columns(total);
}

static size_t row_blocks(const struct job *job)
{
    return (job->rows + ROWS - 1) / ROWS;
}

static int height(const struct job *job, size_t block)
{
    size_t left = job->rows - block * ROWS;
    return left < ROWS ? (int)left : ROWS;
}

static struct tn_param *weights_of(const struct job *job)
{
    return tn_step_param(job->network, job->step, job->linear->weights);
}

/* From where the weights of output `o` are read. */
static size_t weights_at(const struct tn_linear *linear, int o)
{
    return linear->transposed ? (size_t)o * (size_t)linear->in : (size_t)o;
}

static int weights_stride(const struct tn_linear *linear)
{
    return linear->transposed ? linear->in : linear->out;
}

/* C of the image that `row` belongs to. */
static const float *bias_of(const struct job *job, size_t row)
{
    const struct tn_param *bias = tn_step_param(job->network, job->step, 2);
    if (bias)
        return bias->data;
    return job->network->blobs[job->step->inputs[2]].data +
           row / job->linear->rows * job->linear->bias_count;
}

static void finish_row(const struct job *job, size_t row, int begin, int count, float *y)
{
    const struct tn_linear *linear = job->linear;
    const float *bias = linear->bias_count ? bias_of(job, row) : NULL;
    for (int o = 0; bias && o < count; o++)
        y[o] += linear->beta * bias[linear->bias_count == 1 ? 0 : begin + o];
    for (int o = 0; job->step->relu && o < count; o++)
        y[o] = y[o] < 0 ? 0 : y[o];
}

static void forward_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct tn_linear *linear = job->linear;
    size_t blocks = (size_t)column_blocks(linear->out), row = index / blocks * ROWS;
    int block = (int)(index % blocks), begin = block * columns(linear->out),
        count = width(linear->out, block), rows = height(job, index / blocks);
    const float *x = job->network->blobs[job->step->input].data + row * (size_t)linear->in;
    float *y = job->network->blobs[job->step->output].data + row * (size_t)linear->out + begin;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, linear->transposed ? CblasTrans : CblasNoTrans, rows,
                count, linear->in, linear->alpha, x, linear->in,
                weights_of(job)->data + weights_at(linear, begin), weights_stride(linear), 0, y,
                linear->out);
    for (int r = 0; r < rows; r++)
        finish_row(job, row + (size_t)r, begin, count, y + (size_t)r * (size_t)linear->out);
}

void tn_linear_forward(struct tn_network *network, struct tn_step *step,
                       const struct tn_linear *linear)
{
    struct job job = {network, step, linear, (size_t)network->count * linear->rows, NULL};
    tn_parallel(row_blocks(&job) * (size_t)column_blocks(linear->out), forward_block, &job);
}

static void weight_gradient_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct tn_linear *linear = job->linear;
    int begin = (int)block * columns(linear->out), count = width(linear->out, (int)block),
        rows = (int)job->rows;
    const float *x = job->network->blobs[job->step->input].data;
    const float *dy = job->network->blobs[job->step->output].gradient + begin;
    float *dw = weights_of(job)->gradient + weights_at(linear, begin);
    if (linear->transposed)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, count, linear->in, rows, linear->alpha,
                    dy, linear->out, x, linear->in, 0, dw, weights_stride(linear));
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, linear->in, count, rows, linear->alpha,
                    x, linear->in, dy, linear->out, 0, dw, weights_stride(linear));
}

static void input_gradient_block(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct tn_linear *linear = job->linear;
    size_t blocks = (size_t)column_blocks(linear->in), row = index / blocks * ROWS;
    int block = (int)(index % blocks), begin = block * columns(linear->in);
    const float *dy = job->network->blobs[job->step->output].gradient + row * (size_t)linear->out;
    const float *w = weights_of(job)->data +
                     (linear->transposed ? (size_t)begin : (size_t)begin * (size_t)linear->out);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, linear->transposed ? CblasNoTrans : CblasTrans,
                height(job, index / blocks), width(linear->in, block), linear->out, linear->alpha,
                dy, linear->out, w, weights_stride(linear), 0,
                job->gradient + row * (size_t)linear->in + begin, linear->in);
}

/* Sum over rows first .. last - 1 of dy, times beta, one number for each of C's. */
static void sum_rows(const struct job *job, size_t first, size_t last, float *gradient)
{
    const struct tn_linear *linear = job->linear;
    const float *dy = job->network->blobs[job->step->output].gradient;
    double total = 0;
    for (int o = 0; o < linear->out; o++) {
        double sum = 0;
        for (size_t row = first; row < last; row++)
            sum += (double)dy[row * (size_t)linear->out + (size_t)o];
        total += sum;
        if (linear->bias_count != 1)
            gradient[o] = linear->beta * (float)sum;
    }
    if (linear->bias_count == 1)
        gradient[0] = linear->beta * (float)total;
}

static void bias_gradient(const struct job *job)
{
    const struct tn_linear *linear = job->linear;
    struct tn_param *bias = tn_step_param(job->network, job->step, 2);
    if (bias) {
        sum_rows(job, 0, job->rows, bias->gradient);
        return;
    }
    int blob = job->step->inputs[2];
    float *gradient = tn_gradient_begin(job->network, blob);
    for (size_t n = 0; gradient && n < (size_t)job->network->count; n++)
        sum_rows(job, n * linear->rows, (n + 1) * linear->rows, gradient + n * linear->bias_count);
    tn_gradient_done(job->network, blob);
}

void tn_linear_backward(struct tn_network *network, struct tn_step *step,
                        const struct tn_linear *linear)
{
    struct job job = {network, step, linear, (size_t)network->count * linear->rows, NULL};
    tn_parallel((size_t)column_blocks(linear->out), weight_gradient_block, &job);
    if (linear->bias_count)
        bias_gradient(&job);
    job.gradient = tn_gradient_begin(network, step->input);
    if (job.gradient)
        tn_parallel(row_blocks(&job) * (size_t)column_blocks(linear->in), input_gradient_block,
                    &job);
    tn_gradient_done(network, step->input);
}
