#include "engine/trial.h"

#include "core/memory.h"
#include "core/random.h"

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

float *tn_trial_images(const struct tn_graph *graph, int batch, struct tn_error *error)
{
    size_t size = 0, count;
    if (!tn_input_size(graph, &size, error))
        return NULL;
    if (!tn_mul(size, (size_t)batch, &count)) {
        tn_fail(error, TN_ERROR_USE, "batch %d is too large", batch);
        return NULL;
    }
    float *images = tn_alloc(count, sizeof *images);
    if (!images) {
        tn_fail_memory(error, "images", count * sizeof *images);
        return NULL;
    }
    struct tn_random random;
    tn_random_seed(&random, 1, 0);
    for (size_t i = 0; i < count; i++)
        images[i] = (float)tn_random_normal(&random);
    return images;
}
