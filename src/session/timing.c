#include "session/timing.h"

#include "core/clock.h"
#include "core/median.h"
#include "core/memory.h"
#include "engine/network.h"
#include "engine/trial.h"
#include <math.h>

enum { TIMED = 7 };

struct timing {
    struct tn_network *network;
    const float *images;
    float *gradient;
    int batch;
    double forward[TIMED], backward[TIMED], step[TIMED];
};

/* One pass; index < 0: not counted, memory and caches warm up. */
static bool time_infer(struct timing *t, int index, struct tn_error *error)
{
    const float *outputs;
    double begun = tn_clock_seconds();
    if (!tn_network_forward(t->network, t->images, t->batch, NULL, &outputs, error))
        return false;
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
    double middle = tn_clock_seconds();
    if (!tn_network_backward(t->network, t->gradient, error))
        return false;
    double end = tn_clock_seconds();
    tn_network_update(t->network, &still);
    if (index >= 0) {
        t->backward[index] = end - middle;
        t->step[index] = tn_clock_seconds() - begun;
    }
    return true;
}

static bool time_mode(struct timing *t, const struct tn_graph *graph, enum tn_mode mode,
                      const struct tn_progress *progress, struct tn_error *error)
{
    t->network = tn_network_new(graph, t->batch, mode, error);
    if (!t->network)
        return false;
    size_t numbers = (size_t)t->batch * (size_t)tn_network_outputs(t->network);
    t->gradient = tn_alloc(numbers, sizeof *t->gradient);
    bool fine =
        t->gradient ? true : tn_fail_memory(error, "a gradient", numbers * sizeof *t->gradient);
    for (size_t i = 0; fine && i < numbers; i++)
        t->gradient[i] = (i % 2 ? 1.0F : -1.0F) / (float)numbers;
    for (int i = -1; fine && i < TIMED; i++) {
        fine = tn_progress_step(progress, mode == TN_INFER ? "time forward" : "time step", i + 1,
                                TIMED + 1, "passes", "", error) &&
               (mode == TN_INFER ? time_infer(t, i, error) : time_step(t, i, error));
    }
    tn_free(t->gradient);
    tn_network_free(t->network);
    return fine;
}

bool tn_time_network(const struct tn_graph *graph, int batch, const struct tn_progress *progress,
                     struct tn_timing *timing, struct tn_error *error)
{
    struct timing t = {.batch = batch};
    float *images = tn_trial_images(graph, batch, error);
    t.images = images;
    tn_error_clear(&timing->untrained);
    bool fine = images && time_mode(&t, graph, TN_INFER, progress, error);
    bool trained = fine && time_mode(&t, graph, TN_TRAINING, progress, &timing->untrained);
    tn_free(images);
    if (fine && !trained && timing->untrained.kind != TN_ERROR_INPUT) {
        if (error)
            *error = timing->untrained;
        return false;
    }
    if (!fine)
        return false;
    timing->forward_ms = 1000 * tn_median(TIMED, t.forward);
    timing->backward_ms = trained ? 1000 * tn_median(TIMED, t.backward) : NAN;
    timing->step_ms = trained ? 1000 * tn_median(TIMED, t.step) : NAN;
    return true;
}
