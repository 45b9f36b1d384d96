#include "engine/move.h"

#include "core/memory.h"
#include "core/threads.h"

#include <string.h>

enum { GRAIN = 16384 }; /* numbers a task */
enum { TILE = 16 };     /* numbers a side of what is transposed at once: some cache lines */

struct tn_extent tn_extent_of(const struct tn_value *value)
{
    struct tn_extent extent = {.rank = value->rank - 1, .size = 1};
    for (int a = extent.rank - 1; a >= 0; a--) {
        extent.dims[a] = value->dims[a + 1];
        extent.strides[a] = (ptrdiff_t)extent.size;
        extent.size *= (size_t)extent.dims[a];
    }
    return extent;
}

/* --- describing --- */

struct tn_moves *tn_moves_new(struct tn_network *network, struct tn_step *step, int count,
                              struct tn_error *error)
{
    struct tn_moves *moves = step->state = tn_calloc(1, sizeof *moves);
    if (moves)
        moves->boxes = tn_calloc((size_t)count, sizeof *moves->boxes);
    if (!moves || !moves->boxes) {
        tn_fail_memory(error, tn_step_node(network, step)->name,
                       (size_t)count * sizeof(struct tn_box));
        return NULL;
    }
    moves->count = count;
    return moves;
}

bool tn_need_constant(const struct tn_node *node, bool constant, struct tn_error *error)
{
    return constant || tn_fail(error, TN_ERROR_INPUT,
                               "node '%s': %s whose arguments are not constant cannot be run",
                               node->name, node->op_type);
}

void tn_box_axis(struct tn_box *box, int64_t count, ptrdiff_t to, ptrdiff_t from)
{
    box->axes[box->rank++] = (struct tn_move_axis){(size_t)count, to, from, NULL};
    box->repeats |= from == 0 && count > 1;
}

static bool is_even(int64_t count, const int64_t *index)
{
    for (int64_t i = 2; i < count; i++)
        if (index[i] - index[i - 1] != index[1] - index[0])
            return false;
    return true;
}

/* In a list that neither only grows nor only shrinks some index may come twice. */
static bool may_repeat(int64_t count, const int64_t *index)
{
    bool grows = true, shrinks = true;
    for (int64_t i = 1; i < count; i++) {
        grows &= index[i] > index[i - 1];
        shrinks &= index[i] < index[i - 1];
    }
    return !grows && !shrinks;
}

bool tn_box_indexed_axis(struct tn_box *box, int64_t count, ptrdiff_t to, ptrdiff_t from,
                         const int64_t *index, struct tn_error *error)
{
    if (is_even(count, index)) {
        box->from += from * (ptrdiff_t)index[0];
        tn_box_axis(box, count, to, count > 1 ? from * (ptrdiff_t)(index[1] - index[0]) : from);
        return true;
    }
    ptrdiff_t *table = tn_alloc((size_t)count, sizeof *table);
    if (!table)
        return tn_fail_memory(error, "an operator that moves numbers",
                              (size_t)count * sizeof *table);
    for (int64_t i = 0; i < count; i++)
        table[i] = from * (ptrdiff_t)index[i];
    box->axes[box->rank++] = (struct tn_move_axis){(size_t)count, to, from, table};
    box->repeats |= may_repeat(count, index);
    return true;
}

static size_t volume(const struct tn_box *box)
{
    size_t product = 1;
    for (int a = 0; a < box->rank; a++)
        product *= box->axes[a].count;
    return product;
}

/* Do outer and inner axis together step through both sides as one would? */
static bool is_one_axis(const struct tn_move_axis *outer, const struct tn_move_axis *inner)
{
    return !outer->table && !inner->table && outer->from == inner->from * (ptrdiff_t)inner->count &&
           outer->to == inner->to * (ptrdiff_t)inner->count;
}

static void merge_axes(struct tn_box *box)
{
    int kept = 0;
    for (int a = 0; a < box->rank; a++) {
        struct tn_move_axis axis = box->axes[a];
        if (axis.count == 1)
            continue; /* never has a table */
        if (kept > 0 && is_one_axis(&box->axes[kept - 1], &axis)) {
            axis.count *= box->axes[kept - 1].count;
            kept--;
        }
        box->axes[kept++] = axis;
    }
    if (kept == 0)
        box->axes[kept++] = (struct tn_move_axis){1, 1, 1, NULL};
    box->rank = kept;
}

/* Where the innermost axis is one of few only in the output, the one that is in the input comes
 * next to it, for tiles of both. */
static void pair_axes(struct tn_box *box)
{
    int last = box->rank - 1, other = last - 1;
    const struct tn_move_axis *inner = &box->axes[last];
    if (inner->table || inner->to != 1 || inner->from <= 1)
        return;
    while (other >= 0 && (box->axes[other].table || box->axes[other].from != 1))
        other--;
    if (other < 0)
        return;
    struct tn_move_axis axis = box->axes[other];
    memmove(&box->axes[other], &box->axes[other + 1],
            (size_t)(last - 1 - other) * sizeof *box->axes);
    box->axes[last - 1] = axis;
}

void tn_moves_finish(struct tn_moves *moves)
{
    for (int b = 0; b < moves->count; b++) {
        struct tn_box *box = &moves->boxes[b];
        merge_axes(box);
        pair_axes(box);
        box->pieces = (volume(box) + GRAIN - 1) / GRAIN;
        if (box->pieces > box->axes[0].count)
            box->pieces = box->axes[0].count;
    }
}

void tn_moves_release(struct tn_step *step)
{
    struct tn_moves *moves = step->state;
    if (!moves)
        return;
    for (int b = 0; b < moves->count; b++)
        for (int a = 0; a < moves->boxes[b].rank; a++)
            tn_free(moves->boxes[b].axes[a].table);
    tn_free(moves->boxes);
    tn_free(moves);
    step->state = NULL;
}

/* --- walking --- */

enum way { COPY, RETURN, ADD }; /* to the output; back to the input; back, where numbers may meet */

static void move_table(const struct tn_move_axis *axis, enum way way, float *in, float *out)
{
    for (size_t i = 0; i < axis->count; i++) {
        float *a = in + axis->table[i], *b = out + (ptrdiff_t)i * axis->to;
        if (way == COPY)
            *b = *a;
        else
            *a = way == ADD ? *a + *b : *b;
    }
}

static void copy_strided(size_t count, float *to, ptrdiff_t to_step, const float *from,
                         ptrdiff_t from_step)
{
    if (to_step == 1 && from_step == 1)
        memcpy(to, from, count * sizeof *to);
    else
        for (size_t i = 0; i < count; i++)
            to[(ptrdiff_t)i * to_step] = from[(ptrdiff_t)i * from_step];
}

static void move_line(const struct tn_move_axis *axis, enum way way, float *in, float *out)
{
    if (axis->table)
        move_table(axis, way, in, out);
    else if (way == COPY)
        copy_strided(axis->count, out, axis->to, in, axis->from);
    else if (way == RETURN)
        copy_strided(axis->count, in, axis->from, out, axis->to);
    else
        for (size_t i = 0; i < axis->count; i++)
            in[(ptrdiff_t)i * axis->from] += out[(ptrdiff_t)i * axis->to];
}

/* Two axes, each of which is dense on one side only, in tiles that stay in the cache. */
static void move_tiles(const struct tn_move_axis axes[2], enum way way, float *in, float *out)
{
    for (size_t i = 0; i < axes[0].count; i += TILE)
        for (size_t j = 0; j < axes[1].count; j += TILE) {
            size_t rows = axes[0].count - i < TILE ? axes[0].count - i : TILE;
            struct tn_move_axis line = axes[1];
            line.count = axes[1].count - j < TILE ? axes[1].count - j : TILE;
            for (size_t r = i; r < i + rows; r++)
                move_line(&line, way, in + (ptrdiff_t)r * axes[0].from + (ptrdiff_t)j * line.from,
                          out + (ptrdiff_t)r * axes[0].to + (ptrdiff_t)j * line.to);
        }
}

static bool is_tiled(const struct tn_move_axis axes[2])
{
    return !axes[0].table && !axes[1].table && axes[0].from == 1 && axes[1].to == 1 &&
           axes[1].from != 1;
}

static void move_box(const struct tn_move_axis *axes, int rank, enum way way, float *in, float *out)
{
    if (rank == 1) {
        move_line(axes, way, in, out);
    } else if (rank == 2 && is_tiled(axes)) {
        move_tiles(axes, way, in, out);
    } else {
        for (size_t i = 0; i < axes->count; i++)
            move_box(axes + 1, rank - 1, way,
                     in + (axes->table ? axes->table[i] : (ptrdiff_t)i * axes->from),
                     out + (ptrdiff_t)i * axes->to);
    }
}

/* Part `piece` of the box along its outermost axis. */
static void move_piece(const struct tn_box *box, size_t piece, enum way way, float *in, float *out)
{
    struct tn_move_axis axes[TN_MOVE_AXES];
    memcpy(axes, box->axes, sizeof axes);
    size_t begin = piece * axes->count / box->pieces, end = (piece + 1) * axes->count / box->pieces;
    axes->count = end - begin;
    in += box->from;
    if (axes->table)
        axes->table += begin;
    else
        in += (ptrdiff_t)begin * axes->from;
    move_box(axes, box->rank, way, in, out + box->to + (ptrdiff_t)begin * axes->to);
}

struct job {
    struct tn_network *network;
    struct tn_step *step;
    int box, input; /* at hand: forward a box, backward an input */
    float *gradient;
};

static float *blob_image(const struct tn_network *network, int blob, size_t n, bool gradient)
{
    const struct tn_blob *at = &network->blobs[blob];
    return (gradient ? at->gradient : at->data) + n * at->size;
}

/* A constant is the same for every image, or for every batch of the size the file was fixed to. */
static float *input_image(const struct job *job, int input, size_t n)
{
    int blob = job->step->inputs[input];
    if (blob >= 0)
        return blob_image(job->network, blob, n, false);
    const struct tn_tensor *constant =
        tn_node_constant(job->network->graph, tn_step_node(job->network, job->step), input);
    size_t images = (size_t)constant->dims[0];
    return tn_tensor_floats(constant) + n % images * (constant->count / images);
}

static void forward_piece(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct tn_moves *moves = job->step->state;
    const struct tn_box *box = &moves->boxes[job->box];
    size_t n = index / box->pieces;
    move_piece(box, index % box->pieces, COPY, input_image(job, box->input, n),
               blob_image(job->network, job->step->outputs[box->output], n, false));
}

static void fill_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct tn_moves *moves = job->step->state;
    float *out = job->network->blobs[job->step->output].data;
    for (size_t i = begin; i < end; i++)
        out[i] = moves->fill;
}

void tn_moves_forward(struct tn_network *network, struct tn_step *step)
{
    const struct tn_moves *moves = step->state;
    struct job job = {.network = network, .step = step};
    size_t size = network->blobs[step->output].size, covered = 0;
    for (int b = 0; b < moves->count; b++)
        covered += moves->boxes[b].output == 0 ? volume(&moves->boxes[b]) : 0;
    if (covered < size)
        tn_for_ranges(size * (size_t)network->count, GRAIN, fill_range, &job);
    for (job.box = 0; job.box < moves->count; job.box++)
        tn_parallel((size_t)network->count * moves->boxes[job.box].pieces, forward_piece, &job);
}

/* All boxes that read one input, an image a task. */
static void backward_image(void *context, size_t n, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct tn_moves *moves = job->step->state;
    size_t size = job->network->blobs[job->step->inputs[job->input]].size, covered = 0;
    float *in = job->gradient + n * size;
    for (int b = 0; b < moves->count; b++)
        if (moves->boxes[b].input == job->input && !moves->boxes[b].repeats)
            covered += volume(&moves->boxes[b]);
    if (covered != size)
        memset(in, 0, size * sizeof *in);
    for (int b = 0; b < moves->count; b++) {
        const struct tn_box *box = &moves->boxes[b];
        if (box->input != job->input)
            continue;
        float *out = blob_image(job->network, job->step->outputs[box->output], n, true);
        move_box(box->axes, box->rank, box->repeats ? ADD : RETURN, in + box->from, out + box->to);
    }
}

void tn_moves_backward(struct tn_network *network, struct tn_step *step)
{
    const struct tn_moves *moves = step->state;
    struct job job = {.network = network, .step = step};
    for (job.input = 0; job.input < step->input_count; job.input++) {
        int blob = step->inputs[job.input];
        bool read = false;
        for (int b = 0; b < moves->count; b++)
            read |= moves->boxes[b].input == job.input;
        job.gradient = blob < 0 || !read ? NULL : tn_gradient_begin(network, blob);
        if (job.gradient)
            tn_parallel((size_t)network->count, backward_image, &job);
        if (blob >= 0 && read)
            tn_gradient_done(network, blob);
    }
}
