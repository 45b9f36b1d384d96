/* A fresh classifier. */
#include "model/head.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include <string.h>

/* Layers with weights of their own are no longer those of the network as it was opened. */
static bool forget_new(struct tn_state *next, const struct tn_model *old, struct tn_error *error)
{
    const struct tn_layers *layers = &next->model->layers;
    json_t *lineage = next->lineage ? json_copy(next->lineage) : json_object();
    for (int l = 0; lineage && l < layers->count; l++) {
        const struct tn_layer *layer = &layers->layer[l];
        int was = tn_layers_find(&old->layers, layer->name);
        const struct tn_node *node = &next->model->graph->nodes[layer->node];
        bool same =
            was >= 0 &&
            tn_node_constant(next->model->graph, node, 1) ==
                tn_node_constant(old->graph, &old->graph->nodes[old->layers.layer[was].node], 1);
        if (!same)
            json_object_set_new(lineage, layer->name, json_array());
    }
    if (!lineage)
        return tn_fail_memory(error, "which filters are left", 1);
    tn_state_set_lineage(next, lineage);
    return true;
}

static bool become(struct tn_session *session, struct tn_graph *graph, json_t *result,
                   struct tn_error *error)
{
    struct tn_model *model = tn_model_new(graph, session->state->model->scope, error);
    struct tn_state *next = model ? tn_session_edit(session, error) : NULL;
    if (!next) {
        tn_model_unref(model);
        return false;
    }
    if (!tn_state_set_model(next, model, true, 0, NULL, error) ||
        !forget_new(next, session->state->model, error))
        return false;
    const struct tn_value *output = &model->graph->values[model->graph->outputs[0]];
    tn_put_integer(result, "classes", output->has_shape ? output->dims[1] : 0);
    tn_put_integer(result, "params", model->cost.params);
    tn_put_integer(result, "params_all", model->cost.params_all);
    tn_put_integer(result, "flops", model->cost.flops);
    return true;
}

static bool run_head(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    int64_t classes = 0, seed = 1;
    if (!tn_line_integer(line, "classes", 1, 10000000, &classes, error) ||
        !tn_line_integer(line, "seed", 0, INT64_MAX, &seed, error) ||
        !tn_session_need_model(session, error))
        return false;
    const struct tn_head head = {
        .classes = (int)classes,
        .gap = strcmp(tn_line_option(line, "pool"), "gap") == 0,
        .seed = (uint64_t)seed,
    };
    struct tn_graph *graph = tn_graph_clone(session->state->model->graph, error);
    if (graph && tn_graph_new_head(graph, &head, error))
        return become(session, graph, result, error);
    tn_graph_free(graph);
    return false;
}

const struct tn_command tn_commands_head[] = {
    {"head",
     "put a fresh classifier on the network",
     "The last layer gets new weights, for transfer learning. pool=gap reads the last feature maps "
     "by global average pooling, and drops the fully connected layers between (the paper's "
     "ThiNet-GAP).",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {{0}},
     {{"classes", TN_WORD_NUMBER, NULL, NULL, "how many; as many as there are"},
      {"pool", TN_WORD_NAME, "keep", "keep|gap", "what stands before the classifier"},
      {"seed", TN_WORD_NUMBER, "1", NULL, "start of the random numbers"}},
     run_head},
    {0},
};
