/* Tensors out of the session file. Nothing in it is trusted: sizes are held against each other
 * before memory is taken, contents against their digests. */
#include "session/store_read.h"

#include "core/memory.h"
#include <stdlib.h>
#include <string.h>

bool tn_store_damaged(const struct tn_store *store, const char *what, struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_INPUT, "%s: the session file is damaged: %s",
                   store->path ? store->path : "unsaved session", what);
}

bool tn_column_digest(sqlite3_stmt *s, int column, struct tn_digest *digest)
{
    if (sqlite3_column_type(s, column) != SQLITE_BLOB ||
        sqlite3_column_bytes(s, column) != TN_DIGEST_BYTES)
        return false;
    memcpy(digest->bytes, sqlite3_column_blob(s, column), TN_DIGEST_BYTES);
    return true;
}

static bool parse_dims(const char *text, int *rank, int64_t *dims)
{
    *rank = 0;
    if (!text)
        return false;
    while (*text) {
        char *end;
        if (*rank == TN_MAX_RANK || *text < '0' || *text > '9')
            return false;
        dims[(*rank)++] = strtoll(text, &end, 10);
        text = end;
        /* Either the end, or a comma and another number. */
        if (*text && (*text != ',' || !*++text))
            return false;
    }
    return true;
}

/* Do type and shape make just the bytes that are there? */
static bool sizes_agree(int dtype, int rank, const int64_t *dims, int64_t bytes)
{
    bool known = dtype == TN_FLOAT32 || dtype == TN_INT64 || dtype == TN_DOUBLE;
    size_t size = known ? tn_dtype_size((enum tn_dtype)dtype) : 0;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0 || !tn_mul(size, (size_t)dims[i], &size))
            return false;
    }
    return known && bytes >= 0 && size == (size_t)bytes;
}

/* The bytes of a tensor straight to where they belong: as a column they would be in memory twice,
 * which is much for the largest. */
static bool read_bytes(struct tn_store *store, int64_t row, struct tn_tensor *tensor,
                       struct tn_error *error)
{
    enum { PIECE = 1 << 20 };
    sqlite3_blob *blob = NULL;
    char *to = tensor->data;
    bool fine =
        sqlite3_blob_open(store->db, "main", "tensor", "data", row, 0, &blob) == SQLITE_OK &&
        (size_t)sqlite3_blob_bytes(blob) == tensor->bytes;
    for (size_t at = 0; fine && at < tensor->bytes; at += PIECE) {
        size_t left = tensor->bytes - at;
        fine = !atomic_load(&store->stopped) &&
               sqlite3_blob_read(blob, to + at, left < PIECE ? (int)left : PIECE, (int)at) ==
                   SQLITE_OK;
    }
    if (!fine && atomic_load(&store->stopped))
        tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
    else if (!fine)
        tn_store_fail(store, "reading a tensor", error);
    sqlite3_blob_close(blob);
    return fine;
}

static struct tn_tensor *column_tensor(struct tn_store *store, sqlite3_stmt *s,
                                       const struct tn_digest *digest, struct tn_error *error)
{
    int rank, dtype = sqlite3_column_int(s, 0);
    int64_t dims[TN_MAX_RANK];
    const char *text = (const char *)sqlite3_column_text(s, 1);
    if (!parse_dims(text, &rank, dims) ||
        !sizes_agree(dtype, rank, dims, sqlite3_column_int64(s, 2))) {
        tn_store_damaged(store, "a tensor whose shape does not fit its bytes", error);
        return NULL;
    }
    struct tn_tensor *tensor = tn_tensor_new((enum tn_dtype)dtype, rank, dims, error);
    if (!tensor)
        return NULL;
    if (!read_bytes(store, sqlite3_column_int64(s, 3), tensor, error)) {
        tn_tensor_unref(tensor);
        return NULL;
    }
    if (!tn_digest_equal(tn_tensor_digest(tensor), digest)) {
        tn_tensor_unref(tensor);
        tn_store_damaged(store, "a tensor that is not what its digest says", error);
        return NULL;
    }
    return tensor;
}

struct tn_tensor *tn_store_read_tensor(struct tn_store *store, const struct tn_digest *digest,
                                       struct tn_error *error)
{
    sqlite3_stmt *s = tn_store_prepare(
        store, "SELECT dtype, dims, length(data), rowid FROM tensor WHERE digest=?1", error);
    if (!s)
        return NULL;
    sqlite3_bind_blob(s, 1, digest->bytes, TN_DIGEST_BYTES, SQLITE_STATIC);
    struct tn_tensor *tensor = NULL;
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        tensor = column_tensor(store, s, digest, error);
    else if (code == SQLITE_DONE)
        tn_store_damaged(store, "a tensor is missing", error);
    else
        tn_store_fail(store, "reading", error);
    sqlite3_finalize(s);
    return tensor;
}
