/* The list that `Q` opens: what runs and how far it is, what waits, and what rests in the
 * background; to take a command out. */
#ifndef UI_QUEUE_H
#define UI_QUEUE_H

#include "state.h"

/* Open it; says so where nothing runs and nothing waits. */
void queue_open(struct screen *screen);

#endif
