#include "lines.h"
#include "actions.h"
#include "format.h"
#include "keys.h"
#include "pieces.h"
#include "text.h"
#include "view.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A piece of the header: the less it weighs, the sooner it gives way to the others. */
struct piece {
    enum style style;
    int weight;
    char text[200];
};

enum { PIECES = 7 };

/* "FLOPs 0.52x", or "FLOPs 1.00->0.52x" while ratios wait to be pruned. */
static void say_share(const struct screen *screen, struct piece *piece, const char *name,
                      int64_t opened, int64_t now, int64_t planned)
{
    char is[16], will[16];
    if (opened <= 0 || screen->snapshot->detached || screen->snapshot->unread)
        return;
    snprintf(is, sizeof is, "%.2f", (double)now / (double)opened);
    snprintf(will, sizeof will, "%.2f", (double)planned / (double)opened);
    bool same = strcmp(is, will) == 0;
    piece->style = same ? STYLE_NORMAL : STYLE_PRUNED;
    snprintf(piece->text, sizeof piece->text, "%s %s%s%sx", name, is,
             same ? "" : screen->glyphs->arrow, same ? "" : will);
}

static void fill_pieces(const struct screen *screen, struct piece pieces[PIECES])
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    enum { SIZE = sizeof pieces->text };
    pieces[0].style = STYLE_HEADER;
    pieces[0].weight = 9;
    snprintf(pieces[0].text, SIZE, "%s%s", snapshot->session_name,
             snapshot->looks_on ? " (read-only)" : "");
    pieces[1].weight = 2;
    if (strstr(snapshot->session_name, snapshot->model_name) == NULL)
        snprintf(pieces[1].text, SIZE, "%s", snapshot->model_name);
    pieces[2].weight = 4;
    if (snapshot->data_name[0] != '\0')
        snprintf(pieces[2].text, SIZE, "%s", snapshot->data_name);
    pieces[3].weight = 1;
    if (snapshot->data_name[0] != '\0')
        snprintf(pieces[3].text, SIZE, "%lld test images", (long long)snapshot->data_test);
    pieces[4].weight = 8;
    pieces[4].style = STYLE_GOOD;
    if (snapshot->evaluated)
        snprintf(pieces[4].text, SIZE, "top-1 %.1f%s%.1f", snapshot->top1 * 100,
                 screen->glyphs->plus_minus, snapshot->ci95 * 100);
    pieces[5].weight = 7;
    say_share(screen, &pieces[5], "FLOPs", snapshot->flops, snapshot->flops_now,
              snapshot->flops_planned);
    pieces[6].weight = 3;
    say_share(screen, &pieces[6], "params", snapshot->params, snapshot->params_now,
              snapshot->params_planned);
}

static int width_of(const struct piece pieces[PIECES])
{
    int width = 0;
    for (int i = 0; i < PIECES; i++)
        width += pieces[i].text[0] != '\0' ? text_width(pieces[i].text) + 2 : 0;
    return width;
}

static void drop_lightest(struct piece pieces[PIECES])
{
    int lightest = 0;
    for (int i = 1; i < PIECES; i++)
        if (pieces[i].text[0] != '\0' && pieces[i].weight < pieces[lightest].weight)
            lightest = i;
    if (lightest > 0)
        pieces[lightest].text[0] = '\0';
    else
        pieces[0].weight = 0; /* alone: it is cut */
}

void line_header(const struct screen *screen, struct pane line)
{
    const char *state = screen->replay.on           ? replay_state(screen)
                        : screen->status.cancelling ? "stopping"
                        : screen->status.standing   ? "paused"
                        : screen->status.paused     ? "pausing"
                        : screen_working(screen)    ? "busy"
                        : screen_busy(screen)       ? "background"
                                                    : "idle";
    char right[48];
    char key[KEY_NAME];
    binding_key(binding_named("help"), key, sizeof key);
    snprintf(right, sizeof right, "  %s  %s help ", state, key);
    int end = line.columns - text_width(right), column = 1;
    pane_text(line, 0, end, screen_busy(screen) ? STYLE_WARNING : STYLE_DIM, right);
    struct piece pieces[PIECES] = {0};
    fill_pieces(screen, pieces);
    while (width_of(pieces) > end && pieces[0].weight > 0)
        drop_lightest(pieces);
    for (int i = 0; i < PIECES; i++)
        if (pieces[i].text[0] != '\0') {
            pane_cut(line, 0, column, end - column, pieces[i].style, pieces[i].text,
                     screen->glyphs);
            column += text_width(pieces[i].text) + 2;
        }
}

/* Rate, time left and what waits, as much as fits into `room`. */
static void say_pace(const struct tn_worker_status *status, int room, char *text, int size)
{
    char rate[FORMAT], left[FORMAT], eta[48] = "", speed[48] = "", waits[48] = "";
    if (status->paused)
        snprintf(eta, sizeof eta, status->standing ? "paused  " : "pausing  ");
    if (status->rate >= 1 && !status->paused)
        snprintf(speed, sizeof speed, "%s %s/s  ", format_count(rate, status->rate), status->unit);
    if (status->left >= 0 && !status->paused)
        snprintf(eta, sizeof eta, "eta %s  ", format_time(left, status->left));
    if (status->waiting + status->resting > 0)
        snprintf(waits, sizeof waits, "+%d waiting  ", status->waiting + status->resting);
    bool all = (int)(strlen(speed) + strlen(eta) + strlen(waits)) <= room;
    snprintf(text, (size_t)size, "%s%s%s", all ? speed : "", eta, waits);
}

static void draw_work(const struct screen *screen, struct pane line)
{
    const struct tn_worker_status *status = &screen->status;
    int column = pane_text(line, 0, 1, STYLE_BOLD,
                           status->stage[0] != '\0' ? status->stage : status->command);
    if (status->total > 0) {
        double fraction = fmin(1, fmax(0, status->done / status->total));
        int bar = line.columns >= 100 ? 20 : 10;
        pane_fill(line, 0, column + 2, bar, STYLE_DIM, screen->glyphs->bar_rest);
        pane_bar(line, 0, column + 2, bar, STYLE_BAR, fraction, screen->glyphs);
        column = pane_print(line, 0, column + 2 + bar, STYLE_NORMAL, " %3.0f%%", fraction * 100);
    }
    char pace[160];
    int detail = status->detail[0] != '\0' ? 2 + text_width(status->detail) : 0;
    say_pace(status, line.columns - column - detail - 3, pace, sizeof pace);
    int end = line.columns - text_width(pace), room = end - column - 3;
    if (detail > 0)
        pane_cut(line, 0, column + 2, room < detail - 2 ? room : detail - 2, STYLE_NORMAL,
                 status->detail, screen->glyphs);
    pane_text(line, 0, end, STYLE_DIM, pace);
}

static bool begins(const char *line, const char *words)
{
    return strncmp(line, words, strlen(words)) == 0;
}

/* Is the network a built-in one that nothing has trained on the way to where the session stands? */
static bool has_fresh_weights(const struct tn_snapshot *snapshot)
{
    const struct tn_snapshot_entry *current = tn_snapshot_current(snapshot);
    int64_t wanted = current != NULL ? current->id : 0;
    for (int i = snapshot->entry_count - 1; i >= 0 && wanted > 0; i--) {
        const struct tn_snapshot_entry *entry = &snapshot->entries[i];
        if (entry->id != wanted)
            continue;
        if (begins(entry->command, "open "))
            return begins(entry->command, "open zoo:");
        if (begins(entry->command, "train") || begins(entry->command, "finetune"))
            return false;
        wanted = entry->parent;
    }
    return false;
}

/* What a newcomer does next, from what is there and what is missing. Words between '`' are
 * commands, or names of bindings, which stand for their keys. */
static const char *next_step(const struct screen *screen)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (snapshot->model_name[0] == '\0')
        return "type `:open FILE.onnx`  (or `:open zoo:fashion-vgg`)";
    if (snapshot->data_name[0] == '\0')
        return "give it images: type `:data fashion-mnist`";
    bool sampled = false, ranked = true, tuned = false;
    for (int i = 0; i < snapshot->layer_count; i++) {
        const struct tn_snapshot_layer *layer = &snapshot->layers[i];
        sampled = sampled || layer->samples > 0;
        ranked = ranked && (layer->kept == layer->filters || layer->path != NULL);
    }
    const struct tn_snapshot_entry *current = tn_snapshot_current(snapshot);
    if (current != NULL)
        tuned = strncmp(current->command, "prune", 5) != 0;
    if (snapshot->flops_planned < snapshot->flops_now && !ranked)
        return "`sample` samples all layers: without it nobody knows which filters to prune";
    if (snapshot->flops_planned < snapshot->flops_now)
        return screen->layer == LAYER_ALL
                   ? "`prune` prunes every layer that has a ratio"
                   : "`prune` prunes this layer; on the row \"all\" every layer that has a ratio";
    if (snapshot->flops_now < snapshot->flops && !tuned)
        return "`finetune` fine-tunes to win accuracy back, `eval` evaluates, `undo` undoes";
    if (snapshot->flops_now < snapshot->flops && snapshot->evaluated)
        return "`export` exports the smaller network, `save` saves the session; or prune on";
    if (!sampled && has_fresh_weights(snapshot))
        return "its weights are fresh: type `:train`, or `sample` samples all the same";
    if (!snapshot->evaluated && !sampled)
        return "`eval` evaluates the network, `sample` samples all layers";
    if (!sampled)
        return "`sample` samples all layers: what each filter is worth";
    if (screen->layer == LAYER_ALL)
        return "`remove-more` removes 5 % more of every layer, `remove-less` less";
    return "`remove-more` removes 5 % more of this layer, `step` one filter; row \"all\": every "
           "layer";
}

/* Who has never typed a command here may want to be shown around, until something was done. */
static bool offers_tour(const struct screen *screen)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    bool begun = snapshot->evaluated;
    for (int i = 0; i < snapshot->layer_count; i++)
        begun = begun || snapshot->layers[i].samples > 0;
    return screen->first_time && !screen->tour.open && !screen->replay.on && !begun;
}

static void draw_offer(struct pane line, int column)
{
    static const char *const ends[] = {" shows the example in two minutes", ""};
    static const char before[] = "first time? ", command[] = ":tour";
    for (int i = 0; i < 2; i++) {
        int width = text_width(before) + text_width(command) + text_width(ends[i]);
        int at = line.columns - 1 - width;
        if (at < column + 3)
            continue;
        at = pane_text(line, 0, at, STYLE_NORMAL, before);
        at = pane_text(line, 0, at, STYLE_KEY, command);
        pane_text(line, 0, at, STYLE_NORMAL, ends[i]);
        return;
    }
}

static void draw_next(const struct screen *screen, struct pane line)
{
    int column = pane_text(line, 0, 1, STYLE_DIM, "next: ");
    bool key = false;
    for (const char *at = next_step(screen); *at != '\0';) {
        char part[LINE], shown[LINE];
        size_t length = strcspn(at, "`");
        snprintf(part, sizeof part, key ? "`%.*s`" : "%.*s", (int)length, at);
        keymap_text(part, shown, sizeof shown);
        column = pane_text(line, 0, column, key ? STYLE_KEY : STYLE_NORMAL, shown);
        at += length + (at[length] == '`');
        key = !key;
    }
    if (offers_tour(screen))
        draw_offer(line, column);
}

void line_progress(const struct screen *screen, struct pane line)
{
    if (screen->replay.on)
        replay_draw(screen, line);
    else if (screen_busy(screen))
        draw_work(screen, line);
    else
        draw_next(screen, line);
}

/* What a replay refuses. */
static bool is_work(const struct binding *binding)
{
    return binding->section == KEYS_RATIO || binding->section == KEYS_WORK ||
           binding->action == UI_TYPE || binding->action == UI_TIME;
}

static bool trains(const struct screen *screen)
{
    return screen_working(screen) &&
           (begins(screen->status.command, "finetune") || begins(screen->status.command, "train"));
}

void line_keys(const struct screen *screen, struct pane line)
{
    int column = 1;
    if (act_cancels(screen))
        column = piece_action(line, 0, column, "escape",
                              screen->status.cancelling ? "stopping" : "cancels");
    if (screen->status.busy && (screen->status.paused || screen->status.total > 0))
        column =
            piece_action(line, 0, column, "pause", screen->status.paused ? "goes on" : "pauses");
    if (trains(screen) && view_at(screen->view) != &view_curves)
        column = piece_action(line, 0, column, "view-curves", "shows its curves");
    const struct binding *binding;
    bool replay = screen->replay.on;
    const int views[] = {KEYMAP_REPLAY, screen->view + 1, 0};
    for (int own = replay ? 0 : 1; own < 3; own++)
        for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
            if (binding->hint == NULL || binding->view != views[own] ||
                (replay && is_work(binding)))
                continue;
            int end = piece_key(line, 0, column, binding->label, binding->hint);
            if (end == column)
                return; /* what matters less does not take its room */
            column = end;
        }
}

static void draw_question(const struct screen *screen, struct pane line)
{
    pane_print(line, 0, 0, STYLE_WARNING, "\"%s\" is running: stop it and quit? y n",
               screen->status.command);
}

static void draw_welcome(struct pane line)
{
    int column = piece_action(line, 0, 0, "prompt", "types a command, Tab completes it");
    column = piece_action(line, 0, column, "help", "shows all keys");
    piece_action(line, 0, column, "quit", "quits");
}

/* The command as a key or the prompt gave it; returns the column after it. */
static int draw_command(const struct screen *screen, struct pane line)
{
    if (screen->line[0] == '\0')
        return 0;
    enum style style = screen->failed ? STYLE_ERROR : STYLE_DIM;
    int column = pane_text(line, 0, 0, style, ":");
    return pane_text(line, 0, column, style, screen->line) + 2;
}

/* Bytes of the words that fit into `columns`, with the space after them. */
static int word_end(const char *text, int columns)
{
    int fit = text_fit(text, columns), end = fit;
    while (end > 0 && text[end - 1] != ' ')
        end--;
    return end > 0 ? end : fit;
}

void line_message(const struct screen *screen, struct pane line, struct pane above)
{
    enum style style = screen->failed ? STYLE_ERROR : STYLE_NORMAL;
    if (screen->asking_quit) {
        draw_question(screen, line);
        return;
    }
    if (screen->line[0] == '\0' && screen->result[0] == '\0') {
        draw_welcome(line);
        return;
    }
    int used = screen->line[0] != '\0' ? text_width(screen->line) + 3 : 0;
    char then[80];
    keymap_text(screen->after != NULL ? screen->after : "", then, sizeof then);
    int after = screen->after != NULL ? text_width(then) + 2 : 0;
    int need = text_width(screen->result), room = line.columns - after;
    if (used + need <= room || above.rows == 0) {
        int column = draw_command(screen, line);
        pane_cut(line, 0, column, room - column, style, screen->result, screen->glyphs);
    } else {
        pane_fill(above, 0, 0, above.columns, STYLE_NORMAL, ' ');
        /* The words matter more than what they answer. */
        int split = need <= room ? 0 : word_end(screen->result, above.columns);
        if (split == 0)
            draw_command(screen, above);
        pane_print(above, 0, 0, style, "%.*s", split, screen->result);
        pane_cut(line, 0, 0, room, style, screen->result + split, screen->glyphs);
    }
    if (screen->after != NULL)
        pane_right(line, 0, 0, line.columns - 1, STYLE_KEY, then);
}

void line_title(const struct screen *screen, char *title, int size)
{
    const struct tn_worker_status *status = &screen->status;
    int used = snprintf(title, (size_t)size, "thinet-tui: %s", screen->snapshot->session_name);
    if (screen->ending[0] != '\0' && used >= 0 && used < size)
        used += snprintf(title + used, (size_t)(size - used), " - %s", screen->ending);
    if (!screen_busy(screen) || used < 0 || used >= size)
        return;
    if (status->total > 0)
        snprintf(title + used, (size_t)(size - used), " - %s %.0f%%", status->stage,
                 100 * fmin(1, fmax(0, status->done / status->total)));
    else
        snprintf(title + used, (size_t)(size - used), " - %s", status->command);
}
