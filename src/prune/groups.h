/* Coupling (DESIGN section 3): which channels must be removed together, and who reads them. */
#ifndef TN_PRUNE_GROUPS_H
#define TN_PRUNE_GROUPS_H

#include "core/error.h"
#include "model/graph.h"
#include "model/layers.h"

enum tn_scope { TN_SCOPE_INNER, TN_SCOPE_ALL };

struct tn_consumer {
    int node;        /* Conv or Gemm that reads the channels as its first input */
    int per_channel; /* consecutive input features of a Gemm that are one channel (H*W after
                        Flatten); 1 else */
};

struct tn_group {
    char *name; /* of its first producer's layer */
    int channels;
    int producer_count; /* layers (indices into tn_layers) whose filter c is channel c; 1 in scope
                           inner */
    int *producers;
    int through_count; /* nodes on the way that have per-channel constants: BatchNorm, depthwise ...
                        */
    int *through;
    int consumer_count;
    struct tn_consumer *consumers;
    bool prunable;
    char *why_not; /* "reaches the network's output at node X", NULL when prunable */
};

struct tn_groups {
    enum tn_scope scope;
    int count;
    struct tn_group *group; /* in order of the first producer */
    int layer_count;
    int *of_layer; /* [layers] group index of each layer */
};

bool tn_groups_of(const struct tn_graph *graph, const struct tn_layers *layers, enum tn_scope scope,
                  struct tn_groups *groups, struct tn_error *error);
void tn_groups_free(struct tn_groups *groups);

#endif
