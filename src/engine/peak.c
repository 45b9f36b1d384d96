#include "engine/peak.h"

#include "core/clock.h"
#include "core/threads.h"
#include "engine/kernels.h"

enum { ROUNDS = 5, TASKS = 8 /* a thread, so that one which begins late takes fewer */ };
enum { TURNS = 200000 /* of the loop in a task: about half a millisecond */ };

static void spin(void *context, size_t index, unsigned worker)
{
    (void)worker;
    float *results = context;
    results[index % TASKS] = tn_kernels()->multiply_add(TURNS);
}

double tn_peak_gflops(void)
{
    float results[TASKS]; /* so that the work is not left out */
    double best = 0, tasks = TASKS * (double)tn_threads_get();
    for (int i = 0; i < ROUNDS; i++) {
        double begun = tn_clock_seconds();
        tn_parallel((size_t)tasks, spin, results);
        double rate =
            tasks * TURNS * tn_kernels()->multiply_add_flops / (tn_clock_seconds() - begun) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}
