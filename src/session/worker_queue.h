/* Command lines that wait for the worker, in the order in which they will run. No locks: whoever
 * shares a queue guards it. */
#ifndef TN_SESSION_WORKER_QUEUE_H
#define TN_SESSION_WORKER_QUEUE_H

#include "session/worker.h"

struct tn_queued {
    struct tn_queued *next;
    uint64_t number;
    bool background;
    double spent; /* seconds it has run before it gave way */
    char line[];
};

struct tn_queue {
    struct tn_queued *first, *last;
    int count;
};

/* A command to queue; whether it may run in the background is looked up. NULL: out of memory.
 * Released with tn_free. */
struct tn_queued *tn_queued_new(const char *line, uint64_t number);

void tn_queue_append(struct tn_queue *queue, struct tn_queued *command);
void tn_queue_put_first(struct tn_queue *queue, struct tn_queued *command);
/* Out of the queue, the caller's from then on. NULL where it is empty, or has none of that number.
 */
struct tn_queued *tn_queue_take_first(struct tn_queue *queue);
struct tn_queued *tn_queue_take_number(struct tn_queue *queue, uint64_t number);
/* Release all. */
void tn_queue_empty(struct tn_queue *queue);

/* Copy those of `queue` that run in the background, or those that do not, behind the `count` that
 * are there, of which there is room for `room`. Returns how many there are so far. */
int tn_queue_copy(const struct tn_queue *queue, bool background, struct tn_worker_queued *queued,
                  int room, int count);

#endif
