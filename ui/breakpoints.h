/* Where the greedy walks of layers are to stop. */
#ifndef UI_BREAKPOINTS_H
#define UI_BREAKPOINTS_H

#include <stdbool.h>

enum { MAX_BREAKPOINTS = 64 };

struct breakpoint {
    int layer, channels; /* whose walk; another number of channels is another walk */
    int removed;         /* the walk stops when so many are removed */
};

struct breakpoints {
    struct breakpoint at[MAX_BREAKPOINTS];
    int count;
};

bool breakpoints_has(const struct breakpoints *breakpoints, int layer, int channels, int removed);
/* Set it, or take it away. False: there are too many; nothing happened. */
bool breakpoints_flip(struct breakpoints *breakpoints, int layer, int channels, int removed);
/* The first after `removed`, or -1. */
int breakpoints_next(const struct breakpoints *breakpoints, int layer, int channels, int removed);

#endif
