#include "prune/sampling.h"

#include "core/memory.h"
#include "core/threads.h"
#include "data/loader.h"
#include "engine/network.h"
#include "prune/draw.h"
#include "prune/site.h"
#include "prune/tap.h"
#include "prune/target.h"

struct sampler {
    const struct tn_graph *graph;
    struct tn_dataset *dataset;
    const struct tn_sampling_options *options;
    const struct tn_progress *progress;
    struct tn_draw drawn;
    struct tn_network *network;
    int tap_count;
    struct tn_tap *taps;
    struct tn_sites sites;
    const struct tn_sampling_origin *origin; /* or NULL */
    struct tn_target target;
    int *groups, *consumers; /* [taps] whose they are */
    double *y;               /* where those of the present batch go, for rows alone, or NULL */
    size_t done;             /* images before the present batch */
};

/* One node's input on its way into the rows of a tap. */
struct reading {
    const struct sampler *sampler;
    const struct tn_tap *tap;
    const float *input;
};

static void read_image(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct reading *reading = context;
    const struct sampler *s = reading->sampler;
    const struct tn_tap *tap = reading->tap;
    size_t rows = (size_t)s->options->locations * (size_t)tap->channels;
    tn_tap_image(tap, reading->input + index * tap->input_size, s->options->seed,
                 s->drawn.images[s->done + index], s->options->locations, tap->rows + index * rows);
}

/* X^T y and y^T y. */
static void add_moments(const struct sampler *s, const struct tn_tap *tap, const double *y,
                        int count)
{
    size_t rows = (size_t)count * (size_t)s->options->locations, channels = (size_t)tap->channels;
    for (size_t r = 0; r < rows; r++) {
        const double *row = tap->rows + r * channels;
        for (size_t c = 0; c < channels; c++)
            tap->moments[c] += row[c] * y[r];
        tap->moments[channels] += y[r] * y[r];
    }
}

static bool before_node(void *context, int node, const float *input, int count,
                        struct tn_error *error)
{
    const struct sampler *s = context;
    if (tn_progress_cancelled(s->progress))
        return tn_fail(error, TN_ERROR_CANCELLED, "sample: cancelled");
    for (int i = 0; i < s->tap_count; i++) {
        const struct tn_tap *tap = &s->taps[i];
        if (tap->node != node)
            continue;
        struct reading reading = {.sampler = s, .tap = tap, .input = input};
        tn_parallel((size_t)count, read_image, &reading);
        if (s->origin && tap->moments)
            add_moments(s, tap, s->target.taps[i].y, count);
        if (tap->matrix)
            tn_gram_add((int64_t)count * s->options->locations, tap->channels, tap->rows,
                        tap->matrix);
    }
    for (int i = 0; i < s->sites.count; i++) {
        struct tn_site *site = &s->sites.site[i];
        if (site->reader == node)
            tn_site_add(site, tn_network_value(s->network, site->value), count);
    }
    return true;
}

/* Go on behind the rows of this batch, with its y: the other network's, or the rows' own sums. */
static void keep_rows(struct sampler *s, struct tn_tap *tap, size_t rows)
{
    size_t channels = (size_t)tap->channels;
    for (size_t r = 0; s->y && r < rows; r++) {
        s->y[r] = s->origin ? s->target.taps[0].y[r] : 0;
        for (size_t c = 0; !s->origin && c < channels; c++)
            s->y[r] += tap->rows[r * channels + c];
    }
    tap->rows += rows * channels;
    s->y = s->y ? s->y + rows : NULL;
}

static bool pass_images(struct sampler *s, struct tn_loader *loader, struct tn_error *error)
{
    struct tn_observer observer = {.before = before_node, .context = s};
    while (true) {
        if (!tn_progress_step(s->progress, "sample", (double)s->done, (double)s->drawn.count,
                              "images", "", error))
            return false;
        struct tn_batch batch;
        if (!tn_loader_next(loader, &batch, error))
            return false;
        if (batch.count == 0)
            return true;
        const float *outputs;
        if (s->origin &&
            !tn_target_batch(&s->target, batch.images, (int)batch.count, s->done, error))
            return false;
        if (!tn_network_forward(s->network, batch.images, (int)batch.count, &observer, &outputs,
                                error))
            return false;
        s->done += batch.count;
        for (int i = 0; i < s->tap_count; i++) {
            /* Without a matrix the rows themselves are wanted, one batch after another. */
            struct tn_tap *tap = &s->taps[i];
            size_t rows = batch.count * (size_t)s->options->locations;
            if (!tap->matrix)
                keep_rows(s, tap, rows);
        }
    }
}

static bool open_target(struct sampler *s, const struct tn_groups *groups, struct tn_error *error)
{
    return !s->origin ||
           tn_target_open(s->origin, s->graph, groups, s->options, &s->drawn, s->tap_count, s->taps,
                          s->groups, s->consumers, s->progress, &s->target, error);
}

static bool run(struct sampler *s, struct tn_error *error)
{
    s->network = tn_network_new(s->graph, s->drawn.batch, TN_INFER, error);
    if (!s->network)
        return false;
    struct tn_loader *loader = tn_loader_new(s->dataset, TN_TRAIN, s->drawn.images, s->drawn.count,
                                             (size_t)s->drawn.batch, NULL, error);
    if (loader)
        tn_loader_watch(loader, s->progress);
    tn_network_watch(s->network, s->progress);
    bool ok = loader && pass_images(s, loader, error);
    tn_loader_free(loader);
    tn_network_free(s->network);
    return ok;
}

static bool prepare(struct sampler *s, struct tn_error *error)
{
    return tn_draw_images(s->graph, s->dataset, s->options, &s->drawn, error);
}

static bool open_tap(struct sampler *s, const struct tn_group *group, int consumer, int place,
                     struct tn_error *error)
{
    s->consumers[s->tap_count] = consumer;
    struct tn_tap *tap = &s->taps[s->tap_count];
    if (!tn_tap_open(s->graph, group, consumer, tap, error))
        return false;
    tap->group = place;
    size_t channels = (size_t)group->channels;
    size_t rows = (size_t)s->drawn.batch * (size_t)s->options->locations;
    tap->rows = tn_alloc(rows * channels, sizeof *tap->rows);
    tap->matrix = tn_calloc(channels * channels, sizeof *tap->matrix);
    tap->moments = s->origin ? tn_calloc(channels + 1, sizeof *tap->moments) : NULL;
    s->tap_count++;
    if (!tap->rows || !tap->matrix || (s->origin && !tap->moments))
        return tn_fail_memory(error, "the statistics", (rows + channels) * channels * 8);
    return true;
}

static const struct tn_group *group_at(const struct tn_groups *groups, int index,
                                       struct tn_error *error)
{
    if (index < 0 || index >= groups->count) {
        tn_fail(error, TN_ERROR_USE, "no group %d", index);
        return NULL;
    }
    const struct tn_group *group = &groups->group[index];
    if (group->consumer_count == 0 || !group->prunable) {
        tn_fail(error, TN_ERROR_USE, "%s cannot be sampled: %s", group->name,
                group->why_not ? group->why_not : "nothing reads its filters");
        return NULL;
    }
    return group;
}

static bool open_taps(struct sampler *s, const struct tn_groups *groups, int chosen_count,
                      const int *chosen, struct tn_error *error)
{
    size_t count = 0;
    for (int i = 0; i < chosen_count; i++) {
        const struct tn_group *group = group_at(groups, chosen[i], error);
        if (!group)
            return false;
        count += (size_t)group->consumer_count;
    }
    s->taps = tn_calloc(count, sizeof *s->taps);
    s->groups = tn_calloc(count, sizeof *s->groups);
    s->consumers = tn_calloc(count, sizeof *s->consumers);
    if (!s->taps || !s->groups || !s->consumers)
        return tn_fail_memory(error, "the statistics", count * sizeof *s->taps);
    for (int i = 0; i < chosen_count; i++) {
        const struct tn_group *group = &groups->group[chosen[i]];
        for (int c = 0; c < group->consumer_count; c++) {
            s->groups[s->tap_count] = chosen[i];
            if (!open_tap(s, group, c, i, error))
                return false;
        }
    }
    return true;
}

static void close_taps(struct sampler *s)
{
    for (int i = 0; i < s->tap_count; i++) {
        tn_free(s->taps[i].rows);
        tn_free(s->taps[i].matrix);
        tn_free(s->taps[i].moments);
    }
    tn_free(s->taps);
    tn_free(s->groups);
    tn_free(s->consumers);
    tn_target_close(&s->target);
    tn_sites_free(&s->sites);
    tn_draw_free(&s->drawn);
}

/* Add a consumer's matrix to its group's, divided by its own y^T y where there are several. A
 * consumer whose output is always zero says nothing and is left out. */
static bool add_consumer(const struct tn_tap *tap, bool alone, double *sum, double *target,
                         struct tn_error *error)
{
    size_t count = (size_t)tap->channels * (size_t)tap->channels;
    struct tn_tensor *own =
        tn_tensor_new(TN_DOUBLE, 2, (const int64_t[]){tap->channels, tap->channels}, error);
    if (!own)
        return false;
    double *matrix = tn_tensor_doubles(own);
    for (size_t i = 0; i < count; i++)
        matrix[i] = tap->matrix[i];
    tn_gram_mirror(tap->channels, matrix);
    struct tn_gram gram = {.channels = tap->channels, .matrix = own};
    double own_energy = target ? tap->moments[tap->channels] : tn_gram_energy(&gram);
    double energy = alone ? 1 : own_energy;
    for (size_t i = 0; energy > 0 && i < count; i++)
        sum[i] += matrix[i] / energy;
    for (int c = 0; target && energy > 0 && c <= tap->channels; c++)
        target[c] += tap->moments[c] / energy;
    tn_gram_free(&gram);
    return true;
}

static bool gather(const struct sampler *s, const struct tn_group *group, int place,
                   struct tn_gram *gram, struct tn_error *error)
{
    *gram = (struct tn_gram){
        .channels = group->channels,
        .samples = (int64_t)s->drawn.count * s->options->locations,
        .matrix =
            tn_tensor_new(TN_DOUBLE, 2, (const int64_t[]){group->channels, group->channels}, error),
    };
    if (s->origin)
        gram->target = tn_tensor_new(TN_DOUBLE, 1, (const int64_t[]){group->channels + 1}, error);
    if (!gram->matrix || (s->origin && !gram->target))
        return false;
    double *target = gram->target ? tn_tensor_doubles(gram->target) : NULL;
    for (int i = 0; i < s->tap_count; i++) {
        if (s->taps[i].group == place &&
            !add_consumer(&s->taps[i], group->consumer_count == 1, tn_tensor_doubles(gram->matrix),
                          target, error))
            return false;
    }
    return true;
}

static bool gather_all(const struct sampler *s, const struct tn_groups *groups, int count,
                       const int *chosen, struct tn_gram *grams, struct tn_activity *activities,
                       struct tn_error *error)
{
    for (int i = 0; i < count; i++) {
        const struct tn_group *group = &groups->group[chosen[i]];
        if (!gather(s, group, i, &grams[i], error))
            return false;
        if (!activities)
            continue;
        tn_activity_set(&activities[i], tn_sites_activity(&s->sites, i, group->channels, error));
        if (!activities[i].magnitudes)
            return false;
    }
    return true;
}

bool tn_sample_groups(const struct tn_graph *graph, const struct tn_groups *groups,
                      int chosen_count, const int *chosen, struct tn_dataset *dataset,
                      const struct tn_sampling_options *options,
                      const struct tn_sampling_origin *origin, const struct tn_progress *progress,
                      struct tn_gram *grams, struct tn_activity *activities, int64_t *images_used,
                      struct tn_error *error)
{
    struct sampler s = {.graph = graph,
                        .dataset = dataset,
                        .options = options,
                        .origin = origin,
                        .progress = progress};
    for (int i = 0; i < chosen_count; i++) {
        grams[i] = (struct tn_gram){0};
        if (activities)
            activities[i] = (struct tn_activity){0};
    }
    bool ok =
        prepare(&s, error) && open_taps(&s, groups, chosen_count, chosen, error) &&
        (!activities || tn_sites_of(graph, groups, chosen_count, chosen, false, &s.sites, error)) &&
        open_target(&s, groups, error) && run(&s, error) &&
        gather_all(&s, groups, chosen_count, chosen, grams, activities, error);
    for (int i = 0; !ok && i < chosen_count; i++) {
        tn_gram_free(&grams[i]);
        if (activities)
            tn_activity_free(&activities[i]);
    }
    if (images_used)
        *images_used = ok ? (int64_t)s.drawn.count : 0;
    close_taps(&s);
    return ok;
}

/* Rows and y of one tap, into tensors. */
static bool run_rows(struct sampler *s, const struct tn_groups *groups, int channels,
                     struct tn_tensor **rows, struct tn_tensor **target, struct tn_error *error)
{
    int64_t count = (int64_t)s->drawn.count * s->options->locations;
    *rows = tn_tensor_new(TN_DOUBLE, 2, (const int64_t[]){count, channels}, error);
    if (target)
        *target = tn_tensor_new(TN_DOUBLE, 1, &count, error);
    if (!*rows || (target && !*target))
        return false;
    s->taps[0].rows = tn_tensor_doubles(*rows);
    s->y = target ? tn_tensor_doubles(*target) : NULL;
    return open_target(s, groups, error) && run(s, error);
}

struct tn_tensor *tn_sample_rows(const struct tn_graph *graph, const struct tn_groups *groups,
                                 int group, struct tn_dataset *dataset,
                                 const struct tn_sampling_options *options,
                                 const struct tn_sampling_origin *origin,
                                 const struct tn_progress *progress, struct tn_tensor **target,
                                 struct tn_error *error)
{
    int consumer = 0;
    struct tn_tap tap;
    struct sampler s = {.graph = graph,
                        .dataset = dataset,
                        .options = options,
                        .origin = target ? origin : NULL,
                        .progress = progress,
                        .taps = &tap,
                        .tap_count = 1,
                        .groups = &group,
                        .consumers = &consumer};
    struct tn_tensor *rows = NULL;
    const struct tn_group *chosen = group_at(groups, group, error);
    if (target)
        *target = NULL;
    if (chosen && prepare(&s, error) && tn_tap_open(graph, chosen, 0, &tap, error) &&
        !run_rows(&s, groups, chosen->channels, &rows, target, error)) {
        tn_tensor_unref(rows);
        rows = NULL;
        if (target) {
            tn_tensor_unref(*target);
            *target = NULL;
        }
    }
    tn_target_close(&s.target);
    tn_draw_free(&s.drawn);
    return rows;
}
