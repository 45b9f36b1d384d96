/* Between ONNX's messages and this program's tensors and attributes. */
#ifndef TN_MODEL_ONNX_PARTS_H
#define TN_MODEL_ONNX_PARTS_H

#include "core/error.h"
#include "model/graph.h"
#include "model/onnx.h"
#include "model/onnx.pb-c.h"

enum { TN_DATA_EXTERNAL = 1 }; /* TensorProto.DataLocation */

#define TN_DIGEST_KEY "digest" /* of external data that a tn_tensor_source has */

/* Memory for decoding, counted: what a message takes must be in proportion to its bytes. */
struct tn_onnx_memory {
    ProtobufCAllocator allocator;
    size_t left;
    bool exceeded;
};
void tn_onnx_memory_start(struct tn_onnx_memory *memory, size_t message_bytes);

struct tn_onnx_source {
    tn_tensor_source fetch; /* or NULL */
    void *context;
};

/* The tensor in memory, one reference; NULL with an error that does not name it. *stored_type as in
 * tn_value. */
struct tn_tensor *tn_onnx_read_tensor(const Onnx__TensorProto *proto,
                                      const struct tn_onnx_source *source, int *stored_type,
                                      struct tn_error *error);

/* Add the attribute to the node. Kinds that are not understood are kept encoded. */
bool tn_onnx_read_attribute(const Onnx__AttributeProto *proto, const struct tn_onnx_source *source,
                            struct tn_node *node, struct tn_error *error);

/* Call `found` with every name that subgraphs inside the attribute read; false stops. */
typedef bool (*tn_name_found)(void *context, const char *name, struct tn_error *error);
bool tn_onnx_subgraph_names(const Onnx__AttributeProto *proto, tn_name_found found, void *context,
                            struct tn_error *error);

#endif
