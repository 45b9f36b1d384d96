#include "engine/holdout.h"

#include "core/memory.h"
#include "core/random.h"

/* Apart from the orders of epochs, which begin at 1 << 20. */
enum { HOLDOUT_STREAM = 1 << 19 };

bool tn_holdout_draw(size_t all, size_t held, uint64_t seed, uint32_t *images,
                     struct tn_error *error)
{
    bool *out = tn_calloc(all, sizeof *out);
    if (!out)
        return tn_fail_memory(error, "images held out", all * sizeof *out);
    for (size_t i = 0; i < all; i++)
        images[i] = (uint32_t)i;
    if (held > 0) {
        struct tn_random random;
        tn_random_seed(&random, seed, HOLDOUT_STREAM);
        tn_random_shuffle(&random, images, all);
    }
    for (size_t i = 0; i < held; i++)
        out[images[i]] = true;
    size_t train = 0, last = all - held;
    for (size_t i = 0; i < all; i++)
        images[out[i] ? last++ : train++] = (uint32_t)i;
    tn_free(out);
    return true;
}
