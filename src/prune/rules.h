/* One rule an operator: what it does to the channels that reach it. Internal to src/prune. */
#ifndef TN_PRUNE_RULES_H
#define TN_PRUNE_RULES_H

#include "prune/flow.h"

typedef bool (*tn_rule)(struct tn_flow *flow, int node, struct tn_error *error);

/* rules.c: layers, and what the other rules share. */
const struct tn_node *tn_rule_node(const struct tn_flow *flow, int node);
const char *tn_rule_label(const struct tn_flow *flow, int node); /* the node's name in messages */
int tn_rule_input(const struct tn_flow *flow, int node, int index);
bool tn_rule_is_activation(const struct tn_flow *flow, int value);
/* Nothing that enters or leaves the node can be removed: "node X <what>". */
bool tn_rule_bar(struct tn_flow *flow, int node, const char *what, struct tn_error *error);
/* Channel c of every output is channel c of the first input, on the same axis. */
bool tn_rule_pass(struct tn_flow *flow, int node, struct tn_error *error);
/* The same with the channels on another axis of the outputs. */
bool tn_rule_pass_to(struct tn_flow *flow, int node, int axis, struct tn_error *error);
/* The constant behind `input` has one number (or more) for each channel on its `axis`. */
bool tn_rule_touch(struct tn_flow *flow, int node, int input, int axis, enum tn_role role,
                   const struct tn_labels *labels, struct tn_error *error);

/* rules_numbers.c: arithmetic and normalisation. */
bool tn_rule_norm(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_instance_norm(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_layer_norm(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_lrn(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_softmax(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_reduce(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_sum(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_gate(struct tn_flow *flow, int node, struct tn_error *error);

/* rules_moves.c: numbers moved, not changed. */
bool tn_rule_reshape(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_squeeze(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_transpose(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_slice(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_pad(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_split(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_concat(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_gather(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_depth(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_expand(struct tn_flow *flow, int node, struct tn_error *error);
bool tn_rule_resize(struct tn_flow *flow, int node, struct tn_error *error);

#endif
