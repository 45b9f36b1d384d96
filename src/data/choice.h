/* Training images by chance, so many of every class. */
#ifndef TN_DATA_CHOICE_H
#define TN_DATA_CHOICE_H

#include "data/dataset.h"

/* Indices of `per_class` training images of every class (all, where there are fewer), drawn without
 * replacement from (seed, class), ascending. *images is released with tn_free. */
bool tn_choose_images(const struct tn_dataset *dataset, int per_class, uint64_t seed,
                      uint32_t **images, size_t *count, struct tn_error *error);

#endif
