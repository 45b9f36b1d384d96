/* View 5: networks of the journal beside each other, as in the paper's tables, and as points of
 * accuracy against cost. It is wide because it is about no layer. */
#include "compare_table.h"
#include "pieces.h"
#include "scatter.h"
#include "search.h"
#include "text.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

enum { SHOW_BOTH, SHOW_TABLE, SHOW_SCATTER, SHOWS };

/* --- the cursor --- */

static struct view_state *state_of(struct screen *screen)
{
    return &screen->views[view_index(&view_compare)];
}

static int compare_rows(const struct screen *screen)
{
    return comparison_any(screen->snapshot) ? screen->snapshot->compared_count : 0;
}

static bool compare(struct screen *screen, struct comparison *comparison)
{
    enum comparison_order order = (enum comparison_order)state_of(screen)->order;
    return compare_rows(screen) > 0 &&
           comparison_make(comparison, screen->snapshot, screen->comparing.base, order,
                           screen->comparing.by_params);
}

static const struct tn_snapshot_compared *under_cursor(struct screen *screen,
                                                       const struct comparison *comparison)
{
    int cursor = state_of(screen)->cursor;
    int place = cursor < 0 || cursor >= comparison->count ? 0 : cursor;
    return &comparison->rows[comparison->order[place]];
}

static void stand(struct screen *screen)
{
    struct comparison comparison;
    if (!compare(screen, &comparison))
        return;
    screen->comparing.at = under_cursor(screen, &comparison)->network;
    comparison_free(&comparison);
}

/* The cursor stays with its network wherever that comes to stand; at first it is the one that the
 * session stands at. */
static void follow(struct screen *screen, const struct comparison *comparison)
{
    int64_t wanted = screen->comparing.at != 0 ? screen->comparing.at : screen->snapshot->network;
    int place = comparison_place(comparison, wanted);
    if (place >= 0)
        state_of(screen)->cursor = place;
    screen->comparing.at = under_cursor(screen, comparison)->network;
}

static void follow_network(struct screen *screen)
{
    struct comparison comparison;
    if (!compare(screen, &comparison))
        return;
    follow(screen, &comparison);
    comparison_free(&comparison);
}

/* --- drawing --- */

static void draw_rows(struct screen *screen, struct pane rows, const struct compare_table *table,
                      const struct comparison *comparison)
{
    struct view_state *state = state_of(screen);
    list_follow(&state->cursor, &state->scroll, comparison->count, rows.rows);
    for (int i = 0; i < rows.rows && state->scroll + i < comparison->count; i++) {
        int row = comparison->order[state->scroll + i];
        compare_table_row(pane_part(rows, i, 0, 1, rows.columns), screen->glyphs, table, comparison,
                          row, comparison->rows[row].network == screen->snapshot->network);
    }
    pane_glyph(rows, state->cursor - state->scroll, 0, STYLE_CURSOR, screen->glyphs->pointer);
    view_list_marks(screen, rows, comparison->count);
}

static void draw_base(const struct screen *screen, struct pane line,
                      const struct comparison *comparison)
{
    const struct tn_snapshot_compared *base = &comparison->rows[comparison->base];
    char text[320];
    int column = pane_print(line, 0, 0, STYLE_BOLD, "base: %lld", (long long)base->entry) + 2;
    snprintf(text, sizeof text, "%s, top-1 %.2f%s%.2f %% on %lld images", base->model,
             100 * base->top1, screen->glyphs->plus_minus, 100 * base->ci95,
             (long long)base->images);
    pane_cut(line, 0, column, line.columns - column, STYLE_NORMAL, text, screen->glyphs);
    column = piece_action(line, 0, column + text_width(text) + 3, "enter", "goes there");
    piece_action(line, 0, column, "escape", "back");
}

/* What the signs mean, as much as finds room. */
static void draw_legend(const struct screen *screen, struct pane line,
                        const struct comparison *comparison)
{
    bool others = false;
    for (int i = 0; i < comparison->count; i++)
        others = others || comparison_difference(comparison, i).kind == DIFFERENCE_IMAGES;
    char measures[48];
    keymap_text("f./b.: `time` measures", measures, sizeof measures);
    const char *const pieces[] = {"* Pareto front", "+ better, - worse, = within the 95 % interval",
                                  "@ stands here", others ? "other: on other images" : NULL,
                                  comparison_timed(screen->snapshot) ? "f./b.: 32 images"
                                                                     : measures};
    int column = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (pieces[i] != NULL && column + text_width(pieces[i]) <= line.columns)
            column = pane_text(line, 0, column, STYLE_DIM, pieces[i]) + 2;
}

/* Rows of the list: all of the room, what the scatter leaves of it, or the one under the cursor. */
static int list_height(struct screen *screen, int count, int room)
{
    enum { LEAST = 3 };
    struct comparing *comparing = &screen->comparing;
    comparing->roomy = room >= LEAST + SCATTER_LEAST;
    if (comparing->shown == SHOW_SCATTER)
        return 1;
    if (comparing->shown == SHOW_TABLE || !comparing->roomy)
        return room;
    int height = room / 2 < room - SCATTER_LEAST ? room / 2 : room - SCATTER_LEAST;
    return count < height ? count : height;
}

static void draw_comparison(struct screen *screen, struct pane pane,
                            const struct comparison *comparison)
{
    enum { ABOVE = 2, BELOW = 1 }; /* base and titles; the legend */
    int order = state_of(screen)->order;
    struct compare_table table = compare_table_for(comparison, pane.columns, order);
    int room = pane.rows - ABOVE - BELOW;
    follow(screen, comparison);
    int height = list_height(screen, comparison->count, room);
    struct pane rows = pane_part(pane, ABOVE, 0, height < room ? height : room, pane.columns);
    draw_base(screen, pane_part(pane, 0, 0, 1, pane.columns), comparison);
    compare_table_titles(pane_part(pane, 1, 0, 1, pane.columns), screen->glyphs, &table, order);
    draw_rows(screen, rows, &table, comparison);
    if (height < room)
        scatter_draw(pane_part(pane, ABOVE + height, 0, room - height, pane.columns),
                     screen->glyphs, comparison, comparison->order[state_of(screen)->cursor],
                     screen->comparing.by_params);
    draw_legend(screen, pane_part(pane, pane.rows - BELOW, 0, BELOW, pane.columns), comparison);
    screen->view_rows = rows;
}

/* Before any accuracy is known: what appears here, and how. */
static void draw_purpose(const struct screen *screen, struct pane pane)
{
    bool data = screen->snapshot->data_name[0] != '\0';
    int row = pane_wrap(pane, 0, STYLE_BOLD, "Nothing is evaluated yet.");
    row = piece_wrap(pane, row + 1, STYLE_NORMAL,
                     data ? "Press `eval`: it evaluates the network as it stands."
                          : "Evaluating needs images: type :data fashion-mnist, or :data and a "
                            "folder of your own. Then press `eval`.");
    row = pane_wrap(pane_part(pane, row + 1, 0, pane.rows, pane.columns), 0, STYLE_NORMAL,
                    "Then prune, fine-tune and evaluate again: every network made from the opened "
                    "one whose accuracy is known has a row here, from all branches of the "
                    "journal: top-1 with its 95 % interval, top-5, parameters, FLOPs, time, and "
                    "whether it differs from a base by more than chance. A scatter shows accuracy "
                    "against cost.") +
          row + 1;
    pane_wrap(pane_part(pane, row + 1, 0, pane.rows, pane.columns), 0, STYLE_DIM,
              "The command compare prints the same rows.");
}

static void draw(struct screen *screen, struct pane pane)
{
    bool ready;
    struct comparison comparison;
    if (screen->snapshot->layer_count == 0 && compare_rows(screen) == 0) {
        view_heading(screen, pane, &ready);
    } else if (compare_rows(screen) == 0) {
        draw_purpose(screen, pane);
    } else if (compare(screen, &comparison)) {
        draw_comparison(screen, pane, &comparison);
        comparison_free(&comparison);
    }
}

/* --- keys --- */

static void enter(struct screen *screen)
{
    struct comparison comparison;
    char line[LINE];
    if (!compare(screen, &comparison))
        return;
    snprintf(line, sizeof line, "goto %lld", (long long)under_cursor(screen, &comparison)->entry);
    screen_submit(screen, line, NULL);
    comparison_free(&comparison);
}

static bool holds(struct screen *screen, int row, const char *text)
{
    struct comparison comparison;
    char entry[24];
    if (!compare(screen, &comparison))
        return false;
    const struct tn_snapshot_compared *it = &comparison.rows[comparison.order[row]];
    snprintf(entry, sizeof entry, "%lld", (long long)it->entry);
    bool found = search_holds(it->model, text) || strcmp(entry, text) == 0;
    comparison_free(&comparison);
    return found;
}

static void turn(struct screen *screen)
{
    int *order = &state_of(screen)->order;
    int orders = comparison_timed(screen->snapshot) ? COMPARISON_ORDERS : BY_TIME;
    *order = (*order + 1) % orders;
}

static void set_base(struct screen *screen)
{
    struct comparison comparison;
    if (!compare(screen, &comparison))
        return;
    const struct tn_snapshot_compared *row = under_cursor(screen, &comparison);
    if (row->evaluated) {
        screen->comparing.base = row->network;
        screen_say(screen, false, "differences are to entry %lld now", (long long)row->entry);
    } else {
        char text[120];
        snprintf(text, sizeof text,
                 "the accuracy of entry %lld is not known: `enter` goes there, then `eval`",
                 (long long)row->entry);
        screen_advise(screen, true, text);
    }
    comparison_free(&comparison);
}

/* Both looks like the table where there is no room for both. */
static void show_next(struct screen *screen)
{
    struct comparing *comparing = &screen->comparing;
    if (comparing->roomy)
        comparing->shown = (comparing->shown + 1) % SHOWS;
    else
        comparing->shown = comparing->shown == SHOW_SCATTER ? SHOW_TABLE : SHOW_SCATTER;
}

static void own(struct screen *screen, int amount)
{
    if (compare_rows(screen) == 0)
        screen_advise(screen, false, "nothing is evaluated yet: press `eval`");
    else if (amount == COMPARE_BASE)
        set_base(screen);
    else if (amount == COMPARE_SHOW)
        show_next(screen);
    else
        screen->comparing.by_params = !screen->comparing.by_params;
}

const struct view_ops view_compare = {.name = "Compare",
                                      .also = "enter order search search-next search-before eval",
                                      .wide = true,
                                      .draw = draw,
                                      .rows = compare_rows,
                                      .follow = follow_network,
                                      .stand = stand,
                                      .holds = holds,
                                      .enter = enter,
                                      .turn = turn,
                                      .own = own};
