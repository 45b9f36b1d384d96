/* Ratios from a budget of time, which is measured. */
#ifndef TN_SESSION_LATENCY_BUDGET_H
#define TN_SESSION_LATENCY_BUDGET_H

#include "prune/budget.h"
#include "session/state.h"
#include <jansson.h>

/* As tn_budget_solve for the fraction of the state's forward time on a batch, with what really is
 * measured in the result: {batch latency_asked latency_ms_before latency_ms latency_ratio rounds}.
 * The state's kept counts are changed on the way. */
bool tn_latency_budget(struct tn_state *state, const struct tn_budget_group *groups,
                       double fraction, int batch, const struct tn_progress *progress,
                       struct tn_budget_answer *answer, json_t *result, struct tn_error *error);

#endif
