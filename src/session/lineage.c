#include "session/lineage.h"

#include "core/memory.h"

/* Does the cut of the filter's group leave it? */
static bool stays(const struct tn_filter_map *map, int filter, int count, const struct tn_cut *cuts)
{
    for (int i = 0; i < count; i++) {
        if (cuts[i].group != map->group)
            continue;
        int channel = map->channels[filter], kept = 0;
        while (kept < cuts[i].keep_count && cuts[i].keep[kept] != channel)
            kept++;
        return channel == TN_NO_CHANNEL || kept < cuts[i].keep_count;
    }
    return true;
}

static bool is_cut(const struct tn_filter_map *map, int count, const struct tn_cut *cuts)
{
    for (int i = 0; map->channels && i < count; i++) {
        if (cuts[i].group == map->group)
            return true;
    }
    return false;
}

json_t *tn_lineage_cut(const json_t *lineage, const struct tn_model *model, int count,
                       const struct tn_cut *cuts, struct tn_error *error)
{
    json_t *after = lineage ? json_copy((json_t *)lineage) : json_object();
    for (int l = 0; after && l < model->layers.count; l++) {
        const struct tn_filter_map *map = &model->groups.filters[l];
        if (!is_cut(map, count, cuts))
            continue;
        const char *layer = model->layers.layer[l].name;
        const json_t *before = json_object_get(lineage, layer);
        json_t *left = json_array();
        for (int f = 0; f < map->count; f++) {
            if (stays(map, f, count, cuts))
                json_array_append_new(left, before ? json_copy(json_array_get(before, (size_t)f))
                                                   : json_integer(f));
        }
        json_object_set_new(after, layer, left);
    }
    if (!after)
        tn_fail_memory(error, "which filters are left", 1);
    return after;
}

int *tn_lineage_filters(const json_t *lineage, const char *layer, int filters, int opened,
                        struct tn_error *error)
{
    const json_t *left = json_object_get(lineage, layer);
    int *first = tn_alloc((size_t)filters, sizeof *first);
    if (!first) {
        tn_fail_memory(error, "which filters are left", (size_t)filters * sizeof *first);
        return NULL;
    }
    bool traced = left ? json_array_size(left) == (size_t)filters : filters == opened;
    for (int f = 0; traced && f < filters; f++) {
        json_int_t was = left ? json_integer_value(json_array_get(left, (size_t)f)) : f;
        traced = was >= 0 && was < opened;
        first[f] = (int)was;
    }
    if (traced)
        return first;
    tn_free(first);
    tn_fail(error, TN_ERROR_USE,
            "layer '%s' has %d filters and had %d when the network was opened, and which of them "
            "they are is not known: target=current takes the network as it stands",
            layer, filters, opened);
    return NULL;
}
