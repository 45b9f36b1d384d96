#include "session/worker.h"

#include "core/clock.h"
#include "core/memory.h"
#include "session/brief.h"
#include "session/worker_pace.h"
#include "session/worker_queue.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const double wake_every = 0.05;      /* seconds: nobody reads faster */
static const long follow_every = 400000000; /* nanoseconds: looking costs a few system calls */

struct tn_worker {
    struct tn_session *session; /* of the thread alone */
    pthread_t thread;
    int fd;
    atomic_bool cancelled, paused;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;
    struct tn_queue waiting, resting; /* resting: in the background */
    bool yielding; /* the running command was asked to stop only to let another one run */
    bool ending;
    bool reading; /* the session's network */
    bool failed;  /* it could not begin: */
    struct tn_error failure;
    uint64_t submitted;
    struct tn_worker_status status;
    double begun;        /* when the running command began */
    double woken;        /* when progress last woke the reader */
    struct tn_pace pace; /* of the running stage */
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

static void on_progress(void *context, const char *stage, double done, double total,
                        const char *unit, const char *detail)
{
    struct tn_worker *worker = context;
    double time = tn_clock_seconds();
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    bool new_stage = strcmp(status->stage, stage) != 0 || done < status->done;
    if (new_stage)
        worker->pace.count = 0;
    snprintf(status->stage, sizeof status->stage, "%s", stage);
    snprintf(status->unit, sizeof status->unit, "%s", unit ? unit : "");
    snprintf(status->detail, sizeof status->detail, "%s", detail ? detail : "");
    status->done = done;
    status->total = total;
    tn_pace_note(&worker->pace, time, done);
    tn_pace_estimate(&worker->pace, time, done, total, &status->rate, &status->left);
    bool wake = new_stage || time - worker->woken >= wake_every;
    if (wake)
        worker->woken = time;
    pthread_mutex_unlock(&worker->mutex);
    if (wake)
        signal_reader(worker);
}

static void on_stand(void *context, bool stands)
{
    struct tn_worker *worker = context;
    pthread_mutex_lock(&worker->mutex);
    worker->status.standing = stands;
    pthread_mutex_unlock(&worker->mutex);
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

static void show_queues(struct tn_worker *worker)
{
    struct tn_worker_status *status = &worker->status;
    status->waiting = worker->waiting.count;
    status->resting = worker->resting.count;
    snprintf(status->rests, sizeof status->rests, "%s",
             worker->resting.first ? worker->resting.first->line : "");
}

/* The next to run: what waits, in order, then what rests. */
static struct tn_queued *next_command(struct tn_worker *worker)
{
    struct tn_queued *command;
    while ((command = tn_queue_take_first(&worker->waiting))) {
        if (!command->background)
            return command;
        tn_queue_append(&worker->resting, command);
    }
    return tn_queue_take_first(&worker->resting);
}

/* The thread */

static void clear_progress(struct tn_worker_status *status)
{
    status->stage[0] = status->unit[0] = status->detail[0] = '\0';
    status->done = status->total = status->rate = 0;
    status->left = -1;
}

/* Sleep until there is something to do; where the session is another process's, look from time to
 * time what that one has done. With the mutex locked, as it is again afterwards. */
static void wait_for_work(struct tn_worker *worker)
{
    if (!tn_session_looks_on(worker->session)) {
        pthread_cond_wait(&worker->wake, &worker->mutex);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += follow_every;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_cond_timedwait(&worker->wake, &worker->mutex, &until) != ETIMEDOUT)
        return;
    pthread_mutex_unlock(&worker->mutex);
    if (tn_session_follow(worker->session))
        publish(worker);
    pthread_mutex_lock(&worker->mutex);
}

static struct tn_queued *take(struct tn_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (!worker->waiting.first && !worker->resting.first && !worker->ending)
        wait_for_work(worker);
    struct tn_queued *command = worker->ending ? NULL : next_command(worker);
    if (command) {
        struct tn_worker_status *status = &worker->status;
        show_queues(worker);
        status->busy = true;
        status->giving_way = command->background;
        status->cancelling = status->paused = false;
        clear_progress(status);
        snprintf(status->command, sizeof status->command, "%s", command->line);
        status->number = command->number;
        worker->pace.count = 0;
        worker->begun = tn_clock_seconds() - command->spent;
        worker->yielding = false;
        atomic_store(&worker->cancelled, false);
        atomic_store(&worker->paused, false);
    }
    pthread_mutex_unlock(&worker->mutex);
    return command;
}

static void fall_idle(struct tn_worker_status *status)
{
    status->busy = status->giving_way = status->cancelling = status->paused = false;
    status->command[0] = '\0';
    status->number = 0;
    clear_progress(status);
}

static void tell(struct tn_worker *worker, const struct tn_queued *command, bool ok,
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
    if (command->number > status->finished)
        status->finished = command->number;
    status->ended = command->number;
    status->endings++;
    status->failed = !ok;
    status->took = tn_clock_seconds() - worker->begun;
    snprintf(status->ended_command, sizeof status->ended_command, "%s", command->line);
    fall_idle(status);
    status->quit = tn_session_wants_quit(worker->session);
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
}

/* Did the command stop only to give way? Then it rests. */
static bool rest(struct tn_worker *worker, struct tn_queued *command, bool ok,
                 const struct tn_error *error)
{
    pthread_mutex_lock(&worker->mutex);
    bool rests = !ok && worker->yielding && !worker->ending && error->kind == TN_ERROR_CANCELLED;
    if (rests) {
        command->spent = tn_clock_seconds() - worker->begun;
        tn_queue_put_first(&worker->resting, command);
        fall_idle(&worker->status);
        show_queues(worker);
    }
    pthread_mutex_unlock(&worker->mutex);
    return rests;
}

static void execute(struct tn_worker *worker, struct tn_queued *command)
{
    const struct tn_progress progress = {on_progress, worker, &worker->cancelled, &worker->paused,
                                         on_stand};
    struct tn_error error;
    json_t *result = NULL;
    tn_error_clear(&error);
    signal_reader(worker);
    bool ok = tn_session_run(worker->session, command->line, &progress, &result, &error);
    if (!rest(worker, command, ok, &error)) {
        publish(worker);
        tell(worker, command, ok, result, &error);
        tn_free(command);
    }
    json_decref(result);
}

/* Whoever draws comes first: the thread that works, and those it starts to compute, which inherit
 * it, are a little less urgent. Linux keeps the priority by thread; elsewhere all of it would
 * change, so it stays. */
static void step_back(void)
{
#ifdef __linux__
    setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, (id_t)gettid()) + 5);
#endif
}

/* What the session was opened without. Where it cannot be read there is nothing to work on. */
static bool read_rest(struct tn_worker *worker)
{
    struct tn_error error;
    tn_error_clear(&error);
    if (!tn_session_is_unread(worker->session))
        return true;
    bool fine = tn_session_finish_open(worker->session, &error);
    pthread_mutex_lock(&worker->mutex);
    worker->reading = false;
    pthread_mutex_unlock(&worker->mutex);
    if (fine)
        publish(worker);
    pthread_mutex_lock(&worker->mutex);
    worker->failure = error;
    worker->failed = !fine && !worker->ending; /* else it was stopped: nobody misses it */
    worker->status.quit = !fine;
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
    return fine;
}

static void *work(void *context)
{
    struct tn_worker *worker = context;
    step_back();
    if (!read_rest(worker))
        return NULL;
    struct tn_queued *command;
    while ((command = take(worker)))
        execute(worker, command);
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
    worker->reading = tn_session_is_unread(session);
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

void tn_worker_free(struct tn_worker *worker)
{
    if (!worker)
        return;
    tn_worker_cancel(worker);
    pthread_mutex_lock(&worker->mutex);
    worker->ending = true;
    if (worker->reading)
        tn_session_stop_opening(worker->session);
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    tn_queue_empty(&worker->waiting);
    tn_queue_empty(&worker->resting);
    tn_session_free(worker->session);
    tn_snapshot_unref(worker->snapshot);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->mutex);
    close(worker->fd);
    tn_free(worker);
}

uint64_t tn_worker_submit(struct tn_worker *worker, const char *line)
{
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    uint64_t number = ++worker->submitted;
    struct tn_queued *command = tn_queued_new(line, number);
    if (command) {
        tn_queue_append(&worker->waiting, command);
        show_queues(worker);
        if (status->busy && status->giving_way && !command->background && !status->cancelling) {
            worker->yielding = true;
            atomic_store(&worker->cancelled, true);
        }
        pthread_cond_signal(&worker->wake);
    } else {
        status->finished = status->ended = number;
        status->endings++;
        status->failed = true;
        status->took = 0;
        snprintf(status->message, sizeof status->message, "out of memory");
    }
    pthread_mutex_unlock(&worker->mutex);
    return number;
}

/* Nothing runs: what was taken back ends here. */
static void end_unbegun(struct tn_worker *worker, uint64_t number)
{
    struct tn_worker_status *status = &worker->status;
    if (number > status->finished)
        status->finished = number;
    status->ended = number;
    status->endings++;
    status->failed = true;
    status->took = 0;
    snprintf(status->message, sizeof status->message, "cancelled");
}

void tn_worker_cancel(struct tn_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    bool background = !status->busy || status->giving_way;
    const struct tn_queued *last =
        worker->waiting.last ? worker->waiting.last : worker->resting.last;
    if (last && !status->busy)
        end_unbegun(worker, last->number);
    tn_queue_empty(&worker->waiting);
    if (background)
        tn_queue_empty(&worker->resting);
    show_queues(worker);
    worker->yielding = false;
    status->cancelling = status->busy;
    if (status->busy)
        atomic_store(&worker->cancelled, true);
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
}

int tn_worker_waiting(struct tn_worker *worker, struct tn_worker_queued *queued, int room)
{
    pthread_mutex_lock(&worker->mutex);
    int count = tn_queue_copy(&worker->waiting, false, queued, room, 0);
    count = tn_queue_copy(&worker->resting, true, queued, room, count);
    count = tn_queue_copy(&worker->waiting, true, queued, room, count);
    pthread_mutex_unlock(&worker->mutex);
    return count;
}

bool tn_worker_drop(struct tn_worker *worker, uint64_t number)
{
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    struct tn_queued *command = tn_queue_take_number(&worker->waiting, number);
    command = command ? command : tn_queue_take_number(&worker->resting, number);
    bool runs = status->busy && status->number == number;
    if (runs) {
        worker->yielding = false;
        status->cancelling = true;
        atomic_store(&worker->cancelled, true);
    }
    bool found = runs || command;
    show_queues(worker);
    pthread_mutex_unlock(&worker->mutex);
    tn_free(command);
    signal_reader(worker);
    return found;
}

void tn_worker_pause(struct tn_worker *worker, bool pause)
{
    pthread_mutex_lock(&worker->mutex);
    worker->status.paused = pause && worker->status.busy;
    atomic_store(&worker->paused, worker->status.paused);
    worker->pace.count = 0; /* the rate is measured anew */
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
}

bool tn_worker_begun(struct tn_worker *worker, struct tn_error *error)
{
    pthread_mutex_lock(&worker->mutex);
    bool failed = worker->failed;
    if (failed)
        *error = worker->failure;
    pthread_mutex_unlock(&worker->mutex);
    return !failed;
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
