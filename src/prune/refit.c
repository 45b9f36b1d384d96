#include "prune/refit.h"

#include "core/memory.h"
#include "engine/evaluate.h"
#include "prune/refit_pass.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GREATEST_BATCH = 50,
    ROWS_AN_UNKNOWN = 20, /* samples that are aimed at: so many times the unknowns, ... */
    FEWEST_ROWS = 40000   /* ... and at least these */
};
static const size_t MEMORY = (size_t)1 << 30;

/* What is tried on held-out images. */
static const double RIDGES[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};
enum { RIDGE_COUNT = sizeof RIDGES / sizeof *RIDGES };

struct refitting {
    const struct tn_graph *before;
    struct tn_graph *now;
    const struct tn_refit_options *options;
    size_t memory;
    struct tn_refit_pass pass;
    int count;
    struct tn_refit_site *sites;
    char stage[96];
};

/* --- which layers --- */

static int ascending(const void *a, const void *b)
{
    const struct tn_refit_result *x = a, *y = b;
    return x->node != y->node ? (x->node > y->node) - (x->node < y->node)
                              : (x->cut > y->cut) - (x->cut < y->cut);
}

/* Every layer that reads a channel which goes, once, in order of nodes. */
static bool list_layers(const struct tn_groups *groups, int count, const struct tn_cut *cuts,
                        struct tn_refit *refit, struct tn_error *error)
{
    size_t most = 1;
    for (int i = 0; i < count; i++)
        most += (size_t)groups->group[cuts[i].group].consumer_count;
    refit->results = tn_calloc(most, sizeof *refit->results);
    if (!refit->results)
        return tn_fail_memory(error, "refitting", most * sizeof *refit->results);
    int found = 0;
    for (int i = 0; i < count; i++) {
        const struct tn_group *group = &groups->group[cuts[i].group];
        for (int c = 0; cuts[i].keep_count < group->channels && c < group->consumer_count; c++)
            refit->results[found++] =
                (struct tn_refit_result){.cut = i, .node = group->consumers[c].node, .kept = true};
    }
    qsort(refit->results, (size_t)found, sizeof *refit->results, ascending);
    for (int i = 0; i < found; i++)
        if (i == 0 || refit->results[i].node != refit->results[refit->count - 1].node)
            refit->results[refit->count++] = refit->results[i];
    return true;
}

/* --- how much --- */

/* Beyond `limit` it only says so: sums of squares of numbers below 2^31 fit a double. */
static double bytes_of(const struct refitting *r, const struct tn_refit_site *site)
{
    double n = (double)site->unknowns, f = (double)site->now.filters;
    double sums = 2 * (n * n + n * f + f), work = n * n + 2 * n * f, kernels = 3 * n * f;
    double targets = (double)r->options->image_count * (double)site->locations *
                     (double)tn_refit_site_filters(site) * sizeof(float);
    return ((sums + kernels) * (double)site->now.groups + work) * sizeof(double) + targets +
           (double)tn_refit_row_bytes(site);
}

/* Places an image: enough for the unknowns, and targets that leave room for the sums. */
static void choose_locations(const struct refitting *r, struct tn_refit_site *site)
{
    double images = (double)r->options->image_count;
    double rows = fmax((double)ROWS_AN_UNKNOWN * site->unknowns, FEWEST_ROWS);
    double room = (double)r->memory / 4 / (sizeof(float) * (double)tn_refit_site_filters(site));
    double locations = fmin(ceil(rows / images), floor(room / images));
    locations = fmax(1, fmin(locations, site->now.places));
    site->locations = (int)locations;
    site->result->unknowns = site->unknowns;
    site->result->constant = site->place != TN_CONSTANT_NOWHERE;
    double bytes = bytes_of(r, site);
    if (bytes > (double)r->memory)
        snprintf(site->result->why, sizeof site->result->why,
                 "%d unknowns take %.0f MiB, more than the %.0f there are", site->unknowns,
                 ceil(bytes / (1 << 20)), floor((double)r->memory / (1 << 20)));
}

/* --- one layer --- */

struct fitting {
    const struct tn_refit_site *site;
    struct tn_regression *fit, *held; /* [groups] */
    double *start, *kernels;          /* [groups][unknowns, filters] */
    size_t size;                      /* numbers of a group's kernel */
    const struct tn_progress *progress;
};

static bool open_fitting(struct fitting *f, struct tn_error *error)
{
    size_t groups = (size_t)f->site->now.groups;
    f->size = (size_t)f->site->unknowns * (size_t)f->site->now.filters;
    f->fit = tn_calloc(groups, sizeof *f->fit);
    f->held = tn_calloc(groups, sizeof *f->held);
    f->start = tn_alloc(groups * f->size, sizeof *f->start);
    f->kernels = tn_alloc(groups * f->size, sizeof *f->kernels);
    if (!f->fit || !f->held || !f->start || !f->kernels)
        return tn_fail_memory(error, "refitting", groups * f->size * sizeof *f->start);
    for (size_t g = 0; g < groups; g++) {
        if (!tn_regression_open(f->site->unknowns, f->site->now.filters, &f->fit[g], error) ||
            !tn_regression_open(f->site->unknowns, f->site->now.filters, &f->held[g], error))
            return false;
        tn_refit_site_kernel(f->site, (int)g, f->start + g * f->size);
    }
    return true;
}

static void close_fitting(struct fitting *f)
{
    for (int g = 0; g < f->site->now.groups; g++) {
        if (f->fit)
            tn_regression_free(&f->fit[g]);
        if (f->held)
            tn_regression_free(&f->held[g]);
    }
    tn_free(f->fit);
    tn_free(f->held);
    tn_free(f->start);
    tn_free(f->kernels);
}

/* Relative error on held-out images. */
static bool judge(const struct fitting *f, const double *kernels, double *relative,
                  struct tn_error *error)
{
    double squares = 0, energy = 0;
    for (size_t g = 0; g < (size_t)f->site->now.groups; g++) {
        double part;
        if (!tn_regression_error(&f->held[g], kernels + g * f->size, &part, f->progress, error))
            return false;
        squares += part;
        energy += tn_regression_energy(&f->held[g]);
    }
    *relative = energy > 0 ? squares / energy : 0;
    return true;
}

static bool solve(struct fitting *f, double ridge, bool *sound, struct tn_error *error)
{
    *sound = true;
    for (size_t g = 0; g < (size_t)f->site->now.groups && *sound; g++)
        if (!tn_regression_solve(&f->fit[g], ridge, f->start + g * f->size,
                                 f->kernels + g * f->size, sound, f->progress, error))
            return false;
    return true;
}

/* The ridge with the least error on held-out images, where one is better than the start. */
static bool choose_ridge(struct fitting *f, struct tn_refit_result *result, struct tn_error *error)
{
    if (!judge(f, f->start, &result->error_before, error))
        return false;
    result->error_after = result->error_before;
    for (int i = 0; i < RIDGE_COUNT; i++) {
        bool sound;
        double relative;
        if (!solve(f, RIDGES[i], &sound, error))
            return false;
        if (!sound)
            continue;
        if (!judge(f, f->kernels, &relative, error))
            return false;
        if (relative < result->error_after) {
            result->kept = false;
            result->ridge = RIDGES[i];
            result->error_after = relative;
        }
    }
    return true;
}

static bool fit_site(struct refitting *r, struct tn_refit_site *site, struct tn_error *error)
{
    struct tn_refit_result *result = site->result;
    struct fitting f = {.site = site, .progress = r->pass.progress};
    bool sound = false, fine = open_fitting(&f, error) &&
                               tn_refit_sums(&r->pass, r->now, site, f.fit, f.held, error) &&
                               choose_ridge(&f, result, error);
    if (fine)
        result->samples = f.fit[0].samples + f.held[0].samples;
    for (int g = 0; fine && g < site->now.groups; g++)
        tn_regression_merge(&f.fit[g], &f.held[g]);
    if (fine && !result->kept) {
        fine = solve(&f, result->ridge, &sound, error);
        result->kept = !sound;
        if (fine && sound)
            fine = tn_refit_site_write(site, r->now, f.kernels, error);
    }
    close_fitting(&f);
    return fine;
}

/* --- all of them --- */

/* Sites from `first` on whose targets fit beside the sums of any of them; those that are to be left
 * alone are passed over. Returns where the next ones begin. */
static int choose_chunk(const struct refitting *r, int first, int *count,
                        struct tn_refit_site **chunk)
{
    double targets = 0;
    *count = 0;
    for (; first < r->count; first++) {
        struct tn_refit_site *site = &r->sites[first];
        if (site->result->why[0])
            continue;
        double own = (double)r->options->image_count * (double)site->locations *
                     (double)tn_refit_site_filters(site) * sizeof(float);
        if (*count > 0 && targets + own > (double)r->memory / 2)
            break;
        targets += own;
        chunk[(*count)++] = site;
    }
    return first;
}

static bool fit_chunk(struct refitting *r, int count, struct tn_refit_site *const *chunk,
                      struct tn_error *error)
{
    snprintf(r->stage, sizeof r->stage, "refit: targets");
    bool fine = tn_refit_targets(&r->pass, r->before, count, chunk, error);
    for (int i = 0; fine && i < count; i++) {
        snprintf(r->stage, sizeof r->stage, "refit %d/%d", (int)(chunk[i] - r->sites) + 1,
                 r->count);
        fine = fit_site(r, chunk[i], error);
        tn_free(chunk[i]->targets);
        chunk[i]->targets = NULL;
    }
    return fine;
}

static bool fit_all(struct refitting *r, struct tn_error *error)
{
    struct tn_refit_site **chunk = tn_calloc((size_t)r->count, sizeof(struct tn_refit_site *));
    if (!chunk)
        return tn_fail_memory(error, "refitting", (size_t)r->count * sizeof *chunk);
    bool fine = true;
    for (int next = 0; fine && next < r->count;) {
        int count;
        next = choose_chunk(r, next, &count, chunk);
        fine = count == 0 || fit_chunk(r, count, chunk, error);
    }
    tn_free(chunk);
    return fine;
}

static bool open_sites(struct refitting *r, const struct tn_groups *groups, int count,
                       const struct tn_cut *cuts, struct tn_refit *refit, struct tn_error *error)
{
    r->sites = tn_calloc((size_t)refit->count, sizeof *r->sites);
    if (!r->sites)
        return tn_fail_memory(error, "refitting", (size_t)refit->count * sizeof *r->sites);
    for (r->count = 0; r->count < refit->count;) {
        struct tn_refit_site *site = &r->sites[r->count];
        site->result = &refit->results[r->count++];
        if (!tn_refit_site_open(r->before, groups, count, cuts, r->now, site->result->node, site,
                                error))
            return false;
        if (!site->result->why[0])
            choose_locations(r, site);
    }
    return true;
}

static int choose_batch(const struct tn_graph *graph)
{
    int batch = tn_evaluate_batch(graph);
    return batch < GREATEST_BATCH ? batch : GREATEST_BATCH;
}

bool tn_refit(const struct tn_graph *before, const struct tn_groups *groups, int count,
              const struct tn_cut *cuts, struct tn_dataset *dataset,
              const struct tn_refit_options *options, const struct tn_progress *progress,
              struct tn_graph *now, struct tn_refit *refit, struct tn_error *error)
{
    struct refitting r = {.before = before,
                          .now = now,
                          .options = options,
                          .memory = options->memory ? options->memory : MEMORY};
    r.pass = (struct tn_refit_pass){.dataset = dataset,
                                    .options = options,
                                    .progress = progress,
                                    .stage = r.stage,
                                    .batch = choose_batch(before)};
    *refit = (struct tn_refit){0};
    if (options->image_count < TN_REFIT_FEWEST)
        return tn_fail(error, TN_ERROR_USE, "%zu images to refit from: at least %d expected",
                       options->image_count, TN_REFIT_FEWEST);
    bool fine = tn_evaluate_fits(before, dataset, error) &&
                list_layers(groups, count, cuts, refit, error) &&
                open_sites(&r, groups, count, cuts, refit, error) && fit_all(&r, error);
    for (int i = 0; i < r.count; i++)
        tn_refit_site_free(&r.sites[i]);
    tn_free(r.sites);
    if (!fine)
        tn_refit_free(refit);
    return fine;
}

void tn_refit_free(struct tn_refit *refit)
{
    tn_free(refit->results);
    *refit = (struct tn_refit){0};
}
