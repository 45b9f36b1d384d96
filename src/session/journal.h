/* The journal: every command that was run, as a tree. */
#ifndef TN_SESSION_JOURNAL_H
#define TN_SESSION_JOURNAL_H

#include "engine/train.h"
#include "session/state.h"
#include <jansson.h>

struct tn_outline;

enum tn_entry_status {
    TN_ENTRY_FAILED = 0,
    TN_ENTRY_DONE = 1,
    TN_ENTRY_RUNNING = 2, /* read back from a file: it was cut short */
};

/* Whose networks stay when training has come to its end. */
enum tn_keep {
    TN_KEEP_RESULT, /* the result's alone */
    TN_KEEP_BEST,   /* also those of the best epoch and of the last */
    TN_KEEP_ALL,    /* also those of all other epochs */
};

struct tn_entry {
    int64_t id, parent; /* parent 0: the empty session */
    char *command;
    double time; /* seconds since 1970 when it began */
    double seconds;
    enum tn_entry_status status;
    bool changes; /* undo steps over it; training that failed after finished epochs also changes */
    char *result; /* JSON text, or NULL */
    char *brief;  /* one line for a person */
    int64_t state_id;        /* where the session stood after it */
    int64_t stored_state_id; /* the state its row in the store has; 0: no row yet */
    struct tn_state *state;  /* held while the store has not got it */
    int epoch_count;
    struct tn_epoch *epochs; /* of training */
    enum tn_keep keep;       /* of training while it runs */
    bool written;            /* the store has it as it is here, up to epochs_written epochs */
    int epochs_written;
    struct tn_outline *outline; /* what was asked before: outline.h; or NULL */
    struct {
        bool read;
        int64_t params, flops; /* -1: the result does not say */
    } cost;
};

struct tn_journal {
    int count, capacity;
    struct tn_entry **entries; /* by ascending id */
    int64_t head;              /* entry the session stands at; 0: the empty session */
    int64_t tip;               /* where redo leads to */
    int64_t last;              /* the greatest number ever given away, also to entries now gone */
    int removals;              /* how often entries were taken out since it was read */
};

void tn_journal_free(struct tn_journal *journal);
/* Room for `count` entries in all. */
bool tn_journal_reserve(struct tn_journal *journal, int count, struct tn_error *error);
/* Add an entry after `parent`; id 0 takes the next free one. Strings are copied. NULL when out of
 * memory. */
struct tn_entry *tn_journal_add(struct tn_journal *journal, int64_t id, int64_t parent,
                                const char *command, struct tn_error *error);
struct tn_entry *tn_journal_find(const struct tn_journal *journal, int64_t id); /* or NULL */
/* Take the newest entry out again: a command that turned out not to belong in the journal. */
void tn_journal_drop_last(struct tn_journal *journal);
/* The entry and all below it, ascending; tn_free *ids. */
bool tn_journal_below(const struct tn_journal *journal, int64_t id, int *count, int64_t **ids,
                      struct tn_error *error);
/* Take these out, which are all that follow the first of them. Their numbers are not given again.
 */
void tn_journal_remove(struct tn_journal *journal, int count, const int64_t *ids);
bool tn_entry_add_epoch(struct tn_entry *entry, const struct tn_epoch *epoch,
                        struct tn_error *error);
/* Result text and the brief line made from it. `result` may be NULL. */
bool tn_entry_set_result(struct tn_entry *entry, const json_t *result, struct tn_error *error);

/* Is `ancestor` the entry itself or above it? The empty session is above all. */
bool tn_journal_above(const struct tn_journal *journal, int64_t ancestor, int64_t id);
/* Where undo leads to: the parent of the nearest change at or above head; -1 when there is none. */
int64_t tn_journal_undo(const struct tn_journal *journal);
/* Where redo leads to: past the next change on the way from head to tip; -1 when there is none. */
int64_t tn_journal_redo(const struct tn_journal *journal);
/* Stand somewhere else; the way forward to tip is remembered where it goes through `id`. */
void tn_journal_move(struct tn_journal *journal, int64_t id);
/* Stand at a new entry; one that changes something ends what redo could reach. */
void tn_journal_advance(struct tn_journal *journal, const struct tn_entry *entry);

#endif
