#include "session/worker.h"

#include "core/clock.h"
#include "core/memory.h"
#include "session/brief.h"
#include "session/command.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { RATE_POINTS = 32 };
static const double wake_every = 0.05;      /* seconds: nobody reads faster */
static const long follow_every = 400000000; /* nanoseconds: looking costs a few system calls */
static const double rate_window = 5;        /* seconds the rate is measured over */

struct queued {
    struct queued *next;
    uint64_t number;
    bool background;
    double spent; /* seconds it has run before it gave way */
    char line[];
};

struct point {
    double time, done;
};

struct queue {
    struct queued *first, *last;
    int count;
};

struct tn_worker {
    struct tn_session *session; /* of the thread alone */
    pthread_t thread;
    int fd;
    atomic_bool cancelled, paused;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;
    struct queue waiting, resting; /* resting: in the background */
    bool yielding; /* the running command was asked to stop only to let another one run */
    bool ending;
    bool reading; /* the session's network */
    bool failed;  /* it could not begin: */
    struct tn_error failure;
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

/* Queues */

static void append(struct queue *queue, struct queued *command)
{
    command->next = NULL;
    if (queue->last)
        queue->last->next = command;
    else
        queue->first = command;
    queue->last = command;
    queue->count++;
}

static void put_first(struct queue *queue, struct queued *command)
{
    command->next = queue->first;
    queue->first = command;
    queue->last = queue->last ? queue->last : command;
    queue->count++;
}

static struct queued *take_first(struct queue *queue)
{
    struct queued *command = queue->first;
    if (!command)
        return NULL;
    queue->first = command->next;
    queue->last = queue->first ? queue->last : NULL;
    queue->count--;
    return command;
}

/* NULL where it is not in the queue. */
static struct queued *take_number(struct queue *queue, uint64_t number)
{
    struct queued *before = NULL, *command = queue->first;
    while (command && command->number != number) {
        before = command;
        command = command->next;
    }
    if (!command)
        return NULL;
    if (!before)
        return take_first(queue);
    before->next = command->next;
    queue->last = command->next ? queue->last : before;
    queue->count--;
    return command;
}

static void empty(struct queue *queue)
{
    struct queued *command;
    while ((command = take_first(queue)))
        tn_free(command);
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
static struct queued *next_command(struct tn_worker *worker)
{
    struct queued *command;
    while ((command = take_first(&worker->waiting))) {
        if (!command->background)
            return command;
        append(&worker->resting, command);
    }
    return take_first(&worker->resting);
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

static struct queued *take(struct tn_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (!worker->waiting.first && !worker->resting.first && !worker->ending)
        wait_for_work(worker);
    struct queued *command = worker->ending ? NULL : next_command(worker);
    if (command) {
        struct tn_worker_status *status = &worker->status;
        show_queues(worker);
        status->busy = true;
        status->giving_way = command->background;
        status->cancelling = status->paused = false;
        clear_progress(status);
        snprintf(status->command, sizeof status->command, "%s", command->line);
        status->number = command->number;
        worker->point_count = 0;
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
static bool rest(struct tn_worker *worker, struct queued *command, bool ok,
                 const struct tn_error *error)
{
    pthread_mutex_lock(&worker->mutex);
    bool rests = !ok && worker->yielding && !worker->ending && error->kind == TN_ERROR_CANCELLED;
    if (rests) {
        command->spent = tn_clock_seconds() - worker->begun;
        put_first(&worker->resting, command);
        fall_idle(&worker->status);
        show_queues(worker);
    }
    pthread_mutex_unlock(&worker->mutex);
    return rests;
}

static void execute(struct tn_worker *worker, struct queued *command)
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
    struct queued *command;
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
    empty(&worker->waiting);
    empty(&worker->resting);
    tn_session_free(worker->session);
    tn_snapshot_unref(worker->snapshot);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->mutex);
    close(worker->fd);
    tn_free(worker);
}

static bool in_background(const char *line)
{
    char name[32] = "";
    line += strspn(line, " \t");
    size_t length = strcspn(line, " \t\r\n");
    if (length < sizeof name)
        memcpy(name, line, length);
    const struct tn_command *command = tn_command_find(name);
    return command && (command->flags & TN_COMMAND_BACKGROUND);
}

uint64_t tn_worker_submit(struct tn_worker *worker, const char *line)
{
    size_t size = strlen(line) + 1;
    struct queued *command = tn_calloc(1, sizeof *command + size);
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    uint64_t number = ++worker->submitted;
    if (command) {
        memcpy(command->line, line, size);
        command->number = number;
        command->background = in_background(line);
        append(&worker->waiting, command);
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
    const struct queued *last = worker->waiting.last ? worker->waiting.last : worker->resting.last;
    if (last && !status->busy)
        end_unbegun(worker, last->number);
    empty(&worker->waiting);
    if (background)
        empty(&worker->resting);
    show_queues(worker);
    worker->yielding = false;
    status->cancelling = status->busy;
    if (status->busy)
        atomic_store(&worker->cancelled, true);
    pthread_mutex_unlock(&worker->mutex);
    signal_reader(worker);
}

/* Those of `queue` that run in the background, or those that do not. Returns how many there are so
 * far. */
static int copy_queue(const struct queue *queue, bool background, struct tn_worker_queued *queued,
                      int room, int count)
{
    for (const struct queued *command = queue->first; command; command = command->next) {
        if (command->background != background)
            continue;
        if (count < room) {
            queued[count] = (struct tn_worker_queued){
                .number = command->number, .rests = background, .spent = command->spent};
            snprintf(queued[count].line, sizeof queued->line, "%s", command->line);
        }
        count++;
    }
    return count;
}

int tn_worker_waiting(struct tn_worker *worker, struct tn_worker_queued *queued, int room)
{
    pthread_mutex_lock(&worker->mutex);
    int count = copy_queue(&worker->waiting, false, queued, room, 0);
    count = copy_queue(&worker->resting, true, queued, room, count);
    count = copy_queue(&worker->waiting, true, queued, room, count);
    pthread_mutex_unlock(&worker->mutex);
    return count;
}

bool tn_worker_drop(struct tn_worker *worker, uint64_t number)
{
    pthread_mutex_lock(&worker->mutex);
    struct tn_worker_status *status = &worker->status;
    struct queued *command = take_number(&worker->waiting, number);
    command = command ? command : take_number(&worker->resting, number);
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
    worker->point_count = 0; /* the rate is measured anew */
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
