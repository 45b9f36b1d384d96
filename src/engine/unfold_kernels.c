#include "engine/unfold_kernels.h"

#include "engine/vector.h"

/* Every second of the 2 * LANES - 1 numbers in a and b, whose ends overlap by one: nothing behind
 * the last that is wanted is read. */
#if TN_LANES == 16
#define EVERY_SECOND(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31)
#elif TN_LANES == 8
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 9, 11, 13, 15)
#else
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 2, 5, 7)
#endif

INLINE void copy_second(size_t count, const float *from, float *to)
{
    if (count >= LANES)
        for (size_t i = 0; i < count; i = next(i, LANES, count))
            store(to + i, EVERY_SECOND(load(from + 2 * i), load(from + 2 * i + LANES - 1)));
    else
        for (size_t i = 0; i < count; i++)
            to[i] = from[2 * i];
}

INLINE void clear(size_t count, float *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = 0;
}

/* A whole tile, the usual piece, takes no branch. */
INLINE void copy_piece(size_t length, const float *from, float *to)
{
    if (length == 3 * LANES) {
        store(to, load(from));
        store(to + LANES, load(from + LANES));
        store(to + 2 * LANES, load(from + 2 * LANES));
    } else {
        copy_row(length, from, to);
    }
}

static void pack(size_t count, const struct tn_unfold_piece *pieces, size_t step,
                 const float *plane, size_t depth, size_t k, float *packed)
{
    for (const struct tn_unfold_piece *p = pieces; p < pieces + count; p++) {
        const float *from = plane + p->from;
        float *to = packed + p->tile * depth + p->wide * k + p->column;
        if (p->before)
            clear(p->before, to);
        to += p->before;
        if (step == 1)
            copy_piece(p->length, from, to);
        else if (step == 2)
            copy_second(p->length, from, to);
        else
            for (size_t i = 0; i < p->length; i++)
                to[i] = from[i * step];
        if (p->after)
            clear(p->after, to + p->length);
    }
}

#define SYMBOL_(name) tn_unfold_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct tn_unfold_kernels SYMBOL(TN_KERNELS_NAME);
const struct tn_unfold_kernels SYMBOL(TN_KERNELS_NAME) = {pack};
