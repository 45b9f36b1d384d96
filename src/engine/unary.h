/* Functions of each number by itself. */
#ifndef TN_ENGINE_UNARY_H
#define TN_ENGINE_UNARY_H

#include "engine/step.h"

/* The state of a step that runs as tn_unary_ops. */
bool tn_unary_prepare(struct tn_network *network, struct tn_step *step, enum tn_unary function,
                      const float parameters[TN_UNARY_PARAMETERS], struct tn_error *error);

#endif
