#include "prune/refit_pass.h"

#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "data/loader.h"
#include "engine/network.h"
#include "prune/blas.h"

#include <cblas.h>
#include <string.h>

enum {
    HELD_EVERY = 5, /* images of which one judges */
    ROWS = 2048,    /* taken in at once, and ... */
    STRIPE = 256    /* computed at once, about */
};

/* Sums of squares that may be taken between two looks at the wish to stop. */
static const double BLOCK_FLOPS = 4e9;

bool tn_refit_is_held(size_t index)
{
    return index % HELD_EVERY == HELD_EVERY - 1;
}

/* The places of one image, ascending, each as likely as any other (Knuth's algorithm S). */
struct places {
    struct tn_random random;
    int next, left, total;
};

static void places_start(const struct tn_refit_site *site, uint64_t seed, size_t image,
                         struct places *places)
{
    tn_random_seed(&places->random, seed, site->stream ^ ((uint64_t)image * 0x9e3779b97f4a7c15u));
    places->next = 0;
    places->left = site->locations;
    places->total = site->now.places;
}

static int places_next(struct places *places)
{
    while (places->left < places->total - places->next &&
           tn_random_below(&places->random, (uint32_t)(places->total - places->next)) >=
               (uint32_t)places->left)
        places->next++;
    places->left--;
    return places->next++;
}

/* --- one pass over the images, as far as the last node that is wanted --- */

struct walk {
    struct tn_refit_pass *pass;
    int last;    /* node behind which nothing is wanted */
    bool enough; /* it was seen */
    bool (*see)(void *context, int node, const float *input, int count, struct tn_error *error);
    void *context;
};

static bool before_node(void *context, int node, const float *input, int count,
                        struct tn_error *error)
{
    struct walk *walk = context;
    if (!walk->see(walk->context, node, input, count, error))
        return false;
    walk->enough = node == walk->last;
    return !walk->enough;
}

static bool walk_batches(struct walk *walk, struct tn_network *network, struct tn_loader *loader,
                         struct tn_error *error)
{
    struct tn_refit_pass *pass = walk->pass;
    struct tn_observer observer = {.before = before_node, .context = walk};
    for (pass->done = 0;;) {
        struct tn_batch batch;
        const float *outputs;
        if (!tn_progress_step(pass->progress, pass->stage, (double)pass->done,
                              (double)pass->options->image_count, "images", "", error) ||
            !tn_loader_next(loader, &batch, error))
            return false;
        if (batch.count == 0)
            return true;
        walk->enough = false;
        if (!tn_network_forward(network, batch.images, (int)batch.count, &observer, &outputs,
                                error) &&
            !walk->enough)
            return false;
        pass->done += batch.count;
    }
}

/* A network is seen by the first inputs of its nodes: where a site's stream is an Add's second, the
 * two change places. */
static struct tn_network *watched(const struct tn_refit_pass *pass, const struct tn_graph *graph,
                                  int count, const struct tn_refit_site *const *sites,
                                  struct tn_error *error)
{
    struct tn_graph *clone = tn_graph_clone(graph, error);
    for (int i = 0; clone && i < count; i++) {
        if (sites[i]->add_node == TN_NO_NODE)
            continue;
        int *inputs = clone->nodes[sites[i]->add_node].inputs;
        int stream = graph->nodes[sites[i]->add_node].inputs[sites[i]->add_input];
        inputs[1] = inputs[0] == stream ? inputs[1] : inputs[0];
        inputs[0] = stream;
    }
    struct tn_network *network = clone ? tn_network_new_watched(clone, pass->batch, error) : NULL;
    tn_graph_free(clone);
    return network;
}

static int last_node(const struct tn_refit_site *site)
{
    return site->now.node > site->add_node ? site->now.node : site->add_node;
}

static bool walk_images(struct walk *walk, const struct tn_graph *graph, int count,
                        const struct tn_refit_site *const *sites, struct tn_error *error)
{
    struct tn_refit_pass *pass = walk->pass;
    struct tn_network *network = watched(pass, graph, count, sites, error);
    if (!network)
        return false;
    for (int i = 0; i < count; i++)
        if (last_node(sites[i]) > walk->last)
            walk->last = last_node(sites[i]);
    struct tn_loader *loader =
        tn_loader_new(pass->dataset, TN_TRAIN, pass->options->images, pass->options->image_count,
                      (size_t)pass->batch, NULL, error);
    if (loader)
        tn_loader_watch(loader, pass->progress);
    tn_network_watch(network, pass->progress);
    bool fine = loader && walk_batches(walk, network, loader, error);
    tn_loader_free(loader);
    tn_network_free(network);
    return fine;
}

/* --- targets --- */

struct targets {
    struct tn_refit_pass *pass;
    int count;
    struct tn_refit_site *const *sites;
    double **kernels;  /* [count] groups of [patch, filters left], as before the cut */
    double **scratch;  /* [workers] */
    size_t *rows_size; /* [count] numbers of scratch before its outputs */
};

/* One layer's input on its way into targets. */
struct target_job {
    const struct targets *targets;
    int site;
    const float *input;
};

static int stripe_rows(const struct tn_refit_site *site)
{
    return site->locations < STRIPE ? site->locations : STRIPE;
}

/* Targets of some places of an image: one group's patches times its kernel. */
static void add_stripe(const struct target_job *job, int group, int rows, const double *patches,
                       double *outputs, float *to)
{
    const struct tn_refit_site *site = job->targets->sites[job->site];
    int size = tn_patch_size(&site->before), filters = site->now.filters;
    const double *kernel =
        job->targets->kernels[job->site] + (size_t)group * (size_t)size * (size_t)filters;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, filters, size, 1, patches, size,
                kernel, filters, 0, outputs, filters);
    size_t stride = (size_t)tn_refit_site_filters(site);
    for (int r = 0; r < rows; r++)
        for (int f = 0; f < filters; f++)
            to[(size_t)r * stride + (size_t)(group * filters + f)] =
                (float)outputs[(size_t)r * (size_t)filters + (size_t)f];
}

static void target_image(void *context, size_t index, unsigned worker)
{
    const struct target_job *job = context;
    const struct targets *t = job->targets;
    const struct tn_refit_site *site = t->sites[job->site];
    size_t image = t->pass->done + index, size = (size_t)tn_patch_size(&site->before);
    const float *input = job->input + index * site->before.input_size;
    double *patches = t->scratch[worker], *outputs = patches + t->rows_size[job->site];
    for (int g = 0; g < site->now.groups; g++) {
        struct places places;
        float *to =
            site->targets + image * (size_t)site->locations * (size_t)tn_refit_site_filters(site);
        places_start(site, t->pass->options->seed, image, &places);
        for (int done = 0, rows; done < site->locations; done += rows) {
            rows = site->locations - done < STRIPE ? site->locations - done : STRIPE;
            for (int r = 0; r < rows; r++)
                tn_patch_gather(&site->before, input, site->group_of[g], places_next(&places),
                                patches + (size_t)r * size);
            add_stripe(job, g, rows, patches, outputs,
                       to + (size_t)done * (size_t)tn_refit_site_filters(site));
        }
    }
}

/* At the Add: from what the layer gives to the sum, BatchNorm's shift left out. */
static void add_stream(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct target_job *job = context;
    const struct tn_refit_site *site = job->targets->sites[job->site];
    int filters = tn_refit_site_filters(site), all = site->before.groups * site->before.filters;
    size_t image = job->targets->pass->done + index, locations = (size_t)site->locations;
    const float *stream = job->input + index * (size_t)all * (size_t)site->now.places;
    float *to = site->targets + image * locations * (size_t)filters;
    struct places places;
    places_start(site, job->targets->pass->options->seed, image, &places);
    for (size_t l = 0; l < locations; l++) {
        int place = places_next(&places);
        for (int f = 0; f < filters; f++, to++)
            *to =
                (float)(tn_refit_site_scale(site, f) * (double)*to +
                        (double)stream[tn_refit_site_output(site, all, site->filter_of[f], place)]);
    }
}

static bool see_targets(void *context, int node, const float *input, int count,
                        struct tn_error *error)
{
    const struct targets *t = context;
    if (tn_progress_cancelled(t->pass->progress))
        return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
    for (int i = 0; i < t->count; i++) {
        struct target_job job = {t, i, input};
        if (t->sites[i]->now.node == node)
            tn_parallel((size_t)count, target_image, &job);
        if (t->sites[i]->add_node == node)
            tn_parallel((size_t)count, add_stream, &job);
    }
    return true;
}

/* The kernels before the cut, of the filters that are left. */
static double *old_kernels(const struct tn_refit_site *site, struct tn_error *error)
{
    const struct tn_patch *before = &site->before;
    size_t size = (size_t)tn_patch_size(before), filters = (size_t)site->now.filters;
    size_t count = size * (size_t)tn_refit_site_filters(site);
    double *kernels = tn_alloc(count, sizeof *kernels);
    if (!kernels) {
        tn_fail_memory(error, "refitting", count * sizeof *kernels);
        return NULL;
    }
    for (int g = 0; g < site->now.groups; g++)
        for (size_t k = 0; k < size; k++)
            for (size_t f = 0; f < filters; f++) {
                int old = site->filter_of[(size_t)g * filters + f] % before->filters;
                kernels[((size_t)g * size + k) * filters + f] =
                    before->alpha *
                    (double)
                        before->weights[tn_patch_weight(before, site->group_of[g], (int)k, old)];
            }
    return kernels;
}

static bool open_targets(struct targets *t, struct tn_error *error)
{
    unsigned workers = tn_threads_get();
    size_t largest = 1;
    t->kernels = tn_calloc((size_t)t->count, sizeof *t->kernels);
    t->rows_size = tn_calloc((size_t)t->count, sizeof *t->rows_size);
    t->scratch = tn_calloc(workers, sizeof *t->scratch);
    if (!t->kernels || !t->rows_size || !t->scratch)
        return tn_fail_memory(error, "refitting", workers * sizeof *t->scratch);
    for (int i = 0; i < t->count; i++) {
        struct tn_refit_site *site = t->sites[i];
        size_t rows = t->pass->options->image_count * (size_t)site->locations;
        size_t stripe = (size_t)stripe_rows(site);
        t->rows_size[i] = stripe * (size_t)tn_patch_size(&site->before);
        size_t needed = t->rows_size[i] + stripe * (size_t)site->now.filters;
        largest = needed > largest ? needed : largest;
        site->targets =
            tn_calloc(rows * (size_t)tn_refit_site_filters(site), sizeof *site->targets);
        if (!site->targets)
            return tn_fail_memory(error, "targets", rows * (size_t)tn_refit_site_filters(site) * 4);
        t->kernels[i] = old_kernels(site, error);
        if (!t->kernels[i])
            return false;
    }
    for (unsigned w = 0; w < workers; w++) {
        t->scratch[w] = tn_alloc(largest, sizeof **t->scratch);
        if (!t->scratch[w])
            return tn_fail_memory(error, "refitting", largest * sizeof **t->scratch);
    }
    return true;
}

static void close_targets(struct targets *t)
{
    for (int i = 0; t->kernels && i < t->count; i++)
        tn_free(t->kernels[i]);
    for (unsigned w = 0; t->scratch && w < tn_threads_get(); w++)
        tn_free(t->scratch[w]);
    tn_free(t->kernels);
    tn_free(t->rows_size);
    tn_free(t->scratch);
}

bool tn_refit_targets(struct tn_refit_pass *pass, const struct tn_graph *before, int count,
                      struct tn_refit_site *const *sites, struct tn_error *error)
{
    struct targets targets = {.pass = pass, .count = count, .sites = sites};
    struct walk walk = {
        .pass = pass, .last = sites[count - 1]->now.node, .see = see_targets, .context = &targets};
    tn_blas_serial();
    bool fine =
        open_targets(&targets, error) &&
        walk_images(&walk, before, count, (const struct tn_refit_site *const *)sites, error);
    close_targets(&targets);
    return fine;
}

/* --- sums --- */

struct sums {
    struct tn_refit_pass *pass;
    const struct tn_refit_site *site;
    struct tn_regression *fit, *held;
    int images;     /* of a block */
    double *x, *y;  /* [images x locations, unknowns], [.., filters of a group] */
    size_t *chosen; /* [batch] images of the present batch that are fitted to, or held */
    float *inputs;  /* of the present batch, until the stream is seen; NULL where there is none */
};

/* Some images of one group on their way into rows. */
struct sum_job {
    const struct sums *sums;
    const float *input, *stream; /* the stream may be NULL */
    int group;
    const size_t *images;
};

static void sum_image(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct sum_job *job = context;
    const struct sums *s = job->sums;
    const struct tn_refit_site *site = s->site;
    size_t inside = job->images[index], image = s->pass->done + inside;
    size_t locations = (size_t)site->locations, filters = (size_t)site->now.filters;
    size_t unknowns = (size_t)site->unknowns, stride = (size_t)tn_refit_site_filters(site);
    const float *input = job->input + inside * site->now.input_size;
    const float *stream = job->stream;
    if (stream)
        stream += inside * stride * (size_t)site->now.places;
    const float *targets =
        site->targets + image * locations * stride + (size_t)job->group * filters;
    struct places places;
    places_start(site, s->pass->options->seed, image, &places);
    for (size_t l = 0; l < locations; l++) {
        double *x = s->x + (index * locations + l) * unknowns;
        double *y = s->y + (index * locations + l) * filters;
        x[unknowns - 1] = 1; /* written over where there is no constant term */
        int place = places_next(&places);
        tn_patch_gather(&site->now, input, job->group, place, x);
        for (size_t f = 0; f < filters; f++)
            y[f] = (double)targets[l * stride + f];
        for (int f = 0; stream && f < site->now.filters; f++)
            y[f] -= (double)stream[tn_refit_site_output(site, (int)stride,
                                                        job->group * site->now.filters + f, place)];
    }
}

static bool add_images(const struct sums *s, const float *input, const float *stream, int count,
                       bool held, struct tn_error *error)
{
    size_t images = 0;
    for (size_t i = 0; i < (size_t)count; i++)
        if (tn_refit_is_held(s->pass->done + i) == held)
            s->chosen[images++] = i;
    for (int g = 0; g < s->site->now.groups; g++) {
        for (size_t i = 0; i < images; i += (size_t)s->images) {
            size_t block = images - i < (size_t)s->images ? images - i : (size_t)s->images;
            struct sum_job job = {s, input, stream, g, s->chosen + i};
            if (tn_progress_cancelled(s->pass->progress))
                return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
            tn_parallel(block, sum_image, &job);
            tn_regression_add(held ? &s->held[g] : &s->fit[g], (int)block * s->site->locations,
                              s->x, s->y);
        }
    }
    return true;
}

static bool see_patches(void *context, int node, const float *input, int count,
                        struct tn_error *error)
{
    const struct sums *s = context;
    const struct tn_refit_site *site = s->site;
    const float *stream = NULL;
    if (node == site->now.node && s->inputs) {
        memcpy(s->inputs, input, (size_t)count * site->now.input_size * sizeof *input);
        return true;
    }
    if (node == site->add_node) {
        stream = input;
        input = s->inputs;
    } else if (node != site->now.node) {
        return true;
    }
    return add_images(s, input, stream, count, false, error) &&
           add_images(s, input, stream, count, true, error);
}

static int block_images(const struct tn_refit_site *site)
{
    double rows = BLOCK_FLOPS / ((double)site->unknowns * (double)site->unknowns);
    int most = rows < ROWS ? (int)rows : ROWS;
    return site->locations < most ? most / site->locations : 1;
}

size_t tn_refit_row_bytes(const struct tn_refit_site *site)
{
    return (size_t)block_images(site) * (size_t)site->locations *
           (size_t)(site->unknowns + site->now.filters) * sizeof(double);
}

bool tn_refit_sums(struct tn_refit_pass *pass, const struct tn_graph *now,
                   const struct tn_refit_site *site, struct tn_regression *fit,
                   struct tn_regression *held, struct tn_error *error)
{
    struct sums s = {.pass = pass, .site = site, .fit = fit, .held = held};
    struct walk walk = {.pass = pass, .see = see_patches, .context = &s};
    bool waits = site->add_node != TN_NO_NODE;
    s.images = block_images(site);
    size_t rows = (size_t)s.images * (size_t)site->locations;
    s.x = tn_alloc(rows * (size_t)site->unknowns, sizeof *s.x);
    s.y = tn_alloc(rows * (size_t)site->now.filters, sizeof *s.y);
    s.chosen = tn_alloc((size_t)pass->batch, sizeof *s.chosen);
    if (waits)
        s.inputs = tn_alloc((size_t)pass->batch * site->now.input_size, sizeof *s.inputs);
    bool fine = s.x && s.y && s.chosen && (!waits || s.inputs)
                    ? walk_images(&walk, now, 1, &site, error)
                    : tn_fail_memory(error, "refitting", tn_refit_row_bytes(site));
    tn_free(s.x);
    tn_free(s.y);
    tn_free(s.chosen);
    tn_free(s.inputs);
    return fine;
}
