/* Which layers a LAYER word names, and what is chosen in them. */
#ifndef TN_SESSION_SELECTION_H
#define TN_SESSION_SELECTION_H

#include "session/state.h"
#include <jansson.h>

struct tn_selection {
    int count;
    int *groups; /* ascending */
};

/* A name, a glob, "all", or "@2-5,9": places among the layers that can be pruned, from 1. A name
 * must be of a layer that can be pruned; the others take those that can be. */
bool tn_select(const struct tn_state *state, const char *pattern, struct tn_selection *selection,
               struct tn_error *error);
/* Just one group. */
bool tn_select_one(const struct tn_state *state, const char *pattern, int *group,
                   struct tn_error *error);
void tn_selection_free(struct tn_selection *selection);

/* "3,7,10-15" as flags [channels]. */
bool tn_parse_filters(const char *text, int channels, bool *chosen, struct tn_error *error);

/* {layer keep filters error error_ls removed kept weights} of a group as it is set. */
json_t *tn_choice_json(const struct tn_state *state, int group, struct tn_error *error);

#endif
