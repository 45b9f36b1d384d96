/* What a network is given when only its time matters. */
#ifndef TN_ENGINE_TRIAL_H
#define TN_ENGINE_TRIAL_H

#include "core/error.h"
#include "model/graph.h"

/* Numbers of one image [C,H,W], or of whatever the network takes. */
bool tn_input_size(const struct tn_graph *graph, size_t *size, struct tn_error *error);

/* Bytes of a graph's constants. */
size_t tn_weights_bytes(const struct tn_graph *graph);

/* A batch of normally distributed numbers, always the same; released with tn_free. NULL with an
 * error. */
float *tn_trial_images(const struct tn_graph *graph, int batch, struct tn_error *error);

#endif
