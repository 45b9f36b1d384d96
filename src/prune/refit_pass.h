/* Passes over the images for refitting: what layers gave before the cut, and what they read now.
 * Internal to src/prune. */
#ifndef TN_PRUNE_REFIT_PASS_H
#define TN_PRUNE_REFIT_PASS_H

#include "prune/refit_site.h"
#include "prune/regression.h"

struct tn_refit_pass {
    struct tn_dataset *dataset;
    const struct tn_refit_options *options;
    const struct tn_progress *progress;
    const char *stage;
    int batch;   /* images at once */
    size_t done; /* images before the present batch */
};

/* Is image `index` of those chosen one that judges, rather than one that is fitted to? */
bool tn_refit_is_held(size_t index);

/* Fill the targets of sites[0 .. count-1], in order of nodes, from the network before the cut;
 * their constant terms left out. */
bool tn_refit_targets(struct tn_refit_pass *pass, const struct tn_graph *before, int count,
                      struct tn_refit_site *const *sites, struct tn_error *error);

/* Sums over the patches of a site in the network as it is now: fit[groups] over the images to be
 * fitted to, held[groups] over the others. */
bool tn_refit_sums(struct tn_refit_pass *pass, const struct tn_graph *now,
                   const struct tn_refit_site *site, struct tn_regression *fit,
                   struct tn_regression *held, struct tn_error *error);

/* Bytes that the second takes for its rows. */
size_t tn_refit_row_bytes(const struct tn_refit_site *site);

#endif
