#include "training.h"
#include "chart.h"
#include "format.h"
#include "pieces.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EARLIER = 5 /* runs that are drawn behind the last */ };

const struct tn_snapshot_series *training_last(const struct tn_snapshot *snapshot)
{
    return snapshot->series_count > 0 ? &snapshot->series[snapshot->series_count - 1] : NULL;
}

static int first_shown(const struct tn_snapshot *snapshot)
{
    int last = snapshot->series_count - 1;
    return last > EARLIER ? last - EARLIER : 0;
}

static void add(struct chart *chart, const char *name, enum style style, const double *y, int count)
{
    if (chart->series_count == CHART_MAX_SERIES)
        return;
    chart->series[chart->series_count++] = (struct chart_series){
        .name = name, .style = style, .count = count, .y = y, .first_x = 1, .step_x = 1};
}

/* Of each run one column. */
static const double *column_of(const struct tn_snapshot_series *series, bool accuracy)
{
    return accuracy ? series->test_top1 : series->loss;
}

/* Earlier runs dim, with one name for all, the last one over them. */
static struct chart chart_of(const struct tn_snapshot *snapshot, bool accuracy, int epoch,
                             struct chart_part part)
{
    const struct tn_snapshot_series *now = training_last(snapshot);
    struct chart chart = {.x_label = "epoch",
                          .y_label = accuracy ? "top-1" : "loss",
                          .percent = accuracy,
                          .has_cursor = now->count > 1,
                          .cursor_x = epoch,
                          .x_from = part.from,
                          .x_to = part.to,
                          .only = part.to > part.from};
    int first = first_shown(snapshot);
    for (const struct tn_snapshot_series *run = &snapshot->series[first]; run < now; run++)
        add(&chart, run + 1 == now ? "earlier" : NULL, STYLE_DIM, column_of(run, accuracy),
            run->count);
    add(&chart, "training", STYLE_SERIES2, accuracy ? now->train_top1 : now->loss, now->count);
    if (accuracy)
        add(&chart, "test", STYLE_SERIES1, now->test_top1, now->count);
    return chart;
}

/* What earlier runs had reached after as many epochs, the last of them first. Returns the column
 * after them. */
static int draw_earlier(const struct tn_snapshot *snapshot, struct pane pane, int column, int epoch)
{
    char text[FORMAT];
    int first = first_shown(snapshot);
    const char *before = "  earlier ";
    for (int i = snapshot->series_count - 2; i >= first; i--) {
        if (snapshot->series[i].count < epoch)
            continue;
        snprintf(text, sizeof text, "%.2f%%", 100 * snapshot->series[i].test_top1[epoch - 1]);
        if (column + text_width(before) + text_width(text) > pane.columns)
            return column;
        column = pane_print(pane, 1, column, STYLE_DIM, "%s%s", before, text);
        before = " ";
    }
    return column;
}

/* The less is said of an epoch, the less room there is. */
static void draw_numbers(const struct tn_snapshot *snapshot, struct pane pane, int epoch)
{
    enum { TRAINING = 17, RATE = 14 };
    const struct tn_snapshot_series *now = training_last(snapshot);
    int e = epoch - 1;
    char rate[FORMAT];
    int column = pane_print(pane, 1, 0, STYLE_NORMAL, "epoch %d  loss %.4f  test %.2f%%", epoch,
                            now->loss[e], now->test_top1[e] * 100);
    if (column + TRAINING <= pane.columns)
        column = pane_print(pane, 1, column, STYLE_NORMAL, "  training %.2f%%",
                            now->train_top1[e] * 100);
    column = draw_earlier(snapshot, pane, column, epoch);
    if (column + RATE <= pane.columns)
        pane_print(pane, 1, column, STYLE_NORMAL, "  %s img/s",
                   format_count(rate, now->images_per_second[e]));
}

struct chart_axis training_draw(const struct screen *screen, struct pane pane, int epoch,
                                struct chart_part part)
{
    static const struct chart_axis none = {0};
    const struct tn_snapshot *snapshot = screen->snapshot;
    const struct tn_snapshot_series *now = training_last(snapshot);
    if (now == NULL) {
        pane_wrap(pane, 0, STYLE_BOLD, "No fine-tuning yet.");
        piece_wrap(pane_part(pane, 2, 0, pane.rows, pane.columns), 0, STYLE_NORMAL,
                   "Press `finetune`: loss and accuracy appear here after every epoch.");
        return none;
    }
    pane_cut(pane, 0, 0, pane.columns, STYLE_BOLD, now->label, screen->glyphs);
    if (now->count == 0) {
        pane_text(pane, 2, 0, STYLE_NORMAL, "The first epoch is running.");
        return none;
    }
    draw_numbers(snapshot, pane, epoch < 1 ? 1 : epoch > now->count ? now->count : epoch);
    int height = (pane.rows - 2) / 2;
    struct chart accuracy = chart_of(snapshot, true, epoch, part);
    struct chart loss = chart_of(snapshot, false, epoch, part);
    struct chart_axis axis =
        chart_draw(pane_part(pane, 2, 0, height, pane.columns), screen->glyphs, &accuracy);
    chart_draw(pane_part(pane, 2 + height, 0, pane.rows, pane.columns), screen->glyphs, &loss);
    axis.pane.rows = axis.pane.rows > 0 ? pane.rows - 3 : 0; /* a column is an epoch in both */
    return axis;
}
