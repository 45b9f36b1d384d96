/* Transpose, Expand, Gather, DepthToSpace and SpaceToDepth: axes in another order, axes repeated,
 * elements chosen along one. */
#include "core/memory.h"
#include "engine/move.h"
#include "model/axes.h"

static bool fail_in(const struct tn_node *node, struct tn_error *error)
{
    return tn_fail_in(error, "node '%s' (%s)", node->name, node->op_type);
}

static bool prepare_transpose(struct tn_network *network, struct tn_step *step,
                              struct tn_error *error)
{
    int perm[TN_MAX_RANK];
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_transpose_of(network->graph, node, perm, error))
        return fail_in(node, error);
    if (perm[0] != 0)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Transpose of the batch cannot be run",
                       node->name);
    struct tn_moves *moves = tn_moves_new(network, step, 1, error);
    if (!moves)
        return false;
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    for (int a = 0; a < out.rank; a++)
        tn_box_axis(moves->boxes, out.dims[a], out.strides[a], in.strides[perm[a + 1] - 1]);
    tn_moves_finish(moves);
    return true;
}

/* Broadcast to the output's shape, which the model has worked out. */
static bool prepare_expand(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    const struct tn_node *node = tn_step_node(network, step);
    bool fits = step->inputs[0] >= 0 && in.rank == out.rank;
    for (int a = 0; fits && a < out.rank; a++)
        fits = in.dims[a] == out.dims[a] || in.dims[a] == 1;
    if (!fits)
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': Expand that moves the batch cannot be run", node->name);
    struct tn_moves *moves = tn_moves_new(network, step, 1, error);
    if (!moves)
        return false;
    for (int a = 0; a < out.rank; a++)
        tn_box_axis(moves->boxes, out.dims[a], out.strides[a],
                    in.dims[a] == out.dims[a] ? in.strides[a] : 0);
    tn_moves_finish(moves);
    return true;
}

static bool add_gathered(struct tn_box *box, const struct tn_gather *gather,
                         const struct tn_extent *in, const struct tn_extent *out,
                         struct tn_error *error)
{
    size_t count = gather->indices->count;
    int axis = gather->axis - 1;
    int64_t *index = tn_alloc(count, sizeof *index);
    if (!index)
        return tn_fail_memory(error, "Gather", count * sizeof *index);
    for (size_t i = 0; i < count; i++)
        index[i] = tn_gather_at(gather, i);
    int behind = out->rank - in->rank; /* axes of the indices, less the one they replace */
    for (int a = 0; a < axis; a++)
        tn_box_axis(box, in->dims[a], out->strides[a], in->strides[a]);
    bool ok = tn_box_indexed_axis(box, (int64_t)count, in->strides[axis], in->strides[axis], index,
                                  error);
    for (int a = axis + 1; a < in->rank; a++)
        tn_box_axis(box, in->dims[a], out->strides[a + behind], in->strides[a]);
    tn_free(index);
    return ok;
}

static bool prepare_gather(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct tn_gather gather;
    bool constant;
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_gather_of(network->graph, node, &gather, &constant, error))
        return fail_in(node, error);
    if (!tn_need_constant(node, constant && step->inputs[0] >= 0, error))
        return false;
    if (gather.axis == 0)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': Gather from the batch cannot be run",
                       node->name);
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    struct tn_moves *moves = tn_moves_new(network, step, 1, error);
    if (!moves || !add_gathered(moves->boxes, &gather, &in, &out, error))
        return false;
    tn_moves_finish(moves);
    return true;
}

/* Deep [C * block^2, H, W] and wide [C, H * block, W * block] hold the same numbers: element (c,
 * row, column) of the block at (h, w). */
static bool prepare_depth(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct tn_depth depth;
    const struct tn_node *node = tn_step_node(network, step);
    if (!tn_depth_of(node, &depth, error))
        return fail_in(node, error);
    bool widens = node->op == TN_OP_DEPTH_TO_SPACE;
    struct tn_extent in = tn_extent_of(tn_step_input_value(network, step)),
                     out = tn_extent_of(tn_step_output_value(network, step));
    const struct tn_extent *deep = widens ? &in : &out, *wide = widens ? &out : &in;
    struct tn_moves *moves = tn_moves_new(network, step, 1, error);
    if (!moves)
        return false;
    ptrdiff_t block = (ptrdiff_t)depth.block, channels = (ptrdiff_t)wide->dims[0];
    ptrdiff_t plane = deep->strides[0], line = wide->strides[1];
    const struct {
        int64_t count;
        ptrdiff_t deep, wide;
    } axes[] = {
        {channels, depth.column_row_depth ? block * block * plane : plane, wide->strides[0]},
        {deep->dims[1], deep->strides[1], block * line},
        {block, depth.column_row_depth ? block * plane : block * channels * plane, line},
        {deep->dims[2], 1, block},
        {block, depth.column_row_depth ? plane : channels * plane, 1},
    };
    for (size_t a = 0; a < sizeof axes / sizeof *axes; a++)
        tn_box_axis(moves->boxes, axes[a].count, widens ? axes[a].wide : axes[a].deep,
                    widens ? axes[a].deep : axes[a].wide);
    tn_moves_finish(moves);
    return true;
}

const struct tn_step_ops tn_transpose_ops = {.name = "Transpose",
                                             .prepare = prepare_transpose,
                                             .forward = tn_moves_forward,
                                             .backward = tn_moves_backward,
                                             .release = tn_moves_release};
const struct tn_step_ops tn_expand_ops = {.constants = 1u << 1,
                                          .name = "Expand",
                                          .prepare = prepare_expand,
                                          .forward = tn_moves_forward,
                                          .backward = tn_moves_backward,
                                          .release = tn_moves_release};
const struct tn_step_ops tn_gather_ops = {.constants = 1u << 1,
                                          .name = "Gather",
                                          .prepare = prepare_gather,
                                          .forward = tn_moves_forward,
                                          .backward = tn_moves_backward,
                                          .release = tn_moves_release};
const struct tn_step_ops tn_depth_to_space_ops = {.name = "DepthToSpace",
                                                  .prepare = prepare_depth,
                                                  .forward = tn_moves_forward,
                                                  .backward = tn_moves_backward,
                                                  .release = tn_moves_release};
const struct tn_step_ops tn_space_to_depth_ops = {.name = "SpaceToDepth",
                                                  .prepare = prepare_depth,
                                                  .forward = tn_moves_forward,
                                                  .backward = tn_moves_backward,
                                                  .release = tn_moves_release};
