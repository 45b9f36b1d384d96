#include "session/latency_budget.h"

#include "core/memory.h"
#include "prune/latency.h"
#include "prune/surgery.h"
#include "session/results.h"
#include <math.h>

/* How near the time measured has to come to what is asked, as a part of it, and how often that is
 * tried. */
static const double NEAR_ENOUGH = 0.01;
enum { ROUNDS = 5 };

/* One try: the model was asked for `target`, and `ratio` was measured. */
struct attempt {
    double target, ratio;
    double before, after; /* seconds */
    struct tn_budget_answer answer;
};

/* --- the network as it would be cut, for its time alone --- */

static bool choose(const struct tn_state *state, int g, int *removed, struct tn_cut *cut, int *stay,
                   struct tn_error *error)
{
    struct tn_error why;
    tn_error_clear(&why);
    int kept = state->settings[g].kept;
    *cut = (struct tn_cut){g, kept, stay, NULL};
    if (tn_state_choice(state, g, kept, removed, stay, &why))
        return true;
    return tn_error_pass(&why, error) &&
           tn_fail(error, TN_ERROR_USE, "which filters of '%.80s' go is not known",
                   state->model->groups.group[g].name);
}

static struct tn_graph *cut_graph(const struct tn_state *state, struct tn_error *error)
{
    const struct tn_groups *groups = &state->model->groups;
    size_t count = (size_t)groups->count, channels = 0, widest = 0;
    for (size_t g = 0; g < count; g++) {
        size_t own = (size_t)groups->group[g].channels;
        channels += own;
        widest = own > widest ? own : widest;
    }
    struct tn_cut *cuts = tn_calloc(count, sizeof *cuts);
    int *stay = tn_alloc(channels, sizeof *stay), *removed = tn_alloc(widest, sizeof *removed);
    bool ok =
        cuts && stay && removed ? true : tn_fail_memory(error, "cuts", channels * sizeof *stay);
    int cut_count = 0, *next = stay;
    for (int g = 0; ok && g < groups->count; g++) {
        if (state->settings[g].kept == groups->group[g].channels || !groups->group[g].prunable)
            continue;
        ok = choose(state, g, removed, &cuts[cut_count++], next, error);
        next += groups->group[g].channels;
    }
    struct tn_graph *graph =
        ok ? tn_cut_channels(state->model->graph, groups, cut_count, cuts, error) : NULL;
    tn_free(cuts);
    tn_free(stay);
    tn_free(removed);
    return graph;
}

/* --- measuring --- */

static bool measure(struct tn_state *state, struct tn_stopwatch *now, int batch,
                    const struct tn_progress *progress, struct attempt *attempt,
                    struct tn_error *error)
{
    for (int g = 0; g < state->model->groups.count; g++) {
        if (state->model->groups.group[g].prunable)
            tn_state_set_kept(state, g, attempt->answer.kept[g]);
    }
    struct tn_graph *cut = cut_graph(state, error);
    struct tn_stopwatch *then = cut ? tn_stopwatch_new(cut, batch, progress, error) : NULL;
    tn_graph_free(cut);
    struct tn_stopwatch *both[] = {now, then};
    bool ok = then && tn_stopwatches_run(both, 2, "time before and after", progress, error);
    if (ok) {
        attempt->before = tn_stopwatch_total(now);
        attempt->after = tn_stopwatch_total(then);
        attempt->ratio = attempt->after / attempt->before;
    }
    tn_stopwatch_free(then);
    return ok;
}

/* --- coming near --- */

/* Where a straight line through two attempts meets what is asked. */
static double secant(const struct attempt *a, const struct attempt *b, double asked)
{
    double slope =
        fabs(b->target - a->target) > 1e-6 ? (b->ratio - a->ratio) / (b->target - a->target) : 1;
    slope = slope < 0.3 ? 0.3 : slope > 3 ? 3 : slope; /* times waver */
    double target = b->target + (asked - b->ratio) / slope;
    return fmin(fmax(target, b->target / 4), 1);
}

static bool try_target(struct tn_state *state, const struct tn_budget *budget,
                       struct tn_stopwatch *now, int batch, const struct tn_progress *progress,
                       struct attempt *attempt, struct tn_error *error)
{
    attempt->target = budget->fraction;
    return tn_budget_solve(budget, &attempt->answer, error) &&
           measure(state, now, batch, progress, attempt, error);
}

/* The attempt that came nearest is `best`; it owns its answer, also on failure. */
static bool approach(struct tn_state *state, struct tn_budget *budget, struct tn_stopwatch *now,
                     int batch, const struct tn_progress *progress, struct attempt *best,
                     int *rounds, struct tn_error *error)
{
    double asked = budget->fraction;
    struct attempt last = {.target = 1, .ratio = 1};
    bool done = false;
    for (*rounds = 0; *rounds < ROUNDS && !done; ++*rounds) {
        struct attempt attempt = {0};
        if (!try_target(state, budget, now, batch, progress, &attempt, error)) {
            tn_free(attempt.answer.kept);
            return false;
        }
        bool stuck = (attempt.answer.over && attempt.ratio > asked) ||
                     (attempt.answer.under && attempt.ratio < asked);
        done = stuck || fabs(attempt.ratio - asked) <= NEAR_ENOUGH * asked;
        budget->fraction = secant(&last, &attempt, asked);
        last = attempt;
        if (!best->answer.kept || fabs(attempt.ratio - asked) < fabs(best->ratio - asked)) {
            tn_free(best->answer.kept);
            *best = attempt;
        } else {
            tn_free(attempt.answer.kept);
        }
    }
    return true;
}

static void put_times(const struct attempt *best, double fraction, int batch, int rounds,
                      json_t *result)
{
    tn_put_integer(result, "batch", batch);
    tn_put_number(result, "latency_asked", 1000 * fraction * best->before);
    tn_put_number(result, "latency_ms_before", 1000 * best->before);
    tn_put_number(result, "latency_ms", 1000 * best->after);
    tn_put_number(result, "latency_ratio", best->ratio);
    tn_put_integer(result, "rounds", rounds);
}

bool tn_latency_budget(struct tn_state *state, const struct tn_budget_group *groups,
                       double fraction, int batch, const struct tn_progress *progress,
                       struct tn_budget_answer *answer, json_t *result, struct tn_error *error)
{
    const struct tn_model *model = state->model;
    struct tn_widths widths;
    if (!tn_latency_widths(model->graph, &model->layers, &model->groups, batch, progress, &widths,
                           error))
        return false;
    struct tn_budget budget = {&widths, groups, TN_LATENCY, fraction};
    struct attempt best = {0};
    int rounds;
    struct tn_stopwatch *now = tn_stopwatch_new(model->graph, batch, progress, error);
    bool ok = now && approach(state, &budget, now, batch, progress, &best, &rounds, error);
    tn_stopwatch_free(now);
    tn_widths_free(&widths);
    *answer = best.answer;
    if (ok)
        put_times(&best, fraction, batch, rounds, result);
    return ok;
}
