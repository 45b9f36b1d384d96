/* From a graph to steps, blobs and the memory they share. */
#ifndef TN_ENGINE_PLAN_H
#define TN_ENGINE_PLAN_H

#include "engine/step.h"

/* Make the steps of network->graph: views become shared blobs, ReLU is fused into the step before
 * it, BatchNorm is folded into convolutions at inference. */
bool tn_plan_steps(struct tn_network *network, struct tn_error *error);

/* plan_memory.c: give every blob its memory: at inference blobs that are not alive together share
 * it. */
bool tn_plan_memory(struct tn_network *network, struct tn_error *error);

/* The same for gradients, walking the steps backward. Called before the first backward pass. */
bool tn_plan_gradients(struct tn_network *network, struct tn_error *error);

#endif
