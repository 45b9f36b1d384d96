/* The right word nearest to a wrong one, for messages that help. */
#ifndef TN_SESSION_NEAREST_H
#define TN_SESSION_NEAREST_H

#include <stddef.h>

/* Edit distance with transpositions of neighbours (optimal string alignment), letter case ignored.
 * Words longer than 63 bytes are compared by their first 63. */
int tn_edit_distance(const char *a, const char *b);

/* A running search: offer candidates one by one, the nearest one within reach of `word` stays in
 * `best`. */
struct tn_nearest {
    const char *word;
    const char *best; /* NULL while nothing is near enough to be meant */
    int distance;
};
void tn_nearest_start(struct tn_nearest *nearest, const char *word);
void tn_nearest_offer(struct tn_nearest *nearest, const char *candidate);
/* Offer the parts of "a|b|c"; `part` keeps the best one. */
void tn_nearest_offer_choices(struct tn_nearest *nearest, const char *choices, char *part,
                              size_t size);

/* " (did you mean 'WORD'?)" or "". */
void tn_nearest_hint(const struct tn_nearest *nearest, char *text, size_t size);

#endif
