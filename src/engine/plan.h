/* From a graph to steps, blobs and the memory they share. */
#ifndef TN_ENGINE_PLAN_H
#define TN_ENGINE_PLAN_H

#include "engine/step.h"

/* Make the steps of network->graph: views become shared blobs, ReLU is fused into the step before
 * it, BatchNorm is folded into convolutions at inference. */
bool tn_plan_steps(struct tn_network *network, struct tn_error *error);

/* plan_memory.c: give every blob its place in the arena, blobs and gradients that are not alive
 * together sharing it. While training, network->most_inside bounds what is made within a segment of
 * steps, whose activations are then made again before its backward pass unless later segments read
 * them. */
bool tn_plan_memory(struct tn_network *network, struct tn_error *error);

/* plan_portions.c: choose the steps that run for a portion of the batch at a time; before
 * tn_plan_memory, which makes their activations no larger. */
void tn_plan_portions(struct tn_network *network);

/* All floats an image that steps make. */
size_t tn_plan_made(const struct tn_network *network);

/* The arena itself, unless it is there. */
bool tn_plan_arena(struct tn_network *network, struct tn_error *error);

/* What is gathered from portions is written from image `first` on. */
void tn_plan_point(struct tn_network *network, int first);

#endif
