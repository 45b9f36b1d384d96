/* Evaluation of what makes few numbers of many. */
#include "core/memory.h"
#include "model/argument.h"
#include "model/axes.h"
#include "model/evaluate_parts.h"

#include <math.h>
#include <string.h>

enum reduction { PRODUCT, SUM, MEAN, LEAST, GREATEST, L1, L2, SQUARES };

static bool reduction_of(const struct tn_node *node, enum reduction *reduction)
{
    static const char *const names[] = {"ReduceProd", "ReduceSum", "ReduceMean", "ReduceMin",
                                        "ReduceMax",  "ReduceL1",  "ReduceL2",   "ReduceSumSquare"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], node->op_type) == 0) {
            *reduction = (enum reduction)i;
            return true;
        }
    return false;
}

static double reduce_real(enum reduction reduction, double sum, double number, bool first)
{
    switch (reduction) {
    case PRODUCT:
        return first ? number : sum * number;
    case LEAST:
        return first || number < sum ? number : sum;
    case GREATEST:
        return first || number > sum ? number : sum;
    case L1:
        return sum + fabs(number);
    case L2:
    case SQUARES:
        return sum + number * number;
    default:
        return sum + number;
    }
}

/* Products of a shape's numbers, the batch's among them. */
static bool multiply(bool batch, int64_t *product, int64_t number)
{
    int64_t times_a = 1, times_b = 1;
    bool first = batch && tn_is_batch_number(*product, &times_a);
    bool second = batch && tn_is_batch_number(number, &times_b);
    if (first && second)
        return false;
    if (!first && !second)
        return !__builtin_mul_overflow(*product, number, product);
    int64_t other = first ? number : *product, times = first ? times_a : times_b;
    if (other < 1 || __builtin_mul_overflow(times, other, &times) || times > TN_MOST_BATCHES)
        return false;
    *product = tn_batch_number(times);
    return true;
}

static bool reduce_int(enum reduction reduction, bool batch, int64_t *sum, int64_t number,
                       bool first)
{
    switch (reduction) {
    case PRODUCT:
        return multiply(batch, sum, number);
    case SUM:
        return !__builtin_add_overflow(*sum, number, sum);
    case LEAST:
        *sum = first || number < *sum ? number : *sum;
        return true;
    case GREATEST:
        *sum = first || number > *sum ? number : *sum;
        return true;
    default:
        return false;
    }
}

/* Steps of the result for steps of the data: none along the axes that go. */
static int reduced_shape(const struct tn_tensor *data, const struct tn_axes *axes, int64_t *dims,
                         int64_t *steps)
{
    int64_t step = 1;
    int rank = 0;
    for (int i = data->rank - 1; i >= 0; i--) {
        steps[i] = axes->chosen[i] ? 0 : step;
        step *= axes->chosen[i] ? 1 : data->dims[i];
    }
    for (int i = 0; i < data->rank; i++)
        if (!axes->chosen[i] || axes->keep)
            dims[rank++] = axes->chosen[i] ? 1 : data->dims[i];
    return rank;
}

/* Sums in double, whatever the type: `sums` has room for as many as the result. */
static void reduce_reals(const struct tn_tensor *data, enum reduction reduction,
                         const int64_t *steps, double *sums, int64_t *counts)
{
    int64_t at[TN_MAX_RANK] = {0}, place = 0;
    for (size_t i = 0; i < data->count; i++) {
        sums[place] =
            reduce_real(reduction, sums[place], tn_number_at(data, i), counts[place] == 0);
        counts[place]++;
        for (int d = data->rank - 1; d >= 0; d--) {
            place += steps[d];
            if (++at[d] < data->dims[d])
                break;
            place -= at[d] * steps[d];
            at[d] = 0;
        }
    }
}

static bool reduce_ints(const struct tn_tensor *data, enum reduction reduction, bool batch,
                        const int64_t *steps, int64_t *sums, int64_t *counts)
{
    int64_t at[TN_MAX_RANK] = {0}, place = 0;
    for (size_t i = 0; i < data->count; i++) {
        if (!reduce_int(reduction, batch, &sums[place], tn_tensor_ints(data)[i],
                        counts[place] == 0))
            return false;
        counts[place]++;
        for (int d = data->rank - 1; d >= 0; d--) {
            place += steps[d];
            if (++at[d] < data->dims[d])
                break;
            place -= at[d] * steps[d];
            at[d] = 0;
        }
    }
    return true;
}

static void finish(enum reduction reduction, const double *sums, const int64_t *counts,
                   struct tn_tensor *result)
{
    for (size_t i = 0; i < result->count; i++) {
        double number = reduction == MEAN ? sums[i] / (double)counts[i]
                        : reduction == L2 ? sqrt(sums[i])
                                          : sums[i];
        if (result->dtype == TN_FLOAT32)
            tn_tensor_floats(result)[i] = (float)number;
        else
            tn_tensor_doubles(result)[i] = number;
    }
}

static bool reduce(const struct tn_work *work, enum reduction reduction,
                   const struct tn_tensor *data, const int64_t *steps, struct tn_tensor *result)
{
    const int64_t *dims = result->dims;
    struct tn_tensor *counts = tn_work_result(work, TN_INT64, result->rank, dims);
    struct tn_tensor *sums =
        data->dtype == TN_INT64 ? NULL : tn_work_result(work, TN_DOUBLE, result->rank, dims);
    bool ok = counts && (sums || data->dtype == TN_INT64);
    if (ok && data->dtype == TN_INT64) {
        for (size_t i = 0; i < result->count; i++)
            tn_tensor_ints(result)[i] = reduction == PRODUCT;
        ok = reduce_ints(data, reduction, work->batch, steps, tn_tensor_ints(result),
                         tn_tensor_ints(counts));
    } else if (ok) {
        reduce_reals(data, reduction, steps, tn_tensor_doubles(sums), tn_tensor_ints(counts));
        finish(reduction, tn_tensor_doubles(sums), tn_tensor_ints(counts), result);
    }
    tn_tensor_unref(counts);
    tn_tensor_unref(sums);
    return ok;
}

struct tn_tensor *tn_evaluate_reduce(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    enum reduction reduction;
    struct tn_axes axes;
    bool fixed;
    int64_t dims[TN_MAX_RANK], steps[TN_MAX_RANK];
    if (!data || data->count == 0 || !reduction_of(work->node, &reduction) ||
        !tn_axes_of(work->graph, work->node, &axes, &fixed, NULL) || !fixed)
        return NULL;
    int rank = reduced_shape(data, &axes, dims, steps);
    struct tn_tensor *result = tn_work_result(work, data->dtype, rank, dims);
    if (result && reduce(work, reduction, data, steps, result))
        return result;
    tn_tensor_unref(result);
    return NULL;
}

struct tn_tensor *tn_evaluate_size(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    struct tn_tensor *result = data ? tn_work_result(work, TN_INT64, 0, NULL) : NULL;
    if (result)
        tn_tensor_ints(result)[0] = (int64_t)data->count;
    return result;
}

/* [rank, how many]: the places of all numbers that are not 0, in order. */
struct tn_tensor *tn_evaluate_nonzero(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    if (!data || data->rank == 0)
        return NULL;
    int64_t dims[] = {data->rank, 0}, at[TN_MAX_RANK] = {0}, found = 0;
    for (size_t i = 0; i < data->count; i++)
        dims[1] += tn_number_at(data, i) != 0;
    struct tn_tensor *result = tn_work_result(work, TN_INT64, 2, dims);
    for (size_t i = 0; result && i < data->count; i++) {
        if (tn_number_at(data, i) != 0) {
            for (int d = 0; d < data->rank; d++)
                tn_tensor_ints(result)[d * dims[1] + found] = at[d];
            found++;
        }
        for (int d = data->rank - 1; d >= 0 && ++at[d] == data->dims[d]; d--)
            at[d] = 0;
    }
    return result;
}

/* [rows, inner] by [inner, columns]; a vector is a row in front and a column behind. Networks
 * divide weights by their spectral norm this way. */
struct tn_tensor *tn_evaluate_matmul(const struct tn_work *work)
{
    const struct tn_tensor *a = tn_work_input(work, 0), *b = tn_work_input(work, 1);
    const float *x = a ? tn_tensor_floats(a) : NULL, *y = b ? tn_tensor_floats(b) : NULL;
    int64_t dims[2];
    int rank = 0;
    if (!x || !y || a->rank < 1 || a->rank > 2 || b->rank < 1 || b->rank > 2)
        return NULL;
    int64_t inner = a->dims[a->rank - 1], rows = a->rank == 2 ? a->dims[0] : 1;
    int64_t columns = b->rank == 2 ? b->dims[1] : 1;
    size_t effort = sizeof(float);
    if (inner != b->dims[0] || !tn_mul(effort, (size_t)inner, &effort) ||
        !tn_mul(effort, (size_t)rows, &effort) || !tn_mul(effort, (size_t)columns, &effort) ||
        effort > work->budget->work)
        return NULL;
    work->budget->work -= effort;
    if (a->rank == 2)
        dims[rank++] = rows;
    if (b->rank == 2)
        dims[rank++] = columns;
    struct tn_tensor *result = tn_work_result(work, TN_FLOAT32, rank, dims);
    for (int64_t i = 0; result && i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double sum = 0;
            for (int64_t k = 0; k < inner; k++)
                sum += (double)x[i * inner + k] * (double)y[k * columns + j];
            tn_tensor_floats(result)[i * columns + j] = (float)sum;
        }
    return result;
}
