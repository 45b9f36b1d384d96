/* Channel identity: every filter of every layer gets a number, which flows along one axis of the
 * activations; where two channels must go together their numbers are joined. Internal to src/prune.
 */
#ifndef TN_PRUNE_FLOW_H
#define TN_PRUNE_FLOW_H

#include "core/error.h"
#include "model/graph.h"
#include <stdbool.h>

/* The axis of an activation on which channels stand, and which channel each position is. A channel
 * may hold many positions (H*W of them behind a Flatten, one in each row of a channel shuffle). */
struct tn_labels {
    int axis;
    int count;      /* positions on that axis; 0 where no channels are known */
    const int *ids; /* [count] owned by the flow */
};

/* Constants whose axis follows channels: what surgery has to cut. */
enum tn_role {
    TN_FILTERS, /* weights and bias of the layer that makes the channels */
    TN_THROUGH, /* constants on the way: BatchNorm, depthwise weights, a layer's scale */
    TN_READS    /* weights of the layer that reads the channels */
};

struct tn_touch {
    int node, input, axis; /* the constant behind this input of the node, and its axis */
    enum tn_role role;
    int count;
    const int *ids; /* [count] positions of that axis */
};

struct tn_flow {
    const struct tn_graph *graph;
    struct tn_labels *labels; /* [values] */
    int id_count, id_capacity;
    int position_count; /* of all labels together */
    int *parent;        /* [ids] union-find; the lowest number of a set is its root */
    const char **bar;   /* [ids] by root: why the channel cannot be removed, or NULL */
    int *joined_at; /* [ids] by root: a node that couples it to another layer's, or TN_NO_NODE */
    int *maker;     /* [ids] the node whose rule made it, TN_NO_NODE for the network's inputs */
    int node;       /* whose rule is at work */
    int touch_count, touch_capacity;
    struct tn_touch *touches; /* in order of nodes */
    int kept_count, kept_capacity;
    void **kept; /* memory that lives as long as the flow */
};

/* Follow all channels through a graph in topological order. */
bool tn_flow_of(const struct tn_graph *graph, struct tn_flow *flow, struct tn_error *error);
void tn_flow_free(struct tn_flow *flow);

int tn_flow_root(const struct tn_flow *flow, int id);

/* For the rules of operators (rules*.c). */

/* The channels of ids a and b are one, because of `node`; TN_NO_NODE where that does not make a
 * shared stream (gates). The reasons of both stay. */
void tn_flow_join(struct tn_flow *flow, int a, int b, int node);

/* Room for the ids of an axis, owned by the flow; NULL when there are too many or memory is out. */
int *tn_flow_ids(struct tn_flow *flow, int64_t count, struct tn_error *error);
/* New channels: `count` numbers into ids. */
bool tn_flow_fresh(struct tn_flow *flow, int count, int *ids, struct tn_error *error);
/* New channels on an axis of `value`. */
bool tn_flow_create(struct tn_flow *flow, int value, int axis, int count, struct tn_error *error);
/* New channels on axis 1 of a value of which only its shape is known; none where that does not say
 * how many. */
bool tn_flow_stand(struct tn_flow *flow, int value, struct tn_error *error);
/* None of the channels on the axis of `value` can be removed, because ... (the first reason given
 * stays). */
bool tn_flow_bar(struct tn_flow *flow, int value, struct tn_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Note that `axis` of the constant behind `input` of `node` follows these channels. */
bool tn_flow_touch(struct tn_flow *flow, const struct tn_touch *touch, struct tn_error *error);

/* Apply the rule of a node's operator (rules.c). */
bool tn_flow_rule(struct tn_flow *flow, int node, struct tn_error *error);

#endif
