/* The cost of a choice of widths, and what it becomes when one group changes. */
#include "core/memory.h"
#include "prune/width.h"

#include <string.h>

double tn_width_measured(struct tn_width_cost cost, enum tn_measure measure)
{
    return measure == TN_FLOPS ? cost.flops : measure == TN_PARAMS ? cost.params : cost.time;
}

/* Positions left of a part when `kept` channels of its group stay. */
static double staying(const struct tn_width_plan *plan, int part, int kept)
{
    const struct tn_width_part *p = &plan->widths->parts[part];
    if (plan->staying[part])
        return plan->staying[part][kept];
    return (double)p->positions * kept / plan->widths->reach[p->group].channels;
}

/* How many of each channel's positions are there with so many channels kept, when the last in the
 * order stay longest. */
static double *tabulate(const struct tn_width_part *part, int channels, const int *order)
{
    double *table = tn_alloc((size_t)channels + 1, sizeof *table);
    if (!table)
        return NULL;
    table[0] = 0;
    for (int k = 1; k <= channels; k++)
        table[k] = table[k - 1] + part->each[order[channels - k]];
    return table;
}

static double left_on(const struct tn_width_plan *plan, int axis)
{
    const struct tn_width_axis *a = &plan->widths->axes[axis];
    double left = a->fixed;
    for (int p = a->first_part; p < a->first_part + a->part_count; p++)
        left += staying(plan, p, plan->kept[plan->widths->parts[p].group]);
    return left;
}

static double numbers_of(const struct tn_width_plan *plan, const struct tn_width_use *use)
{
    double numbers = use->rest;
    for (int i = 0; i < use->axis_count; i++)
        numbers *= plan->axes[use->axes[i]];
    return numbers;
}

/* Of nodes that share a constant, those that lose nothing go on sharing it; each of the others gets
 * its own, unless another loses the same. */
static struct tn_width_cost cost_of(const struct tn_width_plan *plan, int constant)
{
    const struct tn_widths *widths = plan->widths;
    struct tn_width_cost cost = {0};
    bool whole = false;
    for (int u = widths->constants[constant]; u >= 0; u = widths->uses[u].next) {
        const struct tn_width_use *use = &widths->uses[u];
        double numbers = numbers_of(plan, use);
        cost.flops += numbers * use->flops;
        cost.time += numbers * use->time;
        if (numbers == use->whole) {
            cost.params += whole ? 0 : numbers;
            whole = true;
        } else if (!use->twin) {
            cost.params += numbers;
        }
    }
    return cost;
}

static bool is_prunable(const struct tn_width_plan *plan, int group)
{
    return plan->widths->reach[group].part_count > 0;
}

static void plan_start(struct tn_width_plan *plan, const int *kept)
{
    const struct tn_widths *widths = plan->widths;
    for (int g = 0; g < widths->group_count; g++)
        plan->kept[g] = is_prunable(plan, g) ? kept[g] : widths->reach[g].channels;
    for (int a = 0; a < widths->axis_count; a++)
        plan->axes[a] = left_on(plan, a);
    plan->total.time = widths->fixed_time;
    for (int c = 0; c < widths->constant_count; c++) {
        plan->each[c] = cost_of(plan, c);
        plan->total.params += plan->each[c].params;
        plan->total.flops += plan->each[c].flops;
        plan->total.time += plan->each[c].time;
    }
}

bool tn_width_plan_new(const struct tn_widths *widths, const int *kept, const int *const *orders,
                       struct tn_width_plan *plan, struct tn_error *error)
{
    size_t groups = (size_t)widths->group_count, parts = (size_t)widths->part_count;
    size_t axes = (size_t)widths->axis_count, constants = (size_t)widths->constant_count;
    *plan = (struct tn_width_plan){.widths = widths};
    plan->kept = tn_calloc(groups, sizeof *plan->kept);
    plan->staying = tn_calloc(parts, sizeof *plan->staying);
    plan->axes = tn_calloc(axes, sizeof *plan->axes);
    plan->saved = tn_calloc(axes, sizeof *plan->saved);
    plan->each = tn_calloc(constants, sizeof *plan->each);
    bool ok = plan->kept && plan->staying && plan->axes && plan->saved && plan->each;
    for (size_t p = 0; ok && orders && p < parts; p++) {
        const struct tn_width_part *part = &widths->parts[p];
        if (!part->each || !orders[part->group])
            continue;
        plan->staying[p] = tabulate(part, widths->reach[part->group].channels, orders[part->group]);
        ok = plan->staying[p] != NULL;
    }
    if (!ok) {
        tn_width_plan_free(plan);
        return tn_fail_memory(error, "a choice of widths", constants * sizeof *plan->each);
    }
    plan_start(plan, kept);
    return true;
}

void tn_width_plan_free(struct tn_width_plan *plan)
{
    for (int p = 0; plan->staying && p < plan->widths->part_count; p++)
        tn_free(plan->staying[p]);
    tn_free(plan->kept);
    tn_free(plan->staying);
    tn_free(plan->axes);
    tn_free(plan->saved);
    tn_free(plan->each);
    *plan = (struct tn_width_plan){0};
}

void tn_width_plan_set(struct tn_width_plan *plan, int group, int kept)
{
    const struct tn_width_reach *reach = &plan->widths->reach[group];
    if (!is_prunable(plan, group))
        return;
    plan->kept[group] = kept;
    for (int p = 0; p < reach->part_count; p++) {
        int axis = plan->widths->parts[reach->parts[p]].axis;
        plan->axes[axis] = left_on(plan, axis);
    }
    for (int i = 0; i < reach->constant_count; i++) {
        int c = reach->constants[i];
        struct tn_width_cost cost = cost_of(plan, c);
        plan->total.params += cost.params - plan->each[c].params;
        plan->total.flops += cost.flops - plan->each[c].flops;
        plan->total.time += cost.time - plan->each[c].time;
        plan->each[c] = cost;
    }
}

/* Let the axes be as another width of the group makes them, until they are put back. */
static void lend(struct tn_width_plan *plan, const struct tn_width_reach *reach, int now, int kept)
{
    for (int p = 0; p < reach->part_count; p++) {
        int part = reach->parts[p], axis = plan->widths->parts[part].axis;
        plan->axes[axis] = plan->saved[axis] + staying(plan, part, kept) - staying(plan, part, now);
    }
}

static void save(struct tn_width_plan *plan, const struct tn_width_reach *reach)
{
    for (int p = 0; p < reach->part_count; p++) {
        int axis = plan->widths->parts[reach->parts[p]].axis;
        plan->saved[axis] = plan->axes[axis];
    }
}

static void put_back(struct tn_width_plan *plan, const struct tn_width_reach *reach)
{
    for (int p = 0; p < reach->part_count; p++) {
        int axis = plan->widths->parts[reach->parts[p]].axis;
        plan->axes[axis] = plan->saved[axis];
    }
}

struct tn_width_cost tn_width_plan_try(struct tn_width_plan *plan, int group, int kept)
{
    const struct tn_width_reach *reach = &plan->widths->reach[group];
    struct tn_width_cost total = plan->total;
    if (!is_prunable(plan, group))
        return total;
    save(plan, reach);
    lend(plan, reach, plan->kept[group], kept);
    for (int i = 0; i < reach->constant_count; i++) {
        int c = reach->constants[i];
        struct tn_width_cost cost = cost_of(plan, c);
        total.params += cost.params - plan->each[c].params;
        total.flops += cost.flops - plan->each[c].flops;
        total.time += cost.time - plan->each[c].time;
    }
    put_back(plan, reach);
    return total;
}

/* --- all widths of a group at once --- */

/* Numbers of a use as a polynomial of the channels kept: an axis has a + b k positions. */
static void add_use(const struct tn_width_plan *plan, const struct tn_width_use *use, int group,
                    double unit, double power[3])
{
    double product[3] = {use->rest * unit, 0, 0};
    for (int i = 0; i < use->axis_count; i++) {
        const struct tn_width_axis *axis = &plan->widths->axes[use->axes[i]];
        double a = plan->axes[use->axes[i]], b = 0;
        for (int p = axis->first_part; p < axis->first_part + axis->part_count; p++) {
            const struct tn_width_part *part = &plan->widths->parts[p];
            if (part->group != group)
                continue;
            b = (double)part->positions / plan->widths->reach[group].channels;
            a -= staying(plan, p, plan->kept[group]);
        }
        product[2] = product[2] * a + product[1] * b;
        product[1] = product[1] * a + product[0] * b;
        product[0] *= a;
    }
    for (int i = 0; i < 3; i++)
        power[i] += product[i];
}

/* Does a table say how the group's part of an axis shrinks, or is there the step that comes with
 * sharing? */
static bool is_bent(const struct tn_width_plan *plan, int group, int constant)
{
    const struct tn_width_use *use = &plan->widths->uses[plan->widths->constants[constant]];
    if (use->next >= 0)
        return true;
    for (int i = 0; i < use->axis_count; i++) {
        const struct tn_width_axis *axis = &plan->widths->axes[use->axes[i]];
        for (int p = axis->first_part; p < axis->first_part + axis->part_count; p++) {
            if (plan->widths->parts[p].group == group && plan->staying[p])
                return true;
        }
    }
    return false;
}

/* Add what constants cost that are no polynomials. */
static void add_bent(struct tn_width_plan *plan, int group, enum tn_measure measure, double *cost)
{
    const struct tn_width_reach *reach = &plan->widths->reach[group];
    save(plan, reach);
    for (int k = 0; k <= reach->channels; k++) {
        lend(plan, reach, plan->kept[group], k);
        for (int i = 0; i < reach->constant_count; i++) {
            if (is_bent(plan, group, reach->constants[i]))
                cost[k] += tn_width_measured(cost_of(plan, reach->constants[i]), measure);
        }
    }
    put_back(plan, reach);
}

static double unit_of(const struct tn_width_use *use, enum tn_measure measure)
{
    return measure == TN_FLOPS ? use->flops : measure == TN_PARAMS ? 1 : use->time;
}

void tn_width_plan_curve(struct tn_width_plan *plan, int group, enum tn_measure measure,
                         double *cost)
{
    const struct tn_width_reach *reach = &plan->widths->reach[group];
    double power[3] = {tn_width_measured(plan->total, measure), 0, 0};
    bool bent = false;
    for (int i = 0; i < reach->constant_count; i++) {
        int c = reach->constants[i];
        const struct tn_width_use *use = &plan->widths->uses[plan->widths->constants[c]];
        power[0] -= tn_width_measured(plan->each[c], measure);
        if (is_bent(plan, group, c))
            bent = true;
        else
            add_use(plan, use, group, unit_of(use, measure), power);
    }
    for (int k = 0; k <= reach->channels; k++)
        cost[k] = power[0] + k * (power[1] + k * power[2]);
    if (bent)
        add_bent(plan, group, measure, cost);
}
