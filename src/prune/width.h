/* What a network costs as its groups get narrower: the parameters and FLOPs that surgery would
 * leave, for any number of channels kept in every group, without doing it. */
#ifndef TN_PRUNE_WIDTH_H
#define TN_PRUNE_WIDTH_H

#include "core/error.h"
#include "model/graph.h"
#include "model/layers.h"
#include "prune/groups.h"

/* Parameters and FLOPs as tn_cost_of counts them: whole numbers, but where a group's channels have
 * different numbers of positions and it is not known which of them go. Seconds of a forward pass
 * where they were measured (latency.h), else 0. */
struct tn_width_cost {
    double params, flops, time;
};

enum tn_measure { TN_FLOPS, TN_PARAMS, TN_LATENCY };

/* The positions on one axis that belong to one group. */
struct tn_width_part {
    int axis, group;
    int positions; /* of all channels of the group together */
    int *each;     /* [channels] of each; NULL where all have the same number */
};

/* An axis of weights on which channels stand. */
struct tn_width_axis {
    int count, fixed; /* positions; those of no group that can be pruned */
    int first_part, part_count;
    const int *ids; /* [count] of the groups' flow, for comparison while widths are built */
};

/* Weights as one node uses them. */
struct tn_width_use {
    int next;           /* use of the same constant, or -1 */
    int axis_count;     /* on which channels stand */
    int axes[2];        /* which */
    double rest, whole; /* numbers for one position on each axis; all numbers today */
    double flops;       /* for each number; 0 in BatchNorm */
    double time;        /* seconds for each number, or 0 */
    int node;
    bool twin; /* cut like an earlier use of the same constant, so that both go on sharing it */
};

/* What changes with a group. */
struct tn_width_reach {
    int channels;
    bool uneven; /* which channels go makes a difference, not only how many */
    int part_count, *parts;
    int constant_count, *constants;
};

/* Immutable once made. */
struct tn_widths {
    int axis_count, part_count, use_count, constant_count, group_count;
    struct tn_width_axis *axes;
    struct tn_width_part *parts; /* in order of axes */
    struct tn_width_use *uses;
    int *constants;               /* [constants] first use of each */
    struct tn_width_reach *reach; /* [groups] */
    double fixed_time;            /* seconds at any width */
};

/* The groups must be of this graph; nothing of either is needed afterwards. */
bool tn_widths_of(const struct tn_graph *graph, const struct tn_layers *layers,
                  const struct tn_groups *groups, struct tn_widths *widths, struct tn_error *error);
void tn_widths_free(struct tn_widths *widths);

/* A choice of widths and its cost. */
struct tn_width_plan {
    const struct tn_widths *widths; /* must stay */
    struct tn_width_cost total;
    int *kept;                  /* [groups] */
    double **staying;           /* [parts] [channels+1] positions left of so many channels kept;
                                   NULL where they are in proportion */
    double *axes, *saved;       /* [axes] positions left on each */
    struct tn_width_cost *each; /* [constants] */
};

/* kept [groups]: groups that cannot be pruned stay as they are, whatever it says. orders [groups]
 * or NULL: in which order a group's channels go, all of them [channels], or NULL. With it the cost
 * is exact for groups whose channels have different numbers of positions (the stream behind a
 * padded shortcut); without it, each of their channels counts as the mean. */
bool tn_width_plan_new(const struct tn_widths *widths, const int *kept, const int *const *orders,
                       struct tn_width_plan *plan, struct tn_error *error);
void tn_width_plan_free(struct tn_width_plan *plan);

/* All in O(layers that the group touches). */
void tn_width_plan_set(struct tn_width_plan *plan, int group, int kept);
/* What it would cost with another width of one group; the plan stays as it is. */
struct tn_width_cost tn_width_plan_try(struct tn_width_plan *plan, int group, int kept);
/* The same for every width: cost [channels+1]. O(channels + layers touched) for groups that are
 * even. */
void tn_width_plan_curve(struct tn_width_plan *plan, int group, enum tn_measure measure,
                         double *cost);

double tn_width_measured(struct tn_width_cost cost, enum tn_measure measure);

#endif
