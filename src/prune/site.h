/* Where the channels of a group can be read before their consumers, and what is seen there.
 * Internal to src/prune. */
#ifndef TN_PRUNE_SITE_H
#define TN_PRUNE_SITE_H

#include "core/error.h"
#include "engine/network.h"
#include "model/graph.h"
#include "prune/groups.h"

/* A filter's activation is taken behind the BatchNorm and the activation function that follow its
 * layer, and before pooling (Hu et al. 2016); where that cannot be found, from the first consumer's
 * input. Numbers of one image lie [outer,positions,area]. */
struct tn_site {
    int group;             /* its place among the groups asked for */
    int value;             /* of the graph */
    int reader;            /* the first node that reads the value and is run as itself */
    int positions;         /* on the value's channel axis ... */
    const int *channel_of; /* [positions] ... and which channel each is, or TN_NO_CHANNEL; the
                              groups' */
    size_t outer, area;
    int64_t images; /* seen */
    double *zeros;  /* [positions] how many activations were 0 */
    double *sum;    /* [positions] of |activation| */
    double *taylor; /* [positions] sum over images of |mean of activation x gradient|; or NULL */
};

struct tn_sites {
    int count;
    struct tn_site *site;
};

/* The sites of groups chosen[0 .. count-1], at least one each. The graph and groups must stay. */
bool tn_sites_of(const struct tn_graph *graph, const struct tn_groups *groups, int count,
                 const int *chosen, bool taylor, struct tn_sites *sites, struct tn_error *error);
void tn_sites_free(struct tn_sites *sites);

/* Take in the activations of `images` images. */
void tn_site_add(struct tn_site *site, const float *activations, int images);
/* The same with gradients of the images' mean loss. */
void tn_site_add_gradients(struct tn_site *site, const float *activations, const float *gradients,
                           int images);

/* By channel of the group at `place`, the mean over its sites' filters: zeros and means [2,C], or
 * Taylor values [1,C]. TN_DOUBLE; NULL with an error. */
struct tn_tensor *tn_sites_activity(const struct tn_sites *sites, int place, int channels,
                                    struct tn_error *error);
struct tn_tensor *tn_sites_taylor(const struct tn_sites *sites, int place, int channels,
                                  struct tn_error *error);

#endif
