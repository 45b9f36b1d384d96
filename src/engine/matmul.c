/* MatMul: rows of an activation by constant weights, which is a fully connected layer; or matrices
 * by matrices, either side of which may be constant, what is in front of them broadcast. */
#include "core/memory.h"
#include "core/threads.h"
#include "engine/linear.h"

#include <cblas.h>
#include <limits.h>
#include <string.h>

/* One side of the product: matrices of an image, or of the constant. */
struct side {
    int rows, columns;
    size_t image;  /* floats from one image to the next; 0: constant */
    ptrdiff_t *at; /* [matrices] offset of the matrix within an image */
    int rank;      /* of the shape, a vector counting as a matrix */
    int64_t dims[TN_MAX_RANK + 1];
};

struct matmul {
    struct tn_linear linear;
    size_t matrices; /* products an image */
    struct side side[2];
};

/* --- by a constant matrix --- */

static size_t elements(const struct side *side, int from, int to)
{
    size_t product = 1;
    for (int i = from; i < to; i++)
        product *= (size_t)side->dims[i];
    return product;
}

/* A vector is a matrix of one row in front, of one column behind. */
static bool read_side(const struct tn_network *network, const struct tn_step *step, int input,
                      struct side *side, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    const struct tn_value *value = &network->graph->values[node->inputs[input]];
    side->rank = value->rank;
    memcpy(side->dims, value->dims, sizeof value->dims);
    if (side->rank == 1) {
        side->rank = 2;
        side->dims[1] = input == 0 ? side->dims[0] : 1;
        side->dims[0] = input == 0 ? 1 : side->dims[0];
    }
    if (step->inputs[input] < 0 && !tn_step_param(network, step, input))
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': input %d is left out", node->name,
                       input + 1);
    for (int i = 0; i < side->rank; i++)
        if (side->dims[i] == 0 || side->dims[i] > INT_MAX)
            return tn_fail(error, TN_ERROR_INPUT, "node '%s': input %d has %lld in dimension %d",
                           node->name, input + 1, (long long)side->dims[i], i);
    return true;
}

static bool is_linear(const struct tn_step *step, const struct side side[2])
{
    return step->inputs[0] >= 0 && step->inputs[1] < 0 && side[1].rank <= side[0].rank &&
           elements(&side[1], 0, side[1].rank - 2) == 1;
}

static void linear_forward(struct tn_network *network, struct tn_step *step)
{
    const struct matmul *matmul = step->state;
    tn_linear_forward(network, step, &matmul->linear);
}

static void linear_backward(struct tn_network *network, struct tn_step *step)
{
    const struct matmul *matmul = step->state;
    tn_linear_backward(network, step, &matmul->linear);
}

static void release(struct tn_step *step)
{
    struct matmul *matmul = step->state;
    if (!matmul)
        return;
    tn_free(matmul->side[0].at);
    tn_free(matmul->side[1].at);
    tn_free(matmul);
    step->state = NULL;
}

static const struct tn_step_ops linear_ops = {
    .name = "MatMul",
    .weights = 1u << 0 | 1u << 1,
    .relu_fuses = true,
    .forward = linear_forward,
    .backward = linear_backward,
    .release = release,
};

/* --- matrices by matrices --- */

/* The batch must be the first of the dimensions that are broadcast, on both sides. */
static bool check_batch(const struct tn_network *network, const struct tn_step *step, int rank,
                        const struct side *side, int input, struct tn_error *error)
{
    bool computed = step->inputs[input] >= 0;
    if (rank < 3 || (computed && side->rank != rank) ||
        (!computed && side->rank == rank && side->dims[0] != 1))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': MatMul whose inputs do not both begin with the batch cannot be "
                       "run",
                       tn_step_node(network, step)->name);
    return true;
}

/* Dimension `axis` of the product's `rank`, as this side has it. */
static int64_t own_dim(const struct side *side, int rank, int axis)
{
    int own = axis - (rank - side->rank);
    return own < 0 ? 1 : side->dims[own];
}

/* Where each of the product's matrices finds its factor: the last dimension in front of the
 * matrices runs fastest. */
static bool place_matrices(struct matmul *matmul, struct side *side, int rank,
                           const struct side *other)
{
    side->at = tn_calloc(matmul->matrices, sizeof *side->at);
    if (!side->at)
        return false;
    for (size_t m = 0; m < matmul->matrices; m++) {
        size_t left = m, stride = (size_t)side->rows * (size_t)side->columns;
        for (int axis = rank - 3; axis > 0; axis--) {
            size_t mine = (size_t)own_dim(side, rank, axis),
                   theirs = (size_t)own_dim(other, rank, axis);
            size_t both = mine > theirs ? mine : theirs, index = left % both;
            left /= both;
            side->at[m] += mine == 1 ? 0 : (ptrdiff_t)(index * stride);
            stride *= mine;
        }
    }
    return true;
}

static bool prepare_matrices(struct tn_network *network, struct tn_step *step,
                             struct tn_error *error)
{
    struct matmul *matmul = step->state;
    struct side *side = matmul->side;
    int rank = side[0].rank > side[1].rank ? side[0].rank : side[1].rank;
    for (int i = 0; i < 2; i++) {
        if (!check_batch(network, step, rank, &side[i], i, error))
            return false;
        side[i].rows = (int)side[i].dims[side[i].rank - 2];
        side[i].columns = (int)side[i].dims[side[i].rank - 1];
        side[i].image = step->inputs[i] < 0 ? 0 : network->blobs[step->inputs[i]].size;
    }
    matmul->matrices =
        network->blobs[step->output].size / ((size_t)side[0].rows * (size_t)side[1].columns);
    if (!place_matrices(matmul, &side[0], rank, &side[1]) ||
        !place_matrices(matmul, &side[1], rank, &side[0]))
        return tn_fail_memory(error, tn_step_node(network, step)->name,
                              2 * matmul->matrices * sizeof(ptrdiff_t));
    return true;
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    struct matmul *matmul = step->state = tn_calloc(1, sizeof *matmul);
    if (!matmul)
        return tn_fail_memory(error, tn_step_node(network, step)->name, sizeof *matmul);
    struct side *side = matmul->side;
    if (!read_side(network, step, 0, &side[0], error) ||
        !read_side(network, step, 1, &side[1], error))
        return false;
    if (!is_linear(step, side))
        return prepare_matrices(network, step, error);
    matmul->linear = (struct tn_linear){.rows = elements(&side[0], 1, side[0].rank - 1),
                                        .in = (int)side[0].dims[side[0].rank - 1],
                                        .out = (int)side[1].dims[side[1].rank - 1],
                                        .weights = 1,
                                        .alpha = 1};
    step->ops = &linear_ops;
    return tn_linear_check(network, step, &matmul->linear, error);
}

struct job {
    struct tn_network *network;
    struct tn_step *step;
    int side;        /* whose gradient is wanted */
    float *gradient; /* of that side */
};

static const float *factor(const struct job *job, int input, size_t n, size_t matrix)
{
    const struct matmul *matmul = job->step->state;
    const struct side *side = &matmul->side[input];
    int blob = job->step->inputs[input];
    const float *data = blob < 0 ? tn_step_param(job->network, job->step, input)->data
                                 : job->network->blobs[blob].data;
    return data + n * side->image + side->at[matrix];
}

static size_t product_at(const struct matmul *matmul, size_t n, size_t matrix)
{
    return (n * matmul->matrices + matrix) * (size_t)matmul->side[0].rows *
           (size_t)matmul->side[1].columns;
}

static void forward_matrix(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct matmul *matmul = job->step->state;
    size_t n = index / matmul->matrices, m = index % matmul->matrices;
    int rows = matmul->side[0].rows, columns = matmul->side[1].columns,
        inner = matmul->side[0].columns;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1,
                factor(job, 0, n, m), inner, factor(job, 1, n, m), columns, 0,
                job->network->blobs[job->step->output].data + product_at(matmul, n, m), columns);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct matmul *matmul = step->state;
    struct job job = {network, step, 0, NULL};
    tn_parallel((size_t)network->count * matmul->matrices, forward_matrix, &job);
}

/* What image `n` adds to the gradient of a side: dA += dC B^T, dB += A^T dC. */
static void add_gradient(const struct job *job, size_t n, float *gradient)
{
    const struct matmul *matmul = job->step->state;
    int rows = matmul->side[0].rows, columns = matmul->side[1].columns,
        inner = matmul->side[0].columns;
    for (size_t m = 0; m < matmul->matrices; m++) {
        const float *dc =
            job->network->blobs[job->step->output].gradient + product_at(matmul, n, m);
        float *to = gradient + matmul->side[job->side].at[m];
        if (job->side == 0)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, inner, columns, 1, dc,
                        columns, factor(job, 1, n, m), columns, 1, to, inner);
        else
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, inner, columns, rows, 1,
                        factor(job, 0, n, m), inner, dc, columns, 1, to, columns);
    }
}

static void backward_image(void *context, size_t n, unsigned worker)
{
    (void)worker;
    const struct job *job = context;
    const struct matmul *matmul = job->step->state;
    size_t image = matmul->side[job->side].image;
    memset(job->gradient + n * image, 0, image * sizeof *job->gradient);
    add_gradient(job, n, job->gradient + n * image);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    struct job job = {.network = network, .step = step};
    for (job.side = 0; job.side < 2; job.side++) {
        int blob = step->inputs[job.side];
        if (blob >= 0) {
            job.gradient = tn_gradient_begin(network, blob);
            if (job.gradient)
                tn_parallel((size_t)network->count, backward_image, &job);
            tn_gradient_done(network, blob);
            continue;
        }
        struct tn_param *param = tn_step_param(network, step, job.side);
        memset(param->gradient, 0, param->count * sizeof *param->gradient);
        for (size_t n = 0; n < (size_t)network->count; n++) /* in order: the same bits always */
            add_gradient(&job, n, param->gradient);
    }
}

const struct tn_step_ops tn_matmul_ops = {
    .name = "MatMul",
    .weights = 1u << 0 | 1u << 1,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
