/* What was cut, layer by layer, for the result of `prune`. */
#ifndef TN_SESSION_CUTS_H
#define TN_SESSION_CUTS_H

#include "prune/surgery.h"
#include "session/state.h"
#include <jansson.h>

/* {name kept removed weights group_channels group_kept producers consumers} of one cut of the
 * model: kept and removed are filters of the layer the group is named by; producers and consumers
 * say the same of every layer that makes the channels, or reads them (positions of its input). */
json_t *tn_cut_json(const struct tn_model *model, const struct tn_cut *cut);

#endif
