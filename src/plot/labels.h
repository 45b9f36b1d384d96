/* Texts beside points, put where they hide nothing. */
#ifndef TN_PLOT_LABELS_H
#define TN_PLOT_LABELS_H

#include "plot/layout.h"

void tn_labels_draw(const struct tn_canvas *canvas, const struct tn_figure_panel *panel,
                    const struct tn_layout_panel *layout);

#endif
