/* A network: nodes in topological order, and the values (activations and constants) that connect
 * them. This is ONNX's own idea of a graph, with constants folded and shapes known. */
#ifndef TN_MODEL_GRAPH_H
#define TN_MODEL_GRAPH_H

#include "core/error.h"
#include "model/tensor.h"
#include <stdbool.h>
#include <stdint.h>

/* Operators by name of ONNX; TN_OP_UNKNOWN keeps its name in tn_node.op_type and cannot be run. */
enum tn_op {
    TN_OP_UNKNOWN = 0,
    /* layers: they have filters */
    TN_OP_CONV,
    TN_OP_CONV_TRANSPOSE,
    TN_OP_GEMM,
    TN_OP_MATMUL,
    /* normalisation */
    TN_OP_BATCH_NORM,
    TN_OP_INSTANCE_NORM,
    TN_OP_LAYER_NORM,
    TN_OP_LRN,
    /* numbers by themselves, or along one axis */
    TN_OP_RELU,
    TN_OP_LEAKY_RELU,
    TN_OP_PRELU,
    TN_OP_ELU,
    TN_OP_SELU,
    TN_OP_CELU,
    TN_OP_CLIP,
    TN_OP_SIGMOID,
    TN_OP_HARD_SIGMOID,
    TN_OP_HARD_SWISH,
    TN_OP_MISH,
    TN_OP_GELU,
    TN_OP_SOFTPLUS,
    TN_OP_SOFTSIGN,
    TN_OP_TANH,
    TN_OP_ERF,
    TN_OP_EXP,
    TN_OP_LOG,
    TN_OP_SQRT,
    TN_OP_RECIPROCAL,
    TN_OP_ABS,
    TN_OP_NEG,
    TN_OP_SOFTMAX,
    TN_OP_LOG_SOFTMAX,
    TN_OP_DROPOUT,
    TN_OP_IDENTITY,
    TN_OP_CAST,
    /* arithmetic with broadcasting */
    TN_OP_ADD,
    TN_OP_SUB,
    TN_OP_MUL,
    TN_OP_DIV,
    TN_OP_POW,
    TN_OP_MIN,
    TN_OP_MAX,
    TN_OP_SUM,
    TN_OP_MEAN,
    /* pooling and reduction */
    TN_OP_MAX_POOL,
    TN_OP_AVERAGE_POOL,
    TN_OP_GLOBAL_AVERAGE_POOL,
    TN_OP_GLOBAL_MAX_POOL,
    TN_OP_REDUCE_MEAN,
    TN_OP_REDUCE_SUM,
    TN_OP_REDUCE_MAX,
    /* moving numbers */
    TN_OP_SLICE,
    TN_OP_PAD,
    TN_OP_SPLIT,
    TN_OP_CONCAT,
    TN_OP_GATHER,
    TN_OP_EXPAND,
    TN_OP_TRANSPOSE,
    TN_OP_RESHAPE,
    TN_OP_FLATTEN,
    TN_OP_SQUEEZE,
    TN_OP_UNSQUEEZE,
    TN_OP_RESIZE,
    TN_OP_UPSAMPLE,
    TN_OP_DEPTH_TO_SPACE,
    TN_OP_SPACE_TO_DEPTH,
    TN_OP_COUNT
};

/* Part of a message of the file that is kept as it came, encoded. */
struct tn_bytes {
    uint8_t *data; /* NULL where there is none */
    size_t size;
};

/* Numbers of AttributeProto.AttributeType; TN_ATTR_OPAQUE is any other (subgraphs, types): kept,
 * not understood. */
enum tn_attribute_kind {
    TN_ATTR_OPAQUE = 0,
    TN_ATTR_FLOAT = 1,
    TN_ATTR_INT = 2,
    TN_ATTR_STRING = 3,
    TN_ATTR_TENSOR = 4,
    TN_ATTR_FLOATS = 6,
    TN_ATTR_INTS = 7,
    TN_ATTR_STRINGS = 8
};

struct tn_attribute {
    char *name;
    enum tn_attribute_kind kind;
    size_t count; /* of floats, ints or strings; 1 for the single kinds; bytes of an opaque one */
    float *floats;
    int64_t *ints;
    char **strings;
    struct tn_tensor *tensor;
    int stored_type; /* of the tensor, as in tn_value */
    uint8_t *opaque; /* the encoded AttributeProto */
    struct tn_bytes
        rest; /* what the file's AttributeProto says beyond this; not of an opaque one */
};

enum { TN_NO_VALUE = -1, TN_NO_NODE = -1, TN_BATCH = -1 /* a dimension that is the batch size */ };

struct tn_value {
    char *name;
    struct tn_tensor *constant; /* weights, initializers; NULL for an activation */
    int producer;               /* node, or TN_NO_NODE for graph inputs and constants */
    int stored_type; /* ONNX's element type in the file where it is another than dtype's (half,
                        int32, bool); else 0 */
    struct tn_bytes stated; /* of network inputs and outputs: the file's ValueInfoProto without its
                               name */
    struct tn_bytes rest;   /* of an initializer: what its TensorProto says beyond its contents */
    bool overridable;       /* an initializer that is the default of an input */
    bool has_shape;
    enum tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK]; /* dims[0] is TN_BATCH for every activation that has a batch axis */
};

struct tn_node {
    char *name;
    enum tn_op op;
    char *op_type; /* ONNX's name, also for known ones */
    char *domain;  /* "" for ONNX's own */
    int input_count, output_count;
    int *inputs; /* value indices; TN_NO_VALUE for an optional input left out */
    int *outputs;
    int capture_count; /* values of this graph that subgraphs among the attributes read by name */
    int *captures;
    int attribute_count;
    struct tn_attribute *attributes;
    struct tn_bytes rest; /* what the file's NodeProto says beyond this */
};

/* What an ONNX file says about itself; kept from input to output. */
struct tn_model_info {
    int64_t ir_version, opset;
    char *producer_name, *producer_version, *domain, *doc_string, *graph_name;
    char *batch_name;   /* of the batch axis, "N"; NULL where it has none */
    int64_t batch_size; /* the batch the file was fixed to, 0 for any: TN_BATCH stands for it either
                           way */
    int64_t model_version;
    int property_count;
    char **property_keys, **property_values; /* metadata_props */
    int opset_count;                         /* of other domains */
    char **opset_domains;
    int64_t *opset_versions;
    struct tn_bytes rest, graph_rest; /* what ModelProto and GraphProto say beyond this */
};

struct tn_graph {
    struct tn_model_info info;
    int value_count, value_capacity;
    struct tn_value *values;
    int node_count, node_capacity;
    struct tn_node *nodes;
    int input_count, output_count;
    int *inputs, *outputs; /* value indices; inputs are activations only */
};

struct tn_graph *tn_graph_new(struct tn_error *error);
/* A graph of one's own to change; tensors are shared. NULL when out of memory. */
struct tn_graph *tn_graph_clone(const struct tn_graph *graph, struct tn_error *error);
void tn_graph_free(struct tn_graph *graph);

/* Building. Indices, or -1 with error filled. Names are copied; `constant` is taken over (also on
 * failure). */
int tn_graph_add_value(struct tn_graph *graph, const char *name, struct tn_tensor *constant,
                       struct tn_error *error);
int tn_graph_add_node(struct tn_graph *graph, const char *name, const char *op_type,
                      int input_count, const int *inputs, int output_count, const int *outputs,
                      struct tn_error *error);
bool tn_graph_add_input(struct tn_graph *graph, int value, struct tn_error *error);
bool tn_graph_add_output(struct tn_graph *graph, int value, struct tn_error *error);
/* Replace a value's constant (taken over) and its shape; the old one is released. */
void tn_graph_set_constant(struct tn_graph *graph, int value, struct tn_tensor *constant);

/* Attributes. Setters replace. Getters return a default where the attribute is absent. */
bool tn_node_set_ints(struct tn_node *node, const char *name, size_t count, const int64_t *ints,
                      struct tn_error *error);
bool tn_node_set_int(struct tn_node *node, const char *name, int64_t value, struct tn_error *error);
bool tn_node_set_float(struct tn_node *node, const char *name, float value, struct tn_error *error);
/* A new attribute of this name and kind, empty, to be filled; an old one of that name is released.
 */
struct tn_attribute *tn_node_new_attribute(struct tn_node *node, const char *name,
                                           enum tn_attribute_kind kind, struct tn_error *error);
void tn_node_remove_attribute(struct tn_node *node, const char *name); /* where there is one */
const struct tn_attribute *tn_node_attribute(const struct tn_node *node, const char *name);
int64_t tn_node_int(const struct tn_node *node, const char *name, int64_t otherwise);
float tn_node_float(const struct tn_node *node, const char *name, float otherwise);
const char *tn_node_string(const struct tn_node *node, const char *name, const char *otherwise);

/* The node's name or, where it has none, its first output's: for messages. */
const char *tn_node_label(const struct tn_graph *graph, const struct tn_node *node);

/* Constant behind input `index` of a node, or NULL. */
struct tn_tensor *tn_node_constant(const struct tn_graph *graph, const struct tn_node *node,
                                   int index);

enum tn_op tn_op_from_name(const char *op_type);
const char *tn_op_name(enum tn_op op);

/* False, with an error naming the file, when constants are mapped from a file that was written to
 * since (tn_mapping_check): to be asked before they are read. */
bool tn_graph_check_files(const struct tn_graph *graph, struct tn_error *error);

int tn_graph_find_value(const struct tn_graph *graph, const char *name); /* or TN_NO_VALUE */
/* Nodes that read `value`; returns how many, writes up to `limit` indices. */
int tn_graph_consumers(const struct tn_graph *graph, int value, int limit, int *nodes);

/* Put the nodes in an order in which every value is made before it is read, as near to the present
 * one as can be. An error names a node of a cycle. */
bool tn_graph_sort(struct tn_graph *graph, struct tn_error *error);

/* Constant vectors of more than one number ([C] or [C,1,1]: a BatchNorm's scale, a bias) that are
 * read in several places become one for each, sharing the tensor: exporters merge equal ones, and
 * training must not tie what only happened to be equal. Weights of layers stay shared, and so do
 * the biases of layers that share their weights. The copies are called NAME_2, NAME_3, ... */
bool tn_graph_unshare_vectors(struct tn_graph *graph, struct tn_error *error);

/* Drop values and nodes that no output needs; indices change. The graph's inputs stay. */
bool tn_graph_prune_dead(struct tn_graph *graph, struct tn_error *error);

#endif
