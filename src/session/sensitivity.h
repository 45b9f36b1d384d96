/* Accuracy measured with one group cut alone, for some widths: what the command `sensitivity`
 * finds. */
#ifndef TN_SESSION_SENSITIVITY_H
#define TN_SESSION_SENSITIVITY_H

#include "core/digest.h"
#include "core/error.h"
#include "data/dataset.h"
#include "engine/tally.h"
#include "prune/method.h"
#include <jansson.h>
#include <stdbool.h>

/* What was measured under, so that a point is only reused where nothing has changed. */
struct tn_sensitivity_terms {
    const struct tn_method *method;
    bool weighted; /* the consumers' channels scaled by least squares */
    enum tn_split split;
    int64_t limit; /* images */
    uint64_t seed; /* of which ones */
};

struct tn_sensitivity_point {
    int kept;
    struct tn_digest key; /* of network, cut and images */
    struct tn_tally tally;
};

/* Of one group. Immutable once made; shared within one thread. */
struct tn_sensitivity {
    int refs;
    struct tn_sensitivity_terms terms;
    struct tn_sensitivity_point base; /* nothing cut */
    int count;
    struct tn_sensitivity_point points[]; /* ascending in kept, less than all channels */
};

/* `points` in any order; of equal widths the last counts. */
struct tn_sensitivity *tn_sensitivity_new(const struct tn_sensitivity_terms *terms,
                                          const struct tn_sensitivity_point *base, int count,
                                          const struct tn_sensitivity_point *points,
                                          struct tn_error *error);
struct tn_sensitivity *tn_sensitivity_ref(struct tn_sensitivity *sensitivity);
void tn_sensitivity_unref(struct tn_sensitivity *sensitivity);

bool tn_sensitivity_same_terms(const struct tn_sensitivity_terms *a,
                               const struct tn_sensitivity_terms *b);

/* curve [channels+1]: accuracy lost (a fraction, top-1) with so many of `channels` kept, never less
 * with fewer: the points made monotone by least squares (pool adjacent violators), straight lines
 * between them, and from the narrowest to all accuracy where no filter is left. */
void tn_sensitivity_curve(const struct tn_sensitivity *sensitivity, int channels, double *curve);

/* For the session file and back; NULL where it is not as this program writes it. */
json_t *tn_sensitivity_to_json(const struct tn_sensitivity *sensitivity);
struct tn_sensitivity *tn_sensitivity_from_json(const json_t *json, int channels);

/* Tallies by key, finished or not, so that nothing is measured twice. */
struct tn_tallies {
    int count, capacity;
    struct tn_tallied {
        struct tn_digest key;
        struct tn_tally tally;
    } * entries;
};

/* The tally of a key, begun where there is none; good until the next call. NULL: out of memory. */
struct tn_tally *tn_tallies_find(struct tn_tallies *tallies, const struct tn_digest *key,
                                 struct tn_error *error);
void tn_tallies_free(struct tn_tallies *tallies);

#endif
