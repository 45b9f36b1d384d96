#include "session/snapshot_axes.h"

#include "core/memory.h"

static void fill_leaders(const struct tn_model *model, struct tn_snapshot_layer *layers)
{
    for (int l = 0; l < model->layers.count; l++) {
        int group = model->groups.of_layer[l];
        int leader =
            group >= 0 && model->groups.group[group].prunable ? tn_model_leader(model, group) : -1;
        layers[l].leader = leader >= 0 ? leader : l;
    }
}

/* The next use that is a layer's weights, from *use on; -1 past the last. *layer is that layer:
 * both stand in the order of nodes. */
static int next_weights(const struct tn_model *model, int use, int *layer)
{
    const struct tn_widths *widths = &model->widths;
    const struct tn_layers *layers = &model->layers;
    for (; use < widths->use_count; use++) {
        while (*layer < layers->count && layers->layer[*layer].node < widths->uses[use].node)
            ++*layer;
        if (*layer < layers->count && layers->layer[*layer].node == widths->uses[use].node)
            return use;
    }
    return -1;
}

static size_t count_parts(const struct tn_model *model)
{
    const struct tn_widths *widths = &model->widths;
    size_t count = 0;
    for (int use = 0, layer = 0; (use = next_weights(model, use, &layer)) >= 0; use++) {
        for (int a = 0; a < widths->uses[use].axis_count; a++)
            count += (size_t)widths->axes[widths->uses[use].axes[a]].part_count;
    }
    return count;
}

/* An axis of a layer's weights; returns where the next one's parts go. */
static struct tn_snapshot_part *fill_axis(const struct tn_model *model, int axis,
                                          struct tn_snapshot_axis *out,
                                          struct tn_snapshot_part *part)
{
    const struct tn_width_axis *from = &model->widths.axes[axis];
    *out = (struct tn_snapshot_axis){
        .fixed = (double)from->fixed / from->count, .part_count = from->part_count, .parts = part};
    for (int p = from->first_part; p < from->first_part + from->part_count; p++) {
        const struct tn_width_part *positions = &model->widths.parts[p];
        int leader = tn_model_leader(model, positions->group);
        *part++ = (struct tn_snapshot_part){.layer = leader >= 0 ? leader : 0,
                                            .share = (double)positions->positions / from->count};
    }
    return part;
}

bool tn_snapshot_axes(const struct tn_model *model, struct tn_snapshot_layer *layers,
                      struct tn_snapshot_part **parts, struct tn_error *error)
{
    size_t count = count_parts(model);
    *parts = tn_calloc(count, sizeof **parts);
    if (!*parts)
        return tn_fail_memory(error, "a snapshot", count * sizeof **parts);
    fill_leaders(model, layers);
    struct tn_snapshot_part *next = *parts;
    for (int use = 0, l = 0; (use = next_weights(model, use, &l)) >= 0; use++) {
        const struct tn_width_use *weights = &model->widths.uses[use];
        layers[l].weights = weights->whole;
        layers[l].axis_count = weights->axis_count;
        for (int a = 0; a < weights->axis_count; a++)
            next = fill_axis(model, weights->axes[a], &layers[l].axes[a], next);
    }
    return true;
}
