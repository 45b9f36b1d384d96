/* The network of a state, and what is derived from it once. */
#include "core/memory.h"
#include "session/state.h"
#include <string.h>

static bool derive(struct tn_model *model, struct tn_error *error)
{
    if (!tn_layers_of(model->graph, &model->layers, error) ||
        !tn_groups_of(model->graph, &model->layers, model->scope, &model->groups, error) ||
        !tn_cost_of(model->graph, &model->cost, error))
        return false;
    int count = model->layers.count;
    model->reads = tn_alloc((size_t)count, sizeof *model->reads);
    if (!model->reads)
        return tn_fail_memory(error, "layers", (size_t)count * sizeof *model->reads);
    for (int l = 0; l < count; l++)
        model->reads[l] = -1;
    for (int g = 0; g < model->groups.count; g++) {
        const struct tn_group *group = &model->groups.group[g];
        for (int c = 0; c < group->consumer_count; c++) {
            for (int l = 0; l < count; l++) {
                if (model->layers.layer[l].node == group->consumers[c].node)
                    model->reads[l] = g;
            }
        }
    }
    return true;
}

struct tn_model *tn_model_new(struct tn_graph *graph, enum tn_scope scope, struct tn_error *error)
{
    struct tn_model *model = tn_calloc(1, sizeof *model);
    if (!model) {
        tn_graph_free(graph);
        tn_fail_memory(error, "a network", sizeof *model);
        return NULL;
    }
    model->refs = 1;
    model->graph = graph;
    model->scope = scope;
    if (!derive(model, error)) {
        tn_model_unref(model);
        return NULL;
    }
    return model;
}

struct tn_model *tn_model_ref(struct tn_model *model)
{
    if (model)
        model->refs++;
    return model;
}

void tn_model_unref(struct tn_model *model)
{
    if (!model || --model->refs > 0)
        return;
    tn_groups_free(&model->groups);
    tn_layers_free(&model->layers);
    tn_graph_free(model->graph);
    tn_free(model->reads);
    tn_free(model);
}

int tn_model_leader(const struct tn_model *model, int group)
{
    const struct tn_group *g = &model->groups.group[group];
    return g->producer_count > 0 ? g->producers[0] : -1;
}

int tn_model_find_group(const struct tn_model *model, const char *name)
{
    for (int g = 0; g < model->groups.count; g++) {
        if (strcmp(model->groups.group[g].name, name) == 0)
            return g;
    }
    return -1;
}
