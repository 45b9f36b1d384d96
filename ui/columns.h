/* Which columns of a table find room. */
#ifndef UI_COLUMNS_H
#define UI_COLUMNS_H

#include <stdbool.h>

struct column_need {
    int width;   /* with the space before it; 0: there is no such column now */
    int rank;    /* in the order in which columns find room, from 0 */
    int spare;   /* columns that must be left beside it */
    bool always; /* whether there is room or not */
};

/* Widths [count] of the columns that find room, 0 of the others: first of those that are always
 * there, then of the others by rank, until one does not fit. Returns the room that is left,
 * negative where there is too little. */
int columns_fit(const struct column_need *needs, int count, int room, int *widths);

#endif
