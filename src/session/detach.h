/* A session without the weights of the networks it began with: small, to be sent to somebody who
 * has them. It names them by their digests. */
#ifndef TN_SESSION_DETACH_H
#define TN_SESSION_DETACH_H

#include "session/inside.h"

/* Write a copy of the session to `path` that lacks the weights of the networks as they were opened;
 * *bytes is its size. The session goes on in its own file. */
bool tn_session_detach(struct tn_session *session, const char *path, int64_t *bytes,
                       struct tn_error *error);

/* Give the weights back from an ONNX file: those whose digests are what the session lacks. False
 * where it has not all of a network's, with the first that is another one. *left is how many
 * networks still lack theirs. */
bool tn_session_attach(struct tn_session *session, const char *path, int *left,
                       struct tn_error *error);

/* The same from a network in memory; `name` is for the message. */
bool tn_session_attach_graph(struct tn_session *session, const struct tn_graph *graph,
                             const char *name, int *left, struct tn_error *error);

/* "FILE lacks ...: session attach MODEL.onnx" of a session that lacks weights; returns false. */
bool tn_session_lacks_weights(const struct tn_session *session, struct tn_error *error);

#endif
