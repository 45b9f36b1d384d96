/* One method on numbers from files, for tests and measurements from Python:
 *
 *     rank_filters METHOD samples=X.npy | gram=G.npy [target=B.npy] [keep=N] ...
 *     rank_filters METHOD model=FILE.onnx layer=NAME [scope=all] ...
 *     rank_filters METHOD zeros=Z.npy | mean=M.npy | taylor=T.npy ...
 *
 * B.npy [C+1] is X^T y and y^T y of another network's output; without it y = X 1. All
 * with [kept=FILTER,...] [pruned=FILTER,...] (locks) [seed=S] [group=NAME] [repeat=N] [threads=N].
 * Prints one JSON object: order, score; with statistics also error and error_ls by number removed,
 * the least-squares weights of the last `keep` of the order, and seconds for each step, the least
 * of the repetitions. */
#include "core/clock.h"
#include "core/memory.h"
#include "core/threads.h"
#include "data/npy.h"
#include "model/onnx.h"
#include "prune/method.h"
#include "prune/path.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int argument_count;
static char **arguments;

static const char *option(const char *name)
{
    size_t length = strlen(name);
    for (int i = 2; i < argument_count; i++) {
        if (strncmp(arguments[i], name, length) == 0 && arguments[i][length] == '=')
            return arguments[i] + length + 1;
    }
    return NULL;
}

static int whole(const char *name, int otherwise)
{
    const char *text = option(name);
    return text ? atoi(text) : otherwise;
}

static void need(bool good, const struct tn_error *error)
{
    if (good)
        return;
    fprintf(stderr, "rank_filters: %s\n", error->text);
    exit(1);
}

struct work {
    const struct tn_method *method;
    struct tn_method_input input;
    struct tn_gram gram;
    struct tn_tensor *samples, *numbers;
    struct tn_graph *graph;
    struct tn_layers layers;
    struct tn_groups groups;
    struct tn_filter_weights weights;
    struct tn_activity activity;
    enum tn_lock *locks;
    int *order;
    double *score;
    double gram_seconds, rank_seconds, path_seconds, step_seconds;
    struct tn_path path;
};

static struct tn_tensor *numbers_of(const char *file)
{
    struct tn_error error = {0};
    struct tn_tensor *tensor = tn_npy_read(file, &error);
    need(tensor && (tn_tensor_doubles(tensor) ||
                    tn_fail(&error, TN_ERROR_INPUT, "%s: float64 expected", file)),
         &error);
    return tensor;
}

static void load_gram(struct work *w)
{
    struct tn_error error = {0};
    if (option("samples")) {
        w->samples = numbers_of(option("samples"));
        double start = tn_clock_seconds();
        need(tn_gram_of_samples(w->samples->dims[0], (int)w->samples->dims[1],
                                tn_tensor_doubles(w->samples), &w->gram, &error),
             &error);
        w->gram_seconds = tn_clock_seconds() - start;
    } else {
        struct tn_tensor *matrix = numbers_of(option("gram"));
        w->gram = (struct tn_gram){.channels = (int)matrix->dims[0], .matrix = matrix};
    }
    if (option("target")) {
        w->gram.target = numbers_of(option("target"));
        need(w->gram.target->count == (size_t)w->gram.channels + 1 ||
                 tn_fail(&error, TN_ERROR_INPUT, "a target of %d numbers expected",
                         w->gram.channels + 1),
             &error);
    }
    w->input.gram = &w->gram;
    w->input.channels = w->gram.channels;
}

static void load_model(struct work *w)
{
    struct tn_error error = {0};
    bool all = option("scope") && strcmp(option("scope"), "all") == 0;
    w->graph = tn_onnx_read(option("model"), &error);
    need(w->graph && tn_layers_of(w->graph, &w->layers, &error) &&
             tn_groups_of(w->graph, &w->layers, all ? TN_SCOPE_ALL : TN_SCOPE_INNER, &w->groups,
                          &error),
         &error);
    int layer = tn_layers_find(&w->layers, option("layer") ? option("layer") : "");
    int group = layer < 0 ? -1 : w->groups.of_layer[layer];
    need(group >= 0 || tn_fail(&error, TN_ERROR_USE, "no such layer"), &error);
    need(tn_filter_weights_of(w->graph, &w->layers, &w->groups, group, &w->weights, &error),
         &error);
    w->input.weights = &w->weights;
    w->input.channels = w->weights.channels;
    w->input.group = w->groups.group[group].name;
}

static void load_activity(struct work *w)
{
    const char *names[] = {"zeros", "mean", "taylor"};
    const double **fields[] = {&w->activity.zeros, &w->activity.mean, &w->activity.taylor};
    for (int i = 0; i < 3; i++) {
        if (!option(names[i]))
            continue;
        w->numbers = numbers_of(option(names[i]));
        *fields[i] = tn_tensor_doubles(w->numbers);
        w->activity.channels = w->input.channels = (int)w->numbers->count;
        w->input.activity = &w->activity;
    }
}

static void lock(struct work *w, const char *list, enum tn_lock lock)
{
    while (list && *list) {
        char *next;
        long c = strtol(list, &next, 10);
        if (next == list || c < 0 || c >= w->input.channels)
            break;
        w->locks[c] = lock;
        list = *next == ',' ? next + 1 : next;
    }
}

static void load(struct work *w)
{
    w->input.group = option("group") ? option("group") : "layer";
    w->input.seed = (uint64_t)whole("seed", 1);
    w->input.keep = whole("keep", 0);
    w->input.channels = whole("channels", 0);
    if (option("samples") || option("gram"))
        load_gram(w);
    if (option("model"))
        load_model(w);
    load_activity(w);
    size_t n = (size_t)w->input.channels;
    w->order = tn_calloc(n, sizeof *w->order);
    w->score = tn_calloc(n, sizeof *w->score);
    if (option("kept") || option("pruned")) {
        w->locks = tn_calloc(n, sizeof *w->locks);
        lock(w, option("kept"), TN_LOCK_KEEP);
        lock(w, option("pruned"), TN_LOCK_PRUNE);
        w->input.locks = w->locks;
    }
}

static double least(double *seconds, double start)
{
    double now = tn_clock_seconds();
    if (*seconds == 0 || now - start < *seconds)
        *seconds = now - start;
    return now;
}

static void rank(struct work *w)
{
    struct tn_error error = {0};
    for (int i = 0; i < whole("repeat", 1); i++) {
        double start = tn_clock_seconds();
        need(tn_method_rank(w->method, &w->input, w->order, w->score, &error), &error);
        start = least(&w->rank_seconds, start);
        if (!w->input.gram)
            continue;
        tn_path_free(&w->path);
        need(tn_path_of_order(&w->gram, w->order, w->locks, &w->path, &error), &error);
        start = least(&w->path_seconds, start);
        int filters[8];
        double costs[8];
        tn_path_candidates(&w->gram, &w->path, w->input.channels / 2, w->locks, 8, filters, costs);
        least(&w->step_seconds, start);
    }
}

static json_t *reals(const double *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_real(values[i]));
    return array;
}

static json_t *weights_of(const struct work *w)
{
    struct tn_error error = {0};
    int keep = w->input.keep > 0 ? w->input.keep : w->input.channels;
    double *weights = tn_calloc((size_t)keep, sizeof *weights);
    need(tn_least_squares(&w->gram, keep, w->order + w->input.channels - keep, weights, NULL, NULL,
                          &error),
         &error);
    json_t *array = reals(weights, keep);
    tn_free(weights);
    return array;
}

static void print(const struct work *w)
{
    json_t *object = json_object(), *order = json_array();
    for (int i = 0; i < w->input.channels; i++)
        json_array_append_new(order, json_integer(w->order[i]));
    json_object_set_new(object, "order", order);
    json_object_set_new(object, "score", reals(w->score, w->input.channels));
    json_object_set_new(object, "rank_seconds", json_real(w->rank_seconds));
    if (w->input.gram) {
        json_object_set_new(object, "error", reals(w->path.error, w->input.channels + 1));
        json_object_set_new(object, "error_ls", reals(w->path.error_ls, w->input.channels + 1));
        json_object_set_new(object, "weights", weights_of(w));
        json_object_set_new(object, "ridge", json_real(w->path.ridge));
        json_object_set_new(object, "gram_seconds", json_real(w->gram_seconds));
        json_object_set_new(object, "path_seconds", json_real(w->path_seconds));
        json_object_set_new(object, "step_seconds", json_real(w->step_seconds));
    }
    json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(object);
}

static void release(struct work *w)
{
    tn_path_free(&w->path);
    tn_filter_weights_free(&w->weights);
    if (w->graph) {
        tn_groups_free(&w->groups);
        tn_layers_free(&w->layers);
        tn_graph_free(w->graph);
    }
    if (w->input.gram)
        tn_gram_free(&w->gram);
    tn_tensor_unref(w->samples);
    tn_tensor_unref(w->numbers);
    tn_free(w->locks);
    tn_free(w->order);
    tn_free(w->score);
}

int main(int count, char **words)
{
    struct work work = {0};
    argument_count = count;
    arguments = words;
    work.method = count > 1 ? tn_method_find(words[1]) : NULL;
    if (!work.method) {
        fprintf(stderr, "usage: rank_filters METHOD name=value ...\n");
        return 2;
    }
    tn_threads_set((unsigned)whole("threads", 0));
    load(&work);
    rank(&work);
    print(&work);
    release(&work);
    return 0;
}
