#include "model/evaluate.h"

#include "core/memory.h"
#include "model/element.h"
#include "model/slice.h"

#include <math.h>
#include <string.h>

/* The node at hand and what it is given. */
struct work {
    const struct tn_graph *graph;
    const struct tn_node *node;
    struct tn_tensor *const *inputs;
    struct tn_evaluation_budget *budget;
    struct tn_error *error;
};

static struct tn_tensor *input(const struct work *work, int index)
{
    return index < work->node->input_count ? work->inputs[index] : NULL;
}

/* Room for a result, out of the budget. */
static struct tn_tensor *new_result(const struct work *work, enum tn_dtype dtype, int rank,
                                    const int64_t *dims)
{
    size_t bytes = tn_dtype_size(dtype);
    if (rank > TN_MAX_RANK)
        return NULL;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || !tn_mul(bytes, (size_t)dims[i], &bytes))
            return NULL;
    if (bytes > work->budget->bytes)
        return NULL;
    work->budget->bytes -= bytes;
    return tn_tensor_new(dtype, rank, dims, work->error);
}

/* A list of integers from input `index` or, in older opsets, from an attribute. */
static const int64_t *list_of(const struct work *work, int index, const char *attribute,
                              size_t *count)
{
    const struct tn_tensor *tensor = input(work, index);
    *count = 0;
    if (tensor) {
        *count = tensor->count;
        return tensor->rank <= 1 ? tn_tensor_ints(tensor) : NULL;
    }
    const struct tn_attribute *found = attribute ? tn_node_attribute(work->node, attribute) : NULL;
    if (!found || found->kind != TN_ATTR_INTS)
        return NULL;
    *count = found->count;
    return found->ints;
}

static bool normal_axis(int64_t axis, int rank, int *normal)
{
    if (axis < -rank || axis >= rank)
        return false;
    *normal = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

/* Numbers after dimension `axis`, or before it. */
static size_t product(const int64_t *dims, int from, int to)
{
    size_t count = 1;
    for (int i = from; i < to; i++)
        count *= (size_t)dims[i];
    return count;
}

static struct tn_tensor *constant(const struct work *work)
{
    const struct tn_attribute *value = tn_node_attribute(work->node, "value");
    if (value && value->kind == TN_ATTR_TENSOR)
        return tn_tensor_ref(value->tensor);
    struct tn_tensor *result = NULL;
    for (int i = 0; i < work->node->attribute_count; i++) {
        const struct tn_attribute *attribute = &work->node->attributes[i];
        bool list = attribute->kind == TN_ATTR_INTS || attribute->kind == TN_ATTR_FLOATS;
        int64_t count = (int64_t)attribute->count;
        enum tn_dtype dtype = attribute->floats ? TN_FLOAT32 : TN_INT64;
        if (result || !(attribute->floats || attribute->ints))
            continue;
        result = new_result(work, dtype, list ? 1 : 0, &count);
        if (result)
            memcpy(result->data, dtype == TN_FLOAT32 ? (void *)attribute->floats : attribute->ints,
                   result->bytes);
    }
    return result;
}

static struct tn_tensor *constant_of_shape(const struct work *work)
{
    const struct tn_attribute *value = tn_node_attribute(work->node, "value");
    const struct tn_tensor *fill = value && value->kind == TN_ATTR_TENSOR ? value->tensor : NULL;
    size_t rank;
    const int64_t *dims = list_of(work, 0, NULL, &rank);
    if (!dims || rank > TN_MAX_RANK || (fill && fill->count != 1))
        return NULL;
    struct tn_tensor *result = new_result(work, fill ? fill->dtype : TN_FLOAT32, (int)rank, dims);
    size_t size = result ? tn_dtype_size(result->dtype) : 0;
    for (size_t i = 0; result && fill && i < result->count; i++)
        memcpy((char *)result->data + i * size, fill->data, size);
    return result;
}

static struct tn_tensor *reshaped(const struct work *work, int rank, const int64_t *dims)
{
    const struct tn_tensor *data = input(work, 0);
    struct tn_tensor *result = new_result(work, data->dtype, rank, dims);
    if (result && result->count == data->count) {
        memcpy(result->data, data->data, data->bytes);
        return result;
    }
    tn_tensor_unref(result);
    return NULL;
}

static struct tn_tensor *reshape(const struct work *work)
{
    const struct tn_tensor *data = input(work, 0);
    size_t rank, rest = 1;
    const int64_t *list = list_of(work, 1, NULL, &rank);
    int64_t dims[TN_MAX_RANK];
    int open = -1;
    bool zero_copies = tn_node_int(work->node, "allowzero", 0) == 0;
    if (!data || !list || rank > TN_MAX_RANK)
        return NULL;
    for (int i = 0; i < (int)rank; i++) {
        dims[i] = list[i];
        if (list[i] == 0 && zero_copies) {
            if (i >= data->rank)
                return NULL;
            dims[i] = data->dims[i];
        }
        if (list[i] == -1 && open >= 0)
            return NULL;
        if (list[i] == -1)
            open = i;
        else if (dims[i] < 0 || !tn_mul(rest, (size_t)dims[i], &rest))
            return NULL;
    }
    if (open >= 0) {
        if (rest == 0 || data->count % rest != 0)
            return NULL;
        dims[open] = (int64_t)(data->count / rest);
    }
    return reshaped(work, (int)rank, dims);
}

static struct tn_tensor *unsqueeze(const struct work *work)
{
    const struct tn_tensor *data = input(work, 0);
    size_t count;
    const int64_t *axes = list_of(work, 1, "axes", &count);
    if (!data || !axes || count > (size_t)(TN_MAX_RANK - data->rank))
        return NULL;
    int rank = data->rank + (int)count, from = 0;
    bool fresh[TN_MAX_RANK] = {false};
    int64_t dims[TN_MAX_RANK];
    for (size_t i = 0; i < count; i++) {
        int axis;
        if (!normal_axis(axes[i], rank, &axis) || fresh[axis])
            return NULL;
        fresh[axis] = true;
    }
    for (int i = 0; i < rank; i++)
        dims[i] = fresh[i] ? 1 : data->dims[from++];
    return reshaped(work, rank, dims);
}

static struct tn_tensor *squeeze(const struct work *work)
{
    const struct tn_tensor *data = input(work, 0);
    size_t count;
    const int64_t *axes = list_of(work, 1, "axes", &count);
    bool gone[TN_MAX_RANK] = {false};
    int64_t dims[TN_MAX_RANK];
    int rank = 0;
    if (!data)
        return NULL;
    for (size_t i = 0; axes && i < count; i++) {
        int axis;
        if (!normal_axis(axes[i], data->rank, &axis) || data->dims[axis] != 1)
            return NULL;
        gone[axis] = true;
    }
    for (int i = 0; i < data->rank; i++)
        if (axes ? !gone[i] : data->dims[i] != 1)
            dims[rank++] = data->dims[i];
    return reshaped(work, rank, dims);
}

/* Copy from `data` into `result`, dimension by dimension: element (i0, i1, ...) of the result is
 * element first + i0 step0 + i1 step1 + ... of the data. */
static void copy_strided(struct tn_tensor *result, const struct tn_tensor *data, int64_t first,
                         const int64_t *steps)
{
    size_t size = tn_dtype_size(data->dtype);
    int64_t at[TN_MAX_RANK] = {0};
    for (size_t i = 0; i < result->count; i++) {
        memcpy((char *)result->data + i * size, (const char *)data->data + (size_t)first * size,
               size);
        for (int d = result->rank - 1; d >= 0; d--) {
            first += steps[d];
            if (++at[d] < result->dims[d])
                break;
            first -= at[d] * steps[d];
            at[d] = 0;
        }
    }
}

static void strides_of(const struct tn_tensor *tensor, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= tensor->dims[i];
    }
}

static struct tn_tensor *transpose(const struct work *work)
{
    const struct tn_tensor *data = input(work, 0);
    const struct tn_attribute *perm = tn_node_attribute(work->node, "perm");
    if (!data || (perm && (perm->kind != TN_ATTR_INTS || perm->count != (size_t)data->rank)))
        return NULL;
    int64_t strides[TN_MAX_RANK], steps[TN_MAX_RANK], dims[TN_MAX_RANK];
    bool taken[TN_MAX_RANK] = {false};
    strides_of(data, strides);
    for (int i = 0; i < data->rank; i++) {
        int64_t from = perm ? perm->ints[i] : data->rank - 1 - i;
        if (from < 0 || from >= data->rank || taken[from])
            return NULL;
        taken[from] = true;
        dims[i] = data->dims[from];
        steps[i] = strides[from];
    }
    struct tn_tensor *result = new_result(work, data->dtype, data->rank, dims);
    if (result)
        copy_strided(result, data, 0, steps);
    return result;
}

static struct tn_tensor *slice(const struct work *work)
{
    const struct tn_tensor *data = input(work, 0);
    struct tn_slice slice;
    bool fixed;
    /* What is wrong with the arguments, shape inference says. */
    if (!data || !tn_slice_of(work->graph, work->node, &slice, &fixed, NULL) || !fixed)
        return NULL;
    int64_t steps[TN_MAX_RANK], first = 0;
    strides_of(data, steps);
    for (int i = 0; i < data->rank; i++) {
        first += slice.start[i] * steps[i];
        steps[i] *= slice.step[i];
    }
    struct tn_tensor *result = new_result(work, data->dtype, data->rank, slice.count);
    if (result)
        copy_strided(result, data, first, steps);
    return result;
}

static struct tn_tensor *gather(const struct work *work)
{
    const struct tn_tensor *data = input(work, 0), *indices = input(work, 1);
    int axis;
    if (!data || !indices || indices->dtype != TN_INT64 ||
        data->rank - 1 + indices->rank > TN_MAX_RANK ||
        !normal_axis(tn_node_int(work->node, "axis", 0), data->rank, &axis))
        return NULL;
    int64_t dims[TN_MAX_RANK], size = data->dims[axis];
    int rank = 0;
    for (int i = 0; i < axis; i++)
        dims[rank++] = data->dims[i];
    for (int i = 0; i < indices->rank; i++)
        dims[rank++] = indices->dims[i];
    for (int i = axis + 1; i < data->rank; i++)
        dims[rank++] = data->dims[i];
    /* Room first: once the budget is spent, no long list is looked through again. */
    struct tn_tensor *result = new_result(work, data->dtype, rank, dims);
    if (!result || result->count == 0)
        return result;
    const int64_t *wanted = tn_tensor_ints(indices);
    for (size_t i = 0; i < indices->count; i++)
        if (wanted[i] < -size || wanted[i] >= size) {
            tn_tensor_unref(result);
            return NULL;
        }
    size_t outer = product(data->dims, 0, axis);
    size_t block = product(data->dims, axis + 1, data->rank) * tn_dtype_size(data->dtype);
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < indices->count; i++) {
            size_t from = (size_t)(wanted[i] < 0 ? wanted[i] + size : wanted[i]);
            memcpy((char *)result->data + (o * indices->count + i) * block,
                   (const char *)data->data + (o * (size_t)size + from) * block, block);
        }
    return result;
}

/* Do all inputs agree but for dimension `axis`? Their sum along it goes to *sum. */
static bool can_concat(const struct work *work, int axis, int64_t *sum)
{
    const struct tn_tensor *first = input(work, 0);
    *sum = 0;
    for (int i = 0; i < work->node->input_count; i++) {
        const struct tn_tensor *next = input(work, i);
        if (!next || next->rank != first->rank || next->dtype != first->dtype)
            return false;
        for (int d = 0; d < first->rank; d++)
            if (d != axis && next->dims[d] != first->dims[d])
                return false;
        if (__builtin_add_overflow(*sum, next->dims[axis], sum))
            return false;
    }
    return true;
}

static struct tn_tensor *concat(const struct work *work)
{
    const struct tn_tensor *first = input(work, 0);
    const struct tn_attribute *attribute = tn_node_attribute(work->node, "axis");
    int axis;
    int64_t sum, dims[TN_MAX_RANK];
    if (!first || !attribute || attribute->kind != TN_ATTR_INT ||
        !normal_axis(attribute->ints[0], first->rank, &axis) || !can_concat(work, axis, &sum))
        return NULL;
    memcpy(dims, first->dims, sizeof dims);
    dims[axis] = sum;
    struct tn_tensor *result = new_result(work, first->dtype, first->rank, dims);
    if (!result || result->count == 0)
        return result;
    size_t outer = product(dims, 0, axis);
    size_t unit = product(dims, axis + 1, first->rank) * tn_dtype_size(first->dtype);
    char *to = result->data;
    for (size_t o = 0; o < outer; o++)
        for (int i = 0; i < work->node->input_count; i++) {
            const struct tn_tensor *next = input(work, i);
            size_t block = (size_t)next->dims[axis] * unit;
            memcpy(to, (const char *)next->data + o * block, block);
            to += block;
        }
    return result;
}

static double number_at(const struct tn_tensor *tensor, size_t index)
{
    if (tensor->dtype == TN_FLOAT32)
        return (double)tn_tensor_floats(tensor)[index];
    return tensor->dtype == TN_INT64 ? (double)tn_tensor_ints(tensor)[index]
                                     : tn_tensor_doubles(tensor)[index];
}

static struct tn_tensor *cast(const struct work *work)
{
    const struct tn_tensor *data = input(work, 0);
    int64_t to = tn_node_int(work->node, "to", 0);
    enum tn_dtype dtype;
    if (!data || !tn_element_dtype(to, &dtype))
        return NULL;
    struct tn_tensor *result = new_result(work, dtype, data->rank, data->dims);
    for (size_t i = 0; result && i < result->count; i++) {
        double number = number_at(data, i);
        if (dtype == TN_FLOAT32) {
            tn_tensor_floats(result)[i] = (float)number;
            continue;
        }
        if (data->dtype != TN_INT64 && !(fabs(number) < 0x1p62)) {
            tn_tensor_unref(result); /* beyond integers: what it gives is for the runtime to say */
            return NULL;
        }
        int64_t whole = data->dtype == TN_INT64 ? tn_tensor_ints(data)[i] : (int64_t)number;
        if (to == TN_ELEMENT_BOOL)
            whole = number != 0;
        tn_tensor_ints(result)[i] = tn_element_wrap((int)to, whole);
    }
    return result;
}

/* One operation on integers, wrapping around as they do in ONNX; false where there is no result. */
static bool compute_int(char operation, int64_t a, int64_t b, int64_t *result)
{
    switch (operation) {
    case '+':
        *result = (int64_t)((uint64_t)a + (uint64_t)b);
        return true;
    case '-':
        *result = (int64_t)((uint64_t)a - (uint64_t)b);
        return true;
    case '*':
        *result = (int64_t)((uint64_t)a * (uint64_t)b);
        return true;
    default:
        if (b == 0 || (a == INT64_MIN && b == -1))
            return false;
        *result = a / b;
        return true;
    }
}

static float compute_float(char operation, float a, float b)
{
    return operation == '+' ? a + b : operation == '-' ? a - b : operation == '*' ? a * b : a / b;
}

/* Steps through an input that is stretched to the result's shape; false where it does not fit. */
static bool stretch(const struct tn_tensor *tensor, int rank, int64_t *dims, int64_t *steps)
{
    int64_t strides[TN_MAX_RANK] = {0};
    int shift = rank - tensor->rank;
    strides_of(tensor, strides);
    for (int i = 0; i < rank; i++) {
        int64_t size = i < shift ? 1 : tensor->dims[i - shift];
        if (size != 1 && dims[i] != 1 && dims[i] != size)
            return false;
        if (size != 1)
            dims[i] = size;
        steps[i] = i < shift || size == 1 ? 0 : strides[i - shift];
    }
    return true;
}

static struct tn_tensor *arithmetic(const struct work *work, char operation)
{
    const struct tn_tensor *a = input(work, 0), *b = input(work, 1);
    if (!a || !b || a->dtype != b->dtype || a->dtype == TN_DOUBLE)
        return NULL;
    int rank = a->rank > b->rank ? a->rank : b->rank;
    int64_t dims[TN_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1}, a_steps[TN_MAX_RANK] = {0},
            b_steps[TN_MAX_RANK] = {0};
    if (!stretch(a, rank, dims, a_steps) || !stretch(b, rank, dims, b_steps))
        return NULL;
    struct tn_tensor *result = new_result(work, a->dtype, rank, dims);
    struct tn_tensor *wide_a = result ? new_result(work, a->dtype, rank, dims) : NULL;
    struct tn_tensor *wide_b = wide_a ? new_result(work, a->dtype, rank, dims) : NULL;
    bool ok = wide_b != NULL;
    if (ok) {
        copy_strided(wide_a, a, 0, a_steps);
        copy_strided(wide_b, b, 0, b_steps);
    }
    for (size_t i = 0; ok && i < result->count; i++) {
        if (a->dtype == TN_INT64)
            ok = compute_int(operation, tn_tensor_ints(wide_a)[i], tn_tensor_ints(wide_b)[i],
                             &tn_tensor_ints(result)[i]);
        else
            tn_tensor_floats(result)[i] =
                compute_float(operation, tn_tensor_floats(wide_a)[i], tn_tensor_floats(wide_b)[i]);
    }
    tn_tensor_unref(wide_a);
    tn_tensor_unref(wide_b);
    if (ok)
        return result;
    tn_tensor_unref(result);
    return NULL;
}

static struct tn_tensor *add(const struct work *work)
{
    return arithmetic(work, '+');
}

static struct tn_tensor *subtract(const struct work *work)
{
    return arithmetic(work, '-');
}

static struct tn_tensor *multiply(const struct work *work)
{
    return arithmetic(work, '*');
}

static struct tn_tensor *divide(const struct work *work)
{
    return arithmetic(work, '/');
}

static struct tn_tensor *identity(const struct work *work)
{
    return tn_tensor_ref(input(work, 0));
}

static const struct evaluator {
    const char *op_type;
    struct tn_tensor *(*evaluate)(const struct work *work);
} evaluators[] = {
    {"Constant", constant}, {"ConstantOfShape", constant_of_shape},
    {"Reshape", reshape},   {"Unsqueeze", unsqueeze},
    {"Squeeze", squeeze},   {"Transpose", transpose},
    {"Slice", slice},       {"Gather", gather},
    {"Concat", concat},     {"Cast", cast},
    {"Add", add},           {"Sub", subtract},
    {"Mul", multiply},      {"Div", divide},
    {"Identity", identity},
};

struct tn_tensor *tn_evaluate_node(const struct tn_graph *graph, const struct tn_node *node,
                                   struct tn_tensor *const *inputs,
                                   struct tn_evaluation_budget *budget, struct tn_error *error)
{
    const struct work work = {graph, node, inputs, budget, error};
    struct tn_tensor *result = NULL;
    for (size_t i = 0; i < sizeof evaluators / sizeof *evaluators; i++)
        if (strcmp(evaluators[i].op_type, node->op_type) == 0)
            result = evaluators[i].evaluate(&work);
    return result;
}

int tn_evaluated_type(const struct tn_graph *graph, const struct tn_node *node)
{
    const struct tn_attribute *value = tn_node_attribute(node, "value");
    if (value && value->kind == TN_ATTR_TENSOR)
        return value->stored_type;
    if (strcmp(node->op_type, "Cast") == 0)
        return (int)tn_node_int(node, "to", 0);
    if (strcmp(node->op_type, "Shape") == 0 || node->input_count == 0 ||
        node->inputs[0] == TN_NO_VALUE)
        return 0;
    return graph->values[node->inputs[0]].stored_type;
}
