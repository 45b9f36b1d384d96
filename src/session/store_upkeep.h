/* Looking after the session file: what takes its room, what no state needs, whether it is sound. */
#ifndef TN_SESSION_STORE_UPKEEP_H
#define TN_SESSION_STORE_UPKEEP_H

#include "core/progress.h"
#include "session/store.h"

/* What a file is made of. */
enum tn_store_part {
    TN_PART_WEIGHTS,     /* tensors of networks that a state has */
    TN_PART_STATISTICS,  /* tensors of what was sampled */
    TN_PART_CHECKPOINTS, /* tensors that only training to be resumed needs */
    TN_PART_UNNEEDED,    /* tensors that nothing needs any more: `session compact` drops them */
    TN_PART_GRAPHS,      /* structures of networks */
    TN_PART_STATES,      /* their settings */
    TN_PART_JOURNAL,     /* command lines and results */
    TN_PART_METRICS,     /* a row a figure of an epoch: counted, their bytes are in "other" */
    TN_PART_FREE,        /* pages that were given back and wait for new contents */
    TN_PART_OTHER,       /* indexes, and what does not fill its page */
    TN_STORE_PARTS
};

struct tn_store_sizes {
    int64_t bytes; /* of the file */
    struct {
        int64_t count, bytes;
    } parts[TN_STORE_PARTS];
};

const char *tn_store_part_name(enum tn_store_part part); /* "weights" */
bool tn_store_measure(struct tn_store *store, struct tn_store_sizes *sizes, struct tn_error *error);

/* Read all of the file: SQLite's own check, every reference, every digest, every state. False with
 * the first thing that is wrong. `near` is the state that is in memory (its tensors are shared
 * while states are read), or NULL. */
bool tn_store_check(struct tn_store *store, struct tn_state *near,
                    const struct tn_progress *progress, struct tn_error *error);

/* Drop what no entry needs and give the free pages back to the disk. Whenever it is cut off the
 * file is as it was, or as it is to be. */
bool tn_store_compact(struct tn_store *store, struct tn_error *error);

/* In one transaction: the rows of `count` entries, and what only they needed, go; the session
 * stands and redo leads where the journal says, which has them no more. */
bool tn_store_delete(struct tn_store *store, const struct tn_journal *journal, int count,
                     const int64_t *entries, struct tn_error *error);

/* SQL of the digests that are needed, for store_upkeep.c and store_check.c. */
#define TN_SQL_OPENED                                                                              \
    "SELECT json_extract(settings, '$.opened') FROM state WHERE json_valid(settings) "             \
    "AND json_extract(settings, '$.opened') IS NOT NULL"
#define TN_SQL_GRAPHS                                                                              \
    "SELECT graph FROM state WHERE graph IS NOT NULL "                                             \
    "UNION SELECT digest FROM graph WHERE lower(hex(digest)) IN (" TN_SQL_OPENED ")"
#define TN_SQL_BEST "SELECT best FROM checkpoint WHERE best IS NOT NULL"
#define TN_SQL_STATISTICS                                                                          \
    "SELECT gram FROM statistic "                                                                  \
    "UNION SELECT activity FROM statistic_more WHERE activity IS NOT NULL "                        \
    "UNION SELECT gradients FROM statistic_more WHERE gradients IS NOT NULL "                      \
    "UNION SELECT target FROM statistic_more WHERE target IS NOT NULL"
#define TN_SQL_WEIGHTS "SELECT tensor FROM graph_tensor WHERE graph IN (" TN_SQL_GRAPHS ")"
#define TN_SQL_CHECKPOINTS                                                                         \
    "SELECT momentum FROM checkpoint "                                                             \
    "UNION SELECT tensor FROM graph_tensor WHERE graph IN (" TN_SQL_BEST ")"

#endif
