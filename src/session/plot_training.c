/* Figures of training: accuracy and loss after each epoch. */
#include "session/plot.h"
#include <math.h>

enum { LOOK_TEST = 0, LOOK_TRAINING = 1, EARLIER = 5, MARKED = 40 };

/* The last run that finished an epoch, or -1. */
static int last_run(const struct tn_snapshot *snapshot)
{
    int last = snapshot->series_count - 1;
    while (last >= 0 && snapshot->series[last].count == 0)
        last--;
    return last;
}

static void add(struct tn_figure_panel *panel, const char *name, int look, const double *y,
                int count, bool background)
{
    *tn_figure_series(panel) = (struct tn_figure_series){.name = name,
                                                         .look = {look, false},
                                                         .line = true,
                                                         .marks = !background && count <= MARKED,
                                                         .background = background,
                                                         .count = count,
                                                         .first_x = 1,
                                                         .step_x = 1,
                                                         .y = y};
}

static const double *accuracy_of(const struct tn_snapshot_series *series)
{
    return series->test_top1;
}

static const double *loss_of(const struct tn_snapshot_series *series)
{
    return series->loss;
}

/* The panel, with the runs before the last one; NULL: nothing was trained. */
static struct tn_figure_panel *begin(struct tn_figure *figure, const struct tn_snapshot *snapshot,
                                     const double *(*values)(const struct tn_snapshot_series *))
{
    int last = last_run(snapshot);
    if (last < 0)
        return NULL;
    struct tn_figure_panel *panel = tn_figure_panel(figure);
    panel->x.label = "epoch";
    panel->x.whole = true;
    const char *name = "earlier runs";
    for (int i = last > EARLIER ? last - EARLIER : 0; i < last; i++) {
        const struct tn_snapshot_series *series = &snapshot->series[i];
        if (series->count < 2)
            continue; /* one point is no line */
        add(panel, name, 0, values(series), series->count, true);
        name = NULL;
    }
    return panel;
}

bool tn_plot_accuracy(struct tn_figure *figure, const struct tn_snapshot *snapshot)
{
    struct tn_figure_panel *panel = begin(figure, snapshot, accuracy_of);
    if (!panel)
        return false;
    const struct tn_snapshot_series *now = &snapshot->series[last_run(snapshot)];
    add(panel, "training images", LOOK_TRAINING, now->train_top1, now->count, false);
    add(panel, "test images", LOOK_TEST, now->test_top1, now->count, false);
    panel->y.label = "top-1 (%)";
    panel->y.percent = true;
    return true;
}

bool tn_plot_loss(struct tn_figure *figure, const struct tn_snapshot *snapshot)
{
    struct tn_figure_panel *panel = begin(figure, snapshot, loss_of);
    if (!panel)
        return false;
    const struct tn_snapshot_series *now = &snapshot->series[last_run(snapshot)];
    add(panel, "training images", LOOK_TRAINING, now->loss, now->count, false);
    panel->y.label = "loss";
    return true;
}
