#include "breakpoints.h"

static bool is_of(const struct breakpoint *it, int layer, int channels)
{
    return it->layer == layer && it->channels == channels;
}

static int find(const struct breakpoints *breakpoints, int layer, int channels, int removed)
{
    for (int i = 0; i < breakpoints->count; i++)
        if (is_of(&breakpoints->at[i], layer, channels) && breakpoints->at[i].removed == removed)
            return i;
    return -1;
}

bool breakpoints_has(const struct breakpoints *breakpoints, int layer, int channels, int removed)
{
    return find(breakpoints, layer, channels, removed) >= 0;
}

/* Those of a layer that has been cut since stop nothing any more. */
static void forget_old(struct breakpoints *breakpoints, int layer, int channels)
{
    int kept = 0;
    for (int i = 0; i < breakpoints->count; i++)
        if (breakpoints->at[i].layer != layer || breakpoints->at[i].channels == channels)
            breakpoints->at[kept++] = breakpoints->at[i];
    breakpoints->count = kept;
}

bool breakpoints_flip(struct breakpoints *breakpoints, int layer, int channels, int removed)
{
    int there = find(breakpoints, layer, channels, removed);
    if (there >= 0) {
        breakpoints->at[there] = breakpoints->at[--breakpoints->count];
        return true;
    }
    forget_old(breakpoints, layer, channels);
    if (breakpoints->count == MAX_BREAKPOINTS)
        return false;
    breakpoints->at[breakpoints->count++] = (struct breakpoint){layer, channels, removed};
    return true;
}

int breakpoints_next(const struct breakpoints *breakpoints, int layer, int channels, int removed)
{
    int next = -1;
    for (int i = 0; i < breakpoints->count; i++) {
        const struct breakpoint *it = &breakpoints->at[i];
        if (is_of(it, layer, channels) && it->removed > removed && (next < 0 || it->removed < next))
            next = it->removed;
    }
    return next;
}
