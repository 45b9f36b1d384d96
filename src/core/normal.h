/* Normal numbers in bulk, for weights by the hundred million. */
#ifndef TN_CORE_NORMAL_H
#define TN_CORE_NORMAL_H

#include "core/random.h"

/* `count` numbers of mean 0 and this deviation, some five times as fast as tn_random_normal. */
void tn_random_normals(struct tn_random *random, double deviation, size_t count, float *numbers);

#endif
