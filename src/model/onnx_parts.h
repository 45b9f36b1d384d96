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

/* Where the numbers of tensors are, when they are not in the message. */
struct tn_onnx_source {
    tn_tensor_source fetch; /* or NULL */
    void *context;
    struct tn_mapping *mapping;        /* that the message's bytes are in, or NULL */
    struct tn_onnx_external *external; /* or NULL where there is no file to look beside */
};

/* What a message claims to hold, checked as far as it can be without looking at the data. */
struct tn_onnx_claim {
    int element;
    enum tn_dtype dtype;
    int rank;
    const int64_t *dims;
    size_t count, size; /* numbers; bytes of raw data */
};

/* The tensor whose raw data is at `raw`, claim->size bytes: a view where they are in a `mapping`
 * (or NULL) that is large and they need no conversion, else a copy. */
struct tn_tensor *tn_onnx_tensor_of_bytes(const struct tn_onnx_claim *claim, const uint8_t *raw,
                                          struct tn_mapping *mapping, struct tn_error *error);

/* Files beside a model's that hold the data of its tensors. */
struct tn_onnx_external *tn_onnx_external_new(const char *model_path, struct tn_error *error);
void tn_onnx_external_free(struct tn_onnx_external *external);
struct tn_tensor *tn_onnx_read_external(struct tn_onnx_external *external,
                                        const Onnx__TensorProto *proto,
                                        const struct tn_onnx_claim *claim, struct tn_error *error);
/* The value of that key among the tensor's external data, or NULL. */
const char *tn_onnx_external_value(const Onnx__TensorProto *proto, const char *key);

/* The tensor in memory, one reference; NULL with an error that does not name it. *stored_type as in
 * tn_value. */
struct tn_tensor *tn_onnx_read_tensor(const Onnx__TensorProto *proto,
                                      const struct tn_onnx_source *source, int *stored_type,
                                      struct tn_error *error);

/* Add the attribute to the node. Kinds that are not understood are kept encoded. */
bool tn_onnx_read_attribute(const Onnx__AttributeProto *proto, const struct tn_onnx_source *source,
                            struct tn_node *node, struct tn_error *error);

/* What each message says beyond what is understood; `rest` stays empty where that is nothing. */
bool tn_onnx_rest_of_model(const Onnx__ModelProto *model, struct tn_bytes *rest,
                           struct tn_error *error);
bool tn_onnx_rest_of_graph(const Onnx__GraphProto *graph, struct tn_bytes *rest,
                           struct tn_error *error);
bool tn_onnx_rest_of_node(const Onnx__NodeProto *node, struct tn_bytes *rest,
                          struct tn_error *error);
bool tn_onnx_rest_of_tensor(const Onnx__TensorProto *tensor, struct tn_bytes *rest,
                            struct tn_error *error);
/* The rest of its tensor is in it. */
bool tn_onnx_rest_of_attribute(const Onnx__AttributeProto *attribute, struct tn_bytes *rest,
                               struct tn_error *error);
/* All but the name. */
bool tn_onnx_rest_of_value(const Onnx__ValueInfoProto *value, struct tn_bytes *rest,
                           struct tn_error *error);

/* As tn_onnx_write; above `most` bytes the weights go into a file beside. */
bool tn_onnx_write_within(const struct tn_graph *graph, const char *path, size_t most,
                          struct tn_error *error);

/* Call `found` with every name that subgraphs inside the attribute read; false stops. */
typedef bool (*tn_name_found)(void *context, const char *name, struct tn_error *error);
bool tn_onnx_subgraph_names(const Onnx__AttributeProto *proto, tn_name_found found, void *context,
                            struct tn_error *error);

#endif
