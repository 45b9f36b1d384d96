/* View 6: all that was done in the session, as a tree; to go back to any of it, and try another way
 * from there. */
#include "core/memory.h"
#include "format.h"
#include "pieces.h"
#include "prompt.h"
#include "search.h"
#include "text.h"
#include "tree.h"
#include "view.h"
#include <stdio.h>
#include <string.h>

/* --- rows and cursor --- */

static int journal_rows(const struct screen *screen)
{
    return screen->snapshot->entry_count + 1;
}

static int64_t id_of(const struct tn_snapshot *snapshot, int entry)
{
    return entry == TREE_EMPTY ? 0 : snapshot->entries[entry].id;
}

static int entry_of(const struct tn_snapshot *snapshot, int64_t id)
{
    int low = 0, high = snapshot->entry_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (snapshot->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < snapshot->entry_count && snapshot->entries[low].id == id ? low : TREE_EMPTY;
}

static bool begins_with(const char *command, const char *word)
{
    size_t length = strlen(word);
    return strncmp(command, word, length) == 0 &&
           (command[length] == ' ' || command[length] == '\t');
}

enum kind { EMPTY, CHANGE, LOOK, NOTE, BRANCH, FAILED, INTERRUPTED, RUNNING };

static enum kind kind_of(const struct tn_snapshot_entry *entry)
{
    return entry == NULL                         ? EMPTY
           : entry->running                      ? RUNNING
           : entry->interrupted                  ? INTERRUPTED
           : !entry->ok                          ? FAILED
           : entry->branch != NULL               ? BRANCH
           : begins_with(entry->command, "note") ? NOTE
           : entry->changes                      ? CHANGE
                                                 : LOOK;
}

/* Notes and names of branches have the result's room too. */
static int longest_command(const struct tn_snapshot *snapshot)
{
    enum { LEAST = 12, MOST = 100 };
    int longest = LEAST;
    for (int i = 0; i < snapshot->entry_count && longest < MOST; i++) {
        enum kind kind = kind_of(&snapshot->entries[i]);
        int width = text_width(snapshot->entries[i].command);
        if (kind != NOTE && kind != BRANCH && width > longest)
            longest = width;
    }
    return longest < MOST ? longest : MOST;
}

/* Once for every snapshot. The cursor stays at its entry; from where the session stands, and from
 * the newest entry when another one has come, it follows the session. False: out of memory. */
static bool lay_out(struct screen *screen)
{
    struct journal_list *list = &screen->journal;
    struct view_state *state = &screen->views[view_index(&view_journal)];
    const struct tn_snapshot *snapshot = screen->snapshot;
    if (list->tree.count > 0 && list->version == snapshot->version && list->order == state->order)
        return true;
    bool follows = list->tree.count == 0 || list->at == list->head ||
                   (list->at == list->newest && snapshot->entry_count > list->count);
    if (!tree_layout(&list->tree, snapshot->entries, snapshot->entry_count,
                     state->order == 0 ? TREE_BRANCHES : TREE_NEWEST))
        return false;
    list->version = snapshot->version;
    list->order = state->order;
    list->count = snapshot->entry_count;
    list->command = longest_command(snapshot);
    const struct tn_snapshot_entry *current = tn_snapshot_current(snapshot);
    list->head = current != NULL ? current->id : 0;
    list->newest = id_of(snapshot, snapshot->entry_count - 1);
    bool gone = list->at != 0 && entry_of(snapshot, list->at) == TREE_EMPTY;
    list->at = follows || gone ? list->head : list->at;
    state->cursor = list->tree.places[entry_of(snapshot, list->at) + 1];
    return true;
}

/* The cursor was put on a row of the list as it is shown, which may be older than the snapshot. */
static void stand(struct screen *screen)
{
    struct journal_list *list = &screen->journal;
    struct view_state *state = &screen->views[screen->view];
    bool shown = list->tree.count > 0 && list->order == state->order;
    if (shown && state->cursor < list->tree.count) {
        int entry = list->tree.rows[state->cursor].entry;
        if (entry < screen->snapshot->entry_count)
            list->at = id_of(screen->snapshot, entry);
    }
}

/* --- a row --- */

struct look {
    uint32_t sign;
    enum style style;
    const char *word; /* where nothing else says it, or NULL */
};

static struct look look_of(enum kind kind, const struct glyphs *glyphs)
{
    switch (kind) {
    case NOTE:
        return (struct look){'#', STYLE_KEY, NULL};
    case BRANCH:
        return (struct look){'+', STYLE_LOCKED, NULL};
    case FAILED:
        return (struct look){'x', STYLE_ERROR, "failed"};
    case INTERRUPTED:
        return (struct look){'!', STYLE_WARNING, "interrupted"};
    case RUNNING:
        return (struct look){'*', STYLE_WARNING, "running"};
    case CHANGE:
        return (struct look){glyphs->change, STYLE_NORMAL, NULL};
    default:
        return (struct look){glyphs->look, STYLE_DIM, NULL};
    }
}

/* Where a row's parts are; a width of 0: there is no room for it. */
struct columns {
    int tree, id, command, brief, took, time; /* where they begin */
    int tree_width, id_width, command_width, brief_width, time_width;
};

enum { POINTER = 1, TOOK = 6, CLOCK = 8, DATE = 19, GAP = 2 };

static struct columns columns_for(const struct journal_list *list, int width)
{
    struct columns at = {.tree = POINTER, .id_width = 2};
    at.tree_width = tree_width(&list->tree);
    int most = width / 4 > 7 ? width / 4 : 7;
    at.tree_width = at.tree_width < most ? at.tree_width : most;
    for (int64_t id = list->newest; id >= 100; id /= 10)
        at.id_width++;
    at.time_width = width >= 140 ? DATE : width >= 96 ? CLOCK : 0;
    at.time = width - at.time_width - 1;
    at.took = at.time - (at.time_width > 0 ? GAP : 0) - TOOK;
    at.id = at.tree + at.tree_width + 1;
    at.command = at.id + at.id_width + 1;
    int room = at.took - GAP - at.command;
    int share = room * 9 / 20; /* the result says more than the command */
    at.command_width = list->command < share ? list->command : share;
    at.brief = at.command + at.command_width + GAP;
    at.brief_width = room - at.command_width - GAP;
    return at;
}

static const char *format_took(char text[FORMAT], double seconds)
{
    if (seconds >= 100)
        return format_time(text, seconds);
    text[0] = '\0';
    if (seconds >= 0.05)
        snprintf(text, FORMAT, "%.1f s", seconds);
    return text;
}

static double took(const struct screen *screen, const struct tn_snapshot_entry *entry)
{
    return entry->running ? screen->status.elapsed : entry->seconds;
}

static void draw_text(const struct screen *screen, struct pane rows, int row,
                      const struct columns *at, const struct tn_snapshot_entry *entry)
{
    enum kind kind = kind_of(entry);
    struct look look = look_of(kind, screen->glyphs);
    const struct glyphs *glyphs = screen->glyphs;
    enum style style = entry->current ? STYLE_BOLD : STYLE_NORMAL;
    char text[LINE];
    if (kind == NOTE) {
        pane_cut(rows, row, at->command, at->took - GAP - at->command, STYLE_KEY, entry->brief,
                 glyphs);
        return;
    }
    if (kind == BRANCH) {
        snprintf(text, sizeof text, "[%s]", entry->branch);
        pane_cut(rows, row, at->command, at->took - GAP - at->command, STYLE_LOCKED, text, glyphs);
        return;
    }
    pane_cut(rows, row, at->command, at->command_width, style, entry->command, glyphs);
    snprintf(text, sizeof text, "%s%s%s", look.word != NULL ? look.word : "",
             look.word != NULL && entry->brief[0] != '\0' ? ": " : "", entry->brief);
    enum style brief = look.word != NULL ? look.style : kind == LOOK ? STYLE_NORMAL : STYLE_DIM;
    pane_cut(rows, row, at->brief, at->brief_width, brief, text, glyphs);
}

static void draw_row(const struct screen *screen, struct pane rows, int row,
                     const struct columns *at, const struct tree_row *tree_row)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    const struct tn_snapshot_entry *entry =
        tree_row->entry == TREE_EMPTY ? NULL : &snapshot->entries[tree_row->entry];
    struct look look = look_of(kind_of(entry), screen->glyphs);
    bool here = id_of(snapshot, tree_row->entry) == screen->journal.head;
    char text[FORMAT];
    tree_draw(pane_part(rows, row, at->tree, 1, at->tree_width), 0, tree_row,
              here ? STYLE_CURSOR : look.style, here ? '@' : look.sign, screen->glyphs);
    snprintf(text, sizeof text, "%lld", (long long)id_of(snapshot, tree_row->entry));
    pane_right(rows, row, at->id, at->id_width, here ? STYLE_CURSOR : STYLE_DIM, text);
    if (entry == NULL) {
        pane_text(rows, row, at->command, STYLE_DIM, "the beginning: nothing is open");
        return;
    }
    draw_text(screen, rows, row, at, entry);
    pane_right(rows, row, at->took, TOOK, STYLE_DIM, format_took(text, took(screen, entry)));
    if (at->time_width > 0 && strlen(entry->time) >= DATE)
        pane_text(rows, row, at->time, STYLE_DIM, entry->time + DATE - at->time_width);
}

/* --- the entry under the cursor, in full --- */

/* Text in at most `rows` rows; returns those it takes. */
static int draw_part(const struct screen *screen, struct pane pane, int row, int rows,
                     enum style style, const char *text)
{
    struct pane part = pane_part(pane, row, 0, rows, pane.columns);
    int needed = pane_wrap(part, 0, style, text);
    if (needed > rows)
        pane_text(part, rows - 1, pane.columns - 1, STYLE_DIM, screen->glyphs->ellipsis);
    return needed < rows ? needed : rows;
}

static void draw_facts(const struct screen *screen, struct pane pane, int row,
                       const struct tn_snapshot_entry *entry, int index)
{
    const struct journal_list *list = &screen->journal;
    struct look look = look_of(kind_of(entry), screen->glyphs);
    int branch = list->tree.branches[index + 1], column = 0;
    char text[FORMAT];
    if (entry->id == list->head)
        column = pane_text(pane, row, column, STYLE_CURSOR, "the session stands here") + 3;
    if (look.word != NULL)
        column = pane_text(pane, row, column, look.style, look.word) + 3;
    if (branch != TREE_EMPTY)
        column = pane_print(pane, row, column, STYLE_LOCKED, "[%s]",
                            screen->snapshot->entries[branch].branch) +
                 3;
    column = pane_print(pane, row, column, STYLE_DIM, "%s%s", entry->time,
                        *format_took(text, took(screen, entry)) != '\0' ? "   took " : "");
    column = pane_text(pane, row, column, STYLE_DIM, text);
    snprintf(text, sizeof text, "follows %lld", (long long)entry->parent);
    if (column + 3 + text_width(text) <= pane.columns)
        pane_text(pane, row, column + 3, STYLE_DIM, text);
}

static void draw_details(const struct screen *screen, struct pane pane, int index)
{
    if (index == TREE_EMPTY) {
        pane_wrap(pane, 0, STYLE_NORMAL,
                  "Here the session began. Going there leaves all that was done in the journal.");
        return;
    }
    const struct tn_snapshot_entry *entry = &screen->snapshot->entries[index];
    bool told = entry->brief[0] != '\0' && kind_of(entry) != NOTE && entry->branch == NULL;
    int rows = pane.rows - 1;
    int row = draw_part(screen, pane, 0, told ? rows - 1 : rows, STYLE_BOLD, entry->command);
    if (told)
        row += draw_part(screen, pane, row, rows - row, entry->ok ? STYLE_NORMAL : STYLE_ERROR,
                         entry->brief);
    draw_facts(screen, pane, row, entry, index);
}

static int draw_sign(struct pane line, int column, enum style style, uint32_t sign,
                     const char *meaning)
{
    pane_glyph(line, 0, column, style, sign);
    return pane_text(line, 0, column + 2, STYLE_DIM, meaning) + 2;
}

/* The line between list and entry: which it is, and what the signs mean. */
static void draw_rule(const struct screen *screen, struct pane line, int index)
{
    const struct glyphs *glyphs = screen->glyphs;
    enum { LEGEND = 50 };
    pane_fill(line, 0, 0, line.columns, STYLE_BORDER, glyphs->horizontal);
    pane_print(line, 0, 1, STYLE_TITLE, " entry %lld ", (long long)id_of(screen->snapshot, index));
    if (line.columns < LEGEND + 20)
        return;
    struct pane legend = pane_part(line, 0, line.columns - LEGEND, 1, LEGEND - 1);
    pane_clear(legend);
    int column = draw_sign(legend, 1, STYLE_CURSOR, '@', "here");
    column = draw_sign(legend, column, STYLE_NORMAL, glyphs->change, "change");
    column = draw_sign(legend, column, STYLE_DIM, glyphs->look, "no change");
    column = draw_sign(legend, column, STYLE_KEY, '#', "note");
    draw_sign(legend, column, STYLE_ERROR, 'x', "failed");
}

/* --- the view --- */

static void draw_titles(struct pane pane, const struct columns *at)
{
    pane_right(pane, 0, at->id - 1, at->id_width + 1, STYLE_TITLE, "id");
    pane_text(pane, 0, at->command, STYLE_TITLE, "command");
    pane_text(pane, 0, at->brief, STYLE_TITLE, "result");
    pane_right(pane, 0, at->took, TOOK, STYLE_TITLE, "took");
    if (at->time_width > 0)
        pane_text(pane, 0, at->time, STYLE_TITLE, "began");
}

static void draw_keys(const struct screen *screen, struct pane pane, int row)
{
    bool branches = screen->views[screen->view].order == 0;
    int column = piece_action(pane, row, 0, "enter", "goes there");
    column = piece_action(pane, row, column, "undo", "undo");
    column = piece_action(pane, row, column, "redo", "redo");
    column =
        piece_action(pane, row, column, "order", branches ? "newest first" : "branch by branch");
    column = piece_action(pane, row, column, "search", "search");
    piece_action(pane, row, column, "escape", "back");
}

static void draw_purpose(struct pane pane)
{
    int row = pane_wrap(pane, 0, STYLE_BOLD, "Nothing has been done yet.");
    row = pane_wrap(pane, row + 1, STYLE_NORMAL,
                    "Every command that changes or measures something gets a row here. Go back to "
                    "any of them and try another way from there: the other way stays, as a branch "
                    "of the tree.");
    row = pane_wrap(pane, row + 1, STYLE_NORMAL, "Type");
    pane_wrap(pane, row, STYLE_KEY, "  :open FILE.onnx");
}

static int details_rows(int rows)
{
    return rows >= 36 ? 6 : rows >= 16 ? 4 : rows >= 12 ? 3 : 0;
}

static void draw(struct screen *screen, struct pane pane)
{
    struct view_state *state = &screen->views[screen->view];
    const struct tree *tree = &screen->journal.tree;
    if (screen->snapshot->entry_count == 0) {
        draw_purpose(pane);
        return;
    }
    if (!lay_out(screen)) {
        pane_text(pane, 0, 0, STYLE_ERROR, "There is not enough memory to show the journal.");
        return;
    }
    struct columns at = columns_for(&screen->journal, pane.columns);
    int details = details_rows(pane.rows), below = details > 0 ? details + 2 : 1;
    struct pane rows = pane_part(pane, 1, 0, pane.rows - 1 - below, pane.columns);
    list_follow(&state->cursor, &state->scroll, tree->count, rows.rows);
    draw_titles(pane, &at);
    for (int row = 0; row < rows.rows && state->scroll + row < tree->count; row++)
        draw_row(screen, rows, row, &at, &tree->rows[state->scroll + row]);
    pane_glyph(rows, state->cursor - state->scroll, 0, STYLE_CURSOR, screen->glyphs->pointer);
    view_list_marks(screen, rows, tree->count);
    int entry = tree->rows[state->cursor].entry, top = pane.rows - below;
    if (details > 0) {
        draw_rule(screen, pane_part(pane, top, 0, 1, pane.columns), entry);
        draw_details(screen, pane_part(pane, top + 1, 0, details, pane.columns), entry);
    }
    draw_keys(screen, pane, pane.rows - 1);
    screen->view_rows = rows;
}

/* --- keys --- */

static void follow(struct screen *screen)
{
    if (screen->snapshot->entry_count > 0)
        lay_out(screen);
}

static void enter(struct screen *screen)
{
    const struct journal_list *list = &screen->journal;
    char line[LINE];
    if (screen->snapshot->entry_count == 0 || !lay_out(screen))
        return;
    if (list->at == list->head) {
        screen_say(screen, false, "the session stands there already");
        return;
    }
    snprintf(line, sizeof line, "goto %lld", (long long)list->at);
    screen_submit(screen, line, NULL);
}

/* The prompt shows the command first: what is deleted is gone for good. */
static void own(struct screen *screen, int amount)
{
    (void)amount;
    char line[LINE];
    if (screen->snapshot->entry_count == 0 || !lay_out(screen))
        return;
    if (screen->journal.at == 0) {
        screen_say(screen, false, "the empty session cannot be deleted");
        return;
    }
    snprintf(line, sizeof line, "delete %lld", (long long)screen->journal.at);
    prompt_open(PROMPT_COMMAND, line);
}

static bool holds(struct screen *screen, int row, const char *text)
{
    const struct tree *tree = &screen->journal.tree;
    if (!lay_out(screen) || row >= tree->count || tree->rows[row].entry == TREE_EMPTY)
        return false;
    const struct tn_snapshot_entry *entry = &screen->snapshot->entries[tree->rows[row].entry];
    return search_holds(entry->command, text) || search_holds(entry->brief, text);
}

static void turn(struct screen *screen)
{
    screen->views[screen->view].order ^= 1;
}

const struct view_ops view_journal = {.name = "Journal",
                                      .also = "enter undo redo order search search-next",
                                      .wide = true,
                                      .draw = draw,
                                      .rows = journal_rows,
                                      .follow = follow,
                                      .stand = stand,
                                      .holds = holds,
                                      .enter = enter,
                                      .turn = turn,
                                      .own = own};
