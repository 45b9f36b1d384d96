#include "engine/network.h"

#include "core/memory.h"
#include "core/threads.h"
#include "engine/plan.h"
#include "engine/step.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

struct tn_param *tn_step_param(const struct tn_network *network, const struct tn_step *step,
                               int index)
{
    const struct tn_node *node = tn_step_node(network, step);
    if (index >= node->input_count || node->inputs[index] == TN_NO_VALUE)
        return NULL;
    int param = network->param_of[node->inputs[index]];
    return param < 0 ? NULL : &network->params[param];
}

const struct tn_node *tn_step_node(const struct tn_network *network, const struct tn_step *step)
{
    return &network->graph->nodes[step->node];
}

const struct tn_value *tn_step_input_value(const struct tn_network *network,
                                           const struct tn_step *step)
{
    return &network->graph->values[tn_step_node(network, step)->inputs[0]];
}

const struct tn_value *tn_step_output_value(const struct tn_network *network,
                                            const struct tn_step *step)
{
    return &network->graph->values[tn_step_node(network, step)->outputs[0]];
}

void tn_want_scratch(struct tn_network *network, size_t floats)
{
    if (floats > network->scratch_floats)
        network->scratch_floats = floats;
}

float *tn_scratch(const struct tn_network *network, unsigned worker)
{
    return network->scratch[worker];
}

void tn_want_shared(struct tn_network *network, size_t floats)
{
    if (floats > network->shared_floats)
        network->shared_floats = floats;
}

float *tn_shared(const struct tn_network *network)
{
    return network->shared;
}

/* Scratch for every worker there is by now. */
static bool ensure_scratch(struct tn_network *network, struct tn_error *error)
{
    if (network->shared_floats > 0 && !network->shared &&
        !(network->shared = tn_calloc(network->shared_floats, sizeof(float))))
        return tn_fail_memory(error, "scratch memory", network->shared_floats * sizeof(float));
    unsigned workers = tn_threads_get();
    if (workers <= network->scratch_workers)
        return true;
    float **scratch =
        tn_realloc(network->scratch, network->scratch_workers, workers, sizeof *scratch);
    if (!scratch)
        return tn_fail_memory(error, "scratch memory", workers * sizeof *scratch);
    network->scratch = scratch;
    while (network->scratch_workers < workers) {
        float *memory = tn_calloc(network->scratch_floats, sizeof(float));
        if (!memory)
            return tn_fail_memory(error, "scratch memory", network->scratch_floats * sizeof(float));
        network->scratch[network->scratch_workers++] = memory;
    }
    return true;
}

struct range_job {
    size_t count, grain;
    void (*range)(void *context, size_t begin, size_t end, unsigned worker);
    void *context;
};

static void run_range(void *context, size_t index, unsigned worker)
{
    const struct range_job *job = context;
    size_t begin = index * job->grain, end = begin + job->grain;
    job->range(job->context, begin, end < job->count ? end : job->count, worker);
}

void tn_for_ranges(size_t count, size_t grain,
                   void (*range)(void *context, size_t begin, size_t end, unsigned worker),
                   void *context)
{
    struct range_job job = {count, grain, range, context};
    tn_parallel((count + grain - 1) / grain, run_range, &job);
}

static struct tn_network *make_network(const struct tn_graph *graph, int max_batch,
                                       enum tn_mode mode, bool watched, struct tn_error *error)
{
    if (!tn_graph_check_files(graph, error))
        return NULL;
    struct tn_network *network = tn_calloc(1, sizeof *network);
    if (!network) {
        tn_fail_memory(error, "a network", sizeof *network);
        return NULL;
    }
    openblas_set_num_threads(1); /* the pool's threads call it, each for itself */
    network->mode = mode;
    network->watched = watched;
    network->max_batch = max_batch;
    network->kernels = tn_kernels();
    network->graph = tn_graph_clone(graph, error);
    if (network->graph && tn_plan_steps(network, error) && tn_plan_memory(network, error))
        return network;
    tn_network_free(network);
    return NULL;
}

struct tn_network *tn_network_new(const struct tn_graph *graph, int max_batch, enum tn_mode mode,
                                  struct tn_error *error)
{
    return make_network(graph, max_batch, mode, false, error);
}

struct tn_network *tn_network_new_watched(const struct tn_graph *graph, int max_batch,
                                          struct tn_error *error)
{
    return make_network(graph, max_batch, TN_INFER, true, error);
}

void tn_network_free(struct tn_network *network)
{
    if (!network)
        return;
    for (int s = 0; s < network->step_count; s++) {
        if (network->steps[s].ops)
            network->steps[s].ops->release(&network->steps[s]);
        tn_free(network->steps[s].inputs);
        tn_free(network->steps[s].outputs);
    }
    for (int p = 0; network->mode == TN_TRAINING && p < network->param_count; p++) {
        tn_free(network->params[p].data);
        tn_free(network->params[p].gradient);
        tn_free(network->params[p].velocity);
        tn_free(network->params[p].share);
    }
    for (int s = 0; s < network->slot_count; s++)
        tn_free(network->slots[s].memory);
    for (unsigned w = 0; w < network->scratch_workers; w++)
        tn_free(network->scratch[w]);
    tn_free(network->scratch);
    tn_free(network->shared);
    tn_free(network->accumulate);
    tn_free(network->slots);
    tn_free(network->params);
    tn_free(network->blobs);
    tn_free(network->steps);
    tn_free(network->param_of);
    tn_free(network->blob_of);
    tn_graph_free(network->graph);
    tn_free(network);
}

bool tn_network_forward(struct tn_network *network, const float *images, int count,
                        const struct tn_observer *observer, const float **outputs,
                        struct tn_error *error)
{
    if (count < 1 || count > network->max_batch)
        return tn_fail(error, TN_ERROR_USE, "a batch of %d images, planned for 1 to %d", count,
                       network->max_batch);
    if (!ensure_scratch(network, error))
        return false;
    network->count = count;
    network->blobs[network->input_blob].data =
        (float *)(uintptr_t)images; /* read only: no step writes its input */
    for (int s = 0; s < network->step_count; s++) {
        struct tn_step *step = &network->steps[s];
        if (observer && !observer->before(observer->context, step->node,
                                          network->blobs[step->input].data, count, error))
            return false;
        if (tn_progress_cancelled(network->progress))
            return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
        step->ops->forward(network, step);
    }
    *outputs = network->blobs[network->output_blob].data;
    return true;
}

void tn_network_watch(struct tn_network *network, const struct tn_progress *progress)
{
    network->progress = progress;
}

int tn_network_outputs(const struct tn_network *network)
{
    return (int)network->blobs[network->output_blob].size;
}

/* --- backward --- */

float *tn_gradient_begin(struct tn_network *network, int index)
{
    struct tn_blob *blob = &network->blobs[index];
    if (!blob->wants_gradient)
        return NULL;
    return blob->gradient_set ? network->accumulate : blob->gradient;
}

struct add_job {
    const struct tn_network *network;
    float *to;
    const float *from;
};

enum { GRAIN = 16384 }; /* numbers a task */

static void add_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct add_job *job = context;
    job->network->kernels->add(end - begin, job->to + begin, job->from + begin, 0, job->to + begin);
}

void tn_gradient_done(struct tn_network *network, int index)
{
    struct tn_blob *blob = &network->blobs[index];
    if (blob->wants_gradient && blob->gradient_set) {
        struct add_job job = {network, blob->gradient, network->accumulate};
        tn_for_ranges(blob->size * (size_t)network->count, GRAIN, add_range, &job);
    }
    blob->gradient_set = true;
}

static void relu_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct add_job *job = context;
    job->network->kernels->relu_gradient(end - begin, job->from + begin, job->to + begin,
                                         job->to + begin);
}

static void undo_relu(struct tn_network *network, const struct tn_step *step)
{
    struct tn_blob *blob = &network->blobs[step->output];
    struct add_job job = {network, blob->gradient, blob->data};
    tn_for_ranges(blob->size * (size_t)network->count, GRAIN, relu_range, &job);
}

/* Parameters that several steps read get the sum of what each of them contributes: from the second
 * on, a contribution is made in `share` and then added. */
static bool start_sharing(struct tn_network *network, struct tn_error *error)
{
    for (int p = 0; p < network->param_count; p++) {
        struct tn_param *param = &network->params[p];
        param->gradient_set = false;
        if (param->uses > 1 && !param->share &&
            !(param->share = tn_calloc(param->count, sizeof(float))))
            return tn_fail_memory(error, "gradients", param->count * sizeof(float));
    }
    return true;
}

static void swap_share(struct tn_param *param)
{
    float *swap = param->gradient;
    param->gradient = param->share;
    param->share = swap;
}

static void run_backward(struct tn_network *network, struct tn_step *step)
{
    for (int i = 0; i < step->input_count; i++) {
        struct tn_param *param = tn_step_param(network, step, i);
        if (param && param->uses > 1 && param->gradient_set)
            swap_share(param);
    }
    step->ops->backward(network, step);
    for (int i = 0; i < step->input_count; i++) {
        struct tn_param *param = tn_step_param(network, step, i);
        if (param && param->uses > 1 && param->gradient_set) {
            swap_share(param);
            struct add_job job = {network, param->gradient, param->share};
            tn_for_ranges(param->count, GRAIN, add_range, &job);
        }
        if (param)
            param->gradient_set = true;
    }
}

/* The gradient of an output that nobody reads is zero. */
static void clear_unread(struct tn_network *network, const struct tn_step *step)
{
    for (int i = 0; i < step->output_count; i++) {
        struct tn_blob *blob = step->outputs[i] < 0 ? NULL : &network->blobs[step->outputs[i]];
        if (blob && blob->wants_gradient && !blob->gradient_set)
            memset(blob->gradient, 0, blob->size * (size_t)network->count * sizeof(float));
    }
}

bool tn_network_backward_observed(struct tn_network *network, const float *output_gradient,
                                  const struct tn_observer *observer, struct tn_error *error)
{
    struct tn_blob *output = &network->blobs[network->output_blob];
    if (!output->gradient && !tn_plan_gradients(network, error))
        return false;
    if (!output->gradient)
        return tn_fail(error, TN_ERROR_USE, "the network has no weights to train");
    if (!start_sharing(network, error))
        return false;
    for (int b = 0; b < network->blob_count; b++)
        network->blobs[b].gradient_set = false;
    output->gradient_set = true;
    memcpy(output->gradient, output_gradient,
           output->size * (size_t)network->count * sizeof(float));
    for (int s = network->step_count - 1; s >= 0; s--) {
        struct tn_step *step = &network->steps[s];
        if (!network->blobs[step->output].wants_gradient)
            continue;
        if (tn_progress_cancelled(network->progress))
            return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
        clear_unread(network, step);
        if (observer &&
            !observer->before(observer->context, step->node, NULL, network->count, error))
            return false;
        if (step->relu && !step->ops->own_relu_gradient)
            undo_relu(network, step);
        run_backward(network, step);
    }
    return true;
}

bool tn_network_backward(struct tn_network *network, const float *output_gradient,
                         struct tn_error *error)
{
    return tn_network_backward_observed(network, output_gradient, NULL, error);
}

const float *tn_network_gradient(const struct tn_network *network, int value)
{
    int param = network->param_of[value];
    return param < 0 || !network->params[param].trainable ? NULL : network->params[param].gradient;
}

void tn_network_want_input_gradient(struct tn_network *network)
{
    network->wants_input_gradient = true;
}

const float *tn_network_input_gradient(struct tn_network *network)
{
    return network->blobs[network->input_blob].gradient;
}

bool tn_network_store(const struct tn_network *network, struct tn_graph *graph,
                      struct tn_error *error)
{
    for (int p = 0; p < network->param_count; p++) {
        const struct tn_param *param = &network->params[p];
        const struct tn_tensor *old = graph->values[param->value].constant;
        if (!tn_tensor_floats(old))
            continue; /* whole numbers, which are not trained */
        struct tn_tensor *tensor = tn_tensor_new(TN_FLOAT32, old->rank, old->dims, error);
        if (!tensor)
            return false;
        memcpy(tensor->data, param->data, param->count * sizeof(float));
        tn_graph_set_constant(graph, param->value, tensor);
    }
    return true;
}

void tn_network_freeze(struct tn_network *network)
{
    network->frozen = true;
}

const char *tn_network_path(const struct tn_network *network, int node)
{
    for (int s = 0; s < network->step_count; s++)
        if (network->steps[s].node == node)
            return tn_conv_path_name(&network->steps[s]);
    return NULL;
}

int tn_network_maker(const struct tn_network *network, int value)
{
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        for (int i = 0; i < step->output_count; i++) {
            if (step->outputs[i] >= 0 && step->outputs[i] == network->blob_of[value])
                return step->node;
        }
    }
    return TN_NO_NODE;
}

const float *tn_network_value(const struct tn_network *network, int value)
{
    int blob = network->blob_of[value];
    return blob < 0 ? NULL : network->blobs[blob].data;
}

const float *tn_network_value_gradient(const struct tn_network *network, int value)
{
    int blob = network->blob_of[value];
    return blob < 0 || !network->blobs[blob].wants_gradient ? NULL : network->blobs[blob].gradient;
}

void tn_network_seed(struct tn_network *network, uint64_t seed)
{
    network->seed = seed;
}

static bool is_finite(const struct tn_network *network, const struct tn_blob *blob)
{
    for (size_t i = 0; i < blob->size * (size_t)network->count; i++)
        if (!isfinite(blob->data[i]))
            return false;
    return true;
}

const char *tn_network_first_bad(const struct tn_network *network)
{
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        for (int i = 0; i < step->output_count; i++)
            if (step->outputs[i] >= 0 && !is_finite(network, &network->blobs[step->outputs[i]]))
                return tn_step_node(network, step)->name;
    }
    return NULL;
}

size_t tn_network_bytes(const struct tn_network *network)
{
    size_t floats = network->shared_floats + network->scratch_floats * network->scratch_workers +
                    network->accumulate_floats * (size_t)network->max_batch;
    for (int s = 0; s < network->slot_count; s++)
        floats += network->slots[s].size * (size_t)network->max_batch;
    for (int p = 0; network->mode == TN_TRAINING && p < network->param_count; p++)
        floats += 3 * network->params[p].count;
    return floats * sizeof(float);
}
