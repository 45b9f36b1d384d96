/* The working thread and the snapshots it publishes. */
#include "core/clock.h"
#include "quick.h"
#include "session/worker.h"
#include "session_support.h"

#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A place whose session a worker has. */
struct shop {
    struct place *place;
    struct tn_worker *worker;
    struct tn_worker_status status;
    struct tn_snapshot *shot; /* the newest seen */
};

static int shop_open(void **state)
{
    struct shop *shop = calloc(1, sizeof *shop);
    assert_non_null(shop);
    void *place;
    place_open(&place);
    shop->place = place;
    shop->worker = tn_worker_new(shop->place->session, NULL);
    assert_non_null(shop->worker);
    shop->place->session = NULL;
    shop->shot = tn_worker_poll(shop->worker, &shop->status);
    *state = shop;
    return 0;
}

static int shop_close(void **state)
{
    struct shop *shop = *state;
    tn_worker_free(shop->worker);
    tn_snapshot_unref(shop->shot);
    void *place = shop->place;
    free(shop);
    return place_close(&place);
}

static void look(struct shop *shop)
{
    tn_snapshot_unref(shop->shot);
    shop->shot = tn_worker_poll(shop->worker, &shop->status);
    assert_non_null(shop->shot);
}

/* Wait for news as a screen does, then look. */
static void wait_for_news(struct shop *shop)
{
    struct pollfd fd = {.fd = tn_worker_fd(shop->worker), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 120000), 1);
    look(shop);
}

static uint64_t submit(struct shop *shop, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static uint64_t submit(struct shop *shop, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    return tn_worker_submit(shop->worker, line);
}

static void finish(struct shop *shop, uint64_t number)
{
    while (shop->status.finished < number)
        wait_for_news(shop);
}

static void succeed(struct shop *shop, uint64_t number)
{
    finish(shop, number);
    if (shop->status.failed)
        fail_msg("%s", shop->status.message);
}

static void prepare(struct shop *shop)
{
    submit(shop, "open zoo:fashion-vgg");
    submit(shop, "data %s/images", shop->place->folder);
    succeed(shop, submit(shop, "sample all images=2 locations=2"));
}

static void a_snapshot_is_there_from_the_start(void **state)
{
    struct shop *shop = *state;
    assert_string_equal(shop->shot->session_name, "unsaved");
    assert_string_equal(shop->shot->model_name, "");
    assert_int_equal(shop->shot->layer_count, 0);
    assert_false(shop->status.busy);
}

static void commands_run_in_order_and_say_how_they_ended(void **state)
{
    struct shop *shop = *state;
    uint64_t first = submit(shop, "open zoo:fashion-vgg");
    uint64_t second = submit(shop, "ratio conv1_9 0.5");
    uint64_t third = submit(shop, "ratio conv1_1 0.5");
    assert_true(first < second && second < third);
    finish(shop, second);
    if (shop->status.finished == second) {
        assert_true(shop->status.failed);
        assert_non_null(strstr(shop->status.message, "ratio: there is no layer"));
    }
    succeed(shop, third);
    assert_non_null(strstr(shop->status.message, "conv1_1 keeps 16 of 32"));
    assert_false(shop->status.busy);
    assert_int_equal(shop->status.waiting, 0);
}

static void the_snapshot_shows_what_the_commands_did(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    succeed(shop, submit(shop, "keep conv2_1 40"));
    const struct tn_snapshot *shot = shop->shot;
    assert_string_equal(shot->model_name, "fashion-vgg");
    assert_int_equal(shot->data_test, 100);
    assert_int_equal(shot->data_train, test_amount(200, 100));
    assert_int_equal(shot->layer_count, 7);
    const struct tn_snapshot_layer *layer = &shot->layers[2];
    assert_string_equal(layer->name, "conv2_1");
    assert_string_equal(layer->op, "Conv");
    assert_int_equal(layer->filters, 64);
    assert_int_equal(layer->kept, 40);
    assert_true(layer->samples > 0 && layer->path);
    assert_true(layer->error == layer->path->error[24]);
    assert_true(layer->error_ls == layer->path->error_ls[24]);
    assert_true(shot->flops_now == shot->flops && shot->flops_planned < shot->flops);
    const struct tn_snapshot_layer *last = &shot->layers[6];
    assert_false(last->prunable);
    assert_true(*last->why_not && isnan(last->error) && !last->path);
    assert_int_equal(shot->entry_count, 4);
    assert_true(shot->entries[3].current && shot->entries[3].changes);
    assert_string_equal(shot->entries[3].command, "keep conv2_1 40");
    assert_int_equal(shot->entries[3].depth, 3);
}

static void unchanged_paths_are_shared_between_snapshots(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    struct tn_snapshot *before = tn_snapshot_ref(shop->shot);
    succeed(shop, submit(shop, "ratio conv1_1 0.5"));
    assert_true(shop->shot->version > before->version);
    for (int l = 0; l < 6; l++)
        assert_ptr_equal(shop->shot->layers[l].path, before->layers[l].path);
    assert_ptr_equal(shop->shot->entries[0].command, before->entries[0].command);
    succeed(shop, submit(shop, "lock conv1_1 3 keep"));
    assert_ptr_not_equal(shop->shot->layers[0].path, before->layers[0].path);
    assert_int_equal(shop->shot->layers[0].path->lock[3], 1);
    assert_ptr_equal(shop->shot->layers[1].path, before->layers[1].path);
    succeed(shop, submit(shop, "undo"));
    assert_ptr_equal(shop->shot->layers[1].path, before->layers[1].path);
    assert_int_equal(before->layers[0].kept, 32); /* the old picture has not changed */
    tn_snapshot_unref(before);
}

static void what_was_timed_stays_with_its_network(void **state)
{
    struct shop *shop = *state;
    succeed(shop, submit(shop, "open zoo:fashion-vgg"));
    assert_null(shop->shot->times);
    succeed(shop, submit(shop, "time batch=1"));
    const struct tn_snapshot_times *times = shop->shot->times;
    assert_non_null(times);
    assert_true(times->batch == 1 && times->forward_ms > 0 && times->backward_ms > 0);
    assert_int_equal(times->layer_count, 7);
    assert_string_equal(times->layers[2].name, "conv2_1");
    assert_true(times->layers[2].forward_ms > 0 && times->layers[2].share > 0);
    assert_false(shop->shot->times_stale);
    succeed(shop, submit(shop, "method all l1"));
    succeed(shop, submit(shop, "ratio conv2_1 0.5"));
    assert_ptr_equal(shop->shot->times, times); /* shared, and not stale by what is only planned */
    assert_false(shop->shot->times_stale);
    succeed(shop, submit(shop, "prune conv2_1 reweight=none"));
    assert_true(shop->shot->times_stale);
    succeed(shop, submit(shop, "time batch=2"));
    assert_false(shop->shot->times_stale);
    assert_true(shop->shot->times->batch == 2);
    succeed(shop, submit(shop, "undo"));
    assert_true(shop->shot->times->batch == 1);
    assert_false(shop->shot->times_stale);
    succeed(shop, submit(shop, "open zoo:fashion-vgg"));
    assert_null(shop->shot->times);
}

static void curves_grow_while_training_runs(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    uint64_t training = submit(shop, "finetune epochs=3 batch=100 lr=0.01 test-limit=20");
    bool seen_running = false;
    int most = 0;
    while (shop->status.finished < training) {
        wait_for_news(shop);
        if (shop->shot->series_count == 0)
            continue;
        const struct tn_snapshot_series *series = &shop->shot->series[0];
        assert_true(series->count >= most);
        most = series->count;
        seen_running |= series->running;
    }
    assert_true(seen_running);
    assert_int_equal(shop->shot->series[0].count, 3);
    assert_false(shop->shot->series[0].running);
    assert_true(shop->shot->series[0].loss[2] > 0);
    assert_true(shop->shot->evaluated);
}

static void training_shows_progress_and_stops_at_once_when_cancelled(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    uint64_t training = submit(shop, "finetune epochs=100000 batch=20 lr=0.01");
    uint64_t dropped = submit(shop, "note never");
    while (shop->shot->series_count == 0 || shop->shot->series[0].count < 1 ||
           shop->status.done == 0)
        wait_for_news(shop);
    assert_true(shop->status.busy && shop->status.total > 0 && *shop->status.stage);
    assert_int_equal(shop->status.waiting, 1);
    double asked = tn_clock_seconds();
    tn_worker_cancel(shop->worker);
    finish(shop, training);
    /* 200 ms are promised; a machine that is busy with other things gets more. */
    assert_true(tn_clock_seconds() - asked < 2);
    assert_true(shop->status.failed);
    assert_non_null(strstr(shop->status.message, "as after epoch"));
    assert_int_equal(shop->status.waiting, 0);
    assert_true(shop->status.finished < dropped);
    const struct tn_snapshot *shot = shop->shot;
    const struct tn_snapshot_entry *entry = &shot->entries[shot->entry_count - 1];
    assert_true(entry->current && entry->changes && !entry->ok);
    succeed(shop, submit(shop, "undo"));
    assert_false(shop->shot->evaluated);
    succeed(shop, submit(shop, "note after"));
}

static void a_paused_command_stands_still_until_it_goes_on_or_is_cancelled(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    tn_worker_pause(shop->worker, true); /* nothing runs: nothing happens */
    uint64_t training = submit(shop, "finetune epochs=100000 batch=20 lr=0.01");
    while (shop->status.done == 0)
        wait_for_news(shop);
    assert_false(shop->status.paused);
    for (int round = 0; round < 2; round++) {
        tn_worker_pause(shop->worker, true);
        while (!shop->status.standing) /* the step under way ends */
            wait_for_news(shop);
        double done = shop->status.done;
        assert_true(shop->status.paused && shop->status.busy);
        usleep(200000);
        look(shop);
        assert_true(shop->status.done == done);
        if (round == 0) {
            tn_worker_pause(shop->worker, false);
            while (shop->status.done == done)
                wait_for_news(shop);
            assert_false(shop->status.paused || shop->status.standing);
        }
    }
    double asked = tn_clock_seconds();
    tn_worker_cancel(shop->worker);
    finish(shop, training);
    assert_true(tn_clock_seconds() - asked < 2);
    assert_true(shop->status.failed && !shop->status.paused && !shop->status.standing);
}

static void a_cancelled_command_leaves_the_state_as_it_was(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    uint64_t evaluation = submit(shop, "sample all images=20 locations=2000");
    while (shop->status.finished < evaluation && shop->status.done == 0)
        wait_for_news(shop);
    tn_worker_cancel(shop->worker);
    finish(shop, evaluation);
    if (shop->status.failed)
        assert_non_null(strstr(shop->status.message, "cancelled"));
    int64_t samples = shop->shot->layers[0].samples;
    assert_true(shop->status.failed ? samples == 2 * 10 * 2 : samples > 2 * 10 * 2);
}

/* Until the command with this number is the last that ended. */
static void wait_for_end(struct shop *shop, uint64_t number)
{
    while (shop->status.ended != number)
        wait_for_news(shop);
}

/* Images a point: enough to be met at work, few where sanitizers make each take long. */
static int measured_images(void)
{
    return test_amount(200, 20);
}

static uint64_t measure(struct shop *shop)
{
    return submit(shop, "sensitivity all ratios=0.2,0.5,0.8 limit=%d", measured_images());
}

/* In the midst of a measurement in the background. */
static uint64_t start_measuring(struct shop *shop)
{
    prepare(shop);
    uint64_t number = measure(shop);
    while (!(shop->status.giving_way && shop->status.done > 0))
        wait_for_news(shop);
    return number;
}

static void work_in_the_background_gives_way_and_goes_on_where_it_was(void **state)
{
    struct shop *shop = *state;
    uint64_t measuring = start_measuring(shop);
    double done = shop->status.done, total = shop->status.total;
    uint64_t ratio = submit(shop, "ratio conv1_1 0.5");
    wait_for_end(shop, ratio);
    assert_false(shop->status.failed);
    assert_int_equal(shop->shot->layers[0].kept, 16);
    /* It ended first, and what gave way is not lost. */
    assert_true(shop->status.giving_way || shop->status.resting == 1);
    while (!(shop->status.giving_way && shop->status.done > 0))
        wait_for_news(shop);
    assert_true(shop->status.done >= done && shop->status.total == total);
    assert_int_equal(shop->status.resting, 0);
    uint64_t note = submit(shop, "note meanwhile");
    wait_for_end(shop, note);
    wait_for_end(shop, measuring);
    if (shop->status.failed)
        fail_msg("%s", shop->status.message);
    assert_int_equal(shop->status.finished, note);
    char told[80];
    snprintf(told, sizeof told, "6 layers, 18 points on %d images", measured_images());
    assert_non_null(strstr(shop->status.message, told));
    /* It stands behind what was done meanwhile, once, and has not undone it. */
    const struct tn_snapshot *shot = shop->shot;
    assert_int_equal(shot->layers[0].kept, 16);
    assert_int_equal(shot->entry_count, 6);
    assert_string_equal(shot->entries[4].command, "note meanwhile");
    assert_true(shot->entries[5].current && shot->entries[5].ok);
}

static void work_in_the_background_queues_behind_its_like(void **state)
{
    struct shop *shop = *state;
    uint64_t first = start_measuring(shop);
    uint64_t second = submit(shop, "sensitivity conv1_1 ratios=0.3 limit=100");
    while (shop->status.ended != first) {
        assert_true(shop->status.ended != second);
        wait_for_news(shop);
    }
    assert_false(shop->status.failed);
    wait_for_end(shop, second);
    assert_false(shop->status.failed);
}

static void cancelled_work_in_the_background_keeps_its_points(void **state)
{
    struct shop *shop = *state;
    uint64_t measuring = start_measuring(shop);
    while (shop->status.done < 1.5 * measured_images())
        wait_for_news(shop);
    double done = shop->status.done;
    int entries = shop->shot->entry_count;
    tn_worker_cancel(shop->worker);
    wait_for_end(shop, measuring);
    assert_true(shop->status.failed);
    assert_non_null(strstr(shop->status.message, "of 19 points are measured"));
    assert_false(shop->status.busy || shop->status.resting || shop->status.waiting);
    assert_int_equal(shop->shot->entry_count, entries);
    uint64_t again = measure(shop);
    while (!(shop->status.giving_way && shop->status.done > 0))
        wait_for_news(shop);
    assert_true(shop->status.done >= done);
    wait_for_end(shop, again);
    assert_false(shop->status.failed);
}

static void a_command_in_front_is_cancelled_alone(void **state)
{
    struct shop *shop = *state;
    uint64_t measuring = start_measuring(shop);
    uint64_t training = submit(shop, "finetune epochs=100000 batch=20");
    while (shop->shot->series_count == 0)
        wait_for_news(shop);
    assert_int_equal(shop->status.resting, 1);
    assert_non_null(strstr(shop->status.rests, "sensitivity"));
    tn_worker_cancel(shop->worker);
    wait_for_end(shop, training);
    wait_for_end(shop, measuring);
    assert_false(shop->status.failed);
}

static void what_waits_can_be_seen_and_taken_out(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    struct tn_worker_queued queued[4];
    assert_int_equal(tn_worker_waiting(shop->worker, queued, 4), 0);
    uint64_t training = submit(shop, "finetune epochs=100000 batch=20 lr=0.01");
    while (shop->status.number != training)
        wait_for_news(shop);
    uint64_t measuring = measure(shop);
    uint64_t first = submit(shop, "note first"), second = submit(shop, "note second");
    uint64_t third = submit(shop, "note third");
    assert_int_equal(tn_worker_waiting(shop->worker, queued, 4), 4);
    assert_int_equal(queued[0].number, first);
    assert_string_equal(queued[1].line, "note second");
    assert_false(queued[2].rests);
    /* Whatever came in between: in the background is behind. */
    assert_true(queued[3].rests && queued[3].number == measuring);
    memset(queued, 0, sizeof queued);
    assert_int_equal(tn_worker_waiting(shop->worker, queued, 1), 4);
    assert_int_equal(queued[1].number, 0);
    /* From the middle, the end and the front. */
    assert_true(tn_worker_drop(shop->worker, second));
    assert_true(tn_worker_drop(shop->worker, third));
    assert_false(tn_worker_drop(shop->worker, third));
    assert_true(tn_worker_drop(shop->worker, measuring));
    uint64_t last = submit(shop, "note last");
    assert_int_equal(tn_worker_waiting(shop->worker, queued, 4), 2);
    assert_int_equal(queued[1].number, last);
    /* What runs is stopped alone. */
    assert_true(tn_worker_drop(shop->worker, training));
    succeed(shop, last);
    const struct tn_snapshot *shot = shop->shot;
    assert_string_equal(shot->entries[shot->entry_count - 2].command, "note first");
    assert_string_equal(shot->entries[shot->entry_count - 1].command, "note last");
    assert_false(shop->status.busy || shop->status.waiting || shop->status.resting);
    assert_false(tn_worker_drop(shop->worker, training));
}

static void work_that_gave_way_can_be_taken_out(void **state)
{
    struct shop *shop = *state;
    uint64_t measuring = start_measuring(shop);
    uint64_t training = submit(shop, "finetune epochs=100000 batch=20");
    while (shop->status.number != training)
        wait_for_news(shop);
    struct tn_worker_queued queued[1];
    assert_int_equal(tn_worker_waiting(shop->worker, queued, 1), 1);
    assert_true(queued[0].number == measuring && queued[0].spent > 0);
    assert_true(tn_worker_drop(shop->worker, measuring));
    assert_true(tn_worker_drop(shop->worker, training));
    while (shop->status.busy)
        wait_for_news(shop);
    assert_int_equal(shop->status.ended, training);
    /* And where it runs itself, it does not rest either. */
    measuring = measure(shop);
    while (!(shop->status.number == measuring && shop->status.done > 0))
        wait_for_news(shop);
    assert_true(tn_worker_drop(shop->worker, measuring));
    wait_for_end(shop, measuring);
    assert_int_equal(shop->status.resting, 0);
}

static void it_is_told_how_long_the_last_command_took(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    uint64_t training = submit(shop, "finetune epochs=2 batch=20 test-limit=20");
    while (shop->status.number != training)
        wait_for_news(shop);
    succeed(shop, training);
    const struct tn_snapshot *shot = shop->shot;
    double seconds = shot->entries[shot->entry_count - 1].seconds;
    assert_true(shop->status.took >= seconds && seconds > 0);
    assert_int_equal(shop->status.number, 0);
    succeed(shop, submit(shop, "branch told"));
    assert_true(shop->status.took < seconds);
    shot = shop->shot;
    assert_string_equal(shot->entries[shot->entry_count - 1].branch, "told");
    assert_null(shot->entries[shot->entry_count - 2].branch);
}

static void freeing_the_worker_ends_what_runs(void **state)
{
    struct shop *shop = *state;
    prepare(shop);
    submit(shop, "finetune epochs=100000 batch=20");
    while (shop->shot->series_count == 0)
        wait_for_news(shop);
    /* The teardown frees it in the middle of the training, with this behind it. */
    submit(shop, "note never");
}

static void quit_is_told(void **state)
{
    struct shop *shop = *state;
    assert_false(shop->status.quit);
    succeed(shop, submit(shop, "quit"));
    assert_true(shop->status.quit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_snapshot_is_there_from_the_start, shop_open, shop_close),
        cmocka_unit_test_setup_teardown(commands_run_in_order_and_say_how_they_ended, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(the_snapshot_shows_what_the_commands_did, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(unchanged_paths_are_shared_between_snapshots, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(what_was_timed_stays_with_its_network, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(curves_grow_while_training_runs, shop_open, shop_close),
        cmocka_unit_test_setup_teardown(training_shows_progress_and_stops_at_once_when_cancelled,
                                        shop_open, shop_close),
        cmocka_unit_test_setup_teardown(
            a_paused_command_stands_still_until_it_goes_on_or_is_cancelled, shop_open, shop_close),
        cmocka_unit_test_setup_teardown(a_cancelled_command_leaves_the_state_as_it_was, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(work_in_the_background_gives_way_and_goes_on_where_it_was,
                                        shop_open, shop_close),
        cmocka_unit_test_setup_teardown(work_in_the_background_queues_behind_its_like, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(cancelled_work_in_the_background_keeps_its_points,
                                        shop_open, shop_close),
        cmocka_unit_test_setup_teardown(a_command_in_front_is_cancelled_alone, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(what_waits_can_be_seen_and_taken_out, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(work_that_gave_way_can_be_taken_out, shop_open, shop_close),
        cmocka_unit_test_setup_teardown(it_is_told_how_long_the_last_command_took, shop_open,
                                        shop_close),
        cmocka_unit_test_setup_teardown(freeing_the_worker_ends_what_runs, shop_open, shop_close),
        cmocka_unit_test_setup_teardown(quit_is_told, shop_open, shop_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
