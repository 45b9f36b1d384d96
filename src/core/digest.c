#include "core/digest.h"

#include <blake2.h>
#include <string.h>

void tn_digest_pieces(struct tn_digest *digest, size_t count, const void *const *pieces,
                      const size_t *sizes)
{
    blake2b_state state;
    blake2b_init(&state, TN_DIGEST_BYTES);
    for (size_t i = 0; i < count; i++)
        blake2b_update(&state, pieces[i], sizes[i]);
    blake2b_final(&state, digest->bytes, TN_DIGEST_BYTES);
}

void tn_digest_of(struct tn_digest *digest, const void *data, size_t size)
{
    tn_digest_pieces(digest, 1, &data, &size);
}

void tn_digest_hex(const struct tn_digest *digest, char hex[TN_DIGEST_HEX])
{
    static const char figures[] = "0123456789abcdef";
    for (int i = 0; i < TN_DIGEST_BYTES; i++) {
        hex[2 * i] = figures[digest->bytes[i] >> 4];
        hex[2 * i + 1] = figures[digest->bytes[i] & 15];
    }
    hex[TN_DIGEST_HEX - 1] = '\0';
}

static int figure(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool tn_digest_parse(const char *hex, struct tn_digest *digest)
{
    if (strlen(hex) != TN_DIGEST_HEX - 1)
        return false;
    for (int i = 0; i < TN_DIGEST_BYTES; i++) {
        int high = figure(hex[2 * i]), low = figure(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool tn_digest_equal(const struct tn_digest *a, const struct tn_digest *b)
{
    return memcmp(a->bytes, b->bytes, TN_DIGEST_BYTES) == 0;
}
