/* The view Ratios: its estimates against the worker's own numbers, what is drawn, and what keys and
 * clicks ask for. */
#include "ratios_figures.h"
#include "ratios_table.h"
#include "session_support.h"
#include "ui_paper.h"
#include "view.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { RATIOS = 3 }; /* the view's index */

/* A session of one's own and the screen that shows it. */
struct desk {
    struct place *place;
    struct screen screen;
};

static int desk_open(void **state)
{
    void *place;
    struct desk *desk = tn_calloc(1, sizeof *desk);
    assert_non_null(desk);
    place_open(&place);
    desk->place = place;
    desk->screen = (struct screen){.glyphs = glyphs_for(GLYPHS_ASCII), .view = RATIOS};
    *state = desk;
    return 0;
}

static int desk_close(void **state)
{
    struct desk *desk = *state;
    void *place = desk->place;
    tn_snapshot_unref(desk->screen.snapshot);
    intents_free(&desk->screen.intents);
    tn_free(desk);
    return place_close(&place);
}

/* What the screen does with a new snapshot once all that was asked for is answered. */
static void look(struct desk *desk)
{
    tn_snapshot_unref(desk->screen.snapshot);
    desk->screen.snapshot = tn_snapshot_new(desk->place->session, NULL, NULL);
    assert_non_null(desk->screen.snapshot);
    intents_fit(&desk->screen.intents, desk->screen.snapshot->layer_count);
    intents_forget(&desk->screen.intents);
}

static void prepare(struct desk *desk)
{
    done(desk->place, "open zoo:fashion-vgg seed=1");
    done(desk->place, "data @/images");
    done(desk->place, "sample all images=2 locations=2");
    look(desk);
}

static struct ratios figures(const struct desk *desk)
{
    struct ratios ratios;
    assert_true(ratios_set(&desk->screen, &ratios));
    return ratios;
}

static bool shows(struct desk *desk, int rows, int columns, const char *text)
{
    struct surface surface = paper_new(rows, columns);
    view_ratios.draw(&desk->screen, pane_of(&surface));
    bool found = paper_holds(&surface, text);
    surface_free(&surface);
    return found;
}

static void expect(struct desk *desk, int columns, const char *text)
{
    if (shows(desk, 18, columns, text))
        return;
    struct surface surface = paper_new(18, columns);
    view_ratios.draw(&desk->screen, pane_of(&surface));
    for (int row = 0; row < surface.rows; row++) {
        char *line = paper_row(&surface, row);
        print_message("%s\n", line);
        tn_free(line);
    }
    surface_free(&surface);
    fail_msg("\"%s\" is not there at %d columns", text, columns);
}

/* The row of the list that starts with this name, without the pointer. Released with tn_free. */
static char *row_of(struct desk *desk, int columns, const char *name)
{
    struct surface surface = paper_new(18, columns);
    view_ratios.draw(&desk->screen, pane_of(&surface));
    char *found = NULL;
    for (int row = desk->screen.view_rows.top; row < surface.rows && found == NULL; row++) {
        char *line = paper_row(&surface, row);
        if (strncmp(line + 1, name, strlen(name)) == 0)
            found = line;
        else
            tn_free(line);
    }
    surface_free(&surface);
    if (found == NULL)
        fail_msg("no row %s", name);
    return found;
}

/* --- estimates --- */

static double sum_of(const struct ratios *ratios, bool params)
{
    double sum = 0;
    for (int l = 0; l < ratios->count; l++)
        sum += params ? ratios->each[l].params : ratios->each[l].flops;
    return sum;
}

/* Cut every layer of the network to widths all over the range, and hold the sum of the layers'
 * figures, which know nothing of the worker's, against them.. */
static void expect_estimates(struct desk *desk, const char *open, const char *scope, double near)
{
    done(desk->place, "%s", open);
    done(desk->place, "groups scope=%s", scope);
    done(desk->place, "method all l1");
    look(desk);
    int rows = 0;
    for (int l = 0; l < desk->screen.snapshot->layer_count; l++) {
        const struct tn_snapshot_layer *layer = &desk->screen.snapshot->layers[l];
        if (!layer->prunable || layer->leader != l)
            continue;
        done(desk->place, "ratio %s %g", layer->name, 0.1 + 0.8 * (rows++ * 7 % 10) / 10);
    }
    look(desk);
    struct ratios ratios = figures(desk);
    const struct tn_snapshot *shot = desk->screen.snapshot;
    double flops = (double)shot->flops_planned, params = (double)shot->params_planned;
    assert_true(rows > 3 && flops < 0.9 * (double)shot->flops_now);
    print_message("%s scope=%s: FLOPs off by %.2g, params by %.2g\n", open, scope,
                  sum_of(&ratios, false) / flops - 1, sum_of(&ratios, true) / params - 1);
    assert_true(fabs(sum_of(&ratios, false) / flops - 1) <= near);
    assert_true(fabs(sum_of(&ratios, true) / params - 1) <= near);
    assert_true(fabs(ratios.all.flops - flops) < 1); /* the worker's word on the whole */
    assert_true(fabs(ratios.all.params - params) < 1);
    ratios_free(&ratios);
}

static void figures_are_what_pruning_will_leave(void **state)
{
    struct desk *desk = *state;
    expect_estimates(desk, "open zoo:fashion-vgg", "inner", 1e-9);
    expect_estimates(desk, "open zoo:resnet20", "inner", 1e-9);
    expect_estimates(desk, "open zoo:resnet50 classes=10 in=3x32x32", "all", 1e-9);
    /* Behind a padded shortcut channels have different numbers of positions: nearly. */
    expect_estimates(desk, "open zoo:resnet20", "all", 0.1);
}

static void figures_follow_a_key_before_the_worker_answers(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    struct ratios before = figures(desk);
    intents_nudge(&desk->screen.intents, desk->screen.snapshot, 2, INTENT_KEEP, -24);
    struct ratios asked = figures(desk);
    assert_true(asked.each[2].kept == 40 && asked.each[2].flops < before.each[2].flops);
    assert_true(asked.each[3].flops < before.each[3].flops); /* it reads fewer channels */
    assert_true(asked.each[1].flops == before.each[1].flops);
    assert_true(asked.each[2].error_ls > 0);
    done(desk->place, "keep conv2_1 40");
    look(desk);
    struct ratios answered = figures(desk);
    assert_true(fabs(asked.all.flops - (double)desk->screen.snapshot->flops_planned) < 1);
    assert_true(fabs(asked.all.params - (double)desk->screen.snapshot->params_planned) < 1);
    assert_true(asked.all.error_ls == answered.all.error_ls);
    for (int l = 0; l < asked.count; l++)
        assert_true(fabs(asked.each[l].flops - answered.each[l].flops) < 1);
    ratios_free(&before);
    ratios_free(&asked);
    ratios_free(&answered);
}

static void time_is_estimated_from_what_was_measured(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    struct ratios ratios = figures(desk);
    assert_true(isnan(ratios.all.ms) && isnan(ratios_ms_now(desk->screen.snapshot)));
    ratios_free(&ratios);
    done(desk->place, "time batch=1 mode=inference");
    look(desk);
    const struct tn_snapshot_times *times = desk->screen.snapshot->times;
    intents_nudge(&desk->screen.intents, desk->screen.snapshot, 2, INTENT_KEEP, -32);
    ratios = figures(desk);
    double saved = times->layers[2].forward_ms / 2 + times->layers[3].forward_ms / 2;
    double now = ratios_ms_now(desk->screen.snapshot);
    assert_true(fabs(now - ratios.all.ms - saved) < 1e-6);
    assert_true(fabs(ratios.each[2].ms - times->layers[2].forward_ms / 2) < 1e-9);
    assert_true(fabs(ratios.each[6].ms - times->layers[6].forward_ms) < 1e-9);
    ratios_free(&ratios);
}

static void accuracy_lost_lies_between_the_points_that_were_measured(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    done(desk->place, "sensitivity conv2_1 ratios=0.25,0.75 limit=100");
    look(desk);
    const struct tn_snapshot_layer *layer = &desk->screen.snapshot->layers[2];
    assert_int_equal(layer->point_count, 3);
    assert_true(layer->point_kept[0] == 16 && layer->point_kept[1] == 48);
    struct ratios ratios = figures(desk);
    assert_true(ratios.each[2].lost == 0 && isnan(ratios.each[1].lost));
    ratios_free(&ratios);
    intents_nudge(&desk->screen.intents, desk->screen.snapshot, 2, INTENT_KEEP, -32);
    ratios = figures(desk);
    double middle = (layer->point_top1[0] + layer->point_top1[1]) / 2;
    assert_true(fabs(ratios.each[2].lost - (layer->point_top1[2] - middle)) < 1e-9);
    ratios_free(&ratios);
    done(desk->place, "budget flops=0.5 preview=on");
    look(desk);
    expect(desk, 76, "lost");
    expect(desk, 196, "->lost");
}

/* --- drawing --- */

static void every_layer_that_can_be_pruned_has_a_row(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    done(desk->place, "ratio conv2_1 0.5");
    look(desk);
    assert_int_equal(view_ratios.rows(&desk->screen), 7);
    expect(desk, 76, "kept ratio  FLOPs");
    expect(desk, 76, "32/64   50%");
    expect(desk, 76, "1 layer that cannot be pruned");
    expect(desk, 76, "FLOPs 58.3M->");
    expect(desk, 76, " %   params 288k->");
    char *conv = row_of(desk, 76, "conv2_1"), *all = row_of(desk, 76, "all");
    int bar = 0, rest = 0;
    for (const char *at = conv; *at != '\0'; at++) {
        bar += *at == '#';
        rest += *at == '.' && at[1] == '.'; /* not of a number */
    }
    assert_true(bar > 8 && rest > 8 && abs(bar - rest) <= 2); /* half of it is kept */
    assert_non_null(strstr(all, "/448 "));
    tn_free(conv);
    tn_free(all);
    for (int columns = 1; columns < 76; columns++) /* any size is survived */
        shows(desk, 18, columns, "x");
    for (int rows = 1; rows < 18; rows++)
        shows(desk, rows, 76, "x");
}

static void more_room_shows_more(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    done(desk->place, "time batch=1 mode=inference");
    look(desk);
    assert_false(shows(desk, 18, 76, "method"));
    assert_false(shows(desk, 18, 60, "  ms "));
    expect(desk, 76, "kept ratio  FLOPs  params      ms     ls");
    expect(desk, 116, "FLOPs  params      ms  error     ls  method");
    expect(desk, 116, "  thinet");
    expect(desk, 116, "forward about ");
}

static void layers_of_one_stream_share_a_row(void **state)
{
    struct desk *desk = *state;
    done(desk->place, "open zoo:resnet20");
    done(desk->place, "groups scope=all");
    look(desk);
    const struct tn_snapshot *shot = desk->screen.snapshot;
    int leader = -1;
    for (int l = 0; l < shot->layer_count; l++)
        if (shot->layers[l].leader != l)
            leader = shot->layers[l].leader;
    assert_true(leader >= 0);
    char *row = row_of(desk, 100, shot->layers[leader].name);
    assert_non_null(strstr(row, " +"));
    tn_free(row);
    /* A layer without a row of its own is shown where it belongs. */
    for (int l = 0; l < shot->layer_count; l++)
        if (shot->layers[l].prunable && shot->layers[l].leader != l) {
            screen_select(&desk->screen, l);
            shows(desk, 18, 76, "x");
            assert_int_equal(desk->screen.layer, shot->layers[l].leader);
        }
    screen_select(&desk->screen, shot->layer_count - 1);
    assert_false(shot->layers[shot->layer_count - 1].prunable);
    shows(desk, 18, 76, "x");
    assert_true(shot->layers[desk->screen.layer].prunable);
}

static void what_is_missing_is_said(void **state)
{
    struct desk *desk = *state;
    look(desk);
    expect(desk, 76, "No network is open.");
    done(desk->place, "open zoo:fashion-vgg seed=1");
    look(desk);
    expect(desk, 76, "errors need images: :data, then S");
    done(desk->place, "data @/images");
    look(desk);
    expect(desk, 76, "S samples: then errors are known");
    expect(desk, 76, "t measures the time");
    assert_false(shows(desk, 18, 200, "nan"));
}

/* --- order and cursor --- */

static void expect_first(struct desk *desk, const char *name)
{
    struct surface surface = paper_new(18, 76);
    view_ratios.draw(&desk->screen, pane_of(&surface));
    char *row = paper_row(&surface, desk->screen.view_rows.top + 1);
    if (strncmp(row + 1, name, strlen(name)) != 0)
        fail_msg("the first layer is \"%s\", not %s", row, name);
    tn_free(row);
    surface_free(&surface);
}

static void rows_stand_in_the_order_that_o_chooses(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    done(desk->place, "ratio conv3_1 0.9");
    look(desk);
    expect_first(desk, "conv1_1");
    expect(desk, 76, "o most FLOPs first");
    view_ratios.turn(&desk->screen);
    expect_first(desk, "conv1_2");
    expect(desk, 76, "vFLOPs");
    screen_select(&desk->screen, 4);
    view_ratios.turn(&desk->screen);
    expect_first(desk, "conv3_1");
    expect(desk, 76, "vls");
    expect(desk, 76, ">conv3_1"); /* the cursor stays on its layer */
    assert_int_equal(desk->screen.views[RATIOS].cursor, 1);
    view_ratios.turn(&desk->screen);
    expect_first(desk, "conv1_1");
    desk->screen.views[RATIOS].cursor = 0;
    view_ratios.stand(&desk->screen);
    assert_int_equal(desk->screen.layer, LAYER_ALL);
    desk->screen.views[RATIOS].cursor = 3;
    view_ratios.stand(&desk->screen);
    assert_int_equal(desk->screen.layer, 2);
}

/* --- the budget --- */

static void a_proposal_is_seen_beside_how_things_stand(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    done(desk->place, "budget flops=0.5 preview=on");
    look(desk);
    const struct tn_snapshot_proposal *proposal = desk->screen.snapshot->proposal;
    expect(desk, 76, "budget flops=0.5   FLOPs ");
    expect(desk, 76, "->kept");
    expect(desk, 76, "y takes the budget");
    char wanted[32];
    snprintf(wanted, sizeof wanted, "->%d ", proposal->kept[2]);
    char *row = row_of(desk, 76, "conv2_1");
    assert_non_null(strstr(row, "64/64"));
    assert_non_null(strstr(row, wanted));
    const char *mark = strchr(row, ':'), *bar = strchr(row, '#');
    assert_true(mark != NULL && bar != NULL && mark > bar); /* on the slider */
    tn_free(row);
    expect(desk, 116, "->FLOPs");
    assert_false(shows(desk, 18, 196, "->lost"));
    expect(desk, 116, "->ls");
    assert_true(view_ratios.escape(&desk->screen)); /* Esc drops it, and does not come again */
    assert_false(shows(desk, 18, 76, "->kept"));
    assert_false(view_ratios.escape(&desk->screen));
    view_ratios.own(&desk->screen, RATIOS_TAKE);
    assert_non_null(strstr(desk->screen.result, "B asks for one"));
    done(desk->place, "budget flops=0.5 preview=on");
    look(desk);
    expect(desk, 76, "->kept"); /* another one is shown again */
    view_ratios.own(&desk->screen, RATIOS_DROP);
    assert_false(shows(desk, 18, 76, "->kept"));
}

static void the_mouse_moves_a_slider(void **state)
{
    struct desk *desk = *state;
    prepare(desk);
    screen_select(&desk->screen, 2);
    char *row = row_of(desk, 76, "conv2_1");
    int first = (int)(strchr(row, '#') - row), width = (int)strspn(row + first, "#");
    tn_free(row);
    view_ratios.press(&desk->screen, 1); /* on the name */
    assert_int_equal(screen_keep(&desk->screen, 2), 64);
    view_ratios.press(&desk->screen, first + width / 2 - 1);
    assert_in_range(screen_keep(&desk->screen, 2), 30, 34);
    view_ratios.press(&desk->screen, first);
    assert_in_range(screen_keep(&desk->screen, 2), 1, 4);
    view_ratios.press(&desk->screen, first + width - 1);
    assert_int_equal(screen_keep(&desk->screen, 2), 64);
    screen_select(&desk->screen, LAYER_ALL);
    view_ratios.press(&desk->screen, first + width / 2 - 1);
    assert_in_range(screen_keep(&desk->screen, 2), 29, 35);
    assert_in_range(screen_keep(&desk->screen, 5), 58, 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_are_what_pruning_will_leave, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(figures_follow_a_key_before_the_worker_answers, desk_open,
                                        desk_close),
        cmocka_unit_test_setup_teardown(time_is_estimated_from_what_was_measured, desk_open,
                                        desk_close),
        cmocka_unit_test_setup_teardown(accuracy_lost_lies_between_the_points_that_were_measured,
                                        desk_open, desk_close),
        cmocka_unit_test_setup_teardown(every_layer_that_can_be_pruned_has_a_row, desk_open,
                                        desk_close),
        cmocka_unit_test_setup_teardown(more_room_shows_more, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(layers_of_one_stream_share_a_row, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(what_is_missing_is_said, desk_open, desk_close),
        cmocka_unit_test_setup_teardown(rows_stand_in_the_order_that_o_chooses, desk_open,
                                        desk_close),
        cmocka_unit_test_setup_teardown(a_proposal_is_seen_beside_how_things_stand, desk_open,
                                        desk_close),
        cmocka_unit_test_setup_teardown(the_mouse_moves_a_slider, desk_open, desk_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
