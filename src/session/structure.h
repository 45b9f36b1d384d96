/* Whether a network is of the kind that a script was written for. */
#ifndef TN_SESSION_STRUCTURE_H
#define TN_SESSION_STRUCTURE_H

#include "core/error.h"
#include "session/state.h"
#include <stdbool.h>

/* Hold the layers that can be pruned, in order, against a pattern such as "conv3x3*13,fc*2" or
 * "conv7x7,(conv1x1,conv3x3)*16"; "..." at its end allows any more. The error says which layer
 * differs and what was expected. */
bool tn_structure_check(const struct tn_model *model, const char *pattern, struct tn_error *error);

#endif
