#include "odd_net.h"

#include "model/shape.h"
#include "small_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_VALUES = 100, MOST_INPUTS = 4 };

struct odd {
    struct small_graph s;
    struct tn_random random; /* what the graph's own is not used for */
    int count, values[MOST_VALUES];
};

static int64_t between(struct odd *o, int64_t low, int64_t high)
{
    return low + (int64_t)tn_random_below(&o->random, (uint32_t)(high - low + 1));
}

static bool chance(struct odd *o, int of)
{
    return tn_random_below(&o->random, (uint32_t)of) == 0;
}

static const struct tn_value *value_at(const struct odd *o, int value)
{
    return &o->s.graph->values[value];
}

/* Lately made values more often than old ones. */
static int any_value(struct odd *o)
{
    int from = chance(o, 3) ? 0 : o->count > 4 ? o->count - 4 : 0;
    return o->values[between(o, from, o->count - 1)];
}

/* Weights that fit the channels of x, often. */
static int weights_for(struct odd *o, int x, int rank, bool last)
{
    const struct tn_value *v = value_at(o, x);
    int64_t dims[TN_MAX_RANK];
    for (int i = 0; i < rank; i++)
        dims[i] = i < 2 || chance(o, 6) ? between(o, 1, 6) : 1;
    int64_t channels = v->has_shape && v->rank > 1 ? v->dims[last ? v->rank - 1 : 1] : 4;
    dims[last || rank < 2 ? 0 : !chance(o, 4)] = channels > 0 ? channels : 1;
    return small_constant(&o->s, "weight", rank, dims, 0, 1);
}

static int list_of(struct odd *o, int64_t low, int64_t high)
{
    int64_t list[6];
    int count = (int)between(o, 1, 5);
    for (int i = 0; i < count; i++)
        list[i] = between(o, low, high);
    return small_whole_numbers(&o->s, "list", count, list);
}

/* A target that often holds the same numbers as x. */
static int target_for(struct odd *o, int x)
{
    const struct tn_value *v = value_at(o, x);
    int64_t list[TN_MAX_RANK] = {0, -1};
    int count = 2;
    if (v->has_shape && v->rank > 1 && !chance(o, 4)) {
        count = 1;
        for (int i = 1; i < v->rank && count < 7; i++) {
            int64_t size = v->dims[i];
            int64_t part = size > 1 && chance(o, 2) ? between(o, 1, size) : 1;
            if (size % part == 0 && part > 1) {
                list[count++] = part;
                size /= part;
            }
            if (count > 1 && chance(o, 3))
                list[count - 1] *= size;
            else
                list[count++] = size;
        }
        if (chance(o, 3))
            list[0] = -1;
        else if (chance(o, 3))
            list[count - 1] = -1;
    }
    return small_whole_numbers(&o->s, "target", count, list);
}

static int constant_for(struct odd *o, int x)
{
    switch (between(o, 0, 6)) {
    case 0:
        return list_of(o, -3, 4);
    case 1:
        return list_of(o, 0, 2);
    case 2:
        return weights_for(o, x, 2, true);
    case 3:
        return weights_for(o, x, 1, false);
    case 4:
        return weights_for(o, x, 3, false);
    case 5:
        return weights_for(o, x, (int)between(o, 1, 5), false);
    default:
        return weights_for(o, x, 4, false);
    }
}

/* The second input, as an operator may like it. */
static int second_for(struct odd *o, enum tn_op op, int x)
{
    if (chance(o, 8))
        return any_value(o);
    switch (op) {
    case TN_OP_CONV:
    case TN_OP_CONV_TRANSPOSE: {
        const struct tn_value *v = value_at(o, x);
        return weights_for(o, x, v->has_shape && v->rank > 2 ? v->rank : 4, false);
    }
    case TN_OP_GEMM:
    case TN_OP_MATMUL:
        return weights_for(o, x, 2, true);
    case TN_OP_RESHAPE:
    case TN_OP_EXPAND:
        return target_for(o, x);
    case TN_OP_BATCH_NORM:
    case TN_OP_INSTANCE_NORM:
        return weights_for(o, x, 1, false);
    case TN_OP_SPLIT:
    case TN_OP_GATHER:
    case TN_OP_PAD:
        return list_of(o, 0, 3);
    default:
        return chance(o, 2) ? any_value(o) : constant_for(o, x);
    }
}

static int input_for(struct odd *o, enum tn_op op, int x, int index)
{
    if (index > 1 && (op == TN_OP_BATCH_NORM || op == TN_OP_INSTANCE_NORM))
        return weights_for(o, x, 1, false);
    if (index == 1)
        return second_for(o, op, x);
    return chance(o, 3) ? TN_NO_VALUE : chance(o, 2) ? any_value(o) : constant_for(o, x);
}

static void give_attributes(struct odd *o, struct tn_node *node, int rank)
{
    int64_t perm[TN_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    for (int i = rank - 1; i > 1; i--) {
        int64_t j = between(o, 1, i), swap = perm[i];
        perm[i] = perm[j];
        perm[j] = swap;
    }
    static const char *const numbers[] = {"axis",   "group", "keepdims", "transB",
                                          "transA", "size",  "blocksize"};
    static const int64_t highs[] = {3, 4, 1, 1, 1, 3, 2};
    for (int i = 0; i < 7; i++)
        if (chance(o, 2))
            assert_true(
                tn_node_set_int(node, numbers[i], between(o, i == 0 ? -3 : 0, highs[i]), NULL));
    if (node->op == TN_OP_TRANSPOSE && !chance(o, 8))
        assert_true(tn_node_set_ints(node, "perm", (size_t)rank, perm, NULL));
    if (chance(o, 3) && node->op != TN_OP_RESIZE)
        assert_true(tn_node_set_ints(node, "axes", 1, (const int64_t[]){between(o, -3, 4)}, NULL));
    bool windows = node->op == TN_OP_MAX_POOL || node->op == TN_OP_AVERAGE_POOL;
    if (windows && rank > 2)
        assert_true(tn_node_set_ints(node, "kernel_shape", (size_t)rank - 2,
                                     (const int64_t[]){1, 1, 1, 1, 1, 1}, NULL));
}

/* A node that shape inference lets pass; else one of a simple operator or of one nobody knows. */
static void add_node(struct odd *o)
{
    enum tn_op op = (enum tn_op)between(o, 1, TN_OP_COUNT - 1);
    if (chance(o, 3))
        op = chance(o, 3) ? TN_OP_RESHAPE : TN_OP_CONV;
    int x = any_value(o), inputs[5] = {x}, outputs[3], count = (int)between(o, 1, MOST_INPUTS);
    int least = op == TN_OP_BATCH_NORM || op == TN_OP_INSTANCE_NORM ? 5 : 1;
    if (op == TN_OP_INSTANCE_NORM)
        least = 3;
    if (op == TN_OP_CONV || op == TN_OP_GEMM || op == TN_OP_MATMUL || op == TN_OP_RESHAPE)
        least = 2;
    count = count < least ? least : count;
    for (int i = 1; i < count; i++)
        inputs[i] = input_for(o, op, x, i);
    if (chance(o, 12) && count > 1) {
        inputs[0] = inputs[1];
        inputs[1] = x;
    }
    int made = op == TN_OP_SPLIT ? (int)between(o, 1, 3) : chance(o, 10) ? 2 : 1;
    struct tn_node *node = small_join(&o->s, tn_op_name(op), count, inputs, made, outputs);
    int rank = value_at(o, x)->has_shape ? value_at(o, x)->rank : 0;
    give_attributes(o, node, rank);
    struct tn_error error;
    bool fits = tn_node_infer_shape(o->s.graph, o->s.graph->node_count - 1, &error);
    if (!fits || (!value_at(o, outputs[0])->has_shape && !chance(o, 20))) {
        node->op = chance(o, 12) ? TN_OP_UNKNOWN : TN_OP_ABS;
        strcpy(node->op_type, node->op == TN_OP_UNKNOWN ? "?" : "Abs");
        node->inputs[0] = x;
        node->input_count = node->output_count = made = 1;
        assert_true(tn_node_infer_shape(o->s.graph, o->s.graph->node_count - 1, &error));
        made = chance(o, 12) ? 1 : 0; /* most of them lead nowhere */
    }
    for (int i = 0; i < made && o->count < MOST_VALUES; i++)
        o->values[o->count++] = outputs[i];
}

/* What was made is read by convolutions, whose outputs are the graph's. */
static void add_readers(struct odd *o)
{
    static const int64_t one[] = {1, 1}, none[4] = {0};
    for (int i = o->count - 1, outputs = 0; i >= 0 && (outputs < 2 || i == 0); i--) {
        const struct tn_value *v = value_at(o, o->values[i]);
        o->s.last = o->values[i];
        if (v->has_shape && v->rank == 4 && v->dims[1] > 0 && v->dims[2] > 0 && v->dims[3] > 0)
            small_conv(&o->s, (int)v->dims[1], 2, one, one, one, none, 1, true);
        else if (!chance(o, 10))
            continue;
        assert_true(tn_graph_add_output(o->s.graph, o->s.last, NULL));
        outputs++;
    }
    if (o->s.graph->output_count == 0)
        assert_true(tn_graph_add_output(o->s.graph, o->s.last, NULL));
    assert_true(tn_graph_infer_shapes(o->s.graph, NULL));
}

struct tn_graph *odd_net(uint64_t seed)
{
    struct odd o = {.count = 0};
    tn_random_seed(&o.random, seed, 3);
    small_begin(&o.s, (int)between(&o, 1, 6), (int)between(&o, 1, 4), (int)between(&o, 1, 4), seed);
    o.s.graph->info.opset = between(&o, 7, 18);
    o.s.graph->info.batch_size = between(&o, 0, 2);
    o.values[o.count++] = o.s.last;
    struct tn_value *input = &o.s.graph->values[o.s.last];
    if (chance(&o, 4))
        input->rank = (int)between(&o, 1, 4);
    if (chance(&o, 10))
        input->has_shape = false;
    for (int nodes = (int)between(&o, 1, 60); nodes > 0; nodes--)
        add_node(&o);
    add_readers(&o);
    return o.s.graph;
}
