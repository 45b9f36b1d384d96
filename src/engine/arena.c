#include "engine/arena.h"

#include "core/memory.h"

#include <stdlib.h>

enum { ALIGNED = TN_ALIGNMENT / sizeof(float) };

static bool meet(const struct tn_life *a, const struct tn_life *b)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (a->first[i] <= b->last[j] && b->first[j] <= a->last[i] &&
                a->first[i] <= a->last[i] && b->first[j] <= b->last[j])
                return true;
    return false;
}

/* The greatest first: what is small finds room between them. Then in order, so that the result is
 * always the same. */
static int by_size(const void *a, const void *b)
{
    const struct tn_life *x = *(struct tn_life *const *)a, *y = *(struct tn_life *const *)b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return (x > y) - (x < y);
}

/* With a line between them: sizes are often powers of two, and what is read and written together
 * must not lie so far apart that it falls into the same few sets of the caches. */
static size_t end_of(const struct tn_life *life)
{
    return life->at + (life->size + ALIGNED - 1) / ALIGNED * ALIGNED + ALIGNED;
}

/* Into the first gap that is wide enough; `placed` is in the order of `at`. */
static void place(struct tn_life *life, struct tn_life **placed, int count)
{
    life->at = 0;
    for (int i = 0; i < count; i++) {
        if (end_of(placed[i]) <= life->at || !meet(life, placed[i]))
            continue;
        if (placed[i]->at >= end_of(life))
            break;
        life->at = end_of(placed[i]);
    }
    int at = count;
    for (; at > 0 && placed[at - 1]->at > life->at; at--)
        placed[at] = placed[at - 1];
    placed[at] = life;
}

bool tn_arena_place(struct tn_life *lives, int count, size_t *size, struct tn_error *error)
{
    struct tn_life **order = tn_alloc((size_t)count, sizeof *order),
                   **placed = tn_alloc((size_t)count, sizeof *placed);
    int used = 0;
    *size = 0;
    for (int i = 0; order && i < count; i++)
        if (lives[i].size > 0)
            order[used++] = &lives[i];
    if (order && placed) {
        qsort(order, (size_t)used, sizeof(*order), by_size);
        for (int i = 0; i < used; i++) {
            place(order[i], placed, i);
            *size = end_of(order[i]) > *size ? end_of(order[i]) : *size;
        }
    } else {
        tn_fail_memory(error, "a network's plan", 2 * (size_t)count * sizeof *order);
    }
    bool fine = order && placed;
    tn_free(order);
    tn_free(placed);
    return fine;
}
