/* What a message says beyond what this program understands: documentation, annotations, functions,
 * fields of later versions. It is kept encoded, as a message without the rest, and is what the
 * message is begun with when it is written again. */
#include "core/memory.h"
#include "model/onnx_parts.h"

#include <string.h>

static bool keep(const ProtobufCMessage *message, struct tn_bytes *rest, struct tn_error *error)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size == 0 || rest->data)
        return true;
    rest->data = tn_alloc(size, 1);
    if (!rest->data)
        return tn_fail_memory(error, "an ONNX model", size);
    rest->size = protobuf_c_message_pack(message, rest->data);
    return true;
}

bool tn_onnx_rest_of_model(const Onnx__ModelProto *model, struct tn_bytes *rest,
                           struct tn_error *error)
{
    Onnx__ModelProto copy = *model;
    copy.has_ir_version = copy.has_model_version = 0;
    copy.producer_name = copy.producer_version = copy.domain = copy.doc_string = NULL;
    copy.graph = NULL;
    copy.n_opset_import = copy.n_metadata_props = 0;
    return keep(&copy.base, rest, error);
}

bool tn_onnx_rest_of_graph(const Onnx__GraphProto *graph, struct tn_bytes *rest,
                           struct tn_error *error)
{
    Onnx__GraphProto copy = *graph;
    copy.name = NULL;
    copy.n_node = copy.n_initializer = copy.n_sparse_initializer = 0;
    copy.n_input = copy.n_output = 0;
    copy.n_value_info = 0; /* shapes that pruning makes untrue */
    return keep(&copy.base, rest, error);
}

bool tn_onnx_rest_of_node(const Onnx__NodeProto *node, struct tn_bytes *rest,
                          struct tn_error *error)
{
    Onnx__NodeProto copy = *node;
    copy.n_input = copy.n_output = copy.n_attribute = 0;
    copy.name = copy.op_type = copy.domain = NULL;
    return keep(&copy.base, rest, error);
}

/* Without its contents; the name is the caller's to keep or to leave out. */
static Onnx__TensorProto without_data(const Onnx__TensorProto *tensor)
{
    Onnx__TensorProto copy = *tensor;
    copy.n_dims = copy.n_float_data = copy.n_int32_data = copy.n_int64_data = 0;
    copy.n_double_data = copy.n_uint64_data = copy.n_external_data = 0;
    copy.has_data_type = copy.has_raw_data = copy.has_data_location = 0;
    return copy;
}

bool tn_onnx_rest_of_tensor(const Onnx__TensorProto *tensor, struct tn_bytes *rest,
                            struct tn_error *error)
{
    Onnx__TensorProto copy = without_data(tensor);
    copy.name = NULL;
    return keep(&copy.base, rest, error);
}

bool tn_onnx_rest_of_attribute(const Onnx__AttributeProto *attribute, struct tn_bytes *rest,
                               struct tn_error *error)
{
    Onnx__AttributeProto copy = *attribute;
    Onnx__TensorProto tensor;
    copy.name = NULL;
    copy.has_type = copy.has_f = copy.has_i = copy.has_s = 0;
    copy.n_floats = copy.n_ints = copy.n_strings = 0;
    if (copy.t) {
        tensor = without_data(copy.t);
        copy.t = protobuf_c_message_get_packed_size(&tensor.base) > 0 ? &tensor : NULL;
    }
    return keep(&copy.base, rest, error);
}

bool tn_onnx_rest_of_value(const Onnx__ValueInfoProto *value, struct tn_bytes *rest,
                           struct tn_error *error)
{
    Onnx__ValueInfoProto copy = *value;
    copy.name = NULL;
    return keep(&copy.base, rest, error);
}
