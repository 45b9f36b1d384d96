#include "engine/stretch.h"

#include "core/memory.h"

#include <math.h>

enum { GRAIN = 16384 /* numbers a task, about */ };

/* --- geometry --- */

static bool all_stride_alike(const struct tn_stretch *stretch, int outer, size_t inner_size)
{
    for (int o = 0; o < stretch->count; o++) {
        const size_t *stride = stretch->operands[o].stride;
        if (stride[outer] != stride[outer + 1] * inner_size)
            return false;
    }
    return true;
}

static void drop_dimension(struct tn_stretch *stretch, int d)
{
    stretch->rank--;
    for (int i = d; i < stretch->rank; i++) {
        stretch->dims[i] = stretch->dims[i + 1];
        for (int o = 0; o < stretch->count; o++)
            stretch->operands[o].stride[i] = stretch->operands[o].stride[i + 1];
    }
}

/* Merge dimension d + 1 into d where every operand allows, and leave out those of size 1. */
static void merge(struct tn_stretch *stretch)
{
    for (int d = stretch->rank - 1; d >= 0; d--)
        if (stretch->dims[d] == 1 && stretch->rank > 1)
            drop_dimension(stretch, d);
    for (int d = stretch->rank - 2; d >= 0; d--) {
        if (!all_stride_alike(stretch, d, stretch->dims[d + 1]))
            continue;
        stretch->dims[d + 1] *= stretch->dims[d];
        drop_dimension(stretch, d);
    }
    stretch->length = stretch->dims[stretch->rank - 1];
    stretch->rows = 1;
    for (int d = 0; d < stretch->rank - 1; d++)
        stretch->rows *= stretch->dims[d];
}

/* The operand's strides over the grid's dimensions, from its own; `first` of the grid's dimensions
 * it does not have. Sizes were checked when shapes were inferred, or by the caller. */
static void set_strides(struct tn_operand *operand, int rank, int first, const int64_t *dims)
{
    size_t stride = 1;
    for (int d = rank - 1; d >= first; d--) {
        int64_t size = dims[d - first];
        operand->stride[d] = size == 1 ? 0 : stride;
        stride *= (size_t)size;
    }
    operand->size = stride;
}

/* The dimensions of one image along which the value runs: *first of the grid's it lacks. False
 * where the batch is not in front or it does not stretch over the grid. */
static bool operand_of(const struct tn_value *value, const struct tn_value *grid,
                       struct tn_operand *operand)
{
    int lacking = grid->rank - value->rank;
    bool batch = value->rank > 0 && value->dims[0] == TN_BATCH;
    if (!value->has_shape || lacking < 0 || (batch && lacking > 0))
        return false;
    /* A constant may have 1 in place of the batch. */
    int skipped = lacking == 0 ? 1 : 0;
    if (!batch && skipped == 1 && value->rank > 0 && value->dims[0] != 1)
        return false;
    int first = lacking + skipped - 1; /* of the image's dimensions */
    const int64_t *dims = value->dims + skipped;
    for (int d = first; d < grid->rank - 1; d++)
        if (dims[d - first] != 1 && dims[d - first] != grid->dims[d + 1])
            return false;
    set_strides(operand, grid->rank - 1, first, dims);
    operand->image = batch ? operand->size : 0;
    return true;
}

static bool begin(int rank, const int64_t *dims, int count, const char *node,
                  struct tn_stretch *stretch, struct tn_error *error)
{
    *stretch = (struct tn_stretch){.rank = rank, .count = count};
    stretch->operands = tn_calloc((size_t)count + 1, sizeof *stretch->operands);
    if (!stretch->operands)
        return tn_fail_memory(error, node, (size_t)count * sizeof *stretch->operands);
    for (int d = 0; d < rank; d++)
        stretch->dims[d] = (size_t)dims[d];
    if (rank == 0) { /* [N]: one number an image */
        stretch->rank = 1;
        stretch->dims[0] = 1;
    }
    return true;
}

bool tn_stretch_of(const struct tn_graph *graph, const struct tn_node *node,
                   const struct tn_value *grid, int count, const int *values,
                   struct tn_stretch *stretch, struct tn_error *error)
{
    if (!begin(grid->rank - 1, grid->dims + 1, count, node->name, stretch, error))
        return false;
    for (int i = 0; i < count; i++)
        if (values[i] == TN_NO_VALUE ||
            !operand_of(&graph->values[values[i]], grid, &stretch->operands[i]))
            return tn_fail(error, TN_ERROR_INPUT,
                           "node '%s': %s cannot be run with input %d, '%s', of this shape",
                           node->name, node->op_type, i + 1,
                           values[i] == TN_NO_VALUE ? "" : graph->values[values[i]].name);
    merge(stretch);
    return true;
}

bool tn_stretch_over(int rank, const int64_t *dims, const bool *kept, const char *node,
                     struct tn_stretch *stretch, struct tn_error *error)
{
    int64_t own[TN_MAX_RANK] = {0};
    if (!begin(rank, dims, 1, node, stretch, error))
        return false;
    for (int d = 0; d < rank; d++)
        own[d] = kept[d] ? dims[d] : 1;
    set_strides(&stretch->operands[0], rank, 0, own);
    stretch->operands[0].image = stretch->operands[0].size;
    merge(stretch);
    return true;
}

void tn_stretch_release(struct tn_stretch *stretch)
{
    tn_free(stretch->operands);
    stretch->operands = NULL;
}

bool tn_operand_is_full(const struct tn_stretch *stretch, const struct tn_operand *operand)
{
    return operand->image > 0 && operand->size == stretch->rows * stretch->length;
}

size_t tn_operand_step(const struct tn_stretch *stretch, const struct tn_operand *operand)
{
    return operand->stride[stretch->rank - 1];
}

size_t tn_operand_at(const struct tn_stretch *stretch, const struct tn_operand *operand,
                     const struct tn_piece *piece)
{
    size_t at = piece->image * operand->image + piece->from * tn_operand_step(stretch, operand);
    size_t row = piece->row;
    for (int d = stretch->rank - 2; d > 0; d--) {
        at += row % stretch->dims[d] * operand->stride[d];
        row /= stretch->dims[d];
    }
    return stretch->rank > 1 ? at + row * operand->stride[0] : at;
}

size_t tn_piece_at(const struct tn_stretch *stretch, const struct tn_piece *piece)
{
    return (piece->image * stretch->rows + piece->row) * stretch->length + piece->from;
}

/* --- all pieces --- */

struct walk {
    const struct tn_stretch *stretch;
    size_t pieces; /* a row */
    void (*work)(void *context, const struct tn_piece *piece);
    void *context;
};

static size_t pieces_of(size_t length)
{
    return (length + TN_PIECE - 1) / TN_PIECE;
}

static void cut_row(size_t length, size_t index, struct tn_piece *piece)
{
    piece->from = index * TN_PIECE;
    piece->count = length - piece->from < TN_PIECE ? length - piece->from : TN_PIECE;
}

static void walk_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct walk *walk = context;
    struct tn_piece piece;
    for (size_t i = begin; i < end; i++) {
        size_t row = i / walk->pieces;
        piece.image = row / walk->stretch->rows;
        piece.row = row % walk->stretch->rows;
        cut_row(walk->stretch->length, i % walk->pieces, &piece);
        walk->work(walk->context, &piece);
    }
}

void tn_stretch_walk(const struct tn_stretch *stretch, size_t images,
                     void (*work)(void *context, const struct tn_piece *piece), void *context)
{
    struct walk walk = {stretch, pieces_of(stretch->length), work, context};
    size_t longest = stretch->length < TN_PIECE ? stretch->length : TN_PIECE;
    tn_for_ranges(images * stretch->rows * walk.pieces, (GRAIN + longest - 1) / longest, walk_range,
                  &walk);
}

/* --- reductions --- */

/* The operand's numbers, cut into lines: pieces of its own rows where it runs along rows, else
 * single numbers. For each, the rows of the grid it stretches over are counted along `away`. */
struct reduction {
    const struct tn_network *network;
    const struct tn_stretch *stretch;
    const struct tn_operand *operand;
    tn_piece_values values;
    void *context;
    float *to;
    bool greatest;
    size_t images; /* each number reduces over: 1 where the operand has its own for each */
    size_t lines;  /* an image of the operand, not counting pieces */
    size_t pieces; /* a line of the operand, or of the grid where that is reduced */
    size_t rows;   /* of the grid a line stretches over, in one image */
    size_t row_stride[TN_MAX_RANK]; /* rows from one index of a dimension to the next */
};

/* Row of the grid: index `line` along the operand's dimensions, index `reduced` along the others.
 */
static size_t row_at(const struct reduction *reduction, size_t line, size_t reduced)
{
    const struct tn_stretch *stretch = reduction->stretch;
    size_t row = 0;
    for (int d = stretch->rank - 2; d >= 0; d--) {
        size_t *index = reduction->operand->stride[d] ? &line : &reduced;
        row += *index % stretch->dims[d] * reduction->row_stride[d];
        *index /= stretch->dims[d];
    }
    return row;
}

static void take_greatest(size_t count, const float *x, float *most)
{
    for (size_t i = 0; i < count; i++)
        if (x[i] > most[i] || isnan(x[i])) /* NOLINT(clang-analyzer-core.*): set up to count */
            most[i] = x[i];
}

/* Numbers from .. of an operand that runs along the rows. */
static void reduce_line(const struct reduction *reduction, struct tn_piece *piece, size_t image,
                        size_t line)
{
    float buffer[TN_PIECE], most[TN_PIECE];
    double sums[TN_PIECE];
    for (size_t i = 0; i < piece->count; i++) {
        sums[i] = 0;
        most[i] = -INFINITY;
    }
    for (size_t n = 0; n < reduction->images; n++)
        for (size_t r = 0; r < reduction->rows; r++) {
            piece->image = image + n;
            piece->row = row_at(reduction, line, r);
            const float *x = reduction->values(reduction->context, piece, buffer);
            if (reduction->greatest)
                take_greatest(piece->count, x, most);
            else
                reduction->network->kernels->sum_rows(piece->count, x, sums);
        }
    float *to = reduction->to + image * reduction->operand->image +
                line * reduction->stretch->length + piece->from;
    for (size_t i = 0; i < piece->count; i++)
        to[i] = reduction->greatest ? most[i] : (float)sums[i];
}

static void reduce_piece(const struct reduction *reduction, const float *x, size_t count,
                         double *sum, float *most)
{
    double squares = 0;
    if (!reduction->greatest)
        reduction->network->kernels->moments(count, x, 0, sum, &squares);
    for (size_t i = 0; reduction->greatest && i < count; i++)
        if (x[i] > *most || isnan(x[i]))
            *most = x[i];
}

/* One number of an operand that stretches along the rows. */
static void reduce_number(const struct reduction *reduction, size_t image, size_t line)
{
    float buffer[TN_PIECE], most = -INFINITY;
    double sum = 0;
    for (size_t n = 0; n < reduction->images; n++)
        for (size_t r = 0; r < reduction->rows; r++) {
            struct tn_piece piece = {.image = image + n, .row = row_at(reduction, line, r)};
            for (size_t p = 0; p < reduction->pieces; p++) {
                cut_row(reduction->stretch->length, p, &piece);
                const float *x = reduction->values(reduction->context, &piece, buffer);
                reduce_piece(reduction, x, piece.count, &sum, &most);
            }
        }
    reduction->to[image * reduction->operand->image + line] =
        reduction->greatest ? most : (float)sum;
}

static void reduce_range(void *context, size_t begin, size_t end, unsigned worker)
{
    (void)worker;
    const struct reduction *reduction = context;
    bool along = tn_operand_step(reduction->stretch, reduction->operand) > 0;
    for (size_t i = begin; i < end; i++) {
        struct tn_piece piece;
        size_t line = along ? i / reduction->pieces : i;
        if (along) {
            cut_row(reduction->stretch->length, i % reduction->pieces, &piece);
            reduce_line(reduction, &piece, line / reduction->lines, line % reduction->lines);
        } else {
            reduce_number(reduction, line / reduction->lines, line % reduction->lines);
        }
    }
}

static void reduce(struct reduction *reduction, size_t images)
{
    const struct tn_stretch *stretch = reduction->stretch;
    const struct tn_operand *operand = reduction->operand;
    size_t own = operand->image > 0 ? images : 1, row_stride = 1;
    bool along = tn_operand_step(stretch, operand) > 0;
    reduction->images = images / own;
    reduction->pieces = pieces_of(stretch->length);
    reduction->lines = along ? operand->size / stretch->length : operand->size;
    reduction->rows = 1;
    for (int d = stretch->rank - 2; d >= 0; d--) {
        reduction->row_stride[d] = row_stride;
        row_stride *= stretch->dims[d];
        if (operand->stride[d] == 0)
            reduction->rows *= stretch->dims[d];
    }
    size_t tasks = own * reduction->lines * (along ? reduction->pieces : 1);
    size_t each = stretch->rows * stretch->length * images / tasks + 1; /* numbers a task reduces */
    tn_for_ranges(tasks, (GRAIN + each - 1) / each, reduce_range, reduction);
}

void tn_stretch_sum(const struct tn_network *network, const struct tn_stretch *stretch,
                    const struct tn_operand *operand, size_t images, tn_piece_values values,
                    void *context, float *to)
{
    struct reduction reduction = {.network = network,
                                  .stretch = stretch,
                                  .operand = operand,
                                  .values = values,
                                  .context = context,
                                  .to = to};
    reduce(&reduction, images);
}

void tn_stretch_greatest(const struct tn_network *network, const struct tn_stretch *stretch,
                         const struct tn_operand *operand, size_t images, tn_piece_values values,
                         void *context, float *to)
{
    struct reduction reduction = {.network = network,
                                  .stretch = stretch,
                                  .operand = operand,
                                  .values = values,
                                  .context = context,
                                  .to = to,
                                  .greatest = true};
    reduce(&reduction, images);
}
