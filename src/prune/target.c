#include "prune/target.h"

#include "core/memory.h"
#include "core/threads.h"
#include "model/layers.h"

#include <string.h>

struct reading {
    const struct tn_target *target;
    const struct tn_target_tap *tap;
    const float *input;
};

static void read_image(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct reading *reading = context;
    const struct tn_target *target = reading->target;
    const struct tn_target_tap *tap = reading->tap;
    const struct tn_tap *there = &tap->there;
    int locations = target->options->locations;
    double *row = tap->row + index * (size_t)there->channels;
    double *y = tap->y + index * (size_t)locations;
    struct tn_places places;
    tn_places_start(&places, tap->tap, target->options->seed,
                    target->drawn->images[target->done + index]);
    for (int i = 0; i < locations; i++) {
        struct tn_place place = tn_places_next(&places, tap->tap);
        place.filter = tap->filters[place.filter];
        tn_tap_row(there, reading->input + index * there->input_size, &place, row);
        y[i] = 0;
        for (int c = 0; c < there->channels; c++)
            y[i] += row[c];
    }
}

static bool before_node(void *context, int node, const float *input, int count,
                        struct tn_error *error)
{
    (void)error;
    const struct tn_target *target = context;
    for (int i = 0; i < target->count; i++) {
        struct reading reading = {target, &target->taps[i], input};
        if (target->taps[i].there.node == node)
            tn_parallel((size_t)count, read_image, &reading);
    }
    return true;
}

bool tn_target_batch(struct tn_target *target, const float *images, int count, size_t done,
                     struct tn_error *error)
{
    struct tn_observer observer = {before_node, target};
    const float *outputs;
    target->done = done;
    return tn_network_forward(target->network, images, count, &observer, &outputs, error);
}

static int layer_of_node(const struct tn_layers *layers, int node)
{
    for (int l = 0; l < layers->count; l++) {
        if (layers->layer[l].node == node)
            return l;
    }
    return -1;
}

static bool untraceable(const char *layer, struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_USE,
                   "layer '%s' cannot be traced to the network as it was opened: target=current "
                   "takes the network as it stands",
                   layer);
}

/* The group of that name in the other network. */
static const struct tn_group *group_there(const struct tn_groups *groups, const char *name)
{
    for (int g = 0; g < groups->count; g++) {
        if (strcmp(groups->group[g].name, name) == 0 && groups->group[g].prunable)
            return &groups->group[g];
    }
    return NULL;
}

/* Two sides of one layer must have the same places. */
static bool same_places(const struct tn_tap *a, const struct tn_tap *b)
{
    bool dense = a->op == TN_OP_GEMM || a->op == TN_OP_MATMUL;
    return a->op == b->op &&
           (dense ? a->rows_in == b->rows_in
                  : a->window.out[0] == b->window.out[0] && a->window.out[1] == b->window.out[1]);
}

static bool open_tap(const struct tn_sampling_origin *origin, const struct tn_layers *layers,
                     const struct tn_group *group, int consumer, struct tn_target *target,
                     struct tn_target_tap *tap, struct tn_error *error)
{
    int here = layer_of_node(layers, group->consumers[consumer].node);
    const char *name = here < 0 ? group->name : layers->layer[here].name;
    int layer = here < 0 ? -1 : tn_layers_find(&target->layers, name);
    const struct tn_group *there = group_there(&target->groups, group->name);
    int reader = -1;
    for (int c = 0; there && layer >= 0 && c < there->consumer_count && reader < 0; c++) {
        if (there->consumers[c].node == target->layers.layer[layer].node)
            reader = c;
    }
    if (reader < 0)
        return untraceable(name, error);
    tap->filters = origin->filters[here];
    if (!tap->filters || !tn_tap_open(origin->graph, there, reader, &tap->there, error))
        return tap->filters ? false : untraceable(name, error);
    if (!same_places(tap->tap, &tap->there))
        return untraceable(name, error);
    size_t batch = (size_t)target->drawn->batch, channels = (size_t)tap->there.channels;
    size_t locations = (size_t)target->options->locations;
    tap->row = tn_alloc(batch * channels, sizeof *tap->row);
    tap->y = tn_alloc(batch * locations, sizeof *tap->y);
    return (tap->row && tap->y) ||
           tn_fail_memory(error, "targets", batch * (channels + locations) * sizeof *tap->y);
}

bool tn_target_open(const struct tn_sampling_origin *origin, const struct tn_graph *graph,
                    const struct tn_groups *groups, const struct tn_sampling_options *options,
                    const struct tn_draw *drawn, int count, const struct tn_tap *taps,
                    const int *group_of_tap, const int *consumer_of_tap,
                    const struct tn_progress *progress, struct tn_target *target,
                    struct tn_error *error)
{
    struct tn_layers layers = {0};
    *target = (struct tn_target){.options = options, .drawn = drawn};
    target->taps = tn_calloc((size_t)count, sizeof *target->taps);
    if (!target->taps)
        return tn_fail_memory(error, "targets", (size_t)count * sizeof *target->taps);
    bool ok = tn_layers_of(graph, &layers, error) &&
              tn_layers_of(origin->graph, &target->layers, error) &&
              tn_groups_of(origin->graph, &target->layers, groups->scope, &target->groups, error);
    for (int i = 0; ok && i < count; i++) {
        target->taps[target->count++].tap = &taps[i];
        ok = open_tap(origin, &layers, &groups->group[group_of_tap[i]], consumer_of_tap[i], target,
                      &target->taps[i], error);
    }
    tn_layers_free(&layers);
    target->network = ok ? tn_network_new(origin->graph, drawn->batch, TN_INFER, error) : NULL;
    if (target->network)
        tn_network_watch(target->network, progress);
    return target->network != NULL;
}

void tn_target_close(struct tn_target *target)
{
    for (int i = 0; i < target->count; i++) {
        tn_free(target->taps[i].row);
        tn_free(target->taps[i].y);
    }
    tn_free(target->taps);
    tn_network_free(target->network);
    tn_groups_free(&target->groups);
    tn_layers_free(&target->layers);
    *target = (struct tn_target){0};
}
