/* Every style can be read on every background it stands on: contrast as WCAG 2 defines it, with the
 * colours as xterm has them. */
#include "theme.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct colour {
    int red, green, blue;
};

static struct colour colour_of(int number)
{
    static const struct colour basic[] = {
        {0, 0, 0},     {205, 0, 0},     {0, 205, 0},     {205, 205, 0},  {0, 0, 238}, {205, 0, 205},
        {0, 205, 205}, {229, 229, 229}, {127, 127, 127}, {255, 0, 0},    {0, 255, 0}, {255, 255, 0},
        {92, 92, 255}, {255, 0, 255},   {0, 255, 255},   {255, 255, 255}};
    static const int levels[] = {0, 95, 135, 175, 215, 255};
    if (number < 16)
        return basic[number];
    int grey = 8 + 10 * (number - 232), cube = number - 16;
    if (number >= 232)
        return (struct colour){grey, grey, grey};
    return (struct colour){levels[cube / 36], levels[cube / 6 % 6], levels[cube % 6]};
}

static double linear(int value)
{
    double part = value / 255.0;
    return part <= 0.03928 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4);
}

static double luminance(struct colour colour)
{
    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) +
           0.0722 * linear(colour.blue);
}

static double contrast(struct colour a, struct colour b)
{
    double one = luminance(a), other = luminance(b);
    return (fmax(one, other) + 0.05) / (fmin(one, other) + 0.05);
}

static double contrast_of(enum theme_kind kind, int colours, enum style style, unsigned flags)
{
    struct theme_look look = theme_look(kind, colours, style, flags);
    bool light = kind == THEME_LIGHT;
    int ink = look.foreground, paper = look.background;
    if (ink >= 0 && ink < 8 && colours == 8 && !light && (look.attributes & THEME_BOLD))
        ink += 8; /* as consoles show it */
    struct colour front = ink >= 0 ? colour_of(ink) : colour_of(light ? 0 : 7);
    struct colour back = paper >= 0 ? colour_of(paper) : colour_of(light ? 15 : 0);
    return contrast(front, back);
}

static void every_style_can_be_read(void **state)
{
    (void)state;
    static const int depths[] = {8, 16, 256};
    static const unsigned flags[] = {0, CELL_SELECTED, CELL_MARKED};
    for (int kind = THEME_DARK; kind <= THEME_LIGHT; kind++)
        for (int d = 0; d < 3; d++)
            for (int f = 0; f < 3; f++)
                for (int style = 0; style < STYLE_COUNT; style++) {
                    double found =
                        contrast_of((enum theme_kind)kind, depths[d], (enum style)style, flags[f]);
                    double least = style == STYLE_BORDER ? 2 : 3.6; /* lines are no text */
                    if (found < least)
                        fail_msg("style %d has a contrast of %.2f: theme %d, %d colours, flags %u",
                                 style, found, kind, depths[d], flags[f]);
                }
}

/* What is selected can be told from what is not, without colours too. */
static void what_is_selected_is_seen(void **state)
{
    (void)state;
    static const int depths[] = {0, 8, 16, 256};
    for (int kind = THEME_DARK; kind <= THEME_MONO; kind++)
        for (int d = 0; d < 4; d++)
            for (int style = 0; style < STYLE_COUNT; style++) {
                struct theme_look plain =
                    theme_look((enum theme_kind)kind, depths[d], (enum style)style, 0);
                struct theme_look selected =
                    theme_look((enum theme_kind)kind, depths[d], (enum style)style, CELL_SELECTED);
                bool reversed = (selected.attributes & THEME_REVERSE) != 0;
                assert_true(reversed || selected.background != plain.background);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_style_can_be_read),
        cmocka_unit_test(what_is_selected_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
