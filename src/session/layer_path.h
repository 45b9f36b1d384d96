/* The removal paths of a group, one a method, computed when first asked for. */
#ifndef TN_SESSION_LAYER_PATH_H
#define TN_SESSION_LAYER_PATH_H

#include "prune/method.h"
#include "prune/path.h"
#include "session/snapshot.h"
#include <stdatomic.h>

/* The path of a group under one method and its locks. Shared, also with the thread that draws. */
struct tn_layer_path {
    atomic_int refs;
    /* Errors and costs are NAN where the group has no statistic; runner-ups are then -1. Of
     * thinet-x the errors are of the best sets of every size, the order is made for one. */
    struct tn_path path;
    const struct tn_method *method;
    int keep;                     /* the number kept that the order is made for; 0: any */
    uint64_t seed;                /* of random */
    struct tn_snapshot_path view; /* points into `path` and the arrays below */
    double *score, *energy, *zeros;
    signed char *lock;
};

struct tn_layer_path *tn_layer_path_ref(struct tn_layer_path *path);
void tn_layer_path_unref(struct tn_layer_path *path);

/* What is known of a group so far. Belongs to the thread that owns the session; states that differ
 * in nothing it follows from share it. */
struct tn_layer_paths;

struct tn_layer_paths *tn_layer_paths_new(struct tn_error *error);
struct tn_layer_paths *tn_layer_paths_ref(struct tn_layer_paths *paths);
void tn_layer_paths_unref(struct tn_layer_paths *paths);
/* Those that do not follow from the network's weights, for a state with other ones. NULL when out
 * of memory: they are computed again. */
struct tn_layer_paths *tn_layer_paths_unweighted(const struct tn_layer_paths *paths);

/* The path of a method; belongs to `paths`. `input` as tn_method_rank takes it. */
struct tn_layer_path *tn_layer_paths_get(struct tn_layer_paths *paths,
                                         const struct tn_method *method,
                                         const struct tn_method_input *input,
                                         struct tn_error *error);
/* The same where it is there already, else NULL; that of thinet-x for whatever number kept. */
struct tn_layer_path *tn_layer_paths_peek(const struct tn_layer_paths *paths,
                                          const struct tn_method *method, uint64_t seed);
/* Was the method tried, and cannot rank this group? */
bool tn_layer_paths_refuse(const struct tn_layer_paths *paths, const struct tn_method *method);

#endif
