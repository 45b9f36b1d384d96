/* A layer to be refitted: which of its filters are left, where its constant term can go. Internal
 * to src/prune. */
#ifndef TN_PRUNE_REFIT_SITE_H
#define TN_PRUNE_REFIT_SITE_H

#include "prune/patch.h"
#include "prune/refit.h"

/* Where a constant added to every output of a filter goes. */
enum tn_constant_place {
    TN_CONSTANT_NOWHERE,
    TN_CONSTANT_BIAS, /* of the layer, or of an Add behind it */
    TN_CONSTANT_MEAN, /* of the BatchNorm behind it, with the other sign */
};

struct tn_refit_site {
    struct tn_refit_result *result;
    struct tn_patch before, now; /* in the network before the cut, and in the one cut */
    int *filter_of;              /* [filters of all groups now] which one it was */
    int *group_of;               /* [groups now] likewise */
    enum tn_constant_place place;
    int constant_node, constant_input; /* whose input the constant's vector is */
    double constant_factor;            /* Gemm's beta, else 1 */
    /* Where its output alone, or a BatchNorm of it, is added to another stream, it is to make up
     * for that stream's errors too: targets are of the sum. */
    int add_node, add_input; /* which input is the stream; TN_NO_NODE where there is none */
    double *scale;           /* [filters of all groups] what BatchNorm multiplies by, or NULL */
    int unknowns, locations; /* of one group; an image */
    uint64_t stream;         /* of random numbers */
    float *targets;          /* [images x locations, filters of all groups], as they come */
};

/* Find out what is left of a layer. Where it cannot be refitted, result->why says so, without an
 * error. */
bool tn_refit_site_open(const struct tn_graph *before, const struct tn_groups *groups, int count,
                        const struct tn_cut *cuts, const struct tn_graph *now, int node,
                        struct tn_refit_site *site, struct tn_error *error);
void tn_refit_site_free(struct tn_refit_site *site);

int tn_refit_site_filters(const struct tn_refit_site *site); /* of all groups */

/* Number of filter `filter` (of all groups) at `place` in an output of so many filters. */
size_t tn_refit_site_output(const struct tn_refit_site *site, int filters, int filter, int place);

/* A filter's output as targets count it is this often what its kernel gives. */
double tn_refit_site_scale(const struct tn_refit_site *site, int filter);

/* The kernel of one group [unknowns, filters] as it stands, times its filters' scales; the
 * constant's row is 0. */
void tn_refit_site_kernel(const struct tn_refit_site *site, int group, double *kernel);

/* Put kernels [groups][unknowns, filters] and constants into the graph as new tensors. */
bool tn_refit_site_write(struct tn_refit_site *site, struct tn_graph *graph, const double *kernels,
                         struct tn_error *error);

#endif
