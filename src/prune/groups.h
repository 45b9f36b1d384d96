/* Coupling (DESIGN section 3): which channels must be removed together, and who reads them. */
#ifndef TN_PRUNE_GROUPS_H
#define TN_PRUNE_GROUPS_H

#include "core/error.h"
#include "model/graph.h"
#include "model/layers.h"

enum tn_scope { TN_SCOPE_INNER, TN_SCOPE_ALL };

enum { TN_NO_CHANNEL = -1 };

struct tn_consumer {
    int node; /* a layer that reads the channels as its first input */
    int count;
    int *channels; /* [count] of each position on the channel axis of that input: the group's
                      channel or TN_NO_CHANNEL; NULL where the group is not prunable */
};

/* A node on the way that has per-channel constants: BatchNorm, depthwise convolution ... */
struct tn_through {
    int node;
    int positions; /* of its constants that are the group's */
};

/* Channels that go together. One channel of a group is one filter of every producer, as a rule; it
 * is several where a grouped convolution or a channel shuffle ties them, and none of a producer
 * whose stream is narrower (ResNet's padded shortcuts). Channel c is filter c of the first producer
 * wherever that has one filter a channel. */
struct tn_group {
    char *name; /* of its first producer's layer */
    int channels;
    int producer_count; /* layers (indices into tn_layers) that make the channels; in scope inner
                           one, and those that make factors (gates) for it */
    int *producers;
    int through_count;
    struct tn_through *through;
    int consumer_count;
    struct tn_consumer *consumers;
    int fixed_count; /* channels that must stay: something bars them, or a part of the network would
                        have none left */
    bool *fixed;     /* [channels]; NULL where there are none */
    bool prunable;
    char *why_not; /* "node X ..., its filters ...", NULL when prunable */
};

/* Which channel of its group each filter of a layer is. */
struct tn_filter_map {
    int group; /* or -1 */
    int count;
    int *channels; /* [count]; NULL where the group is not prunable */
};

struct tn_groups {
    enum tn_scope scope;
    int count;
    struct tn_group *group; /* in order of the first producer */
    int layer_count;
    int *of_layer;                 /* [layers] group index of each layer */
    struct tn_filter_map *filters; /* [layers] */
    struct tn_flow *flow;          /* what surgery follows; internal to src/prune */
    int *group_of;   /* [ids of the flow] prunable group or -1; internal to src/prune */
    int *channel_of; /* [ids of the flow] and its channel there */
};

bool tn_groups_of(const struct tn_graph *graph, const struct tn_layers *layers, enum tn_scope scope,
                  struct tn_groups *groups, struct tn_error *error);
void tn_groups_free(struct tn_groups *groups);

/* The fewest channels that a group can be cut to. */
int tn_group_fewest(const struct tn_group *group);

#endif
