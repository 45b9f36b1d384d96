/* The network as it was opened, as what sampling can take its targets from. */
#ifndef TN_SESSION_ORIGIN_H
#define TN_SESSION_ORIGIN_H

#include "prune/sampling.h"
#include "session/inside.h"

struct tn_origin {
    struct tn_sampling_origin origin;
    int count;
    int **filters; /* [count] by layer of the network as it stands; NULL: not to be traced */
};

/* False with an error where it is not known how the network was opened. */
bool tn_origin_of(struct tn_session *session, struct tn_origin *origin, struct tn_error *error);
void tn_origin_free(struct tn_origin *origin);

#endif
