/* The inside of a session, for the commands. */
#ifndef TN_SESSION_INSIDE_H
#define TN_SESSION_INSIDE_H

#include "session/journal.h"
#include "session/picture.h"
#include "session/sensitivity.h"
#include "session/session.h"
#include "session/state.h"
#include "session/store.h"
#include "session/words.h"

struct tn_proposal; /* session/proposal.h */
struct tn_replay;   /* session/replay.h */

struct tn_session {
    struct tn_store *store;
    struct tn_journal journal;
    struct tn_state *state;       /* as it stands, never NULL */
    struct tn_state *next;        /* what the running command makes of it, or NULL */
    struct tn_entry *running;     /* entry of the running command, or NULL */
    struct tn_tallies tallies;    /* what has been measured */
    struct tn_looked looked;      /* at a filter, last */
    struct tn_proposal *proposal; /* the last `budget preview=on`, while it holds; or NULL */
    int64_t proposals;            /* how many there were */
    bool unread;                  /* `state` is an outline as yet: tn_session_finish_open */
    bool looking;                 /* the running command changes nothing: it leaves no entry */
    int64_t last_state_id;
    struct tn_replay *replay; /* NULL: this is none */
    bool quit;
    int nested; /* recipes that are being run, one within the other */
    void (*changed)(void *context);
    void *changed_context;
};

/* An empty session that is kept in `store`, which is taken over, also on failure (NULL, no error of
 * its own: so may it be). */
struct tn_session *tn_session_in(struct tn_store *store, struct tn_error *error);

/* The running command's new state (taken over); becomes the session's when the command succeeds. */
void tn_session_become(struct tn_session *session, struct tn_state *next);
/* Clone of the state as it stands, made the next state; NULL with an error. */
struct tn_state *tn_session_edit(struct tn_session *session, struct tn_error *error);

/* Training under way. */
struct tn_run {
    const char *command;   /* the line that began it, maybe in an earlier entry */
    int64_t test_images;   /* an epoch is tested on */
    enum tn_keep keep;     /* whose networks stay */
    struct tn_model *best; /* the network of the best epoch so far; NULL: none */
    struct tn_epoch best_epoch;
};

/* An epoch of the running command has ended with this network: kept in the file whatever comes. */
bool tn_session_epoch(struct tn_session *session, struct tn_run *run, const struct tn_epoch *epoch,
                      const struct tn_graph *graph, const struct tn_checkpoint *checkpoint,
                      struct tn_error *error);
/* The run is over: nothing is left to resume. With keep_best the best epoch's network is the
 * result. */
bool tn_session_end_run(struct tn_session *session, const struct tn_run *run, bool keep_best,
                        struct tn_error *error);

/* The state that the session stood in after an entry; without `network` perhaps only its outline:
 * names, data, accuracy. A reference of the caller's own. */
struct tn_state *tn_session_state_at(struct tn_session *session, int64_t entry, bool network,
                                     struct tn_error *error);
/* Stand at another entry; 0 is the empty session. */
bool tn_session_move(struct tn_session *session, int64_t entry, struct tn_error *error);
/* Read the state that the journal stands at from the store; of a detached one its outline. */
bool tn_session_stand(struct tn_session *session, struct tn_error *error);
/* Of a session that looks on: read journal and state as they are now. */
bool tn_session_catch_up(struct tn_session *session, struct tn_error *error);
/* A copy of the store in FILE, which nobody may have open; `finish` (or NULL) sees it before it
 * takes its name. */
bool tn_session_copy(struct tn_session *session, const char *path,
                     bool (*finish)(const char *path, struct tn_error *error),
                     struct tn_error *error);
/* Go on in FILE with the journal as it is. */
bool tn_session_save(struct tn_session *session, const char *path, struct tn_error *error);
/* Go on with FILE's session instead of this one. */
bool tn_session_load(struct tn_session *session, const char *path, struct tn_error *error);

/* What the method takes of a sampled group beyond its statistic: taylor's gradients, collected in
 * one pass for all groups that were sampled alike and kept with their statistics, which the state
 * shares with others. Does nothing where they are there, or nothing is sampled. */
bool tn_session_need_gradients(struct tn_session *session, int group,
                               const struct tn_method *method, const struct tn_progress *progress,
                               struct tn_error *error);
/* The same for a state that the running command makes. */
bool tn_session_collect_gradients(const struct tn_state *state, int group,
                                  struct tn_dataset *dataset, const struct tn_progress *progress,
                                  struct tn_error *error);

/* The network as it was opened, held by the session's state; NULL with an error. */
const struct tn_model *tn_session_opened(struct tn_session *session, struct tn_error *error);

/* May the command run here? Not one that changes what this session only looks at. */
bool tn_session_may(const struct tn_session *session, const struct tn_command *command,
                    struct tn_error *error);

/* What commands need; false with a message that says which command comes first. */
bool tn_session_need_model(const struct tn_session *session, struct tn_error *error);
struct tn_dataset *tn_session_need_data(struct tn_session *session,
                                        const struct tn_progress *progress, struct tn_error *error);
/* Network and data, and that they fit each other. */
struct tn_dataset *tn_session_need_both(struct tn_session *session,
                                        const struct tn_progress *progress, struct tn_error *error);

#endif
