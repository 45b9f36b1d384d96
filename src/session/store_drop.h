/* States of epochs: those that stay, and what goes when one does not. All but tn_store_find_epoch
 * and tn_store_epochs are part of a transaction that is under way. */
#ifndef TN_SESSION_STORE_DROP_H
#define TN_SESSION_STORE_DROP_H

#include "session/store.h"

/* A state that no entry stands at goes, with the network, checkpoint and statistics that only it
 * had. */
bool tn_store_drop_state(struct tn_store *store, int64_t state, struct tn_error *error);
/* Its training cannot be resumed from it any more: the momentum goes, and the best network so far
 * where no other state needs it. */
bool tn_store_drop_checkpoint(struct tn_store *store, int64_t state, struct tn_error *error);

/* The network after an entry's epoch (from 1) is that of `state`, and stays. */
bool tn_store_put_epoch(struct tn_store *store, int64_t entry, int epoch, int64_t state,
                        struct tn_error *error);
/* Of the entry's epochs before `epoch` only the best by the images held out stays. */
bool tn_store_drop_epochs(struct tn_store *store, int64_t entry, int epoch, struct tn_error *error);

/* *state is that of an entry's epoch, 0 where its network was not kept. */
bool tn_store_find_epoch(struct tn_store *store, int64_t entry, int epoch, int64_t *state,
                         struct tn_error *error);
/* "2, 5": the epochs of an entry whose networks were kept; "none". */
bool tn_store_epochs(struct tn_store *store, int64_t entry, char *text, size_t size,
                     struct tn_error *error);

#endif
