#include "session/origin.h"

#include "core/memory.h"
#include "session/lineage.h"

bool tn_origin_of(struct tn_session *session, struct tn_origin *origin, struct tn_error *error)
{
    *origin = (struct tn_origin){0};
    const struct tn_model *opened = tn_session_opened(session, error);
    if (!opened)
        return false;
    const struct tn_state *state = session->state;
    const struct tn_layers *layers = &state->model->layers;
    origin->filters = tn_calloc((size_t)layers->count, sizeof(int *));
    if (!origin->filters)
        return tn_fail_memory(error, "which filters are left", (size_t)layers->count);
    origin->count = layers->count;
    for (int l = 0; l < layers->count; l++) {
        const struct tn_layer *layer = &layers->layer[l];
        int there = tn_layers_find(&opened->layers, layer->name);
        struct tn_error why;
        tn_error_clear(&why);
        if (there >= 0)
            origin->filters[l] = tn_lineage_filters(state->lineage, layer->name, layer->filters,
                                                    opened->layers.layer[there].filters, &why);
        if (why.kind == TN_ERROR_SYSTEM) {
            tn_error_pass(&why, error);
            tn_origin_free(origin);
            return false;
        }
    }
    origin->origin =
        (struct tn_sampling_origin){opened->graph, (const int *const *)origin->filters};
    return true;
}

void tn_origin_free(struct tn_origin *origin)
{
    for (int l = 0; l < origin->count; l++)
        tn_free(origin->filters[l]);
    tn_free(origin->filters);
    *origin = (struct tn_origin){0};
}
