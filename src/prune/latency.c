#include "prune/latency.h"

#include "core/clock.h"
#include "core/median.h"
#include "core/memory.h"
#include "engine/network.h"
#include "engine/trial.h"
#include "prune/surgery.h"
#include <math.h>
#include <string.h>

enum { MOST_PASSES = 9, FEWEST_PASSES = 3 };
static const double LONG_ENOUGH = 2; /* seconds for each stopwatch */

struct tn_stopwatch {
    struct tn_network *network;
    float *images;
    int batch, layers, passes; /* passes counted; -1 before the one that warms up */
    int *layer_of;             /* [nodes] or -1 */
    int at;                    /* the layer that runs */
    double since;
    double *now;                /* [layers] of the pass at hand */
    double *parts;              /* [layers][MOST_PASSES] */
    double totals[MOST_PASSES]; /* seconds */
};

/* --- one network --- */

static bool find_layers(struct tn_stopwatch *watch, const struct tn_graph *graph,
                        struct tn_error *error)
{
    struct tn_layers layers = {0};
    size_t nodes = (size_t)graph->node_count;
    if (!tn_layers_of(graph, &layers, error))
        return false;
    watch->layers = layers.count;
    watch->layer_of = tn_alloc(nodes, sizeof *watch->layer_of);
    watch->now = tn_calloc((size_t)layers.count, sizeof *watch->now);
    watch->parts = tn_calloc((size_t)layers.count * MOST_PASSES, sizeof *watch->parts);
    bool ok = watch->layer_of && watch->now && watch->parts;
    for (size_t n = 0; ok && n < nodes; n++)
        watch->layer_of[n] = -1;
    for (int l = 0; ok && l < layers.count; l++)
        watch->layer_of[layers.layer[l].node] = l;
    tn_layers_free(&layers);
    return ok || tn_fail_memory(error, "times", nodes * sizeof *watch->layer_of);
}

struct tn_stopwatch *tn_stopwatch_new(const struct tn_graph *graph, int batch,
                                      const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_stopwatch *watch = tn_calloc(1, sizeof *watch);
    if (!watch) {
        tn_fail_memory(error, "times", sizeof *watch);
        return NULL;
    }
    watch->batch = batch;
    watch->passes = -1;
    watch->images = tn_trial_images(graph, batch, error);
    watch->network =
        watch->images ? tn_network_new_evaluating(graph, batch, progress, error) : NULL;
    if (!watch->network || !find_layers(watch, graph, error)) {
        tn_stopwatch_free(watch);
        return NULL;
    }
    return watch;
}

void tn_stopwatch_free(struct tn_stopwatch *watch)
{
    if (!watch)
        return;
    tn_network_free(watch->network);
    tn_free(watch->images);
    tn_free(watch->layer_of);
    tn_free(watch->now);
    tn_free(watch->parts);
    tn_free(watch);
}

static void close_part(struct tn_stopwatch *watch, double time)
{
    if (watch->at < watch->layers)
        watch->now[watch->at] += time - watch->since;
    watch->since = time;
}

static bool on_node(void *context, int node, const float *input, int count, struct tn_error *error)
{
    struct tn_stopwatch *watch = context;
    (void)input;
    (void)count;
    (void)error;
    int layer = watch->layer_of[node];
    if (layer > 0) {
        close_part(watch, tn_clock_seconds());
        watch->at = layer;
    }
    return true;
}

bool tn_stopwatch_pass(struct tn_stopwatch *watch, struct tn_error *error)
{
    struct tn_observer observer = {on_node, watch};
    const float *outputs;
    memset(watch->now, 0, (size_t)watch->layers * sizeof *watch->now);
    watch->at = 0;
    double begun = watch->since = tn_clock_seconds();
    if (!tn_network_forward(watch->network, watch->images, watch->batch, &observer, &outputs,
                            error))
        return false;
    double end = tn_clock_seconds();
    close_part(watch, end);
    if (watch->passes >= 0 && watch->passes < MOST_PASSES) {
        for (int l = 0; l < watch->layers; l++)
            watch->parts[l * MOST_PASSES + watch->passes] = watch->now[l];
        watch->totals[watch->passes] = end - begun;
    }
    watch->passes += watch->passes < MOST_PASSES;
    return true;
}

/* Of numbers that stay as they are. */
static double median(const double *values, int count)
{
    double sorted[MOST_PASSES];
    memcpy(sorted, values, (size_t)(count > 0 ? count : 0) * sizeof *sorted);
    return tn_median(count, sorted);
}

double tn_stopwatch_total(const struct tn_stopwatch *watch)
{
    return median(watch->totals, watch->passes);
}

double tn_stopwatch_layer(const struct tn_stopwatch *watch, int layer)
{
    return median(watch->parts + (size_t)layer * MOST_PASSES, watch->passes);
}

bool tn_stopwatches_run(struct tn_stopwatch *const *watches, int count, const char *stage,
                        const struct tn_progress *progress, struct tn_error *error)
{
    double begun = tn_clock_seconds();
    for (int i = 0; i < count; i++)
        watches[i]->passes = -1;
    for (int pass = 0; pass <= MOST_PASSES; pass++) {
        double spent = tn_clock_seconds() - begun;
        if (pass > FEWEST_PASSES && spent > LONG_ENOUGH * count)
            break;
        for (int i = 0; i < count; i++) {
            if (!tn_progress_step(progress, stage, pass * count + i, (MOST_PASSES + 1) * count,
                                  "passes", "", error) ||
                !tn_stopwatch_pass(watches[i], error))
                return false;
        }
    }
    return tn_progress_step(progress, stage, (MOST_PASSES + 1) * count, (MOST_PASSES + 1) * count,
                            "passes", "", error);
}

/* --- how the time falls --- */

void tn_latency_fit(int count, const double *flops, const double *times, double *fixed,
                    double *rate)
{
    double n = count, x = 0, t = 0, xx = 0, xt = 0;
    for (int i = 0; i < count; i++) {
        x += flops[i];
        t += times[i];
        xx += flops[i] * flops[i];
        xt += flops[i] * times[i];
    }
    double spread = n * xx - x * x;
    *rate = spread > 1e-12 * n * xx ? (n * xt - x * t) / spread : 0;
    *rate = fmax(*rate, 0);
    *fixed = count > 0 ? (t - *rate * x) / n : 0;
    if (*fixed < 0) {
        *fixed = 0;
        *rate = xx > 0 ? xt / xx : 0;
    }
}

/* All groups cut to the same fraction: which channels go makes no difference to the time. */
static struct tn_graph *cut_alike(const struct tn_graph *graph, const struct tn_groups *groups,
                                  double fraction, struct tn_error *error)
{
    size_t count = (size_t)groups->count, channels = 0;
    for (size_t g = 0; g < count; g++)
        channels += (size_t)groups->group[g].channels;
    struct tn_cut *cuts = tn_calloc(count, sizeof *cuts);
    int *keep = tn_alloc(channels, sizeof *keep), used = 0, cut_count = 0;
    struct tn_graph *cut = NULL;
    if (!cuts || !keep)
        tn_fail_memory(error, "cuts", channels * sizeof *keep);
    for (int g = 0; cuts && keep && g < groups->count; g++) {
        const struct tn_group *group = &groups->group[g];
        int wanted = (int)lround(fraction * group->channels), first = used;
        int fewest = group->prunable ? tn_group_fewest(group) : group->channels;
        wanted = wanted < fewest ? fewest : wanted;
        int others = wanted - group->fixed_count; /* those that may go, and stay */
        for (int c = 0; wanted < group->channels && c < group->channels; c++) {
            bool fixed = group->fixed && group->fixed[c];
            if (fixed || others > 0)
                keep[used++] = c;
            others -= !fixed;
        }
        if (used > first)
            cuts[cut_count++] = (struct tn_cut){g, used - first, keep + first, NULL};
    }
    if (cuts && keep)
        cut = tn_cut_channels(graph, groups, cut_count, cuts, error);
    tn_free(cuts);
    tn_free(keep);
    return cut;
}

enum { WIDTHS = 4 };

/* The network at some widths. */
struct samples {
    struct tn_stopwatch *watches[WIDTHS];
    struct tn_layers layers[WIDTHS]; /* for their FLOPs */
};

static bool take_samples(const struct tn_graph *graph, const struct tn_groups *groups, int batch,
                         const struct tn_progress *progress, struct samples *samples,
                         struct tn_error *error)
{
    for (int w = 0; w < WIDTHS; w++) {
        struct tn_graph *cut = cut_alike(graph, groups, (double)(WIDTHS - w) / WIDTHS, error);
        bool ok = cut && tn_layers_of(cut, &samples->layers[w], error);
        samples->watches[w] = ok ? tn_stopwatch_new(cut, batch, progress, error) : NULL;
        tn_graph_free(cut);
        if (!samples->watches[w])
            return false;
    }
    return tn_stopwatches_run(samples->watches, WIDTHS, "time at several widths", progress, error);
}

/* Times of one layer at all widths. */
static void fit_layer(const struct samples *samples, const char *name, double *fixed, double *rate)
{
    double flops[WIDTHS], times[WIDTHS];
    int count = 0;
    for (int w = 0; w < WIDTHS; w++) {
        int l = tn_layers_find(&samples->layers[w], name);
        if (l < 0)
            continue;
        flops[count] = (double)samples->layers[w].layer[l].flops;
        times[count++] = tn_stopwatch_layer(samples->watches[w], l);
    }
    tn_latency_fit(count, flops, times, fixed, rate);
}

static void price(const struct samples *samples, const struct tn_layers *layers,
                  struct tn_widths *widths)
{
    widths->fixed_time = 0;
    for (int l = 0; l < layers->count; l++) {
        double fixed, rate;
        fit_layer(samples, layers->layer[l].name, &fixed, &rate);
        widths->fixed_time += fixed;
        for (int u = 0; u < widths->use_count; u++) {
            struct tn_width_use *use = &widths->uses[u];
            if (use->node == layers->layer[l].node)
                use->time = rate * use->flops;
        }
    }
}

bool tn_latency_widths(const struct tn_graph *graph, const struct tn_layers *layers,
                       const struct tn_groups *groups, int batch,
                       const struct tn_progress *progress, struct tn_widths *widths,
                       struct tn_error *error)
{
    struct samples samples = {0};
    *widths = (struct tn_widths){0};
    bool ok = take_samples(graph, groups, batch, progress, &samples, error) &&
              tn_widths_of(graph, layers, groups, widths, error);
    if (ok)
        price(&samples, layers, widths);
    for (int w = 0; w < WIDTHS; w++) {
        tn_stopwatch_free(samples.watches[w]);
        tn_layers_free(&samples.layers[w]);
    }
    return ok;
}
