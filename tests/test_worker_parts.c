/* What the working thread is made of, by itself: the queue of commands, and how fast work goes. */
#include "core/memory.h"
#include "session/worker_pace.h"
#include "session/worker_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void put(struct tn_queue *queue, const char *line, uint64_t number)
{
    struct tn_queued *command = tn_queued_new(line, number);
    assert_non_null(command);
    tn_queue_append(queue, command);
}

static void expect(struct tn_queue *queue, uint64_t number)
{
    struct tn_queued *command = tn_queue_take_first(queue);
    assert_non_null(command);
    assert_int_equal(command->number, number);
    tn_free(command);
}

static void commands_leave_in_the_order_they_came(void **state)
{
    (void)state;
    struct tn_queue queue = {0};
    for (uint64_t number = 1; number <= 4; number++)
        put(&queue, "eval", number);
    tn_free(tn_queue_take_number(&queue, 2));
    assert_null(tn_queue_take_number(&queue, 2));
    tn_free(tn_queue_take_number(&queue, 4)); /* the last: another one comes behind the third */
    put(&queue, "eval", 5);
    tn_queue_put_first(&queue, tn_queued_new("undo", 6));
    assert_int_equal(queue.count, 4);
    expect(&queue, 6);
    expect(&queue, 1);
    expect(&queue, 3);
    expect(&queue, 5);
    assert_null(tn_queue_take_first(&queue));
    tn_queue_put_first(&queue, tn_queued_new("undo", 7));
    put(&queue, "eval", 8);
    tn_queue_empty(&queue);
    assert_int_equal(queue.count, 0);
    assert_null(queue.last);
}

static void a_copy_counts_what_it_has_no_room_for(void **state)
{
    (void)state;
    struct tn_queue queue = {0};
    struct tn_worker_queued copy[2];
    put(&queue, "  sensitivity all", 1);
    put(&queue, "eval", 2);
    put(&queue, "prune all", 3);
    put(&queue, "no-such-command", 4);
    assert_true(queue.first->background);
    assert_int_equal(tn_queue_copy(&queue, false, copy, 2, 0), 3);
    assert_int_equal(copy[0].number, 2);
    assert_string_equal(copy[1].line, "prune all");
    assert_false(copy[1].rests);
    assert_int_equal(tn_queue_copy(&queue, true, copy, 2, 1), 2);
    assert_int_equal(copy[1].number, 1);
    assert_true(copy[1].rests);
    tn_queue_empty(&queue);
}

static void the_pace_is_that_of_the_last_seconds(void **state)
{
    (void)state;
    struct tn_pace pace = {.count = 0};
    double rate, left;
    tn_pace_estimate(&pace, 0, 0, 100, &rate, &left);
    assert_true(rate <= 0 && left < 0);
    /* Slow for ten seconds, then a hundred times as fast for ten. */
    double done = 0, time = 0;
    for (int i = 0; i < 200; i++, time += 0.05)
        tn_pace_note(&pace, time, done += 1);
    tn_pace_estimate(&pace, time, done, 0, &rate, &left);
    assert_true(rate > 19 && rate < 22 && left < 0); /* no end is known */
    for (int i = 0; i < 200; i++, time += 0.05)
        tn_pace_note(&pace, time, done += 100);
    tn_pace_estimate(&pace, time, done, done + 4000, &rate, &left);
    assert_true(rate > 1900 && rate < 2200);
    assert_true(left > 1.8 && left < 2.2);
    tn_pace_estimate(&pace, time, done, done, &rate, &left);
    assert_true(left >= 0 && left <= 0);
    /* Of a moment nothing is said. */
    pace.count = 0;
    tn_pace_note(&pace, time, done);
    tn_pace_estimate(&pace, time + 0.1, done + 50, done + 100, &rate, &left);
    assert_true(rate <= 0 && left < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_leave_in_the_order_they_came),
        cmocka_unit_test(a_copy_counts_what_it_has_no_room_for),
        cmocka_unit_test(the_pace_is_that_of_the_last_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
