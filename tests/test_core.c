/* core: errors, memory, random numbers, threads, digests. */
#include "core/digest.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/threads.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void errors_are_one_printable_line(void **state)
{
    (void)state;
    struct tn_error error = {0};
    assert_false(tn_fail(&error, TN_ERROR_INPUT, "bad name 'a\033[2Jb\n'"));
    assert_string_equal(error.text, "bad name 'a?[2Jb?'");
    assert_false(tn_fail_in(&error, "%s", "model.onnx"));
    assert_string_equal(error.text, "model.onnx: bad name 'a?[2Jb?'");
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    tn_fail_in(&error, "%s", longer);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_false(tn_fail(NULL, TN_ERROR_USE, "nobody listens"));
}

static void memory_is_aligned_zeroed_and_checked(void **state)
{
    (void)state;
    char *memory = tn_calloc(3, 7);
    assert_int_equal((uintptr_t)memory % TN_ALIGNMENT, 0);
    for (int i = 0; i < 21; i++)
        assert_int_equal(memory[i], 0);
    memory[20] = 5;
    memory = tn_realloc(memory, 3, 300, 7);
    assert_int_equal(memory[20], 5);
    tn_free(memory);
    assert_null(tn_calloc(SIZE_MAX / 2, 3));
    assert_null(tn_alloc(SIZE_MAX - 10, 1));
}

static void random_numbers_repeat_and_streams_differ(void **state)
{
    (void)state;
    struct tn_random a, b, c;
    tn_random_seed(&a, 1, 7);
    tn_random_seed(&b, 1, 7);
    tn_random_seed(&c, 1, 8);
    int equal = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = tn_random_u64(&a);
        assert_true(x == tn_random_u64(&b));
        equal += x == tn_random_u64(&c);
    }
    assert_int_equal(equal, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < 100000; i++) {
        double x = tn_random_normal(&a);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / 100000) < 0.02);
    assert_true(fabs(squares / 100000 - 1) < 0.03);
    int counts[3] = {0};
    for (int i = 0; i < 30000; i++)
        counts[tn_random_below(&a, 3)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(counts[i], 9500, 10500);
}

static void shuffles_are_permutations(void **state)
{
    (void)state;
    uint32_t values[100];
    int seen[100] = {0}, moved = 0;
    struct tn_random random;
    for (uint32_t i = 0; i < 100; i++)
        values[i] = i;
    tn_random_seed(&random, 3, 0);
    tn_random_shuffle(&random, values, 100);
    for (uint32_t i = 0; i < 100; i++) {
        seen[values[i]]++;
        moved += values[i] != i;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

struct tally {
    int runs[1000];
    unsigned most;
};

static void count_run(void *context, size_t index, unsigned worker)
{
    struct tally *tally = context;
    tally->runs[index]++;
    if (worker > tally->most)
        tally->most = worker;
}

static void every_task_runs_once(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        tn_threads_set(threads);
        assert_int_equal(tn_threads_get(), threads);
        for (int round = 0; round < 50; round++) {
            struct tally tally = {{0}, 0};
            tn_parallel(1000, count_run, &tally);
            for (int i = 0; i < 1000; i++)
                assert_int_equal(tally.runs[i], 1);
            assert_true(tally.most < threads);
        }
    }
    tn_threads_set(0);
}

struct stopping {
    atomic_bool stop;
    atomic_int runs;
};

static void stop_at_once(void *context, size_t index, unsigned worker)
{
    (void)index, (void)worker;
    struct stopping *stopping = context;
    atomic_fetch_add(&stopping->runs, 1);
    atomic_store(&stopping->stop, true);
}

/* Only tasks that have begun are ended, and only of the thread that asked for it. */
static void cancelled_jobs_leave_tasks_out(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct stopping stopping = {false, 0};
        tn_threads_set(threads);
        assert_null(tn_parallel_cancel(&stopping.stop));
        tn_parallel(1000, stop_at_once, &stopping);
        assert_in_range(stopping.runs, 1, threads);
        assert_ptr_equal(tn_parallel_cancel(NULL), &stopping.stop);
        stopping.runs = 0;
        tn_parallel(1000, stop_at_once, &stopping);
        assert_int_equal(stopping.runs, 1000);
    }
    tn_threads_set(0);
}

static void digests_are_blake2b(void **state)
{
    (void)state;
    struct tn_digest digest, pieces, parsed;
    char hex[TN_DIGEST_HEX];
    tn_digest_of(&digest, "abc", 3);
    tn_digest_hex(&digest, hex);
    /* b2sum -l 256 of "abc" */
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    tn_digest_pieces(&pieces, 2, (const void *const[]){"a", "bc"}, (const size_t[]){1, 2});
    assert_true(tn_digest_equal(&digest, &pieces));
    assert_true(tn_digest_parse(hex, &parsed));
    assert_true(tn_digest_equal(&digest, &parsed));
    assert_false(tn_digest_parse("bddd", &parsed));
    hex[3] = 'z';
    assert_false(tn_digest_parse(hex, &parsed));
}

static void cancelled_work_stops(void **state)
{
    (void)state;
    atomic_bool cancelled = false;
    struct tn_progress progress = {.cancelled = &cancelled};
    struct tn_error error = {0};
    assert_true(tn_progress_step(&progress, "eval", 0, 1, "images", "", &error));
    atomic_store(&cancelled, true);
    assert_false(tn_progress_step(&progress, "eval", 0, 1, "images", "", &error));
    assert_int_equal(error.kind, TN_ERROR_CANCELLED);
    assert_true(tn_progress_step(NULL, "eval", 0, 1, "images", "", &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_one_printable_line),
        cmocka_unit_test(memory_is_aligned_zeroed_and_checked),
        cmocka_unit_test(random_numbers_repeat_and_streams_differ),
        cmocka_unit_test(shuffles_are_permutations),
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(cancelled_jobs_leave_tasks_out),
        cmocka_unit_test(digests_are_blake2b),
        cmocka_unit_test(cancelled_work_stops),
    };
    return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
