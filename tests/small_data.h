/* A few random images of [3,8,8] as a dataset, for tests of what looks at training images. */
#ifndef TN_TESTS_SMALL_DATA_H
#define TN_TESTS_SMALL_DATA_H

#include "data/dataset.h"

enum { SMALL_IMAGES = 60, SMALL_CLASSES = 3, SMALL_SIDE = 8 };

/* SMALL_IMAGES training images, gray ones in three channels each; NULL when a file cannot be
 * written. */
struct tn_dataset *small_dataset(uint64_t seed);

#endif
