/* Networks of epochs that training kept, held against those of the same training done again. */
#ifndef TN_SESSION_VERIFY_EPOCHS_H
#define TN_SESSION_VERIFY_EPOCHS_H

#include "session/store.h"
#include "session/verify_compare.h"

struct tn_kept {
    int count;
    struct {
        int epoch;
        int64_t state;
    } * rows; /* tn_free */
};

/* What an entry kept; read before it is done again, which may put its own in the same place. */
bool tn_kept_read(struct tn_store *store, int64_t entry, struct tn_kept *kept,
                  struct tn_error *error);
/* Against what `again` kept. False without an error means a difference; `failed` is set where it
 * could not be told. `near` is a state with much the same tensors. */
bool tn_kept_compare(struct tn_store *store, const struct tn_kept *kept, int64_t again,
                     const struct tn_state *near, struct tn_match *match, bool *failed,
                     struct tn_error *error);

#endif
