/* Channel identity: every filter of every layer gets a number, which flows along the channel axes
 * of the activations; where two channels must go together their numbers are joined. Internal to
 * src/prune. */
#ifndef TN_PRUNE_FLOW_H
#define TN_PRUNE_FLOW_H

#include "core/error.h"
#include "model/graph.h"
#include <stdbool.h>

/* The channel axis (dimension 1) of an activation. */
struct tn_axis {
    int count;       /* channels; 0 where unknown */
    const int *ids;  /* [count] owned by the flow */
    int per_channel; /* consecutive positions of the axis that are one channel (H*W after Flatten)
                      */
};

/* What a node is to the channels of one axis. */
struct tn_touch {
    int node;
    struct tn_axis axis;
};

struct tn_flow {
    const struct tn_graph *graph;
    struct tn_axis *axis; /* [values] */
    int id_count, id_capacity;
    int *parent;      /* [ids] union-find */
    const char **bar; /* [ids] by root: why the channel cannot be removed, or NULL */
    int *added_at;    /* [ids] by root: an Add that couples it to another, or TN_NO_NODE */
    int producer_count, through_count, consumer_count;
    struct tn_touch *producers; /* nodes whose filters are new channels */
    struct tn_touch *throughs;  /* nodes on the way with constants for each channel */
    struct tn_touch *consumers; /* nodes whose weights read the channels */
    int kept_count, kept_capacity;
    void **kept; /* memory that lives as long as the flow */
};

/* Follow all channels through a graph in topological order. */
bool tn_flow_of(const struct tn_graph *graph, struct tn_flow *flow, struct tn_error *error);
void tn_flow_free(struct tn_flow *flow);

int tn_flow_root(const struct tn_flow *flow, int id);
/* "the channels of ids a and b are one"; the reasons of both stay. */
void tn_flow_join(struct tn_flow *flow, int a, int b);

/* For the rules of operators (rules.c). */

/* New channels on the axis of `value`. */
bool tn_flow_create(struct tn_flow *flow, int value, int count, struct tn_error *error);
/* None of the channels on the axis of `value` can be removed, because ... (the first reason given
 * stays). */
bool tn_flow_bar(struct tn_flow *flow, int value, struct tn_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Note that `node` is a producer, a through-node or a consumer of the channels on the axis of
 * `value`. */
bool tn_flow_produces(struct tn_flow *flow, int node, int value, struct tn_error *error);
bool tn_flow_through(struct tn_flow *flow, int node, int value, struct tn_error *error);
bool tn_flow_consumes(struct tn_flow *flow, int node, int value, struct tn_error *error);

/* Apply the rule of a node's operator (rules.c). */
bool tn_flow_rule(struct tn_flow *flow, int node, struct tn_error *error);

#endif
