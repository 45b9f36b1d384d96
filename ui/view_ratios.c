/* View 4: every layer's ratio as a slider, what it costs, and the totals against a budget. */
#include "view.h"

static int rows_of(const struct screen *screen)
{
    (void)screen;
    return 0;
}

static void draw(struct screen *screen, struct pane pane)
{
    (void)screen;
    pane_text(pane, 0, 0, STYLE_BOLD, "Ratios");
}

const struct view_ops view_ratios = {.name = "Ratios", .key = '4', .draw = draw, .rows = rows_of};
