#include "session/scene.h"

#include "core/memory.h"
#include "engine/network.h"
#include "prune/activation.h"
#include <stdio.h>
#include <string.h>

/* The network up to a value, which becomes its output. */
static struct tn_graph *graph_up_to(const struct tn_graph *graph, int value, struct tn_error *error)
{
    struct tn_graph *cut = tn_graph_clone(graph, error);
    if (!cut)
        return NULL;
    cut->output_count = 1;
    cut->outputs[0] = value;
    if (tn_graph_prune_dead(cut, error))
        return cut;
    tn_graph_free(cut);
    return NULL;
}

static bool lay_out(struct tn_scene *scene, const struct tn_value *value,
                    const struct tn_layer *layer, struct tn_error *error)
{
    bool last = layer->op == TN_OP_MATMUL;
    int axis = last ? value->rank - 1 : 1;
    int64_t rows = 1, columns = 1;
    bool known = value->has_shape && value->rank >= 2 && value->dims[axis] == layer->filters;
    for (int i = 1; known && i < value->rank; i++) {
        known = value->dims[i] >= 1 && value->dims[i] <= INT32_MAX / (rows * columns);
        if (i == axis || !known)
            continue;
        rows *= columns; /* all axes but the last together */
        columns = value->dims[i];
    }
    if (!known)
        return tn_fail(error, TN_ERROR_USE, "the shape of what layer '%s' gives is not known",
                       layer->name);
    scene->filters = layer->filters;
    scene->rows = (int)rows;
    scene->columns = (int)columns;
    scene->stride = last ? 1 : (size_t)(rows * columns);
    scene->step = last ? (size_t)layer->filters : 1;
    return true;
}

static bool run(struct tn_scene *scene, struct tn_network *network,
                const struct tn_progress *progress, struct tn_error *error)
{
    const float *outputs;
    size_t count = (size_t)tn_network_outputs(network);
    scene->activation = tn_alloc(count, sizeof *scene->activation);
    if (!scene->activation)
        return tn_fail_memory(error, "an activation", count * sizeof *scene->activation);
    tn_network_watch(network, progress);
    if (!tn_network_forward(network, scene->input, 1, NULL, &outputs, error))
        return false;
    memcpy(scene->activation, outputs, count * sizeof *outputs);
    return true;
}

static bool activate(struct tn_scene *scene, const struct tn_model *model,
                     const struct tn_progress *progress, struct tn_error *error)
{
    const struct tn_layer *layer = &model->layers.layer[scene->layer];
    int output = model->graph->nodes[layer->node].outputs[0];
    struct tn_graph *cut = graph_up_to(model->graph, tn_activation_of(model->graph, output), error);
    bool ok = cut && lay_out(scene, &cut->values[cut->outputs[0]], layer, error);
    struct tn_network *network = ok ? tn_network_new(cut, 1, TN_INFER, error) : NULL;
    ok = network && run(scene, network, progress, error);
    tn_network_free(network);
    tn_graph_free(cut);
    return ok;
}

static bool load(struct tn_scene *scene, struct tn_dataset *dataset, struct tn_error *error)
{
    tn_dataset_shape(dataset, scene->chw);
    size_t size = (size_t)scene->chw[0] * (size_t)scene->chw[1] * (size_t)scene->chw[2];
    int label = tn_dataset_label(dataset, scene->split, (size_t)scene->image);
    snprintf(scene->class_name, sizeof scene->class_name, "%s",
             tn_dataset_class_name(dataset, label));
    scene->input = tn_alloc(size, sizeof *scene->input);
    if (!scene->input)
        return tn_fail_memory(error, "an image", size * sizeof *scene->input);
    return tn_dataset_image(dataset, scene->split, (size_t)scene->image, NULL, scene->input, error);
}

struct tn_scene *tn_scene_new(const struct tn_model *model, int layer, struct tn_dataset *dataset,
                              enum tn_split split, int64_t image,
                              const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_scene *scene = tn_calloc(1, sizeof *scene);
    if (!scene) {
        tn_fail_memory(error, "a scene", sizeof *scene);
        return NULL;
    }
    scene->layer = layer;
    scene->split = split;
    scene->image = image;
    if (load(scene, dataset, error) && activate(scene, model, progress, error))
        return scene;
    tn_scene_free(scene);
    return NULL;
}

void tn_scene_free(struct tn_scene *scene)
{
    if (!scene)
        return;
    tn_free(scene->input);
    tn_free(scene->activation);
    tn_free(scene);
}
