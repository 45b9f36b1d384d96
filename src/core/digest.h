/* Content digests: BLAKE2b-256 (libb2), for naming tensors, models and data sets by what is in
 * them. */
#ifndef TN_CORE_DIGEST_H
#define TN_CORE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TN_DIGEST_BYTES = 32, TN_DIGEST_HEX = 65 };

struct tn_digest {
    uint8_t bytes[TN_DIGEST_BYTES];
};

/* Digest of the concatenation of `count` pieces. */
void tn_digest_pieces(struct tn_digest *digest, size_t count, const void *const *pieces,
                      const size_t *sizes);
void tn_digest_of(struct tn_digest *digest, const void *data, size_t size);
void tn_digest_hex(const struct tn_digest *digest, char hex[TN_DIGEST_HEX]);
bool tn_digest_parse(const char *hex, struct tn_digest *digest);
bool tn_digest_equal(const struct tn_digest *a, const struct tn_digest *b);

#endif
