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

struct filling {
    char *memory;
    const char *from; /* NULL: zeros */
    size_t unit;
};

static void fill(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct filling *f = context;
    size_t at = begin * f->unit, bytes = (end - begin) * f->unit;
    if (f->from)
        memcpy(f->memory + at, f->from + at, bytes);
    else
        memset(f->memory + at, 0, bytes);
}

/* Memory that the system gives for the first time takes seconds for a GB: all threads fetch it, in
 * pieces after each of which a cancelled plan stops. */
static void *want_filled(struct tn_network *network, const void *from, size_t count, size_t size)
{
    enum { GRAIN = 4 << 20 };
    size_t bytes;
    if (!tn_mul(count, size, &bytes))
        return NULL;
    network->held_bytes += bytes;
    if (network->sizes_only)
        return tn_calloc(1, size);
    struct filling filling = {tn_alloc(count, size), from, size};
    if (filling.memory)
        tn_for_ranges(count, (GRAIN + size - 1) / size, fill, &filling);
    return filling.memory;
}

void *tn_want_memory(struct tn_network *network, size_t count, size_t size)
{
    return want_filled(network, NULL, count, size);
}

float *tn_want_copy(struct tn_network *network, const float *from, size_t count)
{
    return want_filled(network, from, count, sizeof *from);
}

static bool take(float **memory, size_t floats, const char *what, struct tn_error *error)
{
    if (floats > 0 && !*memory && !(*memory = tn_calloc(floats, sizeof(float))))
        return tn_fail_memory(error, what, floats * sizeof(float));
    return true;
}

/* Scratch for every worker there is by now, and activations. */
static bool ensure_memory(struct tn_network *network, struct tn_error *error)
{
    if (network->wants_new_plan) {
        tn_network_rest(network);
        if (!tn_plan_memory(network, error))
            return false;
        network->wants_new_plan = false;
    }
    if (!tn_plan_arena(network, error) ||
        !take(&network->shared, network->shared_floats, "scratch memory", error) ||
        !take(&network->spare, network->spare_floats, "gradients", error))
        return false;
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

void tn_network_rest(struct tn_network *network)
{
    for (unsigned w = 0; w < network->scratch_workers; w++)
        tn_free(network->scratch[w]);
    tn_free(network->scratch);
    tn_free(network->shared);
    tn_free(network->spare);
    tn_free(network->arena);
    network->scratch_workers = 0;
    network->scratch = NULL;
    network->shared = network->spare = network->arena = NULL;
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

/* Gradients of parameters that several steps read, or that several pieces of a batch add to, are
 * summed: the room for what one step adds. */
static void want_spare(struct tn_network *network)
{
    network->spare_floats = 0;
    for (int s = 0; network->mode == TN_TRAINING && s < network->step_count; s++) {
        size_t floats = 0;
        for (int i = 0; i < network->steps[s].input_count; i++) {
            const struct tn_param *param = tn_step_param(network, &network->steps[s], i);
            if (param && param->trainable && (network->pieces || param->uses > 1))
                floats += param->count;
        }
        if (floats > network->spare_floats)
            network->spare_floats = floats;
    }
}

/* Segments so short that all fits into `most` bytes, or those with which the least is needed. */
static bool shorten_segments(struct tn_network *network, size_t most, struct tn_error *error)
{
    enum { SHORTEST = 64 }; /* part of all that is made */
    size_t made = tn_plan_made(network), best = SIZE_MAX, least = tn_network_bytes(network);
    for (size_t part = 2; part <= SHORTEST; part += (part + 2) / 3) {
        network->most_inside = made / part;
        if (!tn_plan_memory(network, error))
            return false;
        size_t bytes = tn_network_bytes(network);
        if (bytes <= most)
            return true;
        if (bytes < least) {
            least = bytes;
            best = network->most_inside;
        }
    }
    network->most_inside = best;
    return tn_plan_memory(network, error);
}

static bool go_on(const struct tn_network *network, struct tn_error *error)
{
    return !tn_progress_cancelled(network->progress) ||
           tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
}

/* One layer of a large batch can take seconds: once a watched network is cancelled, its jobs leave
 * out what has not begun. Returns what end_work is to put back. */
static const atomic_bool *begin_work(const struct tn_network *network)
{
    return tn_parallel_cancel(network->progress ? network->progress->cancelled : NULL);
}

/* What jobs left out is not there, be it in the last layer: the work has failed then. */
static bool end_work(const struct tn_network *network, const atomic_bool *before, bool done,
                     struct tn_error *error)
{
    tn_parallel_cancel(before);
    return done && go_on(network, error);
}

static bool plan_all(struct tn_network *network, const struct tn_network_options *options,
                     struct tn_error *error)
{
    network->most_inside = SIZE_MAX;
    if (!network->graph || !tn_plan_steps(network, error))
        return false;
    if (options->evaluating)
        tn_plan_portions(network);
    if (!tn_plan_memory(network, error))
        return false;
    want_spare(network);
    bool fits = options->most_bytes == 0 || tn_network_bytes(network) <= options->most_bytes;
    return fits || network->mode == TN_INFER ||
           shorten_segments(network, options->most_bytes, error);
}

static struct tn_network *plan(const struct tn_graph *graph,
                               const struct tn_network_options *options, bool sizes_only,
                               struct tn_error *error)
{
    if (!tn_graph_check_files(graph, error))
        return NULL;
    struct tn_network *network = tn_calloc(1, sizeof *network);
    if (!network) {
        tn_fail_memory(error, "a network", sizeof *network);
        return NULL;
    }
    openblas_set_num_threads(1); /* the pool's threads call it, each for itself */
    network->mode = options->mode;
    network->watched = options->watched;
    network->max_batch = options->max_batch;
    network->sizes_only = sizes_only;
    network->pieces = options->pieces;
    network->kernels = tn_kernels();
    network->progress = options->progress;
    network->graph = tn_graph_clone(graph, error);
    const atomic_bool *before = begin_work(network);
    if (end_work(network, before, plan_all(network, options, error), error))
        return network;
    tn_network_free(network);
    return NULL;
}

struct tn_network *tn_network_new_with(const struct tn_graph *graph,
                                       const struct tn_network_options *options,
                                       struct tn_error *error)
{
    struct tn_network *network = plan(graph, options, false, error);
    if (network && !tn_plan_arena(network, error)) {
        tn_network_free(network);
        return NULL;
    }
    return network;
}

struct tn_network *tn_network_new(const struct tn_graph *graph, int max_batch, enum tn_mode mode,
                                  struct tn_error *error)
{
    struct tn_network_options options = {.max_batch = max_batch, .mode = mode};
    return tn_network_new_with(graph, &options, error);
}

struct tn_network *tn_network_new_evaluating(const struct tn_graph *graph, int max_batch,
                                             const struct tn_progress *progress,
                                             struct tn_error *error)
{
    struct tn_network_options options = {
        .max_batch = max_batch, .mode = TN_INFER, .evaluating = true, .progress = progress};
    return tn_network_new_with(graph, &options, error);
}

struct tn_network *tn_network_new_watched(const struct tn_graph *graph, int max_batch,
                                          struct tn_error *error)
{
    struct tn_network_options options = {.max_batch = max_batch, .mode = TN_INFER, .watched = true};
    return tn_network_new_with(graph, &options, error);
}

bool tn_network_needs(const struct tn_graph *graph, const struct tn_network_options *options,
                      struct tn_needs *needs, struct tn_error *error)
{
    struct tn_network *network = plan(graph, options, true, error);
    if (!network)
        return false;
    *needs = (struct tn_needs){.bytes = tn_network_bytes(network),
                               .resting = network->held_bytes,
                               .segments = network->segment_count,
                               .splits = true};
    for (int s = 0; s < network->step_count; s++)
        needs->splits &= !network->steps[s].ops->mixes_images;
    tn_network_free(network);
    return true;
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
    }
    tn_network_rest(network);
    tn_free(network->params);
    tn_free(network->blobs);
    tn_free(network->steps);
    tn_free(network->param_of);
    tn_free(network->blob_of);
    tn_graph_free(network->graph);
    tn_free(network);
}

/* Steps work on `count` images from `first` on. */
static void take_images(struct tn_network *network, const float *images, int first, int count)
{
    network->count = count;
    tn_plan_point(network, first);
    struct tn_blob *input = &network->blobs[network->input_blob];
    /* Read only: no step writes its input. */
    input->data = (float *)(uintptr_t)images + (size_t)first * input->size;
}

static bool run_steps(struct tn_network *network, int begin, int end,
                      const struct tn_observer *observer, struct tn_error *error)
{
    for (int s = begin; s < end; s++) {
        struct tn_step *step = &network->steps[s];
        if (!go_on(network, error))
            return false; /* before anybody looks at what an operator may have left out */
        if (observer && !observer->before(observer->context, step->node,
                                          network->blobs[step->input].data, network->count, error))
            return false;
        step->ops->forward(network, step);
    }
    return true;
}

static bool run_forward(struct tn_network *network, const float *images, int count,
                        const struct tn_observer *observer, const float **outputs,
                        struct tn_error *error)
{
    if (count < 1 || count > network->max_batch)
        return tn_fail(error, TN_ERROR_USE, "a batch of %d images, planned for 1 to %d", count,
                       network->max_batch);
    if (!ensure_memory(network, error))
        return false;
    for (int first = 0; network->portion_steps > 0 && first < count; first += network->portion) {
        int rest = count - first;
        take_images(network, images, first, rest < network->portion ? rest : network->portion);
        if (!run_steps(network, 0, network->portion_steps, observer, error))
            return false;
    }
    take_images(network, images, 0, count);
    if (!run_steps(network, network->portion_steps, network->step_count, observer, error))
        return false;
    *outputs = network->blobs[network->output_blob].data;
    return true;
}

bool tn_network_forward(struct tn_network *network, const float *images, int count,
                        const struct tn_observer *observer, const float **outputs,
                        struct tn_error *error)
{
    network->first_image = 0;
    const atomic_bool *before = begin_work(network);
    bool done = run_forward(network, images, count, observer, outputs, error);
    return end_work(network, before, done, error);
}

bool tn_network_forward_piece(struct tn_network *network, const float *images, int first, int count,
                              const float **outputs, struct tn_error *error)
{
    if (first > 0 && !network->pieces)
        return tn_fail(error, TN_ERROR_USE, "the network was not made for pieces of a batch");
    network->first_image = first;
    const atomic_bool *before = begin_work(network);
    bool done = run_forward(network, images, count, NULL, outputs, error);
    return end_work(network, before, done, error);
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

/* A contribution to a parameter's gradient that is not the first is made in `spare` and then
 * added. */
static void run_backward(struct tn_network *network, struct tn_step *step)
{
    float *spare = network->spare, *sums[TN_MAX_STEP_PARAMS] = {NULL};
    int count = step->input_count < TN_MAX_STEP_PARAMS ? step->input_count : TN_MAX_STEP_PARAMS;
    for (int i = 0; i < count; i++) {
        struct tn_param *param = tn_step_param(network, step, i);
        if (!param || !param->trainable || !param->gradient_set)
            continue;
        sums[i] = param->gradient;
        param->gradient = spare;
        spare += param->count;
    }
    network->accumulate = network->arena + step->second_at * (size_t)network->max_batch;
    step->ops->backward(network, step);
    for (int i = 0; i < count; i++) {
        struct tn_param *param = tn_step_param(network, step, i);
        if (sums[i]) {
            struct add_job job = {network, sums[i], param->gradient};
            tn_for_ranges(param->count, GRAIN, add_range, &job);
            param->gradient = sums[i];
        }
        if (param)
            param->gradient_set = true;
    }
}

static bool is_made_again(const struct tn_network *network, const struct tn_step *step)
{
    for (int i = 0; i < step->output_count; i++)
        if (step->outputs[i] >= 0 && network->blobs[step->outputs[i]].made_again)
            return true;
    return false;
}

/* Make again what was not kept of the segment that ends with step `end`. */
static bool run_again(struct tn_network *network, int end, struct tn_error *error)
{
    int begin = end, segment = network->steps[end].segment;
    while (begin > 0 && network->steps[begin - 1].segment == segment)
        begin--;
    for (int s = begin; s <= end; s++) {
        if (!is_made_again(network, &network->steps[s]))
            continue;
        if (!go_on(network, error))
            return false;
        network->again = true;
        network->steps[s].ops->forward(network, &network->steps[s]);
        network->again = false;
    }
    return true;
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

static bool run_steps_back(struct tn_network *network, const float *output_gradient,
                           const struct tn_observer *observer, struct tn_error *error)
{
    struct tn_blob *output = &network->blobs[network->output_blob];
    if (!output->gradient)
        return tn_fail(error, TN_ERROR_USE, "the network has no weights to train");
    for (int p = 0; network->first_image == 0 && p < network->param_count; p++)
        network->params[p].gradient_set = false;
    for (int b = 0; b < network->blob_count; b++)
        network->blobs[b].gradient_set = false;
    output->gradient_set = true;
    memcpy(output->gradient, output_gradient,
           output->size * (size_t)network->count * sizeof(float));
    for (int s = network->step_count - 1; s >= 0; s--) {
        struct tn_step *step = &network->steps[s];
        bool last = s + 1 == network->step_count || network->steps[s + 1].segment != step->segment;
        if (last && !run_again(network, s, error))
            return false;
        if (!network->blobs[step->output].wants_gradient)
            continue;
        if (!go_on(network, error))
            return false;
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

bool tn_network_backward_observed(struct tn_network *network, const float *output_gradient,
                                  const struct tn_observer *observer, struct tn_error *error)
{
    const atomic_bool *before = begin_work(network);
    bool done = run_steps_back(network, output_gradient, observer, error);
    return end_work(network, before, done, error);
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
    network->wants_new_plan = true;
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

const char *tn_network_first_bad(struct tn_network *network)
{
    for (int s = 0; s < network->step_count; s++) {
        struct tn_step *step = &network->steps[s];
        network->again = true;
        if (is_made_again(network, step))
            step->ops->forward(network, step);
        network->again = false;
        for (int i = 0; i < step->output_count; i++)
            if (step->outputs[i] >= 0 && !is_finite(network, &network->blobs[step->outputs[i]]))
                return tn_step_node(network, step)->name;
    }
    return NULL;
}

size_t tn_network_bytes(const struct tn_network *network)
{
    unsigned workers = tn_threads_get();
    if (network->scratch_workers > workers)
        workers = network->scratch_workers;
    size_t floats = network->shared_floats + network->spare_floats +
                    network->scratch_floats * workers +
                    network->arena_floats * (size_t)network->max_batch;
    return network->held_bytes + floats * sizeof(float);
}
