#include "model/argument.h"

struct tn_ints tn_ints_attribute(const struct tn_node *node, const char *name)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, name);
    if (!attribute || attribute->kind != TN_ATTR_INTS)
        return (struct tn_ints){NULL, 0};
    return (struct tn_ints){attribute->ints, attribute->count};
}

struct tn_ints tn_ints_of(const struct tn_graph *graph, const struct tn_node *node, int index,
                          const char *name, bool *constant)
{
    if (index >= node->input_count || node->inputs[index] == TN_NO_VALUE)
        return name ? tn_ints_attribute(node, name) : (struct tn_ints){NULL, 0};
    const struct tn_tensor *tensor = tn_node_constant(graph, node, index);
    if (!tensor || tensor->dtype != TN_INT64 || tensor->rank > 1) {
        *constant = false;
        return (struct tn_ints){NULL, 0};
    }
    return (struct tn_ints){tensor->data, tensor->count};
}

double tn_number_at(const struct tn_tensor *tensor, size_t index)
{
    if (tensor->dtype == TN_FLOAT32)
        return (double)tn_tensor_floats(tensor)[index];
    return tensor->dtype == TN_INT64 ? (double)tn_tensor_ints(tensor)[index]
                                     : tn_tensor_doubles(tensor)[index];
}
