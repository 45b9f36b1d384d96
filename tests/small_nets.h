/* Small networks of every kind of coupling, with random weights. Layers are called as their nodes:
 * Conv_0, Gemm_7 ... (the number is the node's). */
#ifndef TN_TESTS_SMALL_NETS_H
#define TN_TESTS_SMALL_NETS_H

#include "model/graph.h"
#include "model/layers.h"
#include "prune/groups.h"

/* conv 6, norm, relu, max pool, conv 8 stride 2, relu, global pool, flatten, gemm 5 (transB) on
 * [N,3,8,8] */
struct tn_graph *chain_net(uint64_t seed);
/* conv 4, relu, pool, flatten, norm, gemm 7 (plain), relu, gemm 5 (transB): conv 0's channels have
 * 16 features */
struct tn_graph *flatten_net(uint64_t seed);
/* the same with a Reshape in place of Flatten; shape[2] as given */
struct tn_graph *reshape_net(uint64_t seed, const int64_t shape[2]);
/* stem 8; two blocks (conv 6, norm, relu, conv 8, norm, add, relu); global pool, flatten, gemm 4 */
struct tn_graph *residual_net(uint64_t seed);
/* stem 4; a block that halves the size and doubles the channels, its shortcut by Slice and Pad;
 * pool, gemm */
struct tn_graph *shortcut_net(uint64_t seed);
/* conv 6, norm, relu, depthwise, norm, relu, conv 5, grouped conv 6, relu, global pool, flatten,
 * gemm 3 */
struct tn_graph *depthwise_net(uint64_t seed);

/* Layers and groups of a network; free with small_groups_free. */
struct small_groups {
    struct tn_layers layers;
    struct tn_groups groups;
};
void small_groups_of(const struct tn_graph *graph, enum tn_scope scope, struct small_groups *of);
void small_groups_free(struct small_groups *of);
/* The group of a layer by name. */
const struct tn_group *small_group(const struct small_groups *of, const char *layer);
int small_group_index(const struct small_groups *of, const char *layer);

#endif
