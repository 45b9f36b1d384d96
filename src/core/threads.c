#include "core/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/* How often a thread that has nothing to do looks again before it sleeps, some 60 us: layers follow
 * one another faster than a sleeping thread wakes. */
enum { MAX_THREADS = 256, LOOKS = 2000 };

static struct {
    pthread_mutex_t call; /* one tn_parallel at a time */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t threads[MAX_THREADS];
    unsigned wanted;  /* 0: not set yet */
    unsigned running; /* helper threads, the caller not counted */
    bool stop;
    atomic_ulong round; /* grows with every job, so that a helper takes part once */
    bool open;          /* a job is there to take part in */
    atomic_uint busy;   /* helpers that take part */
    void (*task)(void *, size_t, unsigned);
    void *context;
    size_t count;
    const atomic_bool *cancelled; /* or NULL */
    atomic_size_t next;
} pool = {
    .call = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
};

static _Thread_local bool inside_task;
static _Thread_local const atomic_bool *cancelled_by;

const atomic_bool *tn_parallel_cancel(const atomic_bool *cancelled)
{
    const atomic_bool *before = cancelled_by;
    cancelled_by = cancelled;
    return before;
}

static bool cancelled(void)
{
    return pool.cancelled && atomic_load_explicit(pool.cancelled, memory_order_relaxed);
}

static void run_tasks(unsigned worker)
{
    size_t index;
    inside_task = true;
    while ((index = atomic_fetch_add(&pool.next, 1)) < pool.count && !cancelled())
        pool.task(pool.context, index, worker);
    inside_task = false;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void look_for_round(unsigned long seen)
{
    for (int i = 0; i < LOOKS && atomic_load(&pool.round) == seen; i++)
        relax();
}

static void look_for_end(void)
{
    for (int i = 0; i < LOOKS && atomic_load(&pool.busy) > 0; i++)
        relax();
}

/* A helper that wakes when the job is done already goes back to sleep: on a busy machine nobody
 * waits for a thread that has not begun. */
static void *helper(void *argument)
{
    unsigned worker = (unsigned)(size_t)argument;
    unsigned long seen = 0;
    while (true) {
        look_for_round(seen);
        pthread_mutex_lock(&pool.lock);
        while (!pool.stop && !(pool.open && pool.round != seen))
            pthread_cond_wait(&pool.work, &pool.lock);
        if (pool.stop) {
            pthread_mutex_unlock(&pool.lock);
            return NULL;
        }
        seen = pool.round;
        pool.busy++;
        pthread_mutex_unlock(&pool.lock);
        run_tasks(worker);
        pthread_mutex_lock(&pool.lock);
        if (--pool.busy == 0)
            pthread_cond_signal(&pool.done);
        pthread_mutex_unlock(&pool.lock);
    }
}

/* Those that this process may run on, fewer than the machine's in a container or under taskset. */
static unsigned processors(void)
{
    cpu_set_t allowed;
    long count = sched_getaffinity(0, sizeof allowed, &allowed) == 0
                     ? CPU_COUNT(&allowed)
                     : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : (unsigned)count;
}

static void stop_helpers(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.stop = true;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    for (unsigned i = 0; i < pool.running; i++)
        pthread_join(pool.threads[i], NULL);
    pool.running = 0;
    pool.stop = false;
    pool.round = 0;
}

void tn_threads_set(unsigned count)
{
    pthread_mutex_lock(&pool.call);
    stop_helpers();
    pool.wanted = count == 0 ? processors() : count > MAX_THREADS ? MAX_THREADS : count;
    pthread_mutex_unlock(&pool.call);
}

unsigned tn_threads_get(void)
{
    return pool.wanted ? pool.wanted : processors();
}

/* Start what is missing; a thread that cannot be started is done without. */
static void start_helpers(void)
{
    if (!pool.wanted)
        pool.wanted = processors();
    while (pool.running + 1 < pool.wanted) {
        size_t worker = pool.running + 1;
        if (pthread_create(&pool.threads[pool.running], NULL, helper, (void *)worker) != 0)
            break;
        pool.running++;
    }
}

void tn_parallel(size_t count, void (*task)(void *context, size_t index, unsigned worker),
                 void *context)
{
    if (count == 0)
        return;
    if (inside_task) {
        /* A nested call belongs to a worker whose index we do not know: its tasks share that one.
         */
        for (size_t i = 0; i < count && !cancelled(); i++)
            task(context, i, 0);
        return;
    }
    pthread_mutex_lock(&pool.call);
    start_helpers();
    pool.task = task;
    pool.context = context;
    pool.count = count;
    pool.cancelled = cancelled_by;
    atomic_store(&pool.next, 0);
    bool shared = count > 1 && pool.running > 0;
    if (shared) {
        pthread_mutex_lock(&pool.lock);
        pool.open = true;
        pool.round++;
        pthread_cond_broadcast(&pool.work);
        pthread_mutex_unlock(&pool.lock);
    }
    run_tasks(0);
    if (shared) {
        pthread_mutex_lock(&pool.lock);
        pool.open = false;
        pthread_mutex_unlock(&pool.lock);
        look_for_end();
        pthread_mutex_lock(&pool.lock);
        while (pool.busy > 0)
            pthread_cond_wait(&pool.done, &pool.lock);
        pthread_mutex_unlock(&pool.lock);
    }
    pthread_mutex_unlock(&pool.call);
}
