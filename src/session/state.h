/* Where a session stands: network, data, settings and statistics. A state is never changed once a
 * command has ended; a command that changes something makes a new one that shares what stayed the
 * same. */
#ifndef TN_SESSION_STATE_H
#define TN_SESSION_STATE_H

#include "core/digest.h"
#include "data/dataset.h"
#include "engine/evaluate.h"
#include "model/graph.h"
#include "model/layers.h"
#include "prune/gram.h"
#include "prune/groups.h"
#include "prune/sampling.h"
#include "prune/width.h"
#include "session/layer_path.h"
#include "session/sensitivity.h"
#include "session/unfinished.h"
#include <jansson.h>

/* A layer reads channels of a group. */
struct tn_read {
    int layer, group;
};

/* A network and what follows from it. Shared and immutable. */
struct tn_model {
    int refs;
    struct tn_graph *graph;
    enum tn_scope scope;
    struct tn_layers layers;
    struct tn_groups groups;
    struct tn_cost cost;
    struct tn_widths widths; /* what it would cost with other ones */
    int read_count;
    struct tn_read *reads; /* which layers read which groups that can be pruned */
    bool stored;           /* its bytes have been hashed: `digest` names them in the store */
    struct tn_digest digest;
};

/* Takes over the graph, also on failure. */
struct tn_model *tn_model_new(struct tn_graph *graph, enum tn_scope scope, struct tn_error *error);
struct tn_model *tn_model_ref(struct tn_model *model);
void tn_model_unref(struct tn_model *model);
/* Layer index of a group's first producer. */
int tn_model_leader(const struct tn_model *model, int group);
int tn_model_find_group(const struct tn_model *model, const char *name); /* or -1 */

/* The data a session works on: where it is and how it is prepared. The images are opened when first
 * needed, so a session can be looked at where they are missing. Shared; `dataset` is filled once.
 */
struct tn_data_spec {
    int refs;
    struct tn_data_options options; /* options.path points to `path` */
    char *path, *preset, *name;     /* preset "" for none */
    int64_t train, test;
    int classes, shape[3];
    struct tn_dataset *dataset; /* NULL until opened */
};

struct tn_data_spec *tn_data_spec_new(const struct tn_data_options *options, const char *preset,
                                      struct tn_error *error);
struct tn_data_spec *tn_data_spec_ref(struct tn_data_spec *spec);
void tn_data_spec_unref(struct tn_data_spec *spec);
/* The same images prepared in the same way? */
bool tn_data_spec_same(const struct tn_data_spec *a, const struct tn_data_spec *b);
/* The images, opened and remembered; one reference stays with the spec. */
struct tn_dataset *tn_data_spec_open(struct tn_data_spec *spec, const struct tn_progress *progress,
                                     struct tn_error *error);

/* What one group was sampled to. Shared and immutable. */
struct tn_statistic {
    int refs;
    struct tn_gram gram;
    struct tn_activity activity; /* Taylor values follow when asked for: gradients.c */
    struct tn_sampling_options sampling;
    bool stored; /* packed and hashed: `digest` names it in the store */
    struct tn_digest digest;
};

/* Takes over the tensors of gram and activity (which may be NULL), also on failure. */
struct tn_statistic *tn_statistic_new(const struct tn_gram *gram,
                                      const struct tn_activity *activity,
                                      const struct tn_sampling_options *sampling,
                                      struct tn_error *error);
struct tn_statistic *tn_statistic_ref(struct tn_statistic *statistic);
void tn_statistic_unref(struct tn_statistic *statistic);

/* Settings of one group. */
struct tn_setting {
    const struct tn_method *method;
    uint64_t seed;       /* of method random */
    int kept;            /* channels that stay when it is pruned next; all: nothing is pending */
    enum tn_lock *locks; /* [channels] or NULL */
    struct tn_statistic *statistic;     /* NULL before sampling */
    bool stale;                         /* sampled before the network changed */
    struct tn_layer_paths *paths;       /* derived when first asked for */
    struct tn_sensitivity *sensitivity; /* NULL before it is measured */
    bool sensitivity_stale;             /* network, data, statistic or locks were others */
};

struct tn_state {
    int refs;
    int64_t id;             /* row in the store; 0: not written yet */
    struct tn_model *model; /* NULL before `open` */
    /* The network as `open` gave it. NULL before `open`, and after the state was read from a file
     * until somebody asks: tn_session_opened. The digest names it in the store meanwhile. */
    struct tn_model *opened;
    bool opened_stored;
    struct tn_digest opened_digest;
    json_t *lineage;                  /* which of its filters are left: session/lineage.h */
    char *model_name;                 /* "" before `open` */
    struct tn_unfinished *unfinished; /* training that stopped here, or NULL */
    struct tn_cost original;          /* of the network as opened */
    struct tn_data_spec *data;        /* NULL before `data` */
    struct tn_setting *settings;      /* [model->groups.count] */
    bool evaluated;
    int64_t evaluated_limit;         /* test images asked for, 0: all */
    struct tn_evaluation evaluation; /* on test images, of this network with this data */
};

struct tn_state *tn_state_new(struct tn_error *error); /* nothing open */
/* A state of one's own to change until the command ends. */
struct tn_state *tn_state_clone(const struct tn_state *state, struct tn_error *error);
struct tn_state *tn_state_ref(struct tn_state *state);
void tn_state_unref(struct tn_state *state);

/* Put another network in (takes over a reference). Settings of groups that still have the same
 * channels stay; where `changed` says so their statistics are marked stale; those of groups[0 ..
 * count-1] of the old network are dropped. Methods stay by name. */
bool tn_state_set_model(struct tn_state *state, struct tn_model *model, bool changed, int count,
                        const int *groups, struct tn_error *error);
/* Training that stands at this state (a reference is taken), or NULL. Another network or other
 * data drop it. */
void tn_state_set_unfinished(struct tn_state *state, struct tn_unfinished *unfinished);
/* This is the network that `open` gave; a reference is taken. */
void tn_state_set_opened(struct tn_state *state, struct tn_model *opened);
/* Takes the reference over; NULL: no filter is gone. */
void tn_state_set_lineage(struct tn_state *state, json_t *lineage);
bool tn_state_set_name(struct tn_state *state, const char *name, struct tn_error *error);
void tn_state_set_data(struct tn_state *state, struct tn_data_spec *data);
void tn_state_set_statistic(struct tn_state *state, int group, struct tn_statistic *statistic);
/* Locks [channels] are copied; NULL clears them. The kept count is brought within what they allow.
 */
bool tn_state_set_locks(struct tn_state *state, int group, const enum tn_lock *locks,
                        struct tn_error *error);
/* Set how many channels stay, as near to `kept` as locks allow; returns what was set. */
int tn_state_set_kept(struct tn_state *state, int group, int kept);
/* References the sensitivity. */
void tn_state_set_sensitivity(struct tn_state *state, int group,
                              struct tn_sensitivity *sensitivity);
/* {name filters method reweight stale points} of a group that has a sensitivity
 * (commands_sensitivity.c). */
json_t *tn_sensitivity_json(const struct tn_state *state, int group);
/* Least and most channels that can stay. */
void tn_state_bounds(const struct tn_state *state, int group, int *least, int *most);

/* Rank a group by another method, or by chance from another seed. */
void tn_state_set_method(struct tn_state *state, int group, const struct tn_method *method,
                         uint64_t seed);

/* The path of a group by its method, computed once and belonging to the state. NULL where the
 * method needs what is not sampled yet (no error), or on failure. */
struct tn_layer_path *tn_state_path(const struct tn_state *state, int group,
                                    struct tn_error *error);
/* The same by any method; what is not sampled yet is an error. progress may be NULL. */
struct tn_layer_path *tn_state_path_by(const struct tn_state *state, int group,
                                       const struct tn_method *method,
                                       const struct tn_progress *progress, struct tn_error *error);
/* Is there all that a method needs of a group? */
bool tn_state_can_rank(const struct tn_state *state, int group, const struct tn_method *method);

/* Relative errors with `kept` channels of a group; NAN before sampling. */
bool tn_state_errors(const struct tn_state *state, int group, int kept, double *plain, double *ls,
                     struct tn_error *error);

/* Which channels go when `kept` stay: removed in order of removal, kept ascending; both [channels]
 * long. False without error where the order is not known yet. */
bool tn_state_choice(const struct tn_state *state, int group, int kept, int *removed, int *stay,
                     struct tn_error *error);

/* Cost of the network with every pending ratio pruned. */
bool tn_state_planned(const struct tn_state *state, int64_t *params, int64_t *flops,
                      struct tn_error *error);

#endif
