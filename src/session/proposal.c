#include "session/proposal.h"

#include "core/memory.h"
#include "session/results.h"
#include <math.h>
#include <string.h>

void tn_session_drop_proposal(struct tn_session *session)
{
    struct tn_proposal *proposal = session->proposal;
    session->proposal = NULL;
    if (!proposal)
        return;
    tn_state_unref(proposal->asked);
    tn_state_unref(proposal->answer);
    json_decref(proposal->result);
    tn_free(proposal->line);
    tn_free(proposal);
}

bool tn_session_propose(struct tn_session *session, const char *line, const json_t *result,
                        struct tn_error *error)
{
    struct tn_proposal *proposal = tn_calloc(1, sizeof *proposal);
    tn_session_drop_proposal(session);
    session->proposal = proposal;
    if (proposal) {
        proposal->number = ++session->proposals;
        proposal->line = tn_strdup(line);
        proposal->asked = tn_state_ref(session->state);
        proposal->answer = tn_state_ref(session->next);
        proposal->result = json_deep_copy(result);
    }
    tn_session_become(session, NULL);
    if (proposal && proposal->line && proposal->result)
        return true;
    tn_session_drop_proposal(session);
    return tn_fail_memory(error, "a preview", sizeof *proposal);
}

/* --- does it hold? --- */

/* All that a budget goes by. */
static bool same_setting(const struct tn_setting *a, const struct tn_setting *b, int channels)
{
    bool locks = a->locks && b->locks
                     ? memcmp(a->locks, b->locks, (size_t)channels * sizeof *a->locks) == 0
                     : !a->locks && !b->locks;
    return locks && a->method == b->method && a->seed == b->seed && a->statistic == b->statistic &&
           a->stale == b->stale && a->sensitivity == b->sensitivity &&
           a->sensitivity_stale == b->sensitivity_stale;
}

static bool holds(const struct tn_proposal *proposal, const struct tn_state *now)
{
    bool same = now->model == proposal->asked->model;
    for (int g = 0; same && g < now->model->groups.count; g++)
        same = same_setting(&now->settings[g], &proposal->asked->settings[g],
                            now->model->groups.group[g].channels);
    return same;
}

void tn_session_review_proposal(struct tn_session *session)
{
    if (session->proposal && !holds(session->proposal, session->state))
        tn_session_drop_proposal(session);
}

/* --- taking it --- */

bool tn_session_take_proposal(struct tn_session *session, const char *line, json_t *result,
                              bool *taken, struct tn_error *error)
{
    const struct tn_proposal *proposal = session->proposal;
    *taken = proposal && strcmp(proposal->line, line) == 0 && holds(proposal, session->state);
    if (!*taken)
        return true;
    struct tn_state *next = tn_session_edit(session, error);
    if (!next)
        return false;
    for (int g = 0; g < next->model->groups.count; g++) {
        const struct tn_setting *setting = &proposal->answer->settings[g];
        tn_state_set_method(next, g, setting->method, setting->seed);
        tn_state_set_kept(next, g, setting->kept);
    }
    return json_object_update(result, proposal->result) == 0 ||
           tn_fail_memory(error, "a result", 1);
}

/* --- showing it --- */

void tn_snapshot_proposal_free(struct tn_snapshot_proposal *view)
{
    tn_free(view->line);
    tn_free(view->kept);
    tn_free(view->error); /* one block holds both */
}

static bool show_layers(const struct tn_state *answer, struct tn_snapshot_proposal *view,
                        struct tn_error *error)
{
    const struct tn_model *model = answer->model;
    for (int l = 0; l < model->layers.count; l++) {
        int g = model->groups.of_layer[l];
        view->kept[l] = model->layers.layer[l].filters;
        view->error[l] = view->error_ls[l] = NAN;
        if (g < 0 || !model->groups.group[g].prunable)
            continue;
        view->kept[l] = answer->settings[g].kept;
        if (!tn_state_errors(answer, g, view->kept[l], &view->error[l], &view->error_ls[l], error))
            return false;
    }
    return true;
}

bool tn_proposal_show(const struct tn_proposal *proposal, struct tn_snapshot_proposal *view,
                      struct tn_error *error)
{
    size_t layers = (size_t)proposal->answer->model->layers.count;
    int64_t params, flops;
    view->number = proposal->number;
    view->line = tn_strdup(proposal->line);
    view->kept = tn_calloc(layers, sizeof *view->kept);
    view->error = tn_calloc(2 * layers, sizeof *view->error);
    if (!view->line || !view->kept || !view->error)
        return tn_fail_memory(error, "a snapshot", 2 * layers * sizeof *view->error);
    view->error_ls = view->error + layers;
    view->limited = json_is_true(json_object_get(proposal->result, "limited"));
    view->latency_before = tn_get_number(proposal->result, "latency_ms_before");
    view->latency = tn_get_number(proposal->result, "latency_ms");
    if (!tn_state_planned(proposal->answer, &params, &flops, error))
        return false;
    view->params = (double)params;
    view->flops = (double)flops;
    return show_layers(proposal->answer, view, error);
}
