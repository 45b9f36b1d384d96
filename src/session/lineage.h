/* Which filters of the network as it was opened are left: what a filter that stands at some place
 * today was then. */
#ifndef TN_SESSION_LINEAGE_H
#define TN_SESSION_LINEAGE_H

#include "prune/surgery.h"
#include "session/state.h"
#include <jansson.h>

/* A lineage is an object with an array of the first numbers of a layer's filters for every layer
 * that lost some, NULL where none did: as it stands in the session file. */

/* The lineage after cuts in `model`, whose filters have `lineage`. A new reference; NULL when out
 * of memory. */
json_t *tn_lineage_cut(const json_t *lineage, const struct tn_model *model, int count,
                       const struct tn_cut *cuts, struct tn_error *error);

/* The first numbers of a layer's `filters` filters, of which there were `opened`: [filters],
 * released with tn_free. NULL with an error where they cannot be traced. */
int *tn_lineage_filters(const json_t *lineage, const char *layer, int filters, int opened,
                        struct tn_error *error);

#endif
