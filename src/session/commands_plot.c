/* The command that draws: the views as figures for a paper. */
#include <config.h>

#include "core/memory.h"
#include "plot/write.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/plot.h"
#include "session/results.h"
#include "session/selection.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is asked for, and what it is drawn from. */
struct order {
    struct tn_session *session;
    const struct tn_command_line *line;
    const char *view;
    int group; /* -1: no layer */
    struct tn_snapshot *snapshot;
    struct tn_comparison comparison;
    int row_count;
    struct tn_compared *rows;
};

static bool says(const struct order *order, const char *key, const char *value)
{
    const char *given = tn_line_option(order->line, key);
    return given && strcmp(given, value) == 0;
}

static bool shows(const struct order *order, const char *view)
{
    return strcmp(order->view, view) == 0;
}

/* The first that can be pruned; -1: none can. */
static int first_prunable(const struct tn_state *state)
{
    for (int g = 0; g < state->model->groups.count; g++)
        if (state->model->groups.group[g].prunable)
            return g;
    return -1;
}

/* A training's curves need no layer. */
static bool find_layer(struct order *order, struct tn_error *error)
{
    const struct tn_state *state = order->session->state;
    const char *name = tn_line_option(order->line, "layer");
    bool of_layer = shows(order, "filters") || shows(order, "steps") ||
                    (shows(order, "curves") && !says(order, "what", "training"));
    order->group = -1;
    if (name && !of_layer)
        return tn_fail(error, TN_ERROR_USE, "layer= goes with filters, steps and curves of errors");
    if (name)
        return tn_select_one(state, name, &order->group, error);
    if (of_layer)
        order->group = first_prunable(state);
    return !of_layer || order->group >= 0 ||
           tn_fail(error, TN_ERROR_USE, "no layer of this network can be pruned");
}

/* The paths of all methods that what is sampled suffices for. */
static bool rank_all(const struct order *order, const struct tn_progress *progress,
                     struct tn_error *error)
{
    const struct tn_state *state = order->session->state;
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        struct tn_error why;
        tn_error_clear(&why);
        if (!tn_state_can_rank(state, order->group, method))
            continue;
        /* This layer may have nothing for it, as for bn-scale without a BatchNorm. */
        if (!tn_state_path_by(state, order->group, method, progress, &why) &&
            why.kind != TN_ERROR_USE)
            return tn_error_pass(&why, error);
    }
    return true;
}

static bool need_comparison(struct order *order, struct tn_error *error)
{
    int64_t batch = 32; /* no times are shown */
    return tn_comparison_start(&order->comparison, order->session, (int)batch, error) &&
           tn_compared_all(&order->comparison, &order->row_count, &order->rows, error);
}

static bool prepare(struct order *order, const struct tn_progress *progress, struct tn_error *error)
{
    if (!tn_session_need_model(order->session, error) || !find_layer(order, error))
        return false;
    if (order->group >= 0 && says(order, "methods", "all") && !rank_all(order, progress, error))
        return false;
    if (shows(order, "compare") && !need_comparison(order, error))
        return false;
    order->snapshot = tn_snapshot_new(order->session, NULL, error);
    return order->snapshot != NULL;
}

static const struct tn_snapshot_layer *layer_of(const struct order *order)
{
    if (order->group < 0)
        return NULL;
    const char *name = order->session->state->model->groups.group[order->group].name;
    for (int l = 0; l < order->snapshot->layer_count; l++)
        if (strcmp(order->snapshot->layers[l].name, name) == 0)
            return &order->snapshot->layers[l];
    return NULL;
}

static bool draw_errors(const struct order *order, struct tn_figure *figure,
                        const struct tn_snapshot_layer *layer, struct tn_error *error)
{
    return says(order, "methods", "all")
               ? tn_plot_methods(figure, layer, says(order, "error", "plain"), error)
               : tn_plot_errors(figure, layer, error);
}

/* What there is of a layer's errors and of training, or what was asked for. */
static bool draw_curves(const struct order *order, struct tn_figure *figure,
                        const struct tn_snapshot_layer *layer, struct tn_error *error)
{
    const struct tn_snapshot *snapshot = order->snapshot;
    figure->title = snapshot->model_name;
    if (says(order, "what", "error"))
        return draw_errors(order, figure, layer, error);
    if (says(order, "what", "training"))
        return (tn_plot_accuracy(figure, snapshot) && tn_plot_loss(figure, snapshot)) ||
               tn_fail(error, TN_ERROR_USE, "nothing was trained yet: finetune first");
    bool errors = layer && layer->samples > 0;
    if (errors && !draw_errors(order, figure, layer, error))
        return false;
    if (tn_plot_accuracy(figure, snapshot) && !errors)
        tn_plot_loss(figure, snapshot);
    return figure->panel_count > 0 || (layer && draw_errors(order, figure, layer, error));
}

static bool draw_view(const struct order *order, struct tn_figure *figure, struct tn_error *error)
{
    const struct tn_snapshot_layer *layer = layer_of(order);
    if (order->group >= 0 && !layer)
        return tn_fail(error, TN_ERROR_INPUT, "the layer's group is named like no layer");
    if (shows(order, "filters"))
        return tn_plot_filters(figure, layer, error);
    if (shows(order, "steps"))
        return tn_plot_steps(figure, layer, error);
    if (shows(order, "curves"))
        return draw_curves(order, figure, layer, error);
    if (shows(order, "ratios"))
        return tn_plot_ratios(figure, order->snapshot, error);
    if (shows(order, "compare"))
        return tn_plot_compare(figure, order->row_count, order->rows, error);
    return tn_plot_time(figure, order->snapshot, error);
}

/* As high as its rows need where the height is not given. */
static double usual_height(const struct order *order)
{
    const double row = 4.2, around = 30, least = 45, most = 290;
    bool rows = shows(order, "ratios") || shows(order, "time");
    return rows ? fmin(most, fmax(least, around + row * order->snapshot->layer_count)) : 90;
}

enum { PIXELS_MOST = 100000000 };

static bool read_size(const struct order *order, struct tn_figure *figure, double *dpi,
                      struct tn_error *error)
{
    double width = 0, height = usual_height(order);
    int columns, rows;
    if (!tn_line_real(order->line, "width", 30, 1000, &width, error) ||
        !tn_line_real(order->line, "height", 25, 1000, &height, error) ||
        !tn_line_real(order->line, "dpi", 30, 1200, dpi, error))
        return false;
    tn_figure_start(figure, width, height);
    tn_figure_pixels(figure, *dpi, &columns, &rows);
    return (double)columns * rows <= PIXELS_MOST ||
           tn_fail(error, TN_ERROR_USE, "%d x %d pixels are too many: expected at most %d million",
                   columns, rows, PIXELS_MOST / 1000000);
}

/* Local time with its zone, as ISO 8601 has it: "2026-11-24T13:05:12+01:00". */
static void write_time(char *text, size_t size)
{
    time_t now = time(NULL);
    struct tm local;
    char zone[8] = "";
    *text = '\0';
    if (!localtime_r(&now, &local) || strftime(zone, sizeof zone, "%z", &local) != 5)
        return;
    size_t used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &local);
    snprintf(text + used, size - used, "%.3s:%.2s", zone, zone + 3);
}

static bool write_figure(const struct order *order, const struct tn_figure *figure,
                         enum tn_plot_format format, double dpi, struct tn_error *error)
{
    const struct tn_session *session = order->session;
    char created[48];
    write_time(created, sizeof created);
    char *source =
        tn_sprintf("%s, session %s", order->snapshot->model_name, order->snapshot->session_name);
    char *comment = tn_sprintf("%s (entry %lld)", order->line->text,
                               session->running ? (long long)session->running->id : 0LL);
    struct tn_provenance provenance = {PACKAGE_STRING, figure->title ? figure->title : order->view,
                                       source, comment, created};
    bool fine = source && comment ? tn_figure_write(figure, tn_line_word(order->line, 1), format,
                                                    dpi, &provenance, error)
                                  : tn_fail_memory(error, "a figure", 1);
    tn_free(source);
    tn_free(comment);
    return fine;
}

static void put_result(const struct order *order, const struct tn_figure *figure,
                       enum tn_plot_format format, double dpi, json_t *result)
{
    const struct tn_snapshot_layer *layer = layer_of(order);
    int columns, rows;
    tn_put_text(result, "view", order->view);
    tn_put_text(result, "file", tn_line_word(order->line, 1));
    tn_put_text(result, "format", tn_plot_format_name(format));
    tn_put_number(result, "width", figure->width);
    tn_put_number(result, "height", figure->height);
    if (format == TN_PLOT_PNG) {
        tn_figure_pixels(figure, dpi, &columns, &rows);
        tn_put_integer(result, "columns", columns);
        tn_put_integer(result, "rows", rows);
    }
    if (layer)
        tn_put_text(result, "layer", layer->name);
    if (layer)
        tn_put_text(result, "method", layer->method);
}

static bool draw(const struct order *order, json_t *result, struct tn_error *error)
{
    struct tn_figure figure;
    enum tn_plot_format format;
    double dpi = 0;
    if (!tn_plot_format_of(tn_line_word(order->line, 1), &format, error) ||
        !read_size(order, &figure, &dpi, error))
        return false;
    bool fine = draw_view(order, &figure, error);
    const char *title = tn_line_option(order->line, "title");
    if (title)
        figure.title = strcmp(title, "none") == 0 ? NULL : title;
    fine = fine && write_figure(order, &figure, format, dpi, error);
    if (fine)
        put_result(order, &figure, format, dpi, result);
    tn_figure_free(&figure);
    return fine;
}

static bool run_plot(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct order order = {.session = session, .line = line, .view = tn_line_word(line, 0)};
    bool fine = prepare(&order, progress, error) && draw(&order, result, error);
    tn_snapshot_unref(order.snapshot);
    tn_free(order.rows);
    tn_comparison_end(&order.comparison);
    return fine;
}

const struct tn_command tn_commands_plot[] = {
    {"plot",
     "draw a view as a picture: PNG, PDF or SVG, by the file's name",
     "filters: how important each filter of a layer is, and which stay. steps: the errors against "
     "the filters removed, and where the walk stands. curves: the errors against the filters kept, "
     "and accuracy over training where there was some. ratios: what is kept of every layer, its "
     "part of the FLOPs, its error. compare: top-1 against FLOPs of the networks of the journal, "
     "with 95 % intervals. time: where the time of a batch goes. Without layer= the first layer "
     "that "
     "can be pruned is shown. The file says which command made it, of what and when.",
     TN_COMMAND_JOURNALED | TN_COMMAND_LONG,
     {{TN_WORD_NAME, "VIEW", false, "filters|steps|curves|ratios|compare|time"},
      {TN_WORD_FILE, "FILE.png", false, NULL}},
     {{"layer", TN_WORD_LAYER, NULL, NULL, "of filters, steps and curves"},
      {"methods", TN_WORD_NAME, "own", "own|all", "curves: of the layer's method, or of all"},
      {"error", TN_WORD_NAME, "ls", "ls|plain",
       "with methods=all: after least squares, or without"},
      {"what", TN_WORD_NAME, "auto", "auto|error|training", "curves: one or the other"},
      {"width", TN_WORD_NUMBER, "160", NULL, "mm"},
      {"height", TN_WORD_NUMBER, NULL, NULL, "mm; 90, or what the layers need"},
      {"dpi", TN_WORD_NUMBER, "200", NULL, "dots an inch, of PNG"},
      {"title", TN_WORD_TEXT, NULL, NULL, "in place of the usual one; none: without"}},
     run_plot},
    {0},
};
