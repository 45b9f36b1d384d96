/* What verify.c holds against each other. */
#ifndef TN_SESSION_VERIFY_COMPARE_H
#define TN_SESSION_VERIFY_COMPARE_H

#include "session/journal.h"
#include "session/verify.h"

struct tn_match {
    bool strict;  /* bit for bit */
    bool trained; /* the entry trains: its weights are its own, only accuracy and loss are held */
    bool exact;   /* in and out: becomes false where something was only within tolerance */
    struct tn_difference
        *difference; /* field, recorded, now are filled in where false is returned */
};

/* Results as JSON: what depends on time, memory and places is left out. */
bool tn_compare_json(struct tn_match *match, const json_t *recorded, const json_t *now);
/* Metrics of training. */
bool tn_compare_epochs(struct tn_match *match, const struct tn_entry *recorded,
                       const struct tn_entry *now);
/* Networks, statistics, settings. False without an error means a difference; `failed` is set where
 * it could not be told. */
bool tn_compare_states(struct tn_match *match, const struct tn_state *recorded,
                       const struct tn_state *now, bool *failed, struct tn_error *error);

/* The difference itself: returns false. */
bool tn_differs(struct tn_match *match, const char *field, const char *recorded, const char *now);

#endif
