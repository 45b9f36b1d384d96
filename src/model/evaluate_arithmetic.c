/* Evaluation of arithmetic and comparisons, with broadcasting. */
#include "model/argument.h"
#include "model/element.h"
#include "model/evaluate_parts.h"

#include <math.h>
#include <string.h>

enum operation { ADD, SUB, MUL, DIV, MOD, POW, MIN, MAX, EQUAL, LESS, LESS_EQUAL, AND, OR, XOR };

/* Greater is Less with its inputs exchanged. */
static const struct named {
    const char *op_type;
    enum operation operation;
    bool exchanged, compares;
} binaries[] = {
    {"Add", ADD, false, false},    {"Sum", ADD, false, false},
    {"Sub", SUB, false, false},    {"Mul", MUL, false, false},
    {"Div", DIV, false, false},    {"Mod", MOD, false, false},
    {"Pow", POW, false, false},    {"Min", MIN, false, false},
    {"Max", MAX, false, false},    {"Equal", EQUAL, false, true},
    {"Less", LESS, false, true},   {"LessOrEqual", LESS_EQUAL, false, true},
    {"Greater", LESS, true, true}, {"GreaterOrEqual", LESS_EQUAL, true, true},
    {"And", AND, false, true},     {"Or", OR, false, true},
    {"Xor", XOR, false, true},
};

static const struct named *binary_of(const struct tn_node *node)
{
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
        if (strcmp(binaries[i].op_type, node->op_type) == 0)
            return &binaries[i];
    return NULL;
}

static int64_t power(int64_t base, int64_t exponent)
{
    uint64_t result = 1, factor = (uint64_t)base;
    for (; exponent > 0; exponent >>= 1, factor *= factor)
        if (exponent & 1)
            result *= factor;
    return (int64_t)result;
}

/* One operation on integers, wrapping around as they do in ONNX; false where there is no result. */
static bool compute_int(enum operation operation, int64_t a, int64_t b, int64_t *result)
{
    bool no_quotient = b == 0 || (a == INT64_MIN && b == -1);
    switch (operation) {
    case ADD:
        *result = (int64_t)((uint64_t)a + (uint64_t)b);
        return true;
    case SUB:
        *result = (int64_t)((uint64_t)a - (uint64_t)b);
        return true;
    case MUL:
        *result = (int64_t)((uint64_t)a * (uint64_t)b);
        return true;
    case DIV:
        *result = no_quotient ? 0 : a / b;
        return !no_quotient;
    case MOD: /* with the divisor's sign */
        *result = no_quotient ? 0 : a % b;
        if (*result != 0 && (*result < 0) != (b < 0))
            *result += b;
        return !no_quotient;
    case POW:
        *result = b < 0 ? 0 : power(a, b);
        return b >= 0;
    case MIN:
        *result = a < b ? a : b;
        return true;
    case MAX:
        *result = a > b ? a : b;
        return true;
    case EQUAL:
        *result = a == b;
        return true;
    case LESS:
        *result = a < b;
        return true;
    case LESS_EQUAL:
        *result = a <= b;
        return true;
    case AND:
        *result = a && b;
        return true;
    case OR:
        *result = a || b;
        return true;
    default:
        *result = !a != !b;
        return true;
    }
}

/* `times` of the batch's size with a number: what is true of any size from 1 on. `first`: the batch
 * stands in front. */
static bool compute_batch(enum operation operation, int64_t times, int64_t number, bool first,
                          int64_t *result)
{
    int64_t product;
    bool above = number < times; /* the batch's number is certainly the greater one */
    *result = tn_batch_number(times);
    switch (operation) {
    case ADD:
        return number == 0;
    case SUB:
        return number == 0 && first;
    case MUL:
        if (number < 1 || __builtin_mul_overflow(times, number, &product))
            return false;
        *result = tn_batch_number(product);
        return product <= TN_MOST_BATCHES;
    case DIV:
        if (!first || number < 1 || times % number != 0)
            return false;
        *result = tn_batch_number(times / number);
        return true;
    case MAX:
        return number <= times;
    case MIN:
        *result = number <= times ? number : *result;
        return number <= times || number == INT64_MAX;
    case EQUAL:
        *result = 0;
        return above;
    case LESS:
    case LESS_EQUAL:
        *result = !first;
        return above;
    default:
        return false;
    }
}

/* Two multiples of the batch's size. */
static bool compute_two_batches(enum operation operation, int64_t a, int64_t b, int64_t *result)
{
    int64_t plain;
    if (operation == MUL || (operation == DIV && a % b != 0) ||
        !compute_int(operation, a, b, &plain))
        return false;
    bool cancelled = operation == DIV || operation >= EQUAL || plain == 0;
    *result = cancelled ? plain : tn_batch_number(plain);
    return cancelled || (plain > 0 && plain <= TN_MOST_BATCHES);
}

static bool compute_batches(enum operation operation, int64_t a, int64_t b, int64_t *result)
{
    int64_t times_a, times_b;
    bool first = tn_is_batch_number(a, &times_a), second = tn_is_batch_number(b, &times_b);
    if (first && second)
        return compute_two_batches(operation, times_a, times_b, result);
    if (first || second)
        return compute_batch(operation, first ? times_a : times_b, first ? b : a, first, result);
    return compute_int(operation, a, b, result);
}

static double compute_real(enum operation operation, double a, double b)
{
    switch (operation) {
    case ADD:
        return a + b;
    case SUB:
        return a - b;
    case MUL:
        return a * b;
    case DIV:
        return a / b;
    case MOD:
        return fmod(a, b);
    case POW:
        return pow(a, b);
    case MIN:
        return isnan(a) || a < b ? a : b;
    case MAX:
        return isnan(a) || a > b ? a : b;
    case EQUAL:
        return a == b;
    case LESS:
        return a < b;
    case LESS_EQUAL:
        return a <= b;
    case AND:
        return a != 0 && b != 0;
    case OR:
        return a != 0 || b != 0;
    default:
        return (a != 0) != (b != 0);
    }
}

/* Element i of the result, of any type. Sums, products and quotients of floats come out the same by
 * way of doubles. */
static bool compute(const struct tn_work *work, const struct named *how, const struct tn_tensor *a,
                    int64_t in_a, const struct tn_tensor *b, int64_t in_b, struct tn_tensor *result,
                    size_t i)
{
    if (a->dtype == TN_INT64 && b->dtype == TN_INT64) {
        int64_t x = tn_tensor_ints(a)[in_a], y = tn_tensor_ints(b)[in_b], *to;
        to = &tn_tensor_ints(result)[i];
        return work->batch ? compute_batches(how->operation, x, y, to)
                           : compute_int(how->operation, x, y, to);
    }
    double number =
        compute_real(how->operation, tn_number_at(a, (size_t)in_a), tn_number_at(b, (size_t)in_b));
    if (result->dtype == TN_INT64 && !(fabs(number) < 0x1p62))
        return false;
    if (result->dtype == TN_INT64)
        tn_tensor_ints(result)[i] = (int64_t)number;
    else if (result->dtype == TN_FLOAT32)
        tn_tensor_floats(result)[i] = (float)number;
    else
        tn_tensor_doubles(result)[i] = number;
    return true;
}

static struct tn_tensor *two_inputs(const struct tn_work *work, const struct named *how,
                                    struct tn_tensor *a, struct tn_tensor *b)
{
    struct tn_tensor *pair[] = {how->exchanged ? b : a, how->exchanged ? a : b};
    struct tn_walk walk;
    bool mixed = how->operation == POW || a->dtype == b->dtype;
    bool remainder =
        how->operation == MOD && a->dtype != TN_INT64 && tn_node_int(work->node, "fmod", 0) == 0;
    if (!mixed || remainder || !tn_walk_begin(&walk, 2, pair))
        return NULL;
    struct tn_tensor *result =
        tn_work_result(work, how->compares ? TN_INT64 : a->dtype, walk.rank, walk.dims);
    int type = tn_evaluated_type(work->graph, work->node);
    bool ok = result != NULL;
    for (size_t i = 0; ok && i < result->count; i++) {
        ok = compute(work, how, pair[0], walk.place[0], pair[1], walk.place[1], result, i);
        if (ok && result->dtype == TN_INT64 && type != 0 && !work->batch)
            tn_tensor_ints(result)[i] = tn_element_wrap(type, tn_tensor_ints(result)[i]);
        tn_walk_next(&walk);
    }
    if (ok)
        return result;
    tn_tensor_unref(result);
    return NULL;
}

struct tn_tensor *tn_evaluate_binary(const struct tn_work *work)
{
    const struct named *how = binary_of(work->node);
    struct tn_tensor *result = how ? tn_tensor_ref(tn_work_input(work, 0)) : NULL;
    for (int i = 1; result && i < work->node->input_count; i++) {
        struct tn_tensor *next = tn_work_input(work, i);
        struct tn_tensor *longer = next ? two_inputs(work, how, result, next) : NULL;
        tn_tensor_unref(result);
        result = longer;
    }
    return result;
}

/* What an operator makes of one number; integers know only some of them. */
static bool compute_unary(const char *op_type, bool whole, double x, double *result)
{
    static const char *const names[] = {"Neg",   "Abs",  "Not", "Floor", "Ceil",
                                        "Round", "Sqrt", "Exp", "Log",   "Reciprocal"};
    const double results[] = {-x,           fabs(x), x == 0, floor(x), ceil(x),
                              nearbyint(x), sqrt(x), exp(x), log(x),   1 / x};
    enum { OF_INTEGERS = 3 };
    int count = whole ? OF_INTEGERS : (int)(sizeof names / sizeof *names);
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], op_type) == 0) {
            *result = results[i];
            return true;
        }
    return false;
}

struct tn_tensor *tn_evaluate_unary(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    struct tn_tensor *result =
        data ? tn_work_result(work, data->dtype, data->rank, data->dims) : NULL;
    for (size_t i = 0; result && i < result->count; i++) {
        double number = tn_number_at(data, i), made = 0;
        bool whole = data->dtype == TN_INT64;
        if (!compute_unary(work->node->op_type, whole, number, &made) ||
            (whole && !(fabs(number) < 0x1p53))) {
            tn_tensor_unref(result);
            return NULL;
        }
        if (whole)
            tn_tensor_ints(result)[i] = (int64_t)made;
        else if (data->dtype == TN_FLOAT32)
            tn_tensor_floats(result)[i] = (float)made;
        else
            tn_tensor_doubles(result)[i] = made;
    }
    return result;
}

struct tn_tensor *tn_evaluate_where(const struct tn_work *work)
{
    struct tn_tensor *inputs[3];
    struct tn_walk walk;
    for (int i = 0; i < 3; i++) {
        inputs[i] = tn_work_input(work, i);
        if (!inputs[i])
            return NULL;
    }
    if (inputs[0]->dtype != TN_INT64 || inputs[1]->dtype != inputs[2]->dtype ||
        !tn_walk_begin(&walk, 3, inputs))
        return NULL;
    struct tn_tensor *result = tn_work_result(work, inputs[1]->dtype, walk.rank, walk.dims);
    size_t size = tn_dtype_size(inputs[1]->dtype);
    for (size_t i = 0; result && i < result->count; i++) {
        int which = tn_tensor_ints(inputs[0])[walk.place[0]] ? 1 : 2;
        memcpy((char *)result->data + i * size,
               (const char *)inputs[which]->data + (size_t)walk.place[which] * size, size);
        tn_walk_next(&walk);
    }
    return result;
}

/* One number in the type asked for; false for what is beyond integers, which the runtime may settle
 * as it likes. */
static bool cast_number(const struct tn_work *work, int64_t to, const struct tn_tensor *data,
                        size_t i, struct tn_tensor *result)
{
    bool integer = data->dtype == TN_INT64;
    double number = tn_number_at(data, i);
    if (integer && work->batch && tn_is_batch_number(tn_tensor_ints(data)[i], NULL)) {
        if (to != TN_ELEMENT_INT64 && to != TN_ELEMENT_INT32)
            return false;
        tn_tensor_ints(result)[i] = tn_tensor_ints(data)[i];
        return true;
    }
    if (result->dtype == TN_FLOAT32)
        tn_tensor_floats(result)[i] = (float)number;
    else if (result->dtype == TN_DOUBLE)
        tn_tensor_doubles(result)[i] = number;
    else {
        if (!integer && !(fabs(number) < 0x1p62))
            return false;
        int64_t whole = integer ? tn_tensor_ints(data)[i] : (int64_t)number;
        if (to == TN_ELEMENT_BOOL)
            whole = number != 0;
        tn_tensor_ints(result)[i] = tn_element_wrap((int)to, whole);
    }
    return true;
}

struct tn_tensor *tn_evaluate_cast(const struct tn_work *work)
{
    const struct tn_tensor *data = tn_work_input(work, 0);
    int64_t to = tn_node_int(work->node, "to", 0);
    enum tn_dtype dtype;
    if (!data || !tn_element_dtype(to, &dtype))
        return NULL;
    struct tn_tensor *result = tn_work_result(work, dtype, data->rank, data->dims);
    for (size_t i = 0; result && i < result->count; i++)
        if (!cast_number(work, to, data, i, result)) {
            tn_tensor_unref(result);
            return NULL;
        }
    return result;
}
