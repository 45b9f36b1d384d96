#include "model/evaluate_parts.h"

#include "core/memory.h"
#include "model/argument.h"
#include "model/element.h"

#include <math.h>
#include <string.h>

/* They stand at the lower end of the integers. */
int64_t tn_batch_number(int64_t times)
{
    return INT64_MIN + times - 1;
}

bool tn_is_batch_number(int64_t number, int64_t *times)
{
    if (number >= INT64_MIN + TN_MOST_BATCHES)
        return false;
    if (times)
        *times = number - INT64_MIN + 1;
    return true;
}

struct tn_tensor *tn_work_input(const struct tn_work *work, int index)
{
    return index < work->node->input_count ? work->inputs[index] : NULL;
}

struct tn_tensor *tn_work_result(const struct tn_work *work, enum tn_dtype dtype, int rank,
                                 const int64_t *dims)
{
    size_t bytes = tn_dtype_size(dtype);
    if (rank > TN_MAX_RANK)
        return NULL;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || !tn_mul(bytes, (size_t)dims[i], &bytes))
            return NULL;
    if (bytes > work->budget->bytes || bytes > work->budget->work)
        return NULL;
    work->budget->bytes -= bytes;
    work->budget->work -= bytes;
    return tn_tensor_new(dtype, rank, dims, work->error);
}

void tn_strides_of(const struct tn_tensor *tensor, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= tensor->dims[i];
    }
}

bool tn_walk_begin(struct tn_walk *walk, int count, struct tn_tensor *const *inputs)
{
    *walk = (struct tn_walk){.count = count};
    for (int k = 0; k < count; k++)
        if (inputs[k]->rank > walk->rank)
            walk->rank = inputs[k]->rank;
    for (int i = 0; i < walk->rank; i++)
        walk->dims[i] = 1;
    for (int k = 0; k < count; k++) {
        int64_t strides[TN_MAX_RANK] = {0};
        int shift = walk->rank - inputs[k]->rank;
        tn_strides_of(inputs[k], strides);
        for (int i = 0; i < inputs[k]->rank; i++) {
            int64_t size = inputs[k]->dims[i], *whole = &walk->dims[i + shift];
            if (size == 1)
                continue;
            if (*whole != 1 && *whole != size)
                return false;
            *whole = size;
            walk->steps[k][i + shift] = strides[i];
        }
    }
    return true;
}

void tn_walk_next(struct tn_walk *walk)
{
    for (int d = walk->rank - 1; d >= 0; d--) {
        walk->at[d]++;
        for (int k = 0; k < walk->count; k++)
            walk->place[k] += walk->steps[k][d];
        if (walk->at[d] < walk->dims[d])
            return;
        for (int k = 0; k < walk->count; k++)
            walk->place[k] -= walk->at[d] * walk->steps[k][d];
        walk->at[d] = 0;
    }
}

static struct tn_tensor *constant(const struct tn_work *work)
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
        result = tn_work_result(work, dtype, list ? 1 : 0, &count);
        if (result)
            memcpy(result->data, dtype == TN_FLOAT32 ? (void *)attribute->floats : attribute->ints,
                   result->bytes);
    }
    return result;
}

/* Room for a filled tensor, out of a budget of its own. */
static struct tn_tensor *new_fill(const struct tn_work *work, enum tn_dtype dtype, int rank,
                                  const int64_t *dims)
{
    if (dtype != TN_FLOAT32)
        return tn_work_result(work, dtype, rank, dims);
    struct tn_evaluation_budget budget = {work->budget->fills, work->budget->fills, 0};
    struct tn_work own = *work;
    own.budget = &budget;
    struct tn_tensor *result = tn_work_result(&own, dtype, rank, dims);
    /* What is computed from weights may take as much again, as where they were in the file. */
    work->budget->bytes += work->budget->fills - budget.bytes;
    work->budget->work += work->budget->fills - budget.bytes;
    work->budget->fills = budget.bytes;
    return result;
}

static struct tn_tensor *constant_of_shape(const struct tn_work *work)
{
    const struct tn_attribute *value = tn_node_attribute(work->node, "value");
    const struct tn_tensor *fill = value && value->kind == TN_ATTR_TENSOR ? value->tensor : NULL;
    bool fixed = true;
    struct tn_ints shape = tn_ints_of(work->graph, work->node, 0, NULL, &fixed);
    const int64_t *dims = shape.list;
    size_t rank = shape.count;
    if (!dims || rank > TN_MAX_RANK || (fill && fill->count != 1))
        return NULL;
    struct tn_tensor *result = new_fill(work, fill ? fill->dtype : TN_FLOAT32, (int)rank, dims);
    size_t size = result ? tn_dtype_size(result->dtype) : 0;
    for (size_t i = 0; result && fill && i < result->count; i++)
        memcpy((char *)result->data + i * size, fill->data, size);
    return result;
}

/* Whole numbers, or numbers, from `start` by `step` to before `limit`. */
static struct tn_tensor *range(const struct tn_work *work)
{
    const struct tn_tensor *ends[3];
    for (int i = 0; i < 3; i++) {
        ends[i] = tn_work_input(work, i);
        if (!ends[i] || ends[i]->count != 1 || ends[i]->dtype != ends[0]->dtype)
            return NULL;
    }
    double start = tn_number_at(ends[0], 0), limit = tn_number_at(ends[1], 0),
           step = tn_number_at(ends[2], 0), count = ceil((limit - start) / step);
    if (!(fabs(count) < 0x1p40))
        return NULL;
    int64_t dims[] = {count > 0 ? (int64_t)count : 0};
    struct tn_tensor *result = tn_work_result(work, ends[0]->dtype, 1, dims);
    for (int64_t i = 0; result && i < dims[0]; i++) {
        if (result->dtype == TN_INT64)
            tn_tensor_ints(result)[i] = tn_tensor_ints(ends[0])[0] + i * tn_tensor_ints(ends[2])[0];
        else if (result->dtype == TN_FLOAT32)
            tn_tensor_floats(result)[i] = (float)(start + (double)i * step);
        else
            tn_tensor_doubles(result)[i] = start + (double)i * step;
    }
    return result;
}

static struct tn_tensor *identity(const struct tn_work *work)
{
    return tn_tensor_ref(tn_work_input(work, 0));
}

/* Which inputs may hold the batch's numbers: the operator only moves them, or counts with them. */
enum batch_inputs { NOWHERE, FIRST, ALL };

static const struct entry {
    const char *op_type;
    tn_evaluator *evaluate;
    enum batch_inputs batch;
    int type; /* of the result, 0: of the first input */
} entries[] = {
    {"Constant", constant, NOWHERE, 0},
    {"ConstantOfShape", constant_of_shape, NOWHERE, 0},
    {"Range", range, NOWHERE, 0},
    {"Identity", identity, FIRST, 0},
    {"Dropout", identity, FIRST, 0},
    {"Reshape", tn_evaluate_reshape, FIRST, 0},
    {"Unsqueeze", tn_evaluate_unsqueeze, FIRST, 0},
    {"Squeeze", tn_evaluate_squeeze, FIRST, 0},
    {"Flatten", tn_evaluate_flatten, FIRST, 0},
    {"Transpose", tn_evaluate_transpose, FIRST, 0},
    {"Slice", tn_evaluate_slice, FIRST, 0},
    {"Gather", tn_evaluate_gather, FIRST, 0},
    {"Concat", tn_evaluate_concat, ALL, 0},
    {"Split", tn_evaluate_split, FIRST, 0},
    {"Expand", tn_evaluate_expand, FIRST, 0},
    {"Tile", tn_evaluate_tile, FIRST, 0},
    {"ScatterND", tn_evaluate_scatter, NOWHERE, 0},
    {"Cast", tn_evaluate_cast, FIRST, 0},
    {"Where", tn_evaluate_where, ALL, 0},
    {"Add", tn_evaluate_binary, ALL, 0},
    {"Sub", tn_evaluate_binary, ALL, 0},
    {"Mul", tn_evaluate_binary, ALL, 0},
    {"Div", tn_evaluate_binary, ALL, 0},
    {"Mod", tn_evaluate_binary, NOWHERE, 0},
    {"Pow", tn_evaluate_binary, NOWHERE, 0},
    {"Min", tn_evaluate_binary, ALL, 0},
    {"Max", tn_evaluate_binary, ALL, 0},
    {"Sum", tn_evaluate_binary, ALL, 0},
    {"Equal", tn_evaluate_binary, ALL, TN_ELEMENT_BOOL},
    {"Less", tn_evaluate_binary, ALL, TN_ELEMENT_BOOL},
    {"LessOrEqual", tn_evaluate_binary, ALL, TN_ELEMENT_BOOL},
    {"Greater", tn_evaluate_binary, ALL, TN_ELEMENT_BOOL},
    {"GreaterOrEqual", tn_evaluate_binary, ALL, TN_ELEMENT_BOOL},
    {"And", tn_evaluate_binary, NOWHERE, TN_ELEMENT_BOOL},
    {"Or", tn_evaluate_binary, NOWHERE, TN_ELEMENT_BOOL},
    {"Xor", tn_evaluate_binary, NOWHERE, TN_ELEMENT_BOOL},
    {"Not", tn_evaluate_unary, NOWHERE, TN_ELEMENT_BOOL},
    {"Neg", tn_evaluate_unary, NOWHERE, 0},
    {"Abs", tn_evaluate_unary, NOWHERE, 0},
    {"Floor", tn_evaluate_unary, NOWHERE, 0},
    {"Ceil", tn_evaluate_unary, NOWHERE, 0},
    {"Round", tn_evaluate_unary, NOWHERE, 0},
    {"Sqrt", tn_evaluate_unary, NOWHERE, 0},
    {"Exp", tn_evaluate_unary, NOWHERE, 0},
    {"Log", tn_evaluate_unary, NOWHERE, 0},
    {"Reciprocal", tn_evaluate_unary, NOWHERE, 0},
    {"ReduceProd", tn_evaluate_reduce, FIRST, 0},
    {"ReduceSum", tn_evaluate_reduce, NOWHERE, 0},
    {"ReduceMean", tn_evaluate_reduce, NOWHERE, 0},
    {"ReduceMin", tn_evaluate_reduce, NOWHERE, 0},
    {"ReduceMax", tn_evaluate_reduce, NOWHERE, 0},
    {"ReduceL1", tn_evaluate_reduce, NOWHERE, 0},
    {"ReduceL2", tn_evaluate_reduce, NOWHERE, 0},
    {"ReduceSumSquare", tn_evaluate_reduce, NOWHERE, 0},
    {"MatMul", tn_evaluate_matmul, NOWHERE, 0},
    {"Size", tn_evaluate_size, NOWHERE, TN_ELEMENT_INT64},
    {"NonZero", tn_evaluate_nonzero, NOWHERE, TN_ELEMENT_INT64},
};

static const struct entry *entry_of(const struct tn_node *node)
{
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (strcmp(entries[i].op_type, node->op_type) == 0)
            return &entries[i];
    return NULL;
}

bool tn_evaluates_batch(const struct tn_node *node, int index)
{
    const struct entry *entry = entry_of(node);
    return entry && (entry->batch == ALL || (entry->batch == FIRST && index == 0));
}

struct tn_tensor *tn_evaluate_node(const struct tn_graph *graph, const struct tn_node *node,
                                   struct tn_tensor *const *inputs, bool batch, int output,
                                   struct tn_evaluation_budget *budget, struct tn_error *error)
{
    const struct tn_work work = {graph, node, inputs, batch, output, budget, error};
    const struct entry *entry = entry_of(node);
    bool several = entry && entry->evaluate == tn_evaluate_split;
    return entry && (output == 0 || several) ? entry->evaluate(&work) : NULL;
}

int tn_evaluated_type(const struct tn_graph *graph, const struct tn_node *node)
{
    const struct tn_attribute *value = tn_node_attribute(node, "value");
    const struct entry *entry = entry_of(node);
    if (value && value->kind == TN_ATTR_TENSOR)
        return value->stored_type;
    if (strcmp(node->op_type, "Cast") == 0)
        return (int)tn_node_int(node, "to", 0);
    if (entry && entry->type)
        return entry->type == TN_ELEMENT_INT64 ? 0 : entry->type;
    int like = strcmp(node->op_type, "Where") == 0 ? 1 : 0;
    if (strcmp(node->op_type, "Shape") == 0 || strcmp(node->op_type, "ConstantOfShape") == 0 ||
        like >= node->input_count || node->inputs[like] == TN_NO_VALUE)
        return 0;
    return graph->values[node->inputs[like]].stored_type;
}
