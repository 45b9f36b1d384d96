#include "popup.h"
#include "keys.h"
#include "pieces.h"
#include "state.h"
#include "text.h"

struct pane popup_box(const struct screen *screen, struct pane area, int rows, int columns,
                      const char *title)
{
    columns = columns < area.columns ? columns : area.columns;
    rows = rows + 2 < area.rows ? rows + 2 : area.rows;
    struct pane frame =
        pane_part(area, (area.rows - rows) / 2, (area.columns - columns) / 2, rows, columns);
    pane_clear(frame);
    pane_frame(frame, screen->glyphs, STYLE_FOCUS);
    pane_print(frame, 0, 2, STYLE_TAB, " %s ", title);
    return pane_part(frame, 1, 1, frame.rows - 2, frame.columns - 2);
}

void popup_cursor(const struct screen *screen, struct pane rows, int row)
{
    pane_glyph(rows, row, 0, STYLE_CURSOR, screen->glyphs->pointer);
    pane_flag(rows, row, 0, rows.columns, CELL_SELECTED);
}

int popup_enter(const struct screen *screen, struct pane line, const char *what)
{
    enum { LEAVES = 2 + 10 };
    char key[KEY_NAME] = "Enter"; /* always, where letters are typed */
    if (screen->popup == NULL || screen->popup->key == NULL)
        binding_key(binding_named("enter"), key, sizeof key);
    int column = pane_text(line, 0, 1, STYLE_KEY, key) + 1;
    int room = line.columns - column - LEAVES;
    room = room < text_width(what) ? room : text_width(what);
    pane_cut(line, 0, column, room, STYLE_DIM, what, screen->glyphs);
    return piece_key(line, 0, column + room + 2, "Esc", "leaves");
}
