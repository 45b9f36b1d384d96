/* Dropout (Srivastava et al. 2014), inverted: kept numbers are scaled up while training. At
 * inference it is a view (plan.c). */
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "engine/step.h"

struct job {
    struct tn_network *network;
    struct tn_step *step;
    const float *a;
    float *y;
};

struct dropout {
    float ratio;
    float *mask; /* [max_batch, size] 0 or 1 / (1 - ratio) */
};

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct dropout *dropout = step->state = tn_calloc(1, sizeof *dropout);
    size_t count = network->blobs[step->input].size * (size_t)network->max_batch;
    if (dropout)
        dropout->mask = tn_want_memory(network, count, sizeof(float));
    if (!dropout || !dropout->mask)
        return tn_fail_memory(error, node->name, count * sizeof(float));
    const struct tn_tensor *ratio =
        tn_node_constant(network->graph, node, 1); /* opset 12 and later */
    dropout->ratio = ratio && tn_tensor_floats(ratio) && ratio->count == 1
                         ? *tn_tensor_floats(ratio)
                         : tn_node_float(node, "ratio", 0.5f);
    if (!(dropout->ratio >= 0 && dropout->ratio < 1))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': dropout ratio %g, expected 0 <= ratio < 1", node->name,
                       (double)dropout->ratio);
    return true;
}

static void drop_image(void *context, size_t n, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct dropout *dropout = job->step->state;
    size_t size = job->network->blobs[job->step->input].size;
    const float *x = job->a + n * size;
    float *y = job->y + n * size, *mask = dropout->mask + n * size;
    struct tn_random random;
    uint64_t stream = (job->network->iteration * 1024 + (uint64_t)job->step->node) * 65536 +
                      (uint64_t)job->network->first_image + n;
    tn_random_seed(&random, job->network->seed, stream);
    for (size_t i = 0; i < size; i++) {
        if (!job->network->frozen)
            mask[i] =
                tn_random_uniform(&random) < (double)dropout->ratio ? 0 : 1 / (1 - dropout->ratio);
        else
            mask[i] = 1;
        y[i] = x[i] * mask[i];
    }
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {network, step, network->blobs[step->input].data,
                      network->blobs[step->output].data};
    tn_parallel((size_t)network->count, drop_image, &job);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    const struct dropout *dropout = step->state;
    const float *dy = network->blobs[step->output].gradient;
    float *dx = tn_gradient_begin(network, step->input);
    size_t count = network->blobs[step->input].size * (size_t)network->count;
    for (size_t i = 0; dx && i < count; i++)
        dx[i] = dy[i] * dropout->mask[i];
    tn_gradient_done(network, step->input);
}

static void release(struct tn_step *step)
{
    struct dropout *dropout = step->state;
    if (!dropout)
        return;
    tn_free(dropout->mask);
    tn_free(dropout);
    step->state = NULL;
}

const struct tn_step_ops tn_dropout_ops = {
    .name = "Dropout",
    .in_place_backward = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
