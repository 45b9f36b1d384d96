/* One piece of memory for numbers that are not all alive at the same time. */
#ifndef TN_ENGINE_ARENA_H
#define TN_ENGINE_ARENA_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Times from which on and up to which the numbers must stay, both included. What is made twice has
 * two such stretches; the second is empty (last < first) otherwise. */
struct tn_life {
    size_t size; /* floats an image; 0: nothing is needed */
    int first[2], last[2];
    size_t at; /* where they were put: floats an image, a multiple of a cache line's */
};

/* Put all lives so that none that are alive at one time overlap; *size becomes the end of the last
 * one. */
bool tn_arena_place(struct tn_life *lives, int count, size_t *size, struct tn_error *error);

#endif
