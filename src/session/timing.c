#include "session/timing.h"

#include "core/available.h"
#include "core/clock.h"
#include "core/median.h"
#include "core/memory.h"
#include "core/threads.h"
#include "engine/network.h"
#include "engine/peak.h"
#include "engine/trial.h"
#include <math.h>
#include <stdio.h>

struct timing {
    struct tn_network *network;
    const float *images;
    float *gradient;
    int batch, passes;
    double forward[TN_MOST_TIMED], backward[TN_MOST_TIMED], step[TN_MOST_TIMED];
    double (*nodes)[TN_MOST_TIMED]; /* [nodes] seconds of the passes at hand */
    int node, index;                /* that runs, or -1; of the pass */
    double since;
    struct tn_size_text memory;
};

/* --- nodes: each runs until the next begins --- */

static void end_node(struct timing *t)
{
    double now = tn_clock_seconds();
    if (t->node >= 0 && t->index >= 0)
        t->nodes[t->node][t->index] += now - t->since;
    t->since = now;
    t->node = -1;
}

static bool begin_node(void *context, int node, const float *input, int count,
                       struct tn_error *error)
{
    (void)input, (void)count, (void)error;
    struct timing *t = context;
    end_node(t);
    t->node = node;
    return true;
}

static struct tn_observer observer_of(struct timing *t, int index)
{
    t->index = index;
    t->node = -1;
    return (struct tn_observer){begin_node, t};
}

/* --- passes --- */

/* One pass; index < 0: not counted, memory and caches warm up. */
static bool time_infer(struct timing *t, int index, struct tn_error *error)
{
    const float *outputs;
    struct tn_observer observer = observer_of(t, index);
    double begun = tn_clock_seconds();
    if (!tn_network_forward(t->network, t->images, t->batch, &observer, &outputs, error))
        return false;
    end_node(t);
    if (index >= 0)
        t->forward[index] = tn_clock_seconds() - begun;
    return true;
}

static bool time_step(struct timing *t, int index, struct tn_error *error)
{
    /* No rate and no decay: the same work, and weights that stay finite on random gradients. */
    static const struct tn_sgd still = {.momentum = 0.9F};
    const float *outputs;
    double begun = tn_clock_seconds();
    if (!tn_network_forward(t->network, t->images, t->batch, NULL, &outputs, error))
        return false;
    struct tn_observer observer = observer_of(t, index);
    double middle = tn_clock_seconds();
    if (!tn_network_backward_observed(t->network, t->gradient, &observer, error))
        return false;
    end_node(t);
    double end = tn_clock_seconds();
    tn_network_update(t->network, &still);
    if (index >= 0) {
        t->backward[index] = end - middle;
        t->step[index] = tn_clock_seconds() - begun;
    }
    return true;
}

/* The medians of a mode's passes; the next mode begins from zero. */
static void note_nodes(struct timing *t, const struct tn_graph *graph, enum tn_mode mode,
                       struct tn_timing *timing)
{
    for (int n = 0; n < graph->node_count; n++) {
        struct tn_node_time *node = &timing->nodes[n];
        double ms = 1000 * tn_median(t->passes, t->nodes[n]);
        *(mode == TN_INFER ? &node->forward_ms : &node->backward_ms) = ms;
        if (mode == TN_INFER)
            node->path = tn_network_path(t->network, n);
        for (int i = 0; i < t->passes; i++)
            t->nodes[n][i] = 0;
    }
}

static bool time_mode(struct timing *t, const struct tn_graph *graph, enum tn_mode mode,
                      const struct tn_progress *progress, struct tn_timing *timing,
                      struct tn_error *error)
{
    struct tn_network_options options = {
        .max_batch = t->batch, .mode = mode, .evaluating = mode == TN_INFER, .progress = progress};
    t->network = tn_network_new_with(graph, &options, error);
    if (!t->network)
        return false;
    size_t numbers = (size_t)t->batch * (size_t)tn_network_outputs(t->network);
    t->gradient = tn_alloc(numbers, sizeof *t->gradient);
    bool fine =
        t->gradient ? true : tn_fail_memory(error, "a gradient", numbers * sizeof *t->gradient);
    for (size_t i = 0; fine && i < numbers; i++)
        t->gradient[i] = (i % 2 ? 1.0F : -1.0F) / (float)numbers;
    char needs[64];
    snprintf(needs, sizeof needs, "needs %s", t->memory.text);
    for (int i = -1; fine && i < t->passes; i++) {
        fine = tn_progress_step(progress, mode == TN_INFER ? "time forward" : "time step", i + 1,
                                t->passes + 1, "passes", needs, error) &&
               (mode == TN_INFER ? time_infer(t, i, error) : time_step(t, i, error));
    }
    if (fine)
        note_nodes(t, graph, mode, timing);
    tn_free(t->gradient);
    tn_network_free(t->network);
    return fine;
}

static bool new_nodes(struct timing *t, const struct tn_graph *graph, struct tn_timing *timing,
                      struct tn_error *error)
{
    size_t count = (size_t)graph->node_count;
    t->nodes = tn_calloc(count, sizeof *t->nodes);
    timing->nodes = tn_calloc(count, sizeof *timing->nodes);
    return (t->nodes && timing->nodes) ||
           tn_fail_memory(error, "the nodes' times", count * sizeof *t->nodes);
}

/* What a mode will take, if it is there. */
static bool find_memory(const struct tn_graph *graph, int batch, enum tn_mode mode, size_t *bytes,
                        struct tn_error *error)
{
    struct tn_network_options options = {
        .max_batch = batch, .mode = mode, .evaluating = mode == TN_INFER};
    struct tn_needs needs;
    size_t image, available = tn_memory_available();
    if (!tn_input_size(graph, &image, error) || !tn_network_needs(graph, &options, &needs, error))
        return false;
    *bytes = needs.bytes + image * sizeof(float) * (size_t)batch;
    if (*bytes <= available)
        return true;
    return tn_fail(error, TN_ERROR_INPUT, "batch=%d needs %s of memory and there are %s", batch,
                   tn_size_text((double)*bytes).text, tn_size_text((double)available).text);
}

/* What the modes asked for will take; *trains: training is one of them and can be done. */
static bool find_memories(const struct tn_graph *graph, const struct tn_timing_order *timed,
                          bool *trains, struct tn_timing *timing, struct tn_error *error)
{
    if (timed->inference && !find_memory(graph, timed->batch, TN_INFER, &timing->memory, error))
        return false;
    *trains = timed->training && find_memory(graph, timed->batch, TN_TRAINING,
                                             &timing->memory_training, &timing->untrained);
    if (!*trains)
        timing->memory_training = 0;
    if (timing->memory_training > timing->memory)
        timing->memory = timing->memory_training;
    timing->memory += tn_weights_bytes(graph);
    return true;
}

static bool time_network(const struct tn_graph *graph, const struct tn_timing_order *timed,
                         const struct tn_progress *progress, struct tn_timing *timing,
                         struct tn_error *error)
{
    struct timing t = {.batch = timed->batch, .passes = timed->passes};
    bool trains;
    *timing = (struct tn_timing){.forward_ms = NAN, .backward_ms = NAN, .step_ms = NAN};
    if (!find_memories(graph, timed, &trains, timing, error))
        return false;
    t.memory = tn_size_text((double)timing->memory);
    float *images = tn_trial_images(graph, t.batch, error);
    t.images = images;
    bool fine = images && new_nodes(&t, graph, timing, error) &&
                (!timed->inference || time_mode(&t, graph, TN_INFER, progress, timing, error));
    bool trained =
        fine && trains && time_mode(&t, graph, TN_TRAINING, progress, timing, &timing->untrained);
    tn_free(images);
    tn_free(t.nodes);
    if (fine && timed->training && !trained && timing->untrained.kind != TN_ERROR_INPUT) {
        if (error)
            *error = timing->untrained;
        fine = false;
    }
    if (!fine) {
        tn_timing_free(timing);
        return false;
    }
    timing->peak_gflops = tn_peak_gflops();
    if (timed->inference)
        timing->forward_ms = 1000 * tn_median(t.passes, t.forward);
    if (trained) {
        timing->backward_ms = 1000 * tn_median(t.passes, t.backward);
        timing->step_ms = 1000 * tn_median(t.passes, t.step);
    }
    return true;
}

bool tn_time_network(const struct tn_graph *graph, const struct tn_timing_order *timed,
                     const struct tn_progress *progress, struct tn_timing *timing,
                     struct tn_error *error)
{
    const atomic_bool *before = tn_parallel_cancel(progress ? progress->cancelled : NULL);
    bool timed_all = time_network(graph, timed, progress, timing, error);
    tn_parallel_cancel(before);
    if (timed_all && tn_progress_cancelled(progress)) {
        tn_timing_free(timing);
        return tn_fail(error, TN_ERROR_CANCELLED, "cancelled"); /* some job was not done whole */
    }
    return timed_all;
}

void tn_timing_free(struct tn_timing *timing)
{
    tn_free(timing->nodes);
    timing->nodes = NULL;
}
