#include "model/initialise.h"

#include "core/normal.h"
#include "core/threads.h"

#include <math.h>

/* What a constant of a node starts as. */
struct draw {
    double deviation; /* 0: all are `mean` */
    double mean;
};

/* Weights are drawn in pieces of this many numbers, each from a stream of its own. */
enum { PIECE = 1 << 16 };

struct drawing {
    struct draw draw;
    size_t count;
    float *numbers;
    uint64_t seed, node;
};

static void draw_piece(void *context, size_t piece, unsigned worker)
{
    (void)worker;
    const struct drawing *drawing = context;
    size_t first = piece * PIECE;
    size_t count = drawing->count - first < PIECE ? drawing->count - first : PIECE;
    float *numbers = drawing->numbers + first;
    if (drawing->draw.deviation > 0) {
        struct tn_random random;
        tn_random_seed(&random, drawing->seed, drawing->node << 32 | piece);
        tn_random_normals(&random, drawing->draw.deviation, count, numbers);
        return;
    }
    for (size_t i = 0; i < count; i++)
        numbers[i] = (float)drawing->draw.mean;
}

static bool redraw(struct tn_graph *graph, int node, int input, struct draw draw, uint64_t seed,
                   struct tn_error *error)
{
    const struct tn_node *n = &graph->nodes[node];
    struct tn_tensor *old = tn_node_constant(graph, n, input);
    if (!old || old->dtype != TN_FLOAT32)
        return true;
    bool in_place = tn_tensor_is_private(old);
    struct tn_tensor *fresh =
        in_place ? old : tn_tensor_new_unset(TN_FLOAT32, old->rank, old->dims, error);
    if (!fresh)
        return false;
    struct drawing drawing = {
        .draw = draw,
        .count = fresh->count,
        .numbers = tn_tensor_floats(fresh),
        .seed = seed,
        .node = (uint64_t)node, /* so that layers do not depend on each other's size */
    };
    tn_parallel((fresh->count + PIECE - 1) / PIECE, draw_piece, &drawing);
    if (!in_place)
        tn_graph_set_constant(graph, n->inputs[input], fresh);
    return true;
}

/* He et al. 2015, eq. 14: the backward signal keeps its variance. */
static double he_deviation(const struct tn_tensor *weight)
{
    if (!weight || weight->rank < 3 || weight->count == 0 || weight->dims[1] == 0)
        return 0;
    double fan_out = (double)weight->count / (double)weight->dims[1];
    return sqrt(2.0 / fan_out);
}

bool tn_graph_initialise(struct tn_graph *graph, uint64_t seed, struct tn_error *error)
{
    const struct draw zero = {0, 0}, one = {0, 1}, gemm = {0.01, 0};
    for (int i = 0; i < graph->node_count; i++) {
        const struct tn_node *node = &graph->nodes[i];
        bool ok = true;
        if (node->op == TN_OP_CONV) {
            const struct draw he = {he_deviation(tn_node_constant(graph, node, 1)), 0};
            ok = redraw(graph, i, 1, he, seed, error) && redraw(graph, i, 2, zero, seed, error);
        } else if (node->op == TN_OP_GEMM) {
            ok = redraw(graph, i, 1, gemm, seed, error) && redraw(graph, i, 2, zero, seed, error);
        } else if (node->op == TN_OP_BATCH_NORM) {
            ok = redraw(graph, i, 1, one, seed, error) && redraw(graph, i, 2, zero, seed, error) &&
                 redraw(graph, i, 3, zero, seed, error) && redraw(graph, i, 4, one, seed, error);
        }
        if (!ok)
            return false;
    }
    return true;
}
