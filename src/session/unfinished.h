/* Training that has not come to its end: what it takes to go on. */
#ifndef TN_SESSION_UNFINISHED_H
#define TN_SESSION_UNFINISHED_H

#include "engine/train.h"

struct tn_model;

/* Shared and immutable. */
struct tn_unfinished {
    int refs;
    char *command;                   /* the line that began it */
    struct tn_checkpoint checkpoint; /* after its last finished epoch; holds the momentum */
    struct tn_model *best;           /* the network of checkpoint.best, or NULL */
};

/* Takes references on what it is given; `best` may be NULL. */
struct tn_unfinished *tn_unfinished_new(const char *command, const struct tn_checkpoint *checkpoint,
                                        struct tn_model *best, struct tn_error *error);
struct tn_unfinished *tn_unfinished_ref(struct tn_unfinished *unfinished);
void tn_unfinished_unref(struct tn_unfinished *unfinished);

#endif
