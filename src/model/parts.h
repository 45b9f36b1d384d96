/* The parts of a graph, for those inside this folder who build and take apart. */
#ifndef TN_MODEL_PARTS_H
#define TN_MODEL_PARTS_H

#include "core/error.h"
#include "model/graph.h"

/* Release what a part holds; the part itself is the caller's. */
void tn_attribute_release(struct tn_attribute *attribute);
void tn_value_release(struct tn_value *value);
void tn_node_release(struct tn_node *node);

/* A copy of one's own; a tensor is shared. */
bool tn_attribute_copy(struct tn_attribute *copy, const struct tn_attribute *attribute,
                       struct tn_error *error);

/* The same for bytes; false when memory is short, without an error. */
bool tn_bytes_copy(struct tn_bytes *copy, const struct tn_bytes *bytes);
void tn_bytes_release(struct tn_bytes *bytes);

#endif
