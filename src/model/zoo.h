/* Built-in architectures with seeded He initialisation (He et al. 2015). */
#ifndef TN_MODEL_ZOO_H
#define TN_MODEL_ZOO_H

#include "core/error.h"
#include "model/graph.h"
#include "model/initialise.h"

struct tn_zoo_options {
    int channels, height, width; /* 0: the architecture's own */
    int classes;                 /* 0: the architecture's own */
    uint64_t seed;
};

/* Build NAME ("vgg16"); NULL and an error listing the names otherwise. */
struct tn_graph *tn_zoo_build(const char *name, const struct tn_zoo_options *options,
                              struct tn_error *error);
const char *tn_zoo_name(int index);         /* NULL past the last */
void tn_zoo_names(char *text, size_t size); /* "fashion-vgg, vgg16, ..." */

#endif
