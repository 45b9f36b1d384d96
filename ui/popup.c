#include "popup.h"
#include "state.h"

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
