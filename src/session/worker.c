#include "session/worker.h"

#include "core/clock.h"
#include "core/memory.h"
#include "session/brief.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RATE_POINTS = 32 };
static const double wake_every = 0.05; /* seconds: nobody reads faster */
static const double rate_window = 5;   /* seconds the rate is measured over */

struct queued {
    struct queued *next;
    uint64_t number;
    char line[];
};

struct point {
    double time, done;
};

struct tn_worker {
    struct tn_session *session; /* of the thread alone */
    pthread_t thread;
    int fd;
    atomic_bool cancelled, paused;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;
    struct queued *first, *last;
    bool ending;
    uint64_t submitted;
    struct tn_worker_status status;
    double begun;                     /* when the running command began */
    double woken;                     /* when progress last woke the reader */
    struct point points[RATE_POINTS]; /* of the running stage, oldest first */
    int point_count;
    struct tn_snapshot *snapshot;
};

static void signal_reader(struct tn_worker *worker)
{
    uint64_t one = 1;
    /* Fails only when the counter is full: then the reader has been woken already. */
    ssize_t ignored = write(worker->fd, &one, sizeof one);
    (void)ignored;
}

/* Progress */

static void remember(struct tn_worker *worker, double time, double done)
{
    const struct point *last =
        worker->point_count ? &worker->points[worker->point_count - 1] : NULL;
    if (last && time - last->time < rate_window / RATE_POINTS)
        return;
    bool old = worker->point_count > 1 && time - worker->points[0].time > rate_window;
    if (old || worker->point_count == RATE_POINTS) {
        worker->point_count--;
        memmove(worker->points, worker->points + 1,
                (size_t)worker->point_count * sizeof *worker->points);
    }
    worker->points[worker->point_count++] = (struct point){time, done};
}

static void estimate(struct tn_worker *worker, double time)
{
    struct tn_worker_status *status = &worker->status;
    status->rate = 0;
    status->left = -1;
    if (!worker->point_count)
        return;
    double seconds = time - worker->points[0].time, units = status->done - worker->points[0].done;
    if (seconds < 0.2 || units <= 0)
        return;
    status->rate = units / seconds;
    if (status->total > status->done)
        status->left = (status->total - status->done) / status->rate;
    else if (status->total > 0)
        status->left = 0;
}

static void on_progress(void *context, const char *stage, double done, double total,
                        const char *unit, const char *detail)
{
    struct tn_worker *worker = context;
    double time = tn_clock_seconds();
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    bool new_stage = strcmp(status->stage, stage) != 0 || done < status->done;
    if (new_stage)
        worker->point_count = 0;
    snprintf(status->stage, sizeof status->stage, "%s", stage);
    snprintf(status->unit, sizeof status->unit, "%s", unit ? unit : "");
    snprintf(status->detail, sizeof status->detail, "%s", detail ? detail : "");
    status->done = done;
    status->total = total;
    remember(worker, time, done);
    estimate(worker, time);
    bool wake = new_stage || time - worker->woken >= wake_every;
    if (wake)
        worker->woken = time;
    pthread_mutex_unlock(&worker->mutex);
    if (wake)
        signal_reader(worker);
}

/* Snapshots */

static void publish(void *context)
{
    struct tn_worker *worker = context;
    /* Only this thread replaces worker->snapshot, so it may be read without the lock. */
    struct tn_snapshot *next = tn_snapshot_new(worker->session, worker->snapshot, NULL);
    if (!next)
        return; /* out of memory: the last picture stays */
    pthread_mutex_lock(&worker->mutex);
    struct tn_snapshot *old = worker->snapshot;
    worker->snapshot = next;
    pthread_mutex_unlock(&worker->mutex);
    tn_snapshot_unref(old);
    signal_reader(worker);
}

/* The thread */

static void clear_progress(struct tn_worker_status *status)
{
    status->stage[0] = status->unit[0] = status->detail[0] = '\0';
    status->done = status->total = status->rate = 0;
    status->left = -1;
}

static struct queued *take(struct tn_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (!worker->first && !worker->ending)
        pthread_cond_wait(&worker->wake, &worker->mutex);
    struct queued *command = worker->ending ? NULL : worker->first;
    if (command) {
        struct tn_worker_status *status = &worker->status;
        worker->first = command->next;
        if (!worker->first)
            worker->last = NULL;
        status->waiting--;
        status->busy = true;
        status->cancelling = status->paused = false;
        clear_progress(status);
        snprintf(status->command, sizeof status->command, "%s", command->line);
        worker->point_count = 0;
        worker->begun = tn_clock_seconds();
        atomic_store(&worker->cancelled, false);
        atomic_store(&worker->paused, false);
    }
    pthread_mutex_unlock(&worker->mutex);
    return command;
}

static void tell(struct tn_worker *worker, const struct queued *command, bool ok,
                 const json_t *result, const struct tn_error *error)
{
    char message[sizeof worker->status.message];
    int name = (int)strcspn(command->line, " \t");
    if (ok)
        tn_brief(command->line, result, message, sizeof message);
    else
        snprintf(message, sizeof message, "%.*s: %s", name > 24 ? 24 : name, command->line,
                 error->text);
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    memcpy(status->message, message, sizeof message);
    status->finished = command->number;
    status->failed = !ok;
    status->busy = false;
    status->cancelling = status->paused = false;
    status->command[0] = '\0';
    clear_progress(status);
    status->quit = tn_session_wants_quit(worker->session);
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
}

static void execute(struct tn_worker *worker, const struct queued *command)
{
    struct tn_progress progress = {on_progress, worker, &worker->cancelled, &worker->paused};
    struct tn_error error;
    json_t *result = NULL;
    tn_error_clear(&error);
    signal_reader(worker);
    bool ok = tn_session_run(worker->session, command->line, &progress, &result, &error);
    publish(worker);
    tell(worker, command, ok, result, &error);
    json_decref(result);
}

static void *work(void *context)
{
    struct tn_worker *worker = context;
    struct queued *command;
    while ((command = take(worker))) {
        execute(worker, command);
        tn_free(command);
    }
    return NULL;
}

/* For the reader */

struct tn_worker *tn_worker_new(struct tn_session *session, struct tn_error *error)
{
    struct tn_worker *worker = tn_calloc(1, sizeof *worker);
    struct tn_snapshot *snapshot = worker ? tn_snapshot_new(session, NULL, error) : NULL;
    if (!snapshot) {
        tn_free(worker);
        tn_session_free(session);
        tn_fail_memory(error, "the worker", sizeof *worker);
        return NULL;
    }
    worker->session = session;
    worker->snapshot = snapshot;
    worker->status.left = -1;
    worker->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&worker->cancelled, false);
    atomic_init(&worker->paused, false);
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->wake, NULL);
    tn_session_on_change(session, publish, worker);
    if (worker->fd >= 0 && pthread_create(&worker->thread, NULL, work, worker) == 0)
        return worker;
    if (worker->fd >= 0)
        close(worker->fd);
    tn_snapshot_unref(snapshot);
    tn_session_free(session);
    tn_free(worker);
    tn_fail(error, TN_ERROR_SYSTEM, "the working thread cannot be started");
    return NULL;
}

static void drop_queue(struct tn_worker *worker)
{
    while (worker->first) {
        struct queued *next = worker->first->next;
        tn_free(worker->first);
        worker->first = next;
    }
    worker->last = NULL;
    worker->status.waiting = 0;
}

void tn_worker_free(struct tn_worker *worker)
{
    if (!worker)
        return;
    tn_worker_cancel(worker);
    pthread_mutex_lock(&worker->mutex);
    worker->ending = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    drop_queue(worker);
    tn_session_free(worker->session);
    tn_snapshot_unref(worker->snapshot);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->mutex);
    close(worker->fd);
    tn_free(worker);
}

uint64_t tn_worker_submit(struct tn_worker *worker, const char *line)
{
    size_t size = strlen(line) + 1;
    struct queued *command = tn_calloc(1, sizeof *command + size);
    pthread_mutex_lock(&worker->mutex);
    uint64_t number = ++worker->submitted;
    if (command) {
        memcpy(command->line, line, size);
        command->number = number;
        if (worker->last)
            worker->last->next = command;
        else
            worker->first = command;
        worker->last = command;
        worker->status.waiting++;
        pthread_cond_signal(&worker->wake);
    } else {
        worker->status.finished = number;
        worker->status.failed = true;
        snprintf(worker->status.message, sizeof worker->status.message, "out of memory");
    }
    pthread_mutex_unlock(&worker->mutex);
    return number;
}

void tn_worker_cancel(struct tn_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    if (worker->last && !worker->status.busy) { /* taken back before it began */
        worker->status.finished = worker->last->number;
        worker->status.failed = true;
        snprintf(worker->status.message, sizeof worker->status.message, "cancelled");
    }
    drop_queue(worker);
    worker->status.cancelling = worker->status.busy;
    if (worker->status.busy)
        atomic_store(&worker->cancelled, true);
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
}

void tn_worker_pause(struct tn_worker *worker, bool pause)
{
    pthread_mutex_lock(&worker->mutex);
    worker->status.paused = pause && worker->status.busy;
    atomic_store(&worker->paused, worker->status.paused);
    worker->point_count = 0; /* the rate is measured anew */
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
}

int tn_worker_fd(const struct tn_worker *worker)
{
    return worker->fd;
}

struct tn_snapshot *tn_worker_poll(struct tn_worker *worker, struct tn_worker_status *status)
{
    uint64_t count;
    ssize_t ignored =
        read(worker->fd, &count, sizeof count); /* non-blocking: nothing new is fine */
    (void)ignored;
    pthread_mutex_lock(&worker->mutex);
    *status = worker->status;
    status->elapsed = worker->status.busy ? tn_clock_seconds() - worker->begun : 0;
    struct tn_snapshot *snapshot = tn_snapshot_ref(worker->snapshot);
    pthread_mutex_unlock(&worker->mutex);
    return snapshot;
}
