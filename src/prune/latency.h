/* How long a network takes, and how that falls as its layers get narrower. */
#ifndef TN_PRUNE_LATENCY_H
#define TN_PRUNE_LATENCY_H

#include "core/error.h"
#include "core/progress.h"
#include "model/graph.h"
#include "model/layers.h"
#include "prune/groups.h"
#include "prune/width.h"

/* Forward passes on one batch of random images, timed as often as wanted. */
struct tn_stopwatch;

struct tn_stopwatch *tn_stopwatch_new(const struct tn_graph *graph, int batch,
                                      const struct tn_progress *progress, struct tn_error *error);
void tn_stopwatch_free(struct tn_stopwatch *watch);
/* One pass; the first warms up memory and caches and is not counted. */
bool tn_stopwatch_pass(struct tn_stopwatch *watch, struct tn_error *error);
/* Median seconds of the counted passes; NAN before there is one. */
double tn_stopwatch_total(const struct tn_stopwatch *watch);
/* The same of a layer (index into tn_layers_of the graph) with what runs between it and the next;
 * the first counts from the start. */
double tn_stopwatch_layer(const struct tn_stopwatch *watch, int layer);

/* Pass after pass of several stopwatches in turn, so that what else the machine does meets all:
 * between 3 and 9 counted passes of each, fewer the longer they take. `stage` names the work. */
bool tn_stopwatches_run(struct tn_stopwatch *const *watches, int count, const char *stage,
                        const struct tn_progress *progress, struct tn_error *error);

/* Widths as tn_widths_of makes them, with a time for each number: every layer is timed at some
 * widths of the whole network, all groups alike, and its time put as fixed + rate x its FLOPs, both
 * at least 0, by least squares. */
bool tn_latency_widths(const struct tn_graph *graph, const struct tn_layers *layers,
                       const struct tn_groups *groups, int batch,
                       const struct tn_progress *progress, struct tn_widths *widths,
                       struct tn_error *error);

/* fixed, rate >= 0 that come nearest to times[i] = fixed + rate x flops[i]. */
void tn_latency_fit(int count, const double *flops, const double *times, double *fixed,
                    double *rate);

#endif
