#include "lines.h"
#include "format.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* "FLOPs 0.52x", or "FLOPs 1.00->0.52x" while ratios wait to be pruned. */
static int say_share(const struct screen *screen, struct pane line, int column, const char *name,
                     int64_t opened, int64_t now, int64_t planned)
{
    if (opened <= 0)
        return column;
    column = pane_print(line, 0, column + 2, STYLE_NORMAL, "%s %.2f", name,
                        (double)now / (double)opened);
    if (planned != now && planned > 0)
        column = pane_print(line, 0, column, STYLE_PRUNED, "%s%.2f", screen->glyphs->arrow,
                            (double)planned / (double)opened);
    return pane_text(line, 0, column, STYLE_NORMAL, "x");
}

static int say_accuracy(const struct screen *screen, struct pane line, int column)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (!snapshot->evaluated)
        return column;
    return pane_print(line, 0, column + 2, STYLE_GOOD, "top-1 %.1f%s%.1f", snapshot->top1 * 100,
                      screen->glyphs->plus_minus, snapshot->ci95 * 100);
}

void line_header(const struct screen *screen, struct pane line)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    const char *state = screen->status.cancelling ? "stopping"
                        : screen->status.busy     ? "busy"
                                                  : "idle";
    char right[48];
    snprintf(right, sizeof right, "%s  ? help ", state);
    int end = line.columns - text_width(right);
    pane_text(line, 0, end, screen->status.busy ? STYLE_WARNING : STYLE_DIM, right);
    struct pane left = pane_part(line, 0, 0, 1, end - 1);
    int column = pane_text(left, 0, 1, STYLE_HEADER, snapshot->session_name);
    if (snapshot->model_name[0] != '\0' &&
        strstr(snapshot->session_name, snapshot->model_name) == NULL)
        column = pane_text(left, 0, column + 2, STYLE_NORMAL, snapshot->model_name);
    if (snapshot->data_name[0] != '\0')
        column = pane_print(left, 0, column + 2, STYLE_NORMAL, "%s %lld", snapshot->data_name,
                            (long long)snapshot->data_test);
    column = say_accuracy(screen, left, column);
    column = say_share(screen, left, column, "FLOPs", snapshot->flops, snapshot->flops_now,
                       snapshot->flops_planned);
    say_share(screen, left, column, "params", snapshot->params, snapshot->params_now,
              snapshot->params_planned);
}

static void draw_work(const struct screen *screen, struct pane line)
{
    const struct tn_worker_status *status = &screen->status;
    char right[160], rate[FORMAT], left[FORMAT];
    int used = 0;
    right[0] = '\0';
    if (status->rate > 0)
        used += snprintf(right, sizeof right, "  %s %s/s", format_count(rate, status->rate),
                         status->unit);
    if (status->left >= 0)
        used += snprintf(right + used, sizeof right - (size_t)used, "  eta %s",
                         format_time(left, status->left));
    if (status->waiting > 0)
        used +=
            snprintf(right + used, sizeof right - (size_t)used, "  +%d waiting", status->waiting);
    snprintf(right + used, sizeof right - (size_t)used, "  %s",
             status->cancelling ? "stopping" : "Esc cancels");
    int end = line.columns - text_width(right) - 1;
    pane_text(line, 0, end, STYLE_DIM, right);
    struct pane part = pane_part(line, 0, 0, 1, end);
    int column = pane_text(part, 0, 1, STYLE_BOLD,
                           status->stage[0] != '\0' ? status->stage : status->command);
    if (status->total > 0) {
        double fraction = fmin(1, fmax(0, status->done / status->total));
        int bar = line.columns >= 100 ? 20 : 10;
        pane_fill(part, 0, column + 2, bar, STYLE_DIM, screen->glyphs->bar_rest);
        pane_bar(part, 0, column + 2, bar, STYLE_BAR, fraction, screen->glyphs);
        column = pane_print(part, 0, column + 2 + bar, STYLE_NORMAL, " %3.0f%%", fraction * 100);
    }
    if (status->detail[0] != '\0')
        pane_text(part, 0, column + 2, STYLE_NORMAL, status->detail);
}

/* What a newcomer does next, from what is there and what is missing. Words between '`' are keys. */
static const char *next_step(const struct screen *screen)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (snapshot->model_name[0] == '\0')
        return "type `:open FILE.onnx`  (or `:open zoo:fashion-vgg`)";
    if (snapshot->data_name[0] == '\0')
        return "give it images: type `:data fashion-mnist`";
    bool sampled = false, tuned = false;
    for (int i = 0; i < snapshot->layer_count; i++)
        sampled = sampled || snapshot->layers[i].samples > 0;
    for (int i = 0; i < snapshot->entry_count; i++)
        if (snapshot->entries[i].current)
            tuned = strncmp(snapshot->entries[i].command, "prune", 5) != 0;
    if (snapshot->flops_planned < snapshot->flops_now)
        return "`p` prunes this layer; on the row \"all\" every layer with a ratio";
    if (snapshot->flops_now < snapshot->flops && !tuned)
        return "`f` fine-tunes to win accuracy back, `e` evaluates, `u` undoes";
    if (snapshot->flops_now < snapshot->flops && snapshot->evaluated)
        return "`x` exports the smaller network, `w` saves the session, or sample and prune on";
    if (!snapshot->evaluated && !sampled)
        return "`e` evaluates the network, `S` samples all layers";
    if (!sampled)
        return "`S` samples all layers: what each filter is worth";
    if (screen->layer == LAYER_ALL)
        return "`>` removes 5 % more of every layer, `<` less";
    return "`>` removes 5 % more of this layer, `s` one filter; row \"all\": every layer";
}

static void draw_next(const struct screen *screen, struct pane line)
{
    int column = pane_text(line, 0, 1, STYLE_DIM, "next: ");
    bool key = false;
    for (const char *at = next_step(screen); *at != '\0';) {
        size_t length = strcspn(at, "`");
        column =
            pane_print(line, 0, column, key ? STYLE_KEY : STYLE_NORMAL, "%.*s", (int)length, at);
        at += length + (at[length] == '`');
        key = !key;
    }
}

void line_progress(const struct screen *screen, struct pane line)
{
    if (screen->status.busy)
        draw_work(screen, line);
    else
        draw_next(screen, line);
}

void line_keys(const struct screen *screen, struct pane line)
{
    (void)screen;
    int column = 1;
    const struct binding *binding;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        if (binding->hint == NULL)
            continue;
        int width = text_width(binding->label) + 1 + text_width(binding->hint);
        if (column + width > line.columns)
            return;
        column = pane_text(line, 0, column, STYLE_KEY, binding->label);
        column = pane_text(line, 0, column + 1, STYLE_DIM, binding->hint) + 2;
    }
}

void line_message(const struct screen *screen, struct pane line)
{
    int column = 0;
    if (screen->asking_quit) {
        pane_print(line, 0, 0, STYLE_WARNING, "\"%s\" is running: stop it and quit? y n",
                   screen->status.command);
        return;
    }
    if (screen->line[0] != '\0') {
        column = pane_text(line, 0, 0, STYLE_DIM, ":");
        column = pane_text(line, 0, column, screen->failed ? STYLE_ERROR : STYLE_DIM, screen->line);
        column += 2;
    }
    pane_cut(line, 0, column, line.columns - column, screen->failed ? STYLE_ERROR : STYLE_NORMAL,
             screen->result, screen->glyphs);
}

void line_title(const struct screen *screen, char *title, int size)
{
    const struct tn_worker_status *status = &screen->status;
    int used = snprintf(title, (size_t)size, "thinet-tui: %s", screen->snapshot->session_name);
    if (!status->busy || used < 0 || used >= size)
        return;
    if (status->total > 0)
        snprintf(title + used, (size_t)(size - used), " - %s %.0f%%", status->stage,
                 100 * fmin(1, fmax(0, status->done / status->total)));
    else
        snprintf(title + used, (size_t)(size - used), " - %s", status->command);
}
