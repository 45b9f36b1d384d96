/* View 6: all that was done in the session, as a tree. */
#include "view.h"

static int rows_of(const struct screen *screen)
{
    (void)screen;
    return 0;
}

static void draw(struct screen *screen, struct pane pane)
{
    (void)screen;
    pane_text(pane, 0, 0, STYLE_BOLD, "Journal");
}

const struct view_ops view_journal = {.name = "Journal", .key = '6', .draw = draw, .rows = rows_of};
