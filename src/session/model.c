/* The network of a state, and what is derived from it once. */
#include "core/memory.h"
#include "session/state.h"
#include <string.h>

static bool find_reads(struct tn_model *model, struct tn_error *error)
{
    size_t count = 0, nodes = (size_t)model->graph->node_count;
    int *layer_of = tn_alloc(nodes, sizeof *layer_of);
    for (int g = 0; g < model->groups.count; g++)
        count += (size_t)model->groups.group[g].consumer_count;
    model->reads = tn_calloc(count, sizeof *model->reads);
    if (!layer_of || !model->reads) {
        tn_free(layer_of);
        return tn_fail_memory(error, "layers", count * sizeof *model->reads);
    }
    for (size_t n = 0; n < nodes; n++)
        layer_of[n] = -1;
    for (int l = 0; l < model->layers.count; l++)
        layer_of[model->layers.layer[l].node] = l;
    for (int g = 0; g < model->groups.count; g++) {
        const struct tn_group *group = &model->groups.group[g];
        for (int c = 0; group->prunable && c < group->consumer_count; c++) {
            int layer = layer_of[group->consumers[c].node];
            if (layer >= 0)
                model->reads[model->read_count++] = (struct tn_read){layer, g};
        }
    }
    tn_free(layer_of);
    return true;
}

static bool derive(struct tn_model *model, struct tn_error *error)
{
    return tn_layers_of(model->graph, &model->layers, error) &&
           tn_groups_of(model->graph, &model->layers, model->scope, &model->groups, error) &&
           tn_cost_of(model->graph, &model->cost, error) &&
           tn_widths_of(model->graph, &model->layers, &model->groups, &model->widths, error) &&
           find_reads(model, error);
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
    tn_widths_free(&model->widths);
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
