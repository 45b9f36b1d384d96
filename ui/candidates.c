#include "candidates.h"
#include "text.h"

enum { GAP = 2, FRAME = 2, MOST_ROWS = 13 };

bool candidates_fit(char *const *names, int count, int columns)
{
    int width = 0;
    for (int i = 0; i < count && width <= columns; i++)
        width += text_width(names[i]) + (i > 0 ? GAP : 0);
    return width <= columns;
}

void candidates_draw_row(struct pane row, char *const *names, int count)
{
    int column = 0;
    for (int i = 0; i < count; i++)
        column = pane_text(row, 0, column, STYLE_NORMAL, names[i]) + GAP;
}

static int widest(char *const *names, int count, int most)
{
    int width = 1;
    for (int i = 0; i < count && width < most; i++)
        width = text_width(names[i]) > width ? text_width(names[i]) : width;
    return width < most ? width : most;
}

void candidates_draw_grid(struct pane area, char *const *names, int count, int page,
                          const struct glyphs *glyphs)
{
    int room = area.rows - FRAME < MOST_ROWS ? area.rows - FRAME : MOST_ROWS;
    int inner = area.columns - 2 * FRAME;
    if (room < 1 || inner < 1 || count < 1)
        return;
    int width = widest(names, count, inner), columns = (inner + GAP) / (width + GAP);
    int rows = (count + columns - 1) / columns;
    rows = rows < room ? rows : room;
    int fit = rows * columns, pages = (count + fit - 1) / fit;
    int first = page % pages * fit, end = first + fit < count ? first + fit : count;
    struct pane box = pane_part(area, area.rows - rows - FRAME, 0, rows + FRAME, area.columns);
    pane_clear(box);
    pane_frame(box, glyphs, STYLE_BORDER);
    if (pages > 1)
        pane_print(box, 0, 2, STYLE_TITLE, " %d to %d of %d candidates, Tab: more ", first + 1, end,
                   count);
    else
        pane_print(box, 0, 2, STYLE_TITLE, " %d candidates ", count);
    struct pane inside = pane_part(box, 1, FRAME, rows, inner);
    for (int i = first; i < end; i++)
        pane_cut(inside, (i - first) % rows, (i - first) / rows * (width + GAP), width,
                 STYLE_NORMAL, names[i], glyphs);
}
