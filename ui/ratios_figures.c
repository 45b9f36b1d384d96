#include "ratios_figures.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

void ratios_free(struct ratios *ratios)
{
    tn_free(ratios->each);
    *ratios = (struct ratios){0};
}

/* --- cost --- */

/* What stays of the filters of the layer's group. */
static double fraction_of(const struct tn_snapshot *snapshot, const int *kept, int layer)
{
    const struct tn_snapshot_layer *it = &snapshot->layers[layer];
    return it->prunable && it->filters > 0 ? (double)kept[layer] / it->filters : 1;
}

static double left_on(const struct tn_snapshot *snapshot, const int *kept,
                      const struct tn_snapshot_axis *axis)
{
    double left = axis->fixed;
    for (int p = 0; p < axis->part_count; p++)
        left += axis->parts[p].share * fraction_of(snapshot, kept, axis->parts[p].layer);
    return left;
}

/* FLOPs and parameters of one layer. */
static void cost_of(const struct tn_snapshot *snapshot, const int *kept, int layer, double *flops,
                    double *params)
{
    const struct tn_snapshot_layer *it = &snapshot->layers[layer];
    double product = 1, filters = 1;
    for (int a = 0; a < it->axis_count; a++) {
        double left = left_on(snapshot, kept, &it->axes[a]);
        product *= left;
        filters = a == 0 ? left : filters;
    }
    *flops = (double)it->flops * product;
    *params = it->weights * product + ((double)it->params - it->weights) * filters;
}

/* The layer's place in the measurement, or NULL; as a rule both stand in the same order. */
static const struct tn_snapshot_time *time_of(const struct tn_snapshot *snapshot, int layer)
{
    const struct tn_snapshot_times *times = snapshot->times;
    for (int i = 0; times != NULL && i < times->layer_count; i++) {
        const struct tn_snapshot_time *time = &times->layers[(layer + i) % times->layer_count];
        if (strcmp(time->name, snapshot->layers[layer].name) == 0)
            return time;
    }
    return NULL;
}

static double ms_of(const struct tn_snapshot *snapshot, int layer, double flops)
{
    const struct tn_snapshot_time *time = time_of(snapshot, layer);
    return time != NULL && time->flops > 0 ? time->forward_ms * flops / time->flops : NAN;
}

double ratios_ms_now(const struct tn_snapshot *snapshot)
{
    if (snapshot->times == NULL)
        return NAN;
    double sum = snapshot->times->other_forward_ms;
    for (int l = 0; l < snapshot->layer_count; l++) {
        double ms = ms_of(snapshot, l, (double)snapshot->layers[l].flops);
        sum += isfinite(ms) ? ms : 0;
    }
    return sum;
}

/* Adds what is known to a sum that is NAN as long as nothing is. */
static double plus(double sum, double value)
{
    return !isfinite(value) ? sum : isfinite(sum) ? sum + value : value;
}

static void add_costs(const struct tn_snapshot *snapshot, const int *kept, struct ratios *ratios)
{
    for (int l = 0; l < ratios->count; l++) {
        double flops, params;
        cost_of(snapshot, kept, l, &flops, &params);
        struct ratio_figures *to = &ratios->each[snapshot->layers[l].leader];
        to->flops += flops;
        to->params += params;
        to->ms = plus(to->ms, ms_of(snapshot, l, flops));
        ratios->all.flops += flops;
        ratios->all.params += params;
        ratios->all.ms = plus(ratios->all.ms, ms_of(snapshot, l, flops));
    }
    if (snapshot->times != NULL)
        ratios->all.ms = plus(ratios->all.ms, snapshot->times->other_forward_ms);
}

/* --- what is lost --- */

/* Straight lines between the points; with no filter left nothing is recognised. */
static double lost_at(const struct tn_snapshot_layer *layer, int kept)
{
    int last = layer->point_count - 1;
    if (last < 1)
        return NAN;
    int i = 0;
    while (i < last && layer->point_kept[i] < kept)
        i++;
    double x0 = i > 0 ? layer->point_kept[i - 1] : 0, y0 = i > 0 ? layer->point_top1[i - 1] : 0;
    double x1 = layer->point_kept[i], y1 = layer->point_top1[i];
    double top1 = x1 > x0 ? y0 + (kept - x0) * (y1 - y0) / (x1 - x0) : y1;
    return layer->point_top1[last] - top1;
}

static void add_losses(struct ratios *ratios, const struct ratio_figures *one)
{
    ratios->all.filters += one->filters;
    ratios->all.kept += one->kept;
    ratios->all.error = plus(ratios->all.error, one->error);
    ratios->all.error_ls = plus(ratios->all.error_ls, one->error_ls);
    ratios->all.lost = plus(ratios->all.lost, one->lost);
}

/* --- all of it --- */

static bool begin(const struct tn_snapshot *snapshot, struct ratios *ratios, int **kept)
{
    const struct ratio_figures unknown = {.ms = NAN, .error = NAN, .error_ls = NAN, .lost = NAN};
    size_t count = (size_t)snapshot->layer_count;
    *ratios = (struct ratios){.count = snapshot->layer_count, .all = unknown};
    ratios->each = tn_alloc(count, sizeof *ratios->each);
    *kept = tn_alloc(count, sizeof **kept);
    for (size_t l = 0; ratios->each != NULL && l < count; l++)
        ratios->each[l] = unknown;
    if (ratios->each != NULL && *kept != NULL)
        return true;
    ratios_free(ratios);
    tn_free(*kept);
    return false;
}

static void fill(const struct screen *screen, const struct tn_snapshot_proposal *proposal,
                 const int *kept, struct ratios *ratios)
{
    const struct tn_snapshot *snapshot = screen->snapshot;
    for (int l = 0; l < ratios->count; l++) {
        const struct tn_snapshot_layer *layer = &snapshot->layers[l];
        struct ratio_figures *one = &ratios->each[l];
        if (!layer->prunable || layer->leader != l)
            continue;
        one->filters = layer->filters;
        one->kept = kept[l];
        one->error = proposal ? proposal->error[l] : screen_error(screen, l);
        one->error_ls = proposal ? proposal->error_ls[l] : screen_error_ls(screen, l);
        one->lost = lost_at(layer, kept[l]);
        add_losses(ratios, one);
    }
    add_costs(snapshot, kept, ratios);
}

/* The sums as the worker has them, for the widths it knew: where channels of a group have different
 * numbers of positions the layers' figures are only nearly right. */
static void correct(const struct tn_snapshot *snapshot, struct ratios *ratios, int *kept)
{
    double flops = 0, params = 0;
    for (int l = 0; l < ratios->count; l++)
        kept[l] = snapshot->layers[l].kept;
    for (int l = 0; l < ratios->count; l++) {
        double own_flops, own_params;
        cost_of(snapshot, kept, l, &own_flops, &own_params);
        flops += own_flops;
        params += own_params;
    }
    ratios->all.flops += (double)snapshot->flops_planned - flops;
    ratios->all.params += (double)snapshot->params_planned - params;
}

bool ratios_set(const struct screen *screen, struct ratios *ratios)
{
    int *kept;
    if (!begin(screen->snapshot, ratios, &kept))
        return false;
    for (int l = 0; l < ratios->count; l++)
        kept[l] = screen_keep(screen, screen->snapshot->layers[l].leader);
    fill(screen, NULL, kept, ratios);
    correct(screen->snapshot, ratios, kept);
    tn_free(kept);
    return true;
}

bool ratios_proposed(const struct screen *screen, struct ratios *ratios)
{
    const struct tn_snapshot_proposal *proposal = screen->snapshot->proposal;
    int *kept;
    if (!begin(screen->snapshot, ratios, &kept))
        return false;
    fill(screen, proposal, proposal->kept, ratios);
    ratios->all.flops = proposal->flops;
    ratios->all.params = proposal->params;
    if (isfinite(proposal->latency))
        ratios->all.ms = proposal->latency;
    tn_free(kept);
    return true;
}
