#include "prune/budget.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

/* How near to the budget an answer has to come. */
static const double NEAR = 0.99;

/* A gain smaller than this part of the error is not worth looking for. */
static const double WORTH = 1e-6;

/* How much larger the error may become, at most, to come near by a swap. */
static const double NEARNESS = 0.05;

/* The widths of a group that are worth their cost: each has a smaller error than all below it. The
 * least is always one. */
struct ladder {
    int group, count;
    int *kept;
    double *error;
};

struct solver {
    const struct tn_budget *budget;
    struct tn_width_plan plan;
    double limit; /* cost that must not be exceeded */
    int count;    /* groups that can be set */
    struct ladder *ladders;
    int *at, *start, *best; /* [count] rungs: now, of the start at hand, of the best answer */
    double best_error;
    double *cost; /* [most channels + 1] scratch */
};

static double cost_now(const struct solver *s)
{
    return tn_width_measured(s->plan.total, s->budget->measure);
}

static double cost_with(struct solver *s, int i, int rung)
{
    const struct ladder *ladder = &s->ladders[i];
    return tn_width_measured(tn_width_plan_try(&s->plan, ladder->group, ladder->kept[rung]),
                             s->budget->measure);
}

static double error_at(const struct solver *s, int i, int rung)
{
    return s->ladders[i].error[rung];
}

static double error_now(const struct solver *s)
{
    double sum = 0;
    for (int i = 0; i < s->count; i++)
        sum += error_at(s, i, s->at[i]);
    return sum;
}

static void climb_to(struct solver *s, int i, int rung)
{
    s->at[i] = rung;
    tn_width_plan_set(&s->plan, s->ladders[i].group, s->ladders[i].kept[rung]);
}

static void stand(struct solver *s, const int *rungs)
{
    for (int i = 0; i < s->count; i++)
        if (s->at[i] != rungs[i])
            climb_to(s, i, rungs[i]);
}

/* --- ladders --- */

static bool check_group(const struct tn_budget *budget, int g, struct tn_error *error)
{
    const struct tn_budget_group *group = &budget->groups[g];
    int channels = budget->widths->reach[g].channels;
    if (group->least < 1 || group->most > channels || group->least > group->most)
        return tn_fail(error, TN_ERROR_USE, "of %d channels %d to %d cannot be kept", channels,
                       group->least, group->most);
    for (int k = group->least; group->curve && k <= group->most; k++) {
        if (!isfinite(group->curve[k]))
            return tn_fail(error, TN_ERROR_INPUT, "the error with %d of %d channels is not finite",
                           k, channels);
    }
    return true;
}

/* Can the budget choose its width? */
static bool is_free(const struct tn_budget *budget, int g)
{
    const struct tn_budget_group *group = &budget->groups[g];
    return budget->widths->reach[g].part_count > 0 && group->curve && group->least < group->most;
}

static bool build_ladder(const struct tn_budget_group *group, struct ladder *ladder,
                         struct tn_error *error)
{
    size_t most = (size_t)(group->most - group->least) + 1;
    ladder->kept = tn_alloc(most, sizeof *ladder->kept);
    ladder->error = tn_alloc(most, sizeof *ladder->error);
    if (!ladder->kept || !ladder->error)
        return tn_fail_memory(error, "a budget", most * sizeof *ladder->error);
    for (int k = group->least; k <= group->most; k++) {
        if (ladder->count > 0 && group->curve[k] >= ladder->error[ladder->count - 1])
            continue;
        ladder->kept[ladder->count] = k;
        ladder->error[ladder->count++] = group->curve[k];
    }
    return true;
}

static bool start_plan(struct solver *s, struct tn_error *error)
{
    const struct tn_budget *budget = s->budget;
    size_t groups = (size_t)budget->widths->group_count;
    int *kept = tn_alloc(groups, sizeof *kept);
    const int **orders = tn_calloc(groups, sizeof *orders);
    bool ok = kept && orders ? true : tn_fail_memory(error, "a budget", groups * sizeof *orders);
    for (size_t g = 0; ok && g < groups; g++) {
        kept[g] = budget->widths->reach[g].channels;
        orders[g] = budget->groups[g].order;
    }
    ok = ok && tn_width_plan_new(budget->widths, kept, orders, &s->plan, error);
    tn_free(kept);
    tn_free(orders);
    return ok;
}

static bool solver_start(struct solver *s, struct tn_error *error)
{
    const struct tn_budget *budget = s->budget;
    size_t groups = (size_t)budget->widths->group_count, widest = 0;
    s->ladders = tn_calloc(groups, sizeof *s->ladders);
    s->at = tn_calloc(groups, sizeof *s->at);
    s->start = tn_calloc(groups, sizeof *s->start);
    s->best = tn_calloc(groups, sizeof *s->best);
    s->best_error = HUGE_VAL;
    if (!s->ladders || !s->at || !s->start || !s->best)
        return tn_fail_memory(error, "a budget", groups * sizeof *s->ladders);
    for (int g = 0; g < budget->widths->group_count; g++) {
        size_t channels = (size_t)budget->widths->reach[g].channels;
        widest = channels > widest ? channels : widest;
        if (!check_group(budget, g, error))
            return false;
        if (!is_free(budget, g))
            continue;
        s->ladders[s->count].group = g;
        if (!build_ladder(&budget->groups[g], &s->ladders[s->count++], error))
            return false;
    }
    s->cost = tn_alloc(widest + 1, sizeof *s->cost);
    if (!s->cost)
        return tn_fail_memory(error, "a budget", widest * sizeof *s->cost);
    return start_plan(s, error);
}

static void solver_end(struct solver *s)
{
    for (int i = 0; i < s->count; i++) {
        tn_free(s->ladders[i].kept);
        tn_free(s->ladders[i].error);
    }
    tn_free(s->ladders);
    tn_free(s->at);
    tn_free(s->start);
    tn_free(s->best);
    tn_free(s->cost);
    tn_width_plan_free(&s->plan);
}

/* --- a price on cost --- */

static int best_rung(struct solver *s, int i, double price)
{
    const struct ladder *ladder = &s->ladders[i];
    int best = s->at[i];
    tn_width_plan_curve(&s->plan, ladder->group, s->budget->measure, s->cost);
    double least = ladder->error[best] + price * s->cost[ladder->kept[best]];
    for (int r = 0; r < ladder->count; r++) {
        double sum = ladder->error[r] + price * s->cost[ladder->kept[r]];
        if (sum < least) {
            least = sum;
            best = r;
        }
    }
    return best;
}

/* From the start at hand, one group after the other to where error + price x cost is least, until
 * none moves. */
static void descend(struct solver *s, double price)
{
    enum { SWEEPS = 50 };
    bool moved = true;
    stand(s, s->start);
    for (int sweep = 0; moved && sweep < SWEEPS; sweep++) {
        moved = false;
        for (int i = 0; i < s->count; i++) {
            int rung = best_rung(s, i, price);
            if (rung == s->at[i])
                continue;
            climb_to(s, i, rung);
            moved = true;
        }
    }
}

static bool fits(const struct solver *s)
{
    return cost_now(s) <= s->limit;
}

/* Descend at the lowest price that keeps within the budget. */
static void relax(struct solver *s)
{
    enum { RAISES = 100, HALVINGS = 30 };
    static const double SAME = 1.0005; /* what is left is filled */
    double low = 0, high = 1 / s->limit;
    for (int i = 0; i < RAISES; i++) {
        descend(s, high);
        if (fits(s))
            break;
        low = high;
        high *= 4;
    }
    for (int i = 0; i < HALVINGS && high > SAME * low; i++) {
        double middle = low > 0 ? sqrt(low * high) : high / 16;
        descend(s, middle);
        if (fits(s))
            high = middle;
        else
            low = middle;
    }
    descend(s, high);
}

/* --- what the price leaves --- */

/* Spend what is left where it takes most from the error for its cost. */
static void fill(struct solver *s)
{
    for (;;) {
        int best = -1, rung = 0;
        double most = 0, now = cost_now(s);
        for (int i = 0; i < s->count; i++) {
            const struct ladder *ladder = &s->ladders[i];
            if (s->at[i] + 1 == ladder->count || cost_with(s, i, s->at[i] + 1) > s->limit)
                continue;
            tn_width_plan_curve(&s->plan, ladder->group, s->budget->measure, s->cost);
            for (int r = s->at[i] + 1; r < ladder->count; r++) {
                double cost = s->cost[ladder->kept[r]];
                if (cost > s->limit)
                    break;
                double gain = ladder->error[s->at[i]] - ladder->error[r];
                double rate = gain / fmax(cost - now, 1e-9 * s->limit);
                if (rate > most) {
                    most = rate;
                    best = i;
                    rung = r;
                }
            }
        }
        if (best < 0)
            return;
        climb_to(s, best, rung);
    }
}

/* The highest rung of a group below its own at which the cost is within the budget, or -1. */
static int give_way(struct solver *s, int i)
{
    int low = -1, high = s->at[i];
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (cost_with(s, i, middle) <= s->limit)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct exchange {
    int up_rung, down, down_rung;
    double gain; /* the error falls by that much */
};

/* The group that pays for group i's new rung with the least error. */
static void find_payer(struct solver *s, int i, int rung, struct exchange *best)
{
    int old = s->at[i];
    double gain = error_at(s, i, old) - error_at(s, i, rung);
    climb_to(s, i, rung);
    for (int j = 0; j < s->count; j++) {
        int at = s->at[j];
        if (j == i || at == 0)
            continue;
        if (gain - (error_at(s, j, at - 1) - error_at(s, j, at)) <= best->gain)
            continue;
        int down = give_way(s, j);
        if (down < 0)
            continue;
        double left = gain - (error_at(s, j, down) - error_at(s, j, at));
        if (left > best->gain)
            *best = (struct exchange){rung, j, down, left};
    }
    climb_to(s, i, old);
}

/* Exchange channels between two groups as long as that makes the error smaller. */
static void trade(struct solver *s)
{
    enum { PASSES = 40 };
    bool moved = true;
    for (int pass = 0; moved && pass < PASSES; pass++) {
        moved = false;
        for (int i = 0; i < s->count; i++) {
            struct exchange best = {.gain = WORTH * error_now(s)};
            for (int step = 1; s->at[i] + step < s->ladders[i].count; step *= 2)
                find_payer(s, i, s->at[i] + step, &best);
            if (best.up_rung == 0)
                continue;
            climb_to(s, best.down, best.down_rung);
            climb_to(s, i, best.up_rung);
            fill(s);
            moved = true;
        }
    }
}

/* Fill up, and remember the answer if it is the best by now. */
static void offer(struct solver *s)
{
    fill(s);
    double error = error_now(s);
    if (error >= s->best_error)
        return;
    s->best_error = error;
    memcpy(s->best, s->at, (size_t)s->count * sizeof *s->best);
}

/* --- starts --- */

static void start_at_ends(struct solver *s, bool top)
{
    for (int i = 0; i < s->count; i++)
        s->start[i] = top ? s->ladders[i].count - 1 : 0;
}

/* The highest rungs that keep at most this fraction of each group. */
static void start_at_fraction(struct solver *s, double fraction)
{
    for (int i = 0; i < s->count; i++) {
        const struct ladder *ladder = &s->ladders[i];
        double kept = fraction * s->budget->widths->reach[ladder->group].channels + 1e-9;
        int rung = 0;
        while (rung + 1 < ladder->count && ladder->kept[rung + 1] <= kept)
            rung++;
        s->start[i] = rung;
    }
}

/* The largest equal ratio within the budget. */
static void start_equal(struct solver *s)
{
    enum { HALVINGS = 40 };
    double low = 0, high = 1;
    for (int i = 0; i < HALVINGS; i++) {
        start_at_fraction(s, (low + high) / 2);
        stand(s, s->start);
        if (fits(s))
            low = (low + high) / 2;
        else
            high = (low + high) / 2;
    }
    start_at_fraction(s, low);
}

static void search(struct solver *s)
{
    start_equal(s);
    stand(s, s->start);
    offer(s);
    relax(s);
    offer(s);
    start_at_ends(s, true);
    relax(s);
    offer(s);
    start_at_ends(s, false);
    relax(s);
    offer(s);
    stand(s, s->best);
    trade(s);
}

/* --- the last channels --- */

/* More channels for one group. */
struct widening {
    int group, kept;
    double harm, width; /* what it adds to the error; the fraction of the group there before */
};

/* The least harmful widening of a group, the smallest of equals; false where none is within the
 * budget. */
static bool widen(struct solver *s, int group, struct widening *best)
{
    const double *curve = s->budget->groups[group].curve;
    int kept = s->plan.kept[group], most = s->budget->groups[group].most;
    *best = (struct widening){group, kept, HUGE_VAL, 0};
    for (int k = kept + 1; k <= most && best->harm > 0; k++) {
        double harm = fmax(curve[k] - curve[kept], 0);
        if (harm >= best->harm)
            continue;
        struct tn_width_cost cost = tn_width_plan_try(&s->plan, group, k);
        if (tn_width_measured(cost, s->budget->measure) > s->limit)
            break;
        *best = (struct widening){group, k, harm,
                                  (double)kept / s->budget->widths->reach[group].channels};
    }
    return best->harm < HUGE_VAL;
}

/* Curves need not fall all the way, and on the rungs alone the budget may be out of reach: widen
 * where that does no harm, and until it is reached where it does least; the narrowest of equals. */
static void top_up(struct solver *s)
{
    for (;;) {
        struct widening best = {.group = -1};
        for (int i = 0; i < s->count; i++) {
            struct widening w;
            if (!widen(s, s->ladders[i].group, &w))
                continue;
            if (best.group < 0 || w.harm < best.harm ||
                (w.harm == best.harm && w.width < best.width))
                best = w;
        }
        if (best.group < 0 || (best.harm > 0 && cost_now(s) >= NEAR * s->limit))
            return;
        tn_width_plan_set(&s->plan, best.group, best.kept);
    }
}

static double error_of(const struct solver *s)
{
    double sum = 0;
    for (int g = 0; g < s->budget->widths->group_count; g++) {
        if (s->budget->groups[g].curve)
            sum += s->budget->groups[g].curve[s->plan.kept[g]];
    }
    return sum;
}

/* Channels that two groups exchange, up in one and down in another. */
struct swap {
    int up, up_kept, down, down_kept;
    double harm;
};

/* The least harmful swap for group `up` at its width now that brings the cost near the budget. */
static void find_swap(struct solver *s, int up, double harm, struct swap *best)
{
    enum { FAR = 8 }; /* channels down */
    for (int i = 0; i < s->count; i++) {
        int g = s->ladders[i].group, kept = s->plan.kept[g];
        const struct tn_budget_group *group = &s->budget->groups[g];
        for (int k = kept - 1; g != up && k >= group->least && k >= kept - FAR; k--) {
            double sum = harm + group->curve[k] - group->curve[kept];
            double cost = tn_width_measured(tn_width_plan_try(&s->plan, g, k), s->budget->measure);
            if (cost > s->limit || cost < NEAR * s->limit || sum >= best->harm)
                continue;
            *best = (struct swap){up, s->plan.kept[up], g, k, sum};
        }
    }
}

/* Where one channel more of anything is too much, a swap may still come near; worth a little error,
 * no more. */
static void come_near(struct solver *s)
{
    enum { FAR = 8 }; /* channels up */
    double bearable = NEARNESS * error_of(s);
    struct swap best = {.harm = bearable};
    for (int i = 0; i < s->count && cost_now(s) < NEAR * s->limit; i++) {
        int g = s->ladders[i].group, kept = s->plan.kept[g];
        const struct tn_budget_group *group = &s->budget->groups[g];
        for (int k = kept + 1; k <= group->most && k <= kept + FAR; k++) {
            tn_width_plan_set(&s->plan, g, k);
            find_swap(s, g, group->curve[k] - group->curve[kept], &best);
        }
        tn_width_plan_set(&s->plan, g, kept);
    }
    if (best.harm >= bearable)
        return;
    tn_width_plan_set(&s->plan, best.up, best.up_kept);
    tn_width_plan_set(&s->plan, best.down, best.down_kept);
}

static bool all_at_most(const struct solver *s)
{
    for (int i = 0; i < s->count; i++) {
        int g = s->ladders[i].group;
        if (s->plan.kept[g] < s->budget->groups[g].most)
            return false;
    }
    return true;
}

static bool give(struct solver *s, struct tn_budget_answer *answer, struct tn_error *error)
{
    size_t groups = (size_t)s->budget->widths->group_count;
    answer->kept = tn_alloc(groups, sizeof *answer->kept);
    if (!answer->kept)
        return tn_fail_memory(error, "a budget", groups * sizeof *answer->kept);
    memcpy(answer->kept, s->plan.kept, groups * sizeof *answer->kept);
    answer->cost = s->plan.total;
    answer->over = !fits(s);
    answer->under = cost_now(s) < NEAR * s->limit && all_at_most(s);
    answer->error = error_of(s);
    return true;
}

bool tn_budget_solve(const struct tn_budget *budget, struct tn_budget_answer *answer,
                     struct tn_error *error)
{
    struct solver s = {.budget = budget};
    *answer = (struct tn_budget_answer){0};
    bool ok = solver_start(&s, error);
    if (ok) {
        answer->today = s.plan.total;
        s.limit = budget->fraction * cost_now(&s) * (1 + 1e-12);
        for (int g = 0; g < budget->widths->group_count; g++)
            tn_width_plan_set(&s.plan, g, budget->groups[g].most);
        for (int i = 0; i < s.count; i++)
            climb_to(&s, i, 0);
        if (fits(&s)) {
            search(&s);
            top_up(&s);
            come_near(&s);
        }
        ok = give(&s, answer, error);
    }
    solver_end(&s);
    return ok;
}
