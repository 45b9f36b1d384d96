/* The answer to `budget preview=on`: ratios that can be looked at before they are taken. */
#ifndef TN_SESSION_PROPOSAL_H
#define TN_SESSION_PROPOSAL_H

#include "session/inside.h"
#include "session/snapshot.h"

/* Belongs to the session. It holds as long as the same line would give the same answer, whatever
 * the ratios are meanwhile. */
struct tn_proposal {
    int64_t number;
    char *line;              /* that takes it: the one that asked, without preview */
    struct tn_state *asked;  /* the state it was asked of */
    struct tn_state *answer; /* the same with the proposed widths */
    json_t *result;
};

/* Keep what the running command made of the state as a proposal, instead of becoming it. */
bool tn_session_propose(struct tn_session *session, const char *line, const json_t *result,
                        struct tn_error *error);
/* Where the session's proposal holds and is taken by this line: let the running command become what
 * was proposed, with its result, and set *taken. */
bool tn_session_take_proposal(struct tn_session *session, const char *line, json_t *result,
                              bool *taken, struct tn_error *error);
/* Drop it where it does not hold any more. */
void tn_session_review_proposal(struct tn_session *session);
void tn_session_drop_proposal(struct tn_session *session);

/* For a snapshot. Also after a failure the view is released with tn_snapshot_proposal_free. */
bool tn_proposal_show(const struct tn_proposal *proposal, struct tn_snapshot_proposal *view,
                      struct tn_error *error);
void tn_snapshot_proposal_free(struct tn_snapshot_proposal *view);

#endif
