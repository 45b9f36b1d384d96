#include "engine/trial.h"

#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"

bool tn_input_size(const struct tn_graph *graph, size_t *size, struct tn_error *error)
{
    const struct tn_value *input = graph->input_count ? &graph->values[graph->inputs[0]] : NULL;
    *size = 1;
    if (!input || !input->has_shape || input->rank < 1 || input->dims[0] != TN_BATCH)
        return tn_fail(error, TN_ERROR_INPUT, "the network's input is no batch of known shape");
    for (int i = 1; i < input->rank; i++)
        if (!tn_mul(*size, (size_t)input->dims[i], size))
            return tn_fail(error, TN_ERROR_INPUT, "the network's input is too large");
    return true;
}

size_t tn_weights_bytes(const struct tn_graph *graph)
{
    size_t bytes = 0;
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].constant && tn_tensor_floats(graph->values[v].constant))
            bytes += graph->values[v].constant->count * sizeof(float);
    return bytes;
}

struct images {
    size_t size; /* numbers of one */
    float *images;
};

static void draw_image(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct images *job = context;
    struct tn_random random;
    tn_random_seed(&random, 1, index);
    for (float *at = job->images + index * job->size, *end = at + job->size; at < end; at++)
        *at = (float)tn_random_normal(&random);
}

float *tn_trial_images(const struct tn_graph *graph, int batch, struct tn_error *error)
{
    size_t size = 0, count;
    if (!tn_input_size(graph, &size, error))
        return NULL;
    if (!tn_mul(size, (size_t)batch, &count)) {
        tn_fail(error, TN_ERROR_USE, "batch %d is too large", batch);
        return NULL;
    }
    struct images job = {size, tn_alloc(count, sizeof(float))};
    if (!job.images) {
        tn_fail_memory(error, "images", count * sizeof(float));
        return NULL;
    }
    tn_parallel((size_t)batch, draw_image, &job);
    return job.images;
}
