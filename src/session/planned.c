/* The cost of a network with every pending ratio pruned. */
#include "core/memory.h"
#include "prune/width.h"
#include "session/state.h"
#include <math.h>

/* Widths as they are set, and in which order channels go where that makes a difference. */
struct choice {
    int count;
    int *kept;    /* [groups] */
    int **orders; /* [groups] NULL where it makes none or is not known */
};

static void choice_free(struct choice *choice)
{
    for (int g = 0; choice->orders && g < choice->count; g++)
        tn_free(choice->orders[g]);
    tn_free(choice->orders);
    tn_free(choice->kept);
}

/* Those removed, then those that stay. */
static bool find_order(const struct tn_state *state, int group, int **order, struct tn_error *error)
{
    int channels = state->model->groups.group[group].channels, kept = state->settings[group].kept;
    struct tn_error why;
    tn_error_clear(&why);
    int *stay = tn_alloc((size_t)channels, sizeof *stay);
    *order = tn_alloc((size_t)channels, sizeof **order);
    if (!stay || !*order) {
        tn_free(stay);
        return tn_fail_memory(error, "a choice of filters", (size_t)channels * sizeof *stay);
    }
    bool known = tn_state_choice(state, group, kept, *order, stay, &why);
    for (int i = 0; known && i < kept; i++)
        (*order)[channels - kept + i] = stay[i];
    tn_free(stay);
    if (known)
        return true;
    tn_free(*order);
    *order = NULL;
    return tn_error_pass(&why, error);
}

static bool choose(const struct tn_state *state, struct choice *choice, struct tn_error *error)
{
    const struct tn_model *model = state->model;
    size_t groups = (size_t)model->groups.count;
    *choice = (struct choice){.count = model->groups.count};
    choice->kept = tn_calloc(groups, sizeof *choice->kept);
    choice->orders = tn_calloc(groups, sizeof *choice->orders);
    if (!choice->kept || !choice->orders)
        return tn_fail_memory(error, "widths", groups * sizeof *choice->orders);
    for (int g = 0; g < choice->count; g++) {
        choice->kept[g] = state->settings[g].kept;
        bool whole = choice->kept[g] == model->groups.group[g].channels;
        if (model->widths.reach[g].uneven && !whole &&
            !find_order(state, g, &choice->orders[g], error))
            return false;
    }
    return true;
}

bool tn_state_planned(const struct tn_state *state, int64_t *params, int64_t *flops,
                      struct tn_error *error)
{
    struct choice choice;
    struct tn_width_plan plan;
    bool ok = choose(state, &choice, error) &&
              tn_width_plan_new(&state->model->widths, choice.kept,
                                (const int *const *)choice.orders, &plan, error);
    choice_free(&choice);
    if (!ok)
        return false;
    *params = llround(plan.total.params);
    *flops = llround(plan.total.flops);
    tn_width_plan_free(&plan);
    return true;
}
