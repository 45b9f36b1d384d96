/* View 5: networks of the journal beside each other, as in the paper's tables. */
#include "view.h"

static int rows_of(const struct screen *screen)
{
    (void)screen;
    return 0;
}

static void draw(struct screen *screen, struct pane pane)
{
    (void)screen;
    pane_text(pane, 0, 0, STYLE_BOLD, "Compare");
}

const struct view_ops view_compare = {.name = "Compare", .key = '5', .draw = draw, .rows = rows_of};
