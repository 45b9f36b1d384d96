/* What the screen draws from: an immutable, reference-counted picture of a session, made by the
 * worker thread after every change. No tensor is reachable from it. */
#ifndef TN_SESSION_SNAPSHOT_H
#define TN_SESSION_SNAPSHOT_H

#include "core/error.h"
#include "session/session.h"
#include <stdbool.h>
#include <stdint.h>

/* The removal path of a layer by a method, for the views Filters, Steps and Curves. Shared between
 * snapshots. Errors, costs and energies are NAN where the layer is not sampled. */
struct tn_snapshot_path {
    int channels;
    int *order;             /* [C] removed 1st, 2nd ... */
    double *error;          /* [C+1] by number removed */
    double *error_ls;       /* [C+1] */
    double *cost;           /* [C] relative increase when removed */
    int *runner_up;         /* [C] or -1 */
    double *runner_up_cost; /* [C] */
    double *score;          /* [C] importance of filter c under the layer's method; greater is more
                             * important. For thinet          the relative increase of the error when its
                             * turn comes,          so its order is that of          removal only nearly */
    double *energy;         /* [C] G_cc / y^T y */
    double *zeros;          /* [C] share of activations that are 0; NULL: not collected */
    signed char *lock;      /* [C] enum tn_lock */
    double ridge;
    int order_keep; /* the order is made for this number kept, the errors are of the best sets of
                       every size; 0: the order holds for every number */
};

/* What a method would make of a layer. */
struct tn_snapshot_ranking {
    const char *method, *summary; /* of the table of methods: they stay */
    const char *lacks;            /* why it cannot rank the layer now, likewise; NULL: it can */
    const struct tn_snapshot_path *path; /* NULL: nobody asked yet (command curve) */
};

enum { TN_SNAPSHOT_RANKINGS = 16, TN_SNAPSHOT_CANDIDATES = 5 };

/* The part of an axis of a layer's weights that follows what another layer keeps of its filters. */
struct tn_snapshot_part {
    int layer;    /* index of that layer: the leader of its group */
    double share; /* of the axis, with all filters kept */
};

/* What stays of an axis: fixed + sum of share * kept / filters over its parts. */
struct tn_snapshot_axis {
    double fixed;
    int part_count;
    const struct tn_snapshot_part *parts;
};

struct tn_snapshot_layer {
    char *name, *group;
    char op[16];
    int filters, kept, channels, kernel[2]; /* filters: today's,
                                               or the channels of its group where several filters
                                               are one; kept: after the pending ratio */
    int leader; /* index of the layer its group is named by; its own where it
                   cannot be pruned */
    int64_t flops, params;
    double weights;                  /* those of `params` that stand on the axes: */
    struct tn_snapshot_axis axes[2]; /* FLOPs follow all, parameters beside the weights the first */
    int axis_count;                  /* that of the filters first */
    int point_count;                 /* accuracy measured with this layer cut alone */
    double *point_kept, *point_top1; /* [point_count] ascending in kept, the last nothing cut */
    bool points_stale;               /* measured when network, data or choice were others */
    bool stale;                      /* sampled before the network or the data changed */
    bool prunable;
    char method[20];
    char *why_not;                       /* "" when prunable */
    double ratio;                        /* 1 - kept / filters */
    double error, error_ls;              /* at `kept`; NAN before sampling */
    int64_t samples;                     /* 0 before sampling */
    const struct tn_snapshot_path *path; /* NULL where the method needs what is not sampled */
    /* What the greedy rule could remove next at `kept`, cheapest first, and what it would cost as
     * path->cost says it; of sampled layers whose path holds for every number. */
    int candidate_count, candidates[TN_SNAPSHOT_CANDIDATES];
    double candidate_costs[TN_SNAPSHOT_CANDIDATES];
    int ranking_count; /* of all methods, its own among them; 0: not prunable */
    struct tn_snapshot_ranking rankings[TN_SNAPSHOT_RANKINGS];
};

struct tn_snapshot_series { /* one finetune or train run */
    int64_t entry;
    char *label; /* the command line */
    bool running;
    int count; /* epochs so far */
    double *lr, *loss, *train_top1, *test_top1, *test_top5, *images_per_second,
        *seconds; /* [count] */
};

struct tn_snapshot_entry { /* a row of the journal */
    int64_t id, parent;
    char *command, *time;      /* local time, "2026-11-24 13:05:12" */
    double when, seconds;      /* when: it began, since 1970 */
    bool ok, changes, current; /* current: where the session stands */
    bool running, interrupted; /* at work now; found unfinished in the file */
    int depth;
    char *brief;        /* "top-1 93.60 %", "FLOPs 0.31x" */
    const char *branch; /* the name it gives to what follows, or NULL */
};

/* A layer's part in the time of a batch; NAN: not known. */
struct tn_snapshot_time {
    char *name;
    char path[16];                    /* how a convolution is computed, or "" */
    double flops;                     /* of an image */
    double forward_ms, gflops, share; /* share of the machine's peak */
    double backward_ms, backward_gflops, backward_share;
};

struct tn_snapshot_times { /* what command `time` found; shared between snapshots */
    int64_t entry;
    double batch, forward_ms, backward_ms, step_ms;
    double other_forward_ms, other_backward_ms; /* of all that are no layers */
    double peak_gflops;
    char *untrained; /* why nothing is known of the way back, or "" */
    int layer_count;
    struct tn_snapshot_time *layers;
};

/* An answer to `budget preview=on` that is not taken yet. It stands as long as the budget would
 * give it again. */
struct tn_snapshot_proposal {
    int64_t number;                 /* of every preview its own, growing */
    char *line;                     /* the command line that takes it */
    double flops, params;           /* of the network it would leave */
    double latency_before, latency; /* ms, measured; NAN: it was not a budget of time */
    bool limited;                   /* locks and floors do not allow what is asked */
    int *kept;                      /* [layer_count] */
    double *error, *error_ls;       /* [layer_count] there; NAN where nothing is known */
};

/* A network of the journal with its best-known accuracy, as command `compare` says it. */
struct tn_snapshot_compared {
    int64_t entry;   /* where its accuracy is known */
    int64_t network; /* the entry that made it */
    char model[160]; /* "vgg16 pruned, fine-tuned" */
    bool evaluated;
    double top1, top5, ci95;          /* NAN: not known */
    int64_t images;                   /* it was measured on; 0: none */
    int data;                         /* the same number: the same images, as far as `images` go */
    int64_t params, flops;            /* -1: not known */
    double params_ratio, flops_ratio; /* of the network as opened; NAN: not known */
    double forward_ms, backward_ms;   /* of 32 images; NAN: not known */
};

/* Numbers laid out as an image, averaged where there are more than a screen could show. */
struct tn_snapshot_map {
    int rows, columns, full_rows, full_columns; /* of the values; before averaging */
    float *values;   /* [rows,columns], of kernels [kernels_shown,rows,columns]; NULL: not there */
    float low, high; /* the range, before averaging; of all kernels together */
};

struct tn_snapshot_picture { /* what command `look` saw last; shared between snapshots */
    char *layer;
    int filter;
    int kernel_count, kernels_shown; /* its input channels; 0: it has no kernels to show */
    struct tn_snapshot_map kernels;
    bool training; /* the image is a training image */
    int64_t image;
    char class_name[64];
    struct tn_snapshot_map input, activation; /* the image, grey; what the filter makes of it */
    char *no_map;                             /* why there is no activation, or "" */
};

struct tn_snapshot {
    char *session_name;           /* "unsaved" without a file */
    char *model_name, *data_name; /* "" when not open */
    int64_t data_test, data_train;
    bool evaluated; /* of the state as it stands */
    bool detached;  /* the network's weights are not in the file: nothing of it is here */
    bool unread;    /* it is being read: nothing of the network is here yet */
    bool looks_on;  /* another process has the file: it is only followed here */
    double top1, ci95, loss;
    int64_t flops, params, flops_now, params_now, flops_planned, params_planned;
    /* as opened; as it stands; as it would be with the pending ratios pruned */
    int layer_count;
    struct tn_snapshot_layer *layers;
    const struct tn_snapshot_times *times;       /* the last of this network, or NULL */
    bool times_stale;                            /* it has changed since */
    const struct tn_snapshot_proposal *proposal; /* or NULL */
    int compared_count;
    const struct tn_snapshot_compared
        *compared;   /* the opened one first; shared between snapshots */
    int64_t network; /* the entry that made the network as it stands; 0: none */
    const struct tn_snapshot_picture *picture; /* of this network and its images, or NULL */
    int series_count;
    struct tn_snapshot_series *series;
    int entry_count;
    struct tn_snapshot_entry *entries;
    uint64_t version; /* grows with every snapshot */
};

/* Made by the thread that owns the session; `previous` (may be NULL) lends its unchanged parts. */
struct tn_snapshot *tn_snapshot_new(struct tn_session *session, const struct tn_snapshot *previous,
                                    struct tn_error *error);
/* The entry where the session stands, or NULL: at its beginning. */
const struct tn_snapshot_entry *tn_snapshot_current(const struct tn_snapshot *snapshot);
struct tn_snapshot *tn_snapshot_ref(struct tn_snapshot *snapshot);
void tn_snapshot_unref(struct tn_snapshot *snapshot);

#endif
