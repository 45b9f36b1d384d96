/* What is known of the network after an entry without loading it: remembered with the entry, since
 * it is asked for again after every command. */
#ifndef TN_SESSION_OUTLINE_H
#define TN_SESSION_OUTLINE_H

#include "session/inside.h"

struct tn_outline {
    int64_t state_id; /* of the state it was taken from: a later epoch has another */
    char *model_name; /* "" before `open` */
    struct tn_cost original;
    struct tn_data_spec *data; /* or NULL */
    bool evaluated;
    struct tn_evaluation evaluation;
};

/* Belongs to the entry, and stays while the entry's state does. NULL on failure. */
const struct tn_outline *tn_session_outline(struct tn_session *session, struct tn_entry *entry,
                                            struct tn_error *error);
void tn_outline_free(struct tn_outline *outline);

/* The cost of the network that an entry's command left, where it says so: those do that open or cut
 * one. False where it does not. */
bool tn_entry_cost(struct tn_entry *entry, int64_t *params, int64_t *flops);
/* Has the entry made another network than its parent's? */
bool tn_entry_makes_network(struct tn_entry *entry);
/* Is its command this one? */
bool tn_entry_is(const struct tn_entry *entry, const char *command);

#endif
