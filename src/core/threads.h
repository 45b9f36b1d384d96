/* One pool of worker threads for the whole program. Work is cut into tasks whose number never
 * depends on the number of threads; which thread runs a task must not matter to the result (DESIGN
 * section 7). */
#ifndef TN_CORE_THREADS_H
#define TN_CORE_THREADS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Number of threads that take part in tn_parallel, the caller included. 0 means all processors. May
 * be called again when nothing runs. */
void tn_threads_set(unsigned count);
unsigned tn_threads_get(void);

/* Run task(context, 0 .. count-1, worker), worker < tn_threads_get() being the index of the thread
 * that runs it (for scratch memory). Returns when all are done. Calls from within a task run in the
 * calling thread. One caller at a time; others wait. */
void tn_parallel(size_t count, void (*task)(void *context, size_t index, unsigned worker),
                 void *context);

/* From now on jobs of the calling thread leave out the tasks that have not begun when *cancelled
 * becomes true, so that even one long job ends soon. Only for work whose every result is thrown
 * away when it is cancelled: what the left-out tasks would have written is not there. NULL: none
 * is left out. Returns what was set, to be set again afterwards. */
const atomic_bool *tn_parallel_cancel(const atomic_bool *cancelled);

#endif
