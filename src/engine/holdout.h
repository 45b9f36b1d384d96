/* A part of the training images that is not trained on, to judge epochs by: the test images are for
 * the end. */
#ifndef TN_ENGINE_HOLDOUT_H
#define TN_ENGINE_HOLDOUT_H

#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

/* Draw `held` of `all` images. images [all] gets those to train on, ascending, then those held out,
 * ascending. Depends on the numbers and the seed alone. */
bool tn_holdout_draw(size_t all, size_t held, uint64_t seed, uint32_t *images,
                     struct tn_error *error);

#endif
