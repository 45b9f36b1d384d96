/* What the readers of the session file share. */
#ifndef TN_SESSION_STORE_READ_H
#define TN_SESSION_STORE_READ_H

#include "session/store.h"

/* False with "FILE: the session file is damaged: WHAT". */
bool tn_store_damaged(const struct tn_store *store, const char *what, struct tn_error *error);
/* False where a column of a row is no digest. */
bool tn_column_digest(sqlite3_stmt *s, int column, struct tn_digest *digest);

#endif
