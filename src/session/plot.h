/* Figures of a session, for the command plot: each fills panels from a snapshot. Its texts and
 * arrays may be the snapshot's, which must stay until the figure is written. */
#ifndef TN_SESSION_PLOT_H
#define TN_SESSION_PLOT_H

#include "plot/figure.h"
#include "session/compare.h"
#include "session/snapshot.h"

/* Of a layer that is ranked; fails where it lacks what the figure shows, and says what to do. */
bool tn_plot_filters(struct tn_figure *figure, const struct tn_snapshot_layer *layer,
                     struct tn_error *error);
bool tn_plot_steps(struct tn_figure *figure, const struct tn_snapshot_layer *layer,
                   struct tn_error *error);

/* A panel with the layer's errors by its own method, without and with least squares. */
bool tn_plot_errors(struct tn_figure *figure, const struct tn_snapshot_layer *layer,
                    struct tn_error *error);
/* The same by all methods that were asked for before: errors after least squares, or plain. */
bool tn_plot_methods(struct tn_figure *figure, const struct tn_snapshot_layer *layer, bool plain,
                     struct tn_error *error);
/* A panel with the accuracy after each epoch of the last training and of those before it; and one
 * with the loss. False without an error where nothing was trained yet. */
bool tn_plot_accuracy(struct tn_figure *figure, const struct tn_snapshot *snapshot);
bool tn_plot_loss(struct tn_figure *figure, const struct tn_snapshot *snapshot);

/* Every layer: what is kept, its part of the FLOPs, its error. */
bool tn_plot_ratios(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                    struct tn_error *error);
bool tn_plot_compare(struct tn_figure *figure, int count, const struct tn_compared *rows,
                     struct tn_error *error);
bool tn_plot_time(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                  struct tn_error *error);

/* Lies so much of the lines near the bottom that the axis should be logarithmic? */
bool tn_plot_crowded(const struct tn_figure_panel *panel);

#endif
