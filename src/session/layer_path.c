#include "session/layer_path.h"

#include "core/memory.h"
#include "prune/exchange.h"
#include <math.h>
#include <string.h>

enum { MOST_METHODS = 32 };

/* The sets of thinet-x. */
struct sets {
    int refs;
    struct tn_exchange best;
};

struct tn_layer_paths {
    int refs;
    struct tn_layer_path *of_method[MOST_METHODS]; /* by place in tn_methods */
    bool refused[MOST_METHODS];                    /* tried: not for this group */
    struct sets *sets;
};

struct tn_layer_path *tn_layer_path_ref(struct tn_layer_path *path)
{
    if (path)
        atomic_fetch_add(&path->refs, 1);
    return path;
}

void tn_layer_path_unref(struct tn_layer_path *path)
{
    if (!path || atomic_fetch_sub(&path->refs, 1) > 1)
        return;
    tn_path_free(&path->path);
    tn_free(path->score);
    tn_free(path->energy);
    tn_free(path->zeros);
    tn_free(path->lock);
    tn_free(path);
}

static void sets_unref(struct sets *sets)
{
    if (!sets || --sets->refs > 0)
        return;
    tn_exchange_free(&sets->best);
    tn_free(sets);
}

struct tn_layer_paths *tn_layer_paths_new(struct tn_error *error)
{
    struct tn_layer_paths *paths = tn_calloc(1, sizeof *paths);
    if (paths)
        paths->refs = 1;
    else
        tn_fail_memory(error, "paths", sizeof *paths);
    return paths;
}

struct tn_layer_paths *tn_layer_paths_ref(struct tn_layer_paths *paths)
{
    if (paths)
        paths->refs++;
    return paths;
}

void tn_layer_paths_unref(struct tn_layer_paths *paths)
{
    if (!paths || --paths->refs > 0)
        return;
    for (int m = 0; m < MOST_METHODS; m++)
        tn_layer_path_unref(paths->of_method[m]);
    sets_unref(paths->sets);
    tn_free(paths);
}

struct tn_layer_paths *tn_layer_paths_unweighted(const struct tn_layer_paths *paths)
{
    struct tn_layer_paths *same = paths ? tn_layer_paths_new(NULL) : NULL;
    for (int m = 0; same && tn_methods[m].name; m++) {
        if (!(tn_methods[m].needs & TN_NEEDS_WEIGHTS))
            same->of_method[m] = tn_layer_path_ref(paths->of_method[m]);
    }
    if (same && paths->sets) {
        same->sets = paths->sets;
        same->sets->refs++;
    }
    return same;
}

static void fill_view(struct tn_layer_path *path)
{
    path->view = (struct tn_snapshot_path){
        .channels = path->path.channels,
        .order = path->path.order,
        .error = path->path.error,
        .error_ls = path->path.error_ls,
        .cost = path->path.cost,
        .runner_up = path->path.runner_up,
        .runner_up_cost = path->path.runner_up_cost,
        .score = path->score,
        .energy = path->energy,
        .zeros = path->zeros,
        .lock = path->lock,
        .ridge = path->path.ridge,
        .order_keep = path->keep,
    };
}

static struct tn_layer_path *path_new(const struct tn_method_input *input, struct tn_error *error)
{
    size_t channels = (size_t)input->channels;
    struct tn_layer_path *path = tn_calloc(1, sizeof *path);
    if (!path) {
        tn_fail_memory(error, "a path", sizeof *path);
        return NULL;
    }
    atomic_init(&path->refs, 1);
    path->score = tn_calloc(channels, sizeof *path->score);
    path->energy = tn_calloc(channels, sizeof *path->energy);
    path->lock = tn_calloc(channels, sizeof *path->lock);
    bool zeros = input->activity && input->activity->zeros;
    path->zeros = zeros ? tn_calloc(channels, sizeof *path->zeros) : NULL;
    if (path->score && path->energy && path->lock && (path->zeros || !zeros))
        return path;
    tn_layer_path_unref(path);
    tn_fail_memory(error, "a path", channels * sizeof *path->score);
    return NULL;
}

/* --- errors along an order --- */

static bool follow(const struct tn_method_input *input, const int *order, struct tn_path *path,
                   struct tn_error *error)
{
    return input->gram ? tn_path_of_order(input->gram, order, input->locks, path, error)
                       : tn_path_unmeasured(input->channels, order, path, error);
}

static bool rank_and_follow(const struct tn_method *method, const struct tn_method_input *input,
                            struct tn_layer_path *path, struct tn_error *error)
{
    int *order = tn_alloc((size_t)input->channels, sizeof *order);
    if (!order)
        return tn_fail_memory(error, "an order", (size_t)input->channels * sizeof *order);
    bool ok = tn_method_rank(method, input, order, path->score, error) &&
              follow(input, order, &path->path, error);
    tn_free(order);
    return ok;
}

/* --- thinet-x: one set a number kept, which need not be nested --- */

static struct sets *find_sets(const struct tn_method_input *input, struct tn_error *error)
{
    struct sets *sets = tn_calloc(1, sizeof *sets);
    if (!sets) {
        tn_fail_memory(error, "sets of filters", sizeof *sets);
        return NULL;
    }
    sets->refs = 1;
    if (!tn_exchange_of(input->gram, input->locks, input->progress, &sets->best, error)) {
        tn_free(sets);
        return NULL;
    }
    return sets;
}

/* Those outside the set go first, the set itself goes on greedily; locks hold within both. */
static void locks_for_set(const struct tn_method_input *input, const bool *kept,
                          enum tn_lock *locks)
{
    for (int c = 0; c < input->channels; c++) {
        enum tn_lock own = input->locks ? input->locks[c] : TN_UNLOCKED;
        locks[c] = !kept[c] ? TN_LOCK_PRUNE : own == TN_LOCK_KEEP ? own : TN_UNLOCKED;
    }
}

/* Of the first `removed` those that are locked to be pruned come first, else as they are. */
static void locked_first(const struct tn_method_input *input, int removed, int *order, int *spare)
{
    int count = 0;
    for (int pass = 0; input->locks && pass < 2; pass++) {
        for (int i = 0; i < removed; i++) {
            if ((input->locks[order[i]] == TN_LOCK_PRUNE) == (pass == 0))
                spare[count++] = order[i];
        }
    }
    memcpy(order, spare, (size_t)count * sizeof *order);
}

static bool order_for_set(const struct tn_method_input *input, const bool *kept, int removed,
                          struct tn_layer_path *path, struct tn_error *error)
{
    size_t n = (size_t)input->channels;
    enum tn_lock *locks = tn_alloc(n, sizeof *locks);
    int *order = tn_alloc(2 * n, sizeof *order);
    double *cost = tn_alloc(n, sizeof *cost);
    bool ok = locks && order && cost ? true : tn_fail_memory(error, "an order", n * sizeof *cost);
    if (ok) {
        locks_for_set(input, kept, locks);
        ok = tn_path_greedy(input->gram, locks, order, cost, error);
    }
    if (ok) {
        locked_first(input, removed, order, order + n);
        ok = follow(input, order, &path->path, error);
    }
    for (size_t i = 0; ok && i < n; i++)
        path->score[path->path.order[i]] = path->path.cost[i];
    tn_free(locks);
    tn_free(order);
    tn_free(cost);
    return ok;
}

static bool follow_sets(struct tn_layer_paths *paths, const struct tn_method_input *input,
                        struct tn_layer_path *path, struct tn_error *error)
{
    size_t n = (size_t)input->channels;
    path->keep = input->keep;
    if (!paths->sets)
        paths->sets = find_sets(input, error);
    const struct sets *sets = paths->sets;
    if (!sets || !order_for_set(input, sets->best.kept + (size_t)path->keep * n,
                                input->channels - path->keep, path, error))
        return false;
    memcpy(path->path.error, sets->best.error, (n + 1) * sizeof(double));
    memcpy(path->path.error_ls, sets->best.error_ls, (n + 1) * sizeof(double));
    return true;
}

/* --- all methods --- */

static bool compute(struct tn_layer_paths *paths, const struct tn_method *method,
                    const struct tn_method_input *input, struct tn_layer_path *path,
                    struct tn_error *error)
{
    size_t n = (size_t)input->channels;
    path->method = method;
    path->seed = input->seed;
    bool sets = (method->needs & TN_NEEDS_KEEP) && input->gram;
    if (!(sets ? follow_sets(paths, input, path, error)
               : rank_and_follow(method, input, path, error)))
        return false;
    const double *g = input->gram ? tn_tensor_doubles(input->gram->matrix) : NULL;
    double energy = path->path.energy;
    for (size_t i = 0; i < n; i++) {
        path->energy[i] = !g ? NAN : energy > 0 ? g[i * n + i] / energy : 0;
        path->lock[i] = input->locks ? (signed char)input->locks[i] : 0;
        if (path->zeros)
            path->zeros[i] = input->activity->zeros[i];
    }
    fill_view(path);
    return true;
}

static bool same_chance(const struct tn_layer_path *path, uint64_t seed)
{
    return path->method->needs != 0 || path->seed == seed;
}

static bool holds(const struct tn_layer_path *path, const struct tn_method_input *input)
{
    return path && (path->keep == 0 || path->keep == input->keep) && same_chance(path, input->seed);
}

struct tn_layer_path *tn_layer_paths_get(struct tn_layer_paths *paths,
                                         const struct tn_method *method,
                                         const struct tn_method_input *input,
                                         struct tn_error *error)
{
    struct tn_layer_path **place = &paths->of_method[method - tn_methods];
    if (holds(*place, input))
        return *place;
    struct tn_layer_path *path = path_new(input, error);
    struct tn_error why;
    tn_error_clear(&why);
    if (path && !compute(paths, method, input, path, &why)) {
        paths->refused[method - tn_methods] = why.kind == TN_ERROR_USE;
        tn_error_pass(&why, error);
        tn_layer_path_unref(path);
        path = NULL;
    }
    if (path) {
        tn_layer_path_unref(*place);
        *place = path;
    }
    return path;
}

struct tn_layer_path *tn_layer_paths_peek(const struct tn_layer_paths *paths,
                                          const struct tn_method *method, uint64_t seed)
{
    struct tn_layer_path *path = paths ? paths->of_method[method - tn_methods] : NULL;
    return path && same_chance(path, seed) ? path : NULL;
}

bool tn_layer_paths_refuse(const struct tn_layer_paths *paths, const struct tn_method *method)
{
    return paths && paths->refused[method - tn_methods];
}
