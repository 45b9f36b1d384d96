/* The table of the view Time: which columns find room, and what they say of a layer. */
#ifndef UI_TIME_TABLE_H
#define UI_TIME_TABLE_H

#include "session/snapshot.h"
#include "surface.h"
#include <stdbool.h>

/* What the rows are sorted by. */
enum time_order { TIME_IN_NETWORK, TIME_BY_FORWARD, TIME_BY_BACKWARD, TIME_ORDERS };

enum { TIME_COLUMNS = 10 };

struct time_table {
    const struct tn_snapshot_times *times;
    int name;                 /* columns of the names */
    int widths[TIME_COLUMNS]; /* 0: no room for it */
    int decimals;             /* of milliseconds */
};

/* Was the way back measured too? */
bool time_has_backward(const struct tn_snapshot_times *times);

struct time_table time_table_for(const struct tn_snapshot_times *times, int room);
void time_table_titles(struct pane line, const struct glyphs *glyphs,
                       const struct time_table *table, enum time_order order);
/* `layer` NULL: what is no layer, of which only times are known. */
void time_table_layer(struct pane line, const struct glyphs *glyphs, const struct time_table *table,
                      const struct tn_snapshot_time *layer);

#endif
