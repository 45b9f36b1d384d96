#include "intents.h"
#include "core/memory.h"
#include "keymap.h"
#include "session/command.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

bool intents_fit(struct intents *intents, int layers)
{
    if (layers == intents->count)
        return true;
    struct intent *fresh = tn_calloc((size_t)layers, sizeof *fresh);
    if (fresh == NULL)
        return false;
    tn_free(intents->layers);
    *intents = (struct intents){.layers = fresh, .count = layers, .in_flight = intents->in_flight};
    return true;
}

void intents_free(struct intents *intents)
{
    tn_free(intents->layers);
    *intents = (struct intents){0};
}

int intents_keep(const struct intents *intents, const struct tn_snapshot *snapshot, int index)
{
    const struct tn_snapshot_layer *layer = &snapshot->layers[index];
    if (index < intents->count && intents->layers[index].active)
        return intents->layers[index].target;
    if (intents->all.active && layer->prunable)
        return tn_kept_for_ratio(layer->filters, intents->all.ratio);
    return layer->kept;
}

/* An intent that continues what is already asked for, or begins where the layer stands. */
static struct intent *begin(struct intents *intents, const struct tn_snapshot *snapshot, int index,
                            enum intent_kind kind)
{
    if (index >= intents->count)
        return NULL;
    struct intent *intent = &intents->layers[index];
    int keep = intents_keep(intents, snapshot, index);
    bool unsent = intent->active && !intent->sent;
    if (!unsent)
        intent->base = keep;
    /* Two kinds mixed before either was sent: the count says it all. */
    intent->kind = unsent && intent->kind != kind ? INTENT_KEEP : kind;
    intent->target = keep;
    return intent;
}

static void ask(struct intent *intent, int target)
{
    intent->target = target;
    intent->active = true;
    intent->sent = false;
}

bool intents_nudge(struct intents *intents, const struct tn_snapshot *snapshot, int index,
                   enum intent_kind kind, int delta)
{
    const struct tn_snapshot_layer *layer = &snapshot->layers[index];
    int keep = intents_keep(intents, snapshot, index);
    int target = keep + delta;
    target = target < 1 ? 1 : target > layer->filters ? layer->filters : target;
    struct intent *intent = target == keep ? NULL : begin(intents, snapshot, index, kind);
    if (intent == NULL)
        return false;
    ask(intent, target);
    return true;
}

/* The next multiple of 0.05 from `ratio`, `further` of them on. */
static double twentieth(double ratio, int direction, int further)
{
    double now = ratio * 20;
    double next = direction > 0 ? floor(now + 1e-9) + 1 + further : ceil(now - 1e-9) - 1 - further;
    return fmax(0, fmin(0.95, next / 20));
}

bool intents_shift(struct intents *intents, const struct tn_snapshot *snapshot, int index,
                   int direction)
{
    const struct tn_snapshot_layer *layer = &snapshot->layers[index];
    if (layer->filters < 1)
        return false;
    int keep = intents_keep(intents, snapshot, index);
    for (int further = 0; further < 20; further++) {
        double ratio = twentieth(1 - (double)keep / layer->filters, direction, further);
        int target = tn_kept_for_ratio(layer->filters, ratio);
        if (target == keep || (target > keep) == (direction > 0))
            continue;
        struct intent *intent = begin(intents, snapshot, index, INTENT_RATIO);
        if (intent == NULL)
            return false;
        intent->ratio = ratio;
        ask(intent, target);
        return true;
    }
    return false;
}

/* Whether every layer stands where the last ratio for all of them put it. */
static bool all_stand(const struct intents *intents, const struct tn_snapshot *snapshot)
{
    for (int i = 0; i < snapshot->layer_count; i++)
        if (snapshot->layers[i].prunable &&
            intents_keep(intents, snapshot, i) !=
                tn_kept_for_ratio(snapshot->layers[i].filters, intents->all.ratio))
            return false;
    return true;
}

double intents_ratio_all(const struct intents *intents, const struct tn_snapshot *snapshot)
{
    if (intents->all.active || all_stand(intents, snapshot))
        return intents->all.ratio;
    int64_t filters = 0, kept = 0;
    for (int i = 0; i < snapshot->layer_count; i++)
        if (snapshot->layers[i].prunable) {
            filters += snapshot->layers[i].filters;
            kept += intents_keep(intents, snapshot, i);
        }
    return filters == 0 ? 0 : 1 - (double)kept / (double)filters;
}

bool intents_shift_all(struct intents *intents, const struct tn_snapshot *snapshot, int direction)
{
    double now = intents_ratio_all(intents, snapshot);
    double ratio = twentieth(now, direction, 0);
    if (fabs(ratio - now) < 1e-9)
        return false;
    for (int i = 0; i < intents->count; i++)
        intents->layers[i].active = false;
    intents->all = (struct intent){.active = true, .kind = INTENT_RATIO, .ratio = ratio};
    return true;
}

static void layer_line(const struct intent *intent, const char *name, char *line, int size)
{
    char template[64];
    int steps = intent->base - intent->target;
    if (intent->kind == INTENT_RATIO)
        snprintf(template, sizeof template, "ratio %% %.4g", intent->ratio);
    else if (intent->kind == INTENT_KEEP || steps == 0)
        snprintf(template, sizeof template, "keep %% %d", intent->target);
    else if (steps == 1 || steps == -1)
        snprintf(template, sizeof template, "%s %%", steps > 0 ? "step" : "back");
    else
        snprintf(template, sizeof template, "%s %% %d", steps > 0 ? "step" : "back",
                 steps > 0 ? steps : -steps);
    layer_command(template, name, line, size);
}

bool intents_next(struct intents *intents, const struct tn_snapshot *snapshot, uint64_t finished,
                  char *line, int size)
{
    if (finished < intents->in_flight)
        return false;
    if (intents->all.active && !intents->all.sent) {
        snprintf(line, (size_t)size, "ratio all %.4g", intents->all.ratio);
        intents->all.sent = true;
        intents->all.number = UINT64_MAX;
        return true;
    }
    for (int i = 0; i < intents->count; i++) {
        struct intent *intent = &intents->layers[i];
        if (!intent->active || intent->sent)
            continue;
        layer_line(intent, snapshot->layers[i].name, line, size);
        intent->sent = true;
        intent->base = intent->target;
        intent->number = UINT64_MAX;
        return true;
    }
    return false;
}

void intents_sent(struct intents *intents, uint64_t number)
{
    intents->in_flight = number;
    if (intents->all.sent && intents->all.number == UINT64_MAX)
        intents->all.number = number;
    for (int i = 0; i < intents->count; i++)
        if (intents->layers[i].sent && intents->layers[i].number == UINT64_MAX)
            intents->layers[i].number = number;
}

void intents_forget(struct intents *intents)
{
    for (int i = 0; i < intents->count; i++)
        intents->layers[i].active = false;
    intents->all.active = false;
    intents->in_flight = 0;
}

bool intents_carried(const struct intents *intents, uint64_t number)
{
    bool carried = number == intents->in_flight;
    carried = carried || (intents->all.sent && intents->all.number == number);
    for (int i = 0; i < intents->count && !carried; i++)
        carried = intents->layers[i].sent && intents->layers[i].number == number;
    return carried;
}

void intents_finished(struct intents *intents, uint64_t finished, bool failed)
{
    bool drop = failed && finished == intents->in_flight && intents->in_flight > 0;
    struct intent *all = &intents->all;
    all->active = all->active && !drop && !(all->sent && all->number <= finished);
    for (int i = 0; i < intents->count; i++) {
        struct intent *intent = &intents->layers[i];
        intent->active = intent->active && !drop && !(intent->sent && intent->number <= finished);
    }
}
