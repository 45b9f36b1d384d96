/* The table of the view Ratios: a slider and numbers for each layer, as many as there is room for.
 */
#ifndef UI_RATIOS_TABLE_H
#define UI_RATIOS_TABLE_H

#include "ratios_figures.h"
#include "surface.h"

/* What the rows are sorted by. */
enum ratios_order { RATIOS_IN_NETWORK, RATIOS_BY_FLOPS, RATIOS_BY_ERROR, RATIOS_ORDERS };

enum { RATIOS_COLUMNS = 13 };

struct ratios_table {
    const struct ratios *set, *proposed; /* proposed NULL: there is no proposal */
    int name;                            /* columns of the names */
    int slider;                          /* of the sliders, */
    int slider_at;                       /* from here on */
    int widths[RATIOS_COLUMNS];          /* 0: no room for it */
};

struct ratios_table ratios_table_for(const struct screen *screen, const struct ratios *set,
                                     const struct ratios *proposed, int room);
void ratios_table_titles(const struct screen *screen, struct pane line,
                         const struct ratios_table *table, enum ratios_order order);
/* A layer that leads a group, or LAYER_ALL: the sums. */
void ratios_table_layer(const struct screen *screen, struct pane line,
                        const struct ratios_table *table, int layer);
/* The layers that cannot be pruned, together; nothing where there are none. */
void ratios_table_rest(const struct screen *screen, struct pane line,
                       const struct ratios_table *table);
/* The filters of a layer that are kept where the slider ends in this column of the table; 0: that
 * is not on the slider. */
int ratios_table_kept_at(const struct ratios_table *table, int filters, int column);

#endif
