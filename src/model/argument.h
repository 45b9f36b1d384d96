/* Arguments of nodes that may be an attribute or a constant input: for those inside this folder who
 * decode them. */
#ifndef TN_MODEL_ARGUMENT_H
#define TN_MODEL_ARGUMENT_H

#include "model/graph.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list of whole numbers that belongs to the graph; `list` is NULL where it is left out. */
struct tn_ints {
    const int64_t *list;
    size_t count;
};

struct tn_ints tn_ints_attribute(const struct tn_node *node, const char *name);

/* Constant input `index` or, without that input, attribute `name` (may be NULL). *constant turns
 * false where the input is computed, or is no list of whole numbers. */
struct tn_ints tn_ints_of(const struct tn_graph *graph, const struct tn_node *node, int index,
                          const char *name, bool *constant);

/* Element `index`, whatever its type. */
double tn_number_at(const struct tn_tensor *tensor, size_t index);

#endif
