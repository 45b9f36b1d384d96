#include "engine/unfold_kernels.h"

#include "engine/vector.h"

INLINE void copy_second(size_t count, const float *from, float *to)
{
    if (count >= LANES)
        for (size_t i = 0; i < count; i = next(i, LANES, count))
            store(to + i, load_each(from + 2 * i, 2));
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
