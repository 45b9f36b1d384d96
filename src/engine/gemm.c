/* Fully connected layers: y = alpha x W^T + beta b, by OpenBLAS; a task is a block of columns. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/step.h"

#include <cblas.h>

enum { COLUMNS = 256 }; /* of a task */

struct gemm {
    int in, out;
    bool transposed; /* weights are [out,in], as PyTorch writes them; else [in,out] */
    float alpha, beta;
    size_t bias_count; /* out, 1, or 0 without bias */
};

struct job {
    struct tn_network *network;
    struct tn_step *step;
    float *input_gradient;
};

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct gemm *gemm = step->state = tn_calloc(1, sizeof *gemm);
    if (!gemm)
        return tn_fail_memory(error, node->name, sizeof *gemm);
    const struct tn_param *weights = tn_step_param(network, step, 1),
                          *bias = tn_step_param(network, step, 2);
    gemm->in = (int)network->blobs[step->input].size;
    gemm->out = (int)network->blobs[step->output].size;
    gemm->transposed = tn_node_int(node, "transB", 0) != 0;
    gemm->alpha = tn_node_float(node, "alpha", 1);
    gemm->beta = tn_node_float(node, "beta", 1);
    gemm->bias_count = bias ? bias->count : 0;
    if (!weights || tn_node_int(node, "transA", 0) != 0)
        return tn_fail(
            error, TN_ERROR_INPUT,
            "node '%s': Gemm is run with constant weights and an input that is not transposed",
            node->name);
    if (weights->count != (size_t)gemm->in * (size_t)gemm->out ||
        (bias && bias->count != (size_t)gemm->out && bias->count != 1))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': weights do not fit %d inputs and %d outputs", node->name,
                       gemm->in, gemm->out);
    return true;
}

static int width(int total, size_t block)
{
    int begin = (int)block * COLUMNS;
    return total - begin < COLUMNS ? total - begin : COLUMNS;
}

static size_t blocks(int total)
{
    return (size_t)(total + COLUMNS - 1) / COLUMNS;
}

static void forward_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    struct tn_network *network = job->network;
    const struct gemm *gemm = job->step->state;
    const float *x = network->blobs[job->step->input].data;
    float *y = network->blobs[job->step->output].data;
    const struct tn_param *bias = tn_step_param(network, job->step, 2);
    const float *w = tn_step_param(network, job->step, 1)->data;
    int begin = (int)block * COLUMNS, columns = width(gemm->out, block), count = network->count;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, gemm->transposed ? CblasTrans : CblasNoTrans, count,
                columns, gemm->in, gemm->alpha, x, gemm->in,
                gemm->transposed ? w + (size_t)begin * (size_t)gemm->in : w + begin,
                gemm->transposed ? gemm->in : gemm->out, 0, y + begin, gemm->out);
    for (int n = 0; n < count; n++)
        for (int o = begin; o < begin + columns; o++) {
            float *at = y + (size_t)n * (size_t)gemm->out + o;
            if (bias)
                *at += gemm->beta * bias->data[gemm->bias_count == 1 ? 0 : o];
            if (job->step->relu && *at < 0)
                *at = 0;
        }
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct gemm *gemm = step->state;
    struct job job = {network, step, NULL};
    tn_parallel(blocks(gemm->out), forward_block, &job);
}

static void weight_gradient_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    struct tn_network *network = job->network;
    const struct gemm *gemm = job->step->state;
    const float *x = network->blobs[job->step->input].data;
    const float *dy = network->blobs[job->step->output].gradient;
    float *dw = tn_step_param(network, job->step, 1)->gradient;
    int begin = (int)block * COLUMNS, columns = width(gemm->out, block), count = network->count;
    if (gemm->transposed)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns, gemm->in, count, gemm->alpha,
                    dy + begin, gemm->out, x, gemm->in, 0, dw + (size_t)begin * (size_t)gemm->in,
                    gemm->in);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, gemm->in, columns, count, gemm->alpha,
                    x, gemm->in, dy + begin, gemm->out, 0, dw + begin, gemm->out);
}

static void input_gradient_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    struct tn_network *network = job->network;
    const struct gemm *gemm = job->step->state;
    const float *w = tn_step_param(network, job->step, 1)->data;
    const float *dy = network->blobs[job->step->output].gradient;
    int begin = (int)block * COLUMNS, columns = width(gemm->in, block);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, gemm->transposed ? CblasNoTrans : CblasTrans,
                network->count, columns, gemm->out, gemm->alpha, dy, gemm->out,
                gemm->transposed ? w + begin : w + (size_t)begin * (size_t)gemm->out,
                gemm->transposed ? gemm->in : gemm->out, 0, job->input_gradient + begin, gemm->in);
}

static void bias_gradient(struct tn_network *network, struct tn_step *step)
{
    const struct gemm *gemm = step->state;
    struct tn_param *bias = tn_step_param(network, step, 2);
    const float *dy = network->blobs[step->output].gradient;
    if (!bias)
        return;
    double total = 0;
    for (int o = 0; o < gemm->out; o++) {
        double sum = 0;
        for (int n = 0; n < network->count; n++)
            sum += (double)dy[(size_t)n * (size_t)gemm->out + (size_t)o];
        total += sum;
        if (gemm->bias_count != 1)
            bias->gradient[o] = gemm->beta * (float)sum;
    }
    if (gemm->bias_count == 1)
        bias->gradient[0] = gemm->beta * (float)total;
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct gemm *gemm = step->state;
    struct job job = {network, step, tn_gradient_begin(network, step->input)};
    tn_parallel(blocks(gemm->out), weight_gradient_block, &job);
    bias_gradient(network, step);
    if (job.input_gradient)
        tn_parallel(blocks(gemm->in), input_gradient_block, &job);
    tn_gradient_done(network, step->input);
}

static void release(struct tn_step *step)
{
    tn_free(step->state);
    step->state = NULL;
}

const struct tn_step_ops tn_gemm_ops = {
    .weights = 1u << 1 | 1u << 2,
    .name = "Gemm",
    .relu_fuses = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
