/* What was cut, layer by layer, for the result of `prune`. */
#include "session/cuts.h"

#include "core/memory.h"
#include "session/results.h"
#include <math.h>

/* Factor of each channel of a group; NAN for those that go. */
static double *factors_of(const struct tn_group *group, const struct tn_cut *cut)
{
    double *factors = tn_alloc((size_t)group->channels, sizeof *factors);
    for (int c = 0; factors && c < group->channels; c++)
        factors[c] = NAN;
    for (int i = 0; factors && i < cut->keep_count; i++)
        factors[cut->keep[i]] = cut->weights ? cut->weights[i] : 1;
    return factors;
}

/* The positions of an axis that belong to the group: those kept, those removed, and, where
 * `weights` are asked for, the factors of those kept. */
static void put_positions(json_t *json, const double *factors, int count, const int *channels,
                          bool weights)
{
    json_t *kept = json_array(), *removed = json_array(), *scales = json_array();
    for (int i = 0; i < count; i++) {
        if (channels[i] == TN_NO_CHANNEL)
            continue;
        double factor = factors[channels[i]];
        json_array_append_new(isnan(factor) ? removed : kept, json_integer(i));
        if (!isnan(factor))
            json_array_append_new(scales, json_real(factor));
    }
    tn_put(json, "kept", kept);
    tn_put(json, "removed", removed);
    tn_put(json, "weights", weights ? json_incref(scales) : json_null());
    json_decref(scales);
}

static json_t *producers_json(const struct tn_model *model, int group, const double *factors)
{
    json_t *list = json_array();
    for (int l = 0; l < model->layers.count; l++) {
        const struct tn_filter_map *map = &model->groups.filters[l];
        if (map->group != group || !map->channels)
            continue;
        json_t *json = json_object();
        tn_put_text(json, "name", model->layers.layer[l].name);
        put_positions(json, factors, map->count, map->channels, false);
        json_object_del(json, "weights");
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *consumers_json(const struct tn_model *model, int group, const double *factors,
                              bool weights)
{
    json_t *list = json_array();
    const struct tn_group *g = &model->groups.group[group];
    for (int r = 0, c = 0; r < model->read_count; r++) {
        if (model->reads[r].group != group)
            continue;
        while (g->consumers[c].node != model->layers.layer[model->reads[r].layer].node)
            c++;
        json_t *json = json_object();
        tn_put_text(json, "name", model->layers.layer[model->reads[r].layer].name);
        put_positions(json, factors, g->consumers[c].count, g->consumers[c].channels, weights);
        json_array_append_new(list, json);
    }
    return list;
}

json_t *tn_cut_json(const struct tn_model *model, const struct tn_cut *cut)
{
    const struct tn_group *group = &model->groups.group[cut->group];
    const struct tn_filter_map *first = &model->groups.filters[group->producers[0]];
    double *factors = factors_of(group, cut);
    json_t *json = json_object();
    if (!factors)
        return json;
    tn_put_text(json, "name", group->name);
    put_positions(json, factors, first->count, first->channels, cut->weights != NULL);
    tn_put_integer(json, "group_channels", group->channels);
    tn_put(json, "group_kept", tn_json_ints(cut->keep, cut->keep_count));
    tn_put(json, "producers", producers_json(model, cut->group, factors));
    tn_put(json, "consumers", consumers_json(model, cut->group, factors, cut->weights != NULL));
    tn_free(factors);
    return json;
}
