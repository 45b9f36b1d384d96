/* The table of the view Compare: which columns find room, and what they say of a network. */
#ifndef UI_COMPARE_TABLE_H
#define UI_COMPARE_TABLE_H

#include "comparison.h"
#include "surface.h"

enum { COMPARE_COLUMNS = 11 };

struct compare_table {
    int model;                   /* columns of the names */
    int widths[COMPARE_COLUMNS]; /* 0: no room for it */
};

/* For `room` columns; the one that goes by `order` is there in any case. */
struct compare_table compare_table_for(const struct comparison *comparison, int room, int order);

/* Into the first row of a pane. */
void compare_table_titles(struct pane line, const struct glyphs *glyphs,
                          const struct compare_table *table, int order);
/* `now`: the session stands at this network. */
void compare_table_row(struct pane line, const struct glyphs *glyphs,
                       const struct compare_table *table, const struct comparison *comparison,
                       int row, bool now);

#endif
