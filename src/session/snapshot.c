#include "session/snapshot.h"

#include "core/memory.h"
#include "session/branches.h"
#include "session/inside.h"
#include "session/proposal.h"
#include "session/replay.h"
#include "session/snapshot_axes.h"
#include "session/snapshot_compared.h"
#include "session/timed.h"
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Journal rows are many and rarely new: a snapshot takes them over from the one before where
 * nothing but the cursor moved. They live in blocks that are counted by themselves. */
struct entry_text {
    atomic_int refs;
    char *command, *time, *brief;
};

enum { PATHS = 1 + TN_SNAPSHOT_RANKINGS }; /* of a layer: its own and every method's */

struct holder {
    atomic_int refs;
    struct tn_snapshot shot;
    struct tn_layer_path **paths;   /* [shot.layer_count * PATHS] references behind layers[].path
                                       and layers[].rankings[].path */
    struct tn_snapshot_part *parts; /* of all layers' axes */
    struct tn_snapshot_proposal proposal;
    struct tn_timed *timed;     /* behind times, or NULL */
    struct tn_picture *picture; /* behind picture, or NULL */
    struct tn_compared_rows *compared;
    struct entry_text **texts; /* [shot.entry_count] references behind entries[] */
};

static struct holder *holder_of(const struct tn_snapshot *shot)
{
    return (struct holder *)((char *)(uintptr_t)shot - offsetof(struct holder, shot));
}

static void text_unref(struct entry_text *text)
{
    if (!text || atomic_fetch_sub(&text->refs, 1) > 1)
        return;
    tn_free(text->command);
    tn_free(text->time);
    tn_free(text->brief);
    tn_free(text);
}

static void series_free(struct tn_snapshot_series *series)
{
    tn_free(series->label);
    tn_free(series->lr); /* one block holds all columns */
}

static void release(struct holder *holder)
{
    struct tn_snapshot *shot = &holder->shot;
    for (int l = 0; shot->layers && l < shot->layer_count; l++) {
        tn_free(shot->layers[l].name);
        tn_free(shot->layers[l].group);
        tn_free(shot->layers[l].why_not);
        tn_free(shot->layers[l].point_kept); /* one block holds both */
        for (int p = 0; holder->paths && p < PATHS; p++)
            tn_layer_path_unref(holder->paths[l * PATHS + p]);
    }
    for (int s = 0; shot->series && s < shot->series_count; s++)
        series_free(&shot->series[s]);
    for (int e = 0; holder->texts && e < shot->entry_count; e++)
        text_unref(holder->texts[e]);
    tn_timed_unref(holder->timed);
    tn_snapshot_proposal_free(&holder->proposal);
    tn_free(holder->parts);
    tn_compared_rows_unref(holder->compared);
    tn_picture_unref(holder->picture);
    tn_free(shot->layers);
    tn_free(shot->series);
    tn_free(shot->entries);
    tn_free(shot->session_name);
    tn_free(shot->model_name);
    tn_free(shot->data_name);
    tn_free(holder->paths);
    tn_free(holder->texts);
    tn_free(holder);
}

const struct tn_snapshot_entry *tn_snapshot_current(const struct tn_snapshot *snapshot)
{
    for (int i = snapshot->entry_count - 1; i >= 0; i--)
        if (snapshot->entries[i].current)
            return &snapshot->entries[i];
    return NULL;
}

struct tn_snapshot *tn_snapshot_ref(struct tn_snapshot *snapshot)
{
    if (snapshot)
        atomic_fetch_add(&holder_of(snapshot)->refs, 1);
    return snapshot;
}

void tn_snapshot_unref(struct tn_snapshot *snapshot)
{
    if (snapshot && atomic_fetch_sub(&holder_of(snapshot)->refs, 1) == 1)
        release(holder_of(snapshot));
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool fill_head(struct tn_snapshot *shot, const struct tn_session *session,
                      struct tn_error *error)
{
    const struct tn_state *state = session->state;
    const char *path = tn_session_path(session);
    shot->detached = session->store->detached;
    shot->unread = session->unread;
    shot->looks_on = tn_session_looks_on(session);
    shot->session_name = tn_strdup(path ? base_name(path) : "unsaved");
    shot->model_name = tn_strdup(state->model_name);
    shot->data_name = tn_strdup(state->data && state->data->name ? state->data->name : "");
    shot->data_test = state->data ? state->data->test : 0;
    shot->data_train = state->data ? state->data->train : 0;
    shot->evaluated = state->evaluated;
    shot->top1 = state->evaluation.top1;
    shot->ci95 = state->evaluation.ci95;
    shot->loss = state->evaluation.loss;
    shot->flops = state->original.flops;
    shot->params = state->original.params;
    if (state->model) {
        shot->flops_now = state->model->cost.flops;
        shot->params_now = state->model->cost.params;
        if (!tn_state_planned(state, &shot->params_planned, &shot->flops_planned, error))
            return false;
    }
    return (shot->session_name && shot->model_name && shot->data_name) ||
           tn_fail_memory(error, "a snapshot", 1);
}

static const char *lacks(const struct tn_state *state, int group, const struct tn_method *method)
{
    if (tn_layer_paths_refuse(state->settings[group].paths, method))
        return "not for this layer";
    if (tn_state_can_rank(state, group, method))
        return NULL;
    return state->settings[group].statistic ? "not collected yet" : "needs samples";
}

/* Nothing is computed here: what was asked for before is shared. */
static void fill_rankings(struct holder *holder, const struct tn_state *state, int l, int group)
{
    struct tn_snapshot_layer *out = &holder->shot.layers[l];
    const struct tn_setting *setting = &state->settings[group];
    for (const struct tn_method *method = tn_methods;
         method->name && out->ranking_count < TN_SNAPSHOT_RANKINGS; method++) {
        struct tn_snapshot_ranking *ranking = &out->rankings[out->ranking_count++];
        struct tn_layer_path *path = tn_layer_paths_peek(setting->paths, method, setting->seed);
        holder->paths[l * PATHS + out->ranking_count] = tn_layer_path_ref(path);
        *ranking = (struct tn_snapshot_ranking){.method = method->name,
                                                .summary = method->summary,
                                                .lacks = lacks(state, group, method),
                                                .path = path ? &path->view : NULL};
    }
}

/* Its own path, and the errors where it stands. */
static bool fill_path(struct holder *holder, const struct tn_state *state, int l, int group,
                      struct tn_error *error)
{
    struct tn_snapshot_layer *out = &holder->shot.layers[l];
    struct tn_error why;
    tn_error_clear(&why);
    struct tn_layer_path *path = tn_state_path(state, group, &why);
    if (!path) /* a method that this network has nothing for: it is not the others' loss */
        return why.kind == TN_ERROR_USE || tn_error_pass(&why, error);
    holder->paths[l * PATHS] = tn_layer_path_ref(path);
    out->path = &path->view;
    out->error = path->path.error[path->path.channels - out->kept];
    out->error_ls = path->path.error_ls[path->path.channels - out->kept];
    const struct tn_setting *setting = &state->settings[group];
    if (setting->statistic && out->path->order_keep == 0)
        out->candidate_count = tn_path_candidates(
            &setting->statistic->gram, &path->path, out->path->channels - out->kept, setting->locks,
            TN_SNAPSHOT_CANDIDATES, out->candidates, out->candidate_costs);
    return true;
}

static bool fill_points(struct tn_snapshot_layer *out, const struct tn_setting *setting,
                        struct tn_error *error)
{
    const struct tn_sensitivity *measured = setting->sensitivity;
    if (!measured)
        return true;
    size_t count = (size_t)measured->count + 1;
    out->point_kept = tn_calloc(2 * count, sizeof *out->point_kept);
    if (!out->point_kept)
        return tn_fail_memory(error, "a snapshot", 2 * count * sizeof *out->point_kept);
    out->point_top1 = out->point_kept + count;
    out->point_count = (int)count;
    out->points_stale = setting->sensitivity_stale;
    for (size_t i = 0; i < count; i++) {
        bool cut = i + 1 < count;
        const struct tn_sensitivity_point *point = cut ? &measured->points[i] : &measured->base;
        out->point_kept[i] = cut ? point->kept : out->filters;
        out->point_top1[i] = tn_tally_evaluation(&point->tally).top1;
    }
    return true;
}

static bool fill_layer(struct holder *holder, const struct tn_state *state, int l,
                       struct tn_error *error)
{
    struct tn_snapshot_layer *out = &holder->shot.layers[l];
    const struct tn_layer *layer = &state->model->layers.layer[l];
    int g = state->model->groups.of_layer[l];
    const struct tn_group *group = g >= 0 ? &state->model->groups.group[g] : NULL;
    const struct tn_setting *setting = g >= 0 ? &state->settings[g] : NULL;
    out->name = tn_strdup(layer->name);
    out->group = tn_strdup(group ? group->name : layer->name);
    out->why_not = tn_strdup(group && group->why_not ? group->why_not : "");
    snprintf(out->op, sizeof out->op, "%s", tn_op_name(layer->op));
    out->filters = group && group->prunable ? group->channels : layer->filters;
    out->kept = group && setting && group->prunable ? setting->kept : out->filters;
    out->channels = layer->channels;
    memcpy(out->kernel, layer->kernel, sizeof out->kernel);
    out->flops = layer->flops;
    out->params = layer->params;
    out->prunable = group && group->prunable;
    out->ratio = out->filters ? 1 - (double)out->kept / out->filters : 0;
    out->error = out->error_ls = NAN;
    if (!out->name || !out->group || !out->why_not)
        return tn_fail_memory(error, "a snapshot", 1);
    if (!group || !setting)
        return true;
    snprintf(out->method, sizeof out->method, "%s", setting->method->name);
    out->stale = setting->stale;
    out->samples = setting->statistic ? setting->statistic->gram.samples : 0;
    if (!fill_path(holder, state, l, g, error) || !fill_points(out, setting, error))
        return false;
    if (group->prunable)
        fill_rankings(holder, state, l, g);
    return true;
}

static bool fill_layers(struct holder *holder, const struct tn_state *state, struct tn_error *error)
{
    int count = state->model ? state->model->layers.count : 0;
    holder->shot.layers = tn_calloc((size_t)count, sizeof *holder->shot.layers);
    holder->paths = tn_calloc((size_t)count * PATHS, sizeof *holder->paths);
    if (!holder->shot.layers || !holder->paths)
        return tn_fail_memory(error, "a snapshot", (size_t)count * sizeof *holder->shot.layers);
    holder->shot.layer_count = count;
    for (int l = 0; l < count; l++) {
        if (!fill_layer(holder, state, l, error))
            return false;
    }
    return !state->model ||
           tn_snapshot_axes(state->model, holder->shot.layers, &holder->parts, error);
}

static bool fill_proposal(struct holder *holder, const struct tn_session *session,
                          struct tn_error *error)
{
    if (!session->proposal)
        return true;
    holder->shot.proposal = &holder->proposal;
    return tn_proposal_show(session->proposal, &holder->proposal, error);
}

/* Was another network measured than stands now? Only its sizes matter. */
static bool measured_another(const struct tn_snapshot *shot)
{
    const struct tn_snapshot_times *times = shot->times;
    bool same = times->layer_count == shot->layer_count;
    for (int l = 0; same && l < shot->layer_count; l++)
        same = strcmp(times->layers[l].name, shot->layers[l].name) == 0 &&
               times->layers[l].flops == (double)shot->layers[l].flops;
    return !same;
}

static bool fill_times(struct holder *holder, const struct tn_session *session,
                       const struct holder *previous, struct tn_error *error)
{
    struct tn_snapshot *shot = &holder->shot;
    if (!tn_timed_last(&session->journal, previous ? previous->timed : NULL, &holder->timed, error))
        return false;
    shot->times = holder->timed ? &holder->timed->view : NULL;
    shot->times_stale = shot->times && measured_another(shot);
    return true;
}

static bool fill_compared(struct holder *holder, struct tn_session *session,
                          const struct holder *previous, struct tn_error *error)
{
    if (!tn_compared_rows(session, previous ? previous->compared : NULL, &holder->compared, error))
        return false;
    holder->shot.compared_count = holder->compared->count;
    holder->shot.compared = holder->compared->rows;
    holder->shot.network = tn_compared_network(session);
    return true;
}

static void fill_picture(struct holder *holder, const struct tn_session *session)
{
    holder->picture = tn_picture_ref(tn_looked_at(&session->looked, session->state));
    holder->shot.picture = holder->picture ? &holder->picture->view : NULL;
}

/* At work now, or in a replay just shown so. */
/* Here, in a replay, or in the process that has the file. */
static bool at_work(const struct tn_session *session, const struct tn_entry *entry)
{
    return entry == session->running || (session->replay && entry == session->replay->playing) ||
           (session->store->looks_on && entry->status == TN_ENTRY_RUNNING);
}

static bool is_training(const struct tn_session *session, const struct tn_entry *entry)
{
    bool train =
        strncmp(entry->command, "train", 5) == 0 || strncmp(entry->command, "finetune", 8) == 0;
    return entry->epoch_count > 0 ||
           (train && (entry->status == TN_ENTRY_RUNNING || at_work(session, entry)));
}

static bool fill_series(struct tn_snapshot_series *series, const struct tn_entry *entry,
                        bool running)
{
    size_t n = (size_t)entry->epoch_count;
    double *block = tn_calloc(7 * n, sizeof *block);
    series->label = tn_strdup(entry->command);
    series->entry = entry->id;
    series->running = running;
    series->count = entry->epoch_count;
    series->lr = block;
    if (!block || !series->label)
        return false;
    series->loss = block + n;
    series->train_top1 = block + 2 * n;
    series->test_top1 = block + 3 * n;
    series->test_top5 = block + 4 * n;
    series->images_per_second = block + 5 * n;
    series->seconds = block + 6 * n;
    for (size_t i = 0; i < n; i++) {
        const struct tn_epoch *e = &entry->epochs[i];
        series->lr[i] = e->learning_rate;
        series->loss[i] = e->loss;
        series->train_top1[i] = e->train_top1;
        series->test_top1[i] = e->test_top1;
        series->test_top5[i] = e->test_top5;
        series->images_per_second[i] = e->images_per_second;
        series->seconds[i] = e->seconds;
    }
    return true;
}

static bool fill_all_series(struct tn_snapshot *shot, const struct tn_session *session,
                            struct tn_error *error)
{
    const struct tn_journal *journal = &session->journal;
    int count = 0;
    for (int i = 0; i < journal->count; i++)
        count += is_training(session, journal->entries[i]);
    shot->series = tn_calloc((size_t)count, sizeof *shot->series);
    if (!shot->series)
        return tn_fail_memory(error, "a snapshot", (size_t)count * sizeof *shot->series);
    for (int i = 0; i < journal->count; i++) {
        const struct tn_entry *entry = journal->entries[i];
        if (!is_training(session, entry))
            continue;
        if (!fill_series(&shot->series[shot->series_count++], entry, at_work(session, entry)))
            return tn_fail_memory(error, "a snapshot", sizeof *shot->series);
    }
    return true;
}

static char *local_time(double seconds)
{
    time_t when = (time_t)seconds;
    struct tm local;
    char text[32] = "";
    if (localtime_r(&when, &local))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    return tn_strdup(text);
}

static struct entry_text *new_text(const struct tn_entry *entry)
{
    struct entry_text *text = tn_calloc(1, sizeof *text);
    if (!text)
        return NULL;
    atomic_init(&text->refs, 1);
    text->command = tn_strdup(entry->command);
    text->time = local_time(entry->time);
    text->brief = tn_strdup(entry->brief);
    if (text->command && text->time && text->brief)
        return text;
    text_unref(text);
    return NULL;
}

/* The text of the same row in the snapshot before, where it still says the same. */
static struct entry_text *old_text(const struct holder *previous, int index,
                                   const struct tn_entry *entry)
{
    if (!previous || index >= previous->shot.entry_count ||
        previous->shot.entries[index].id != entry->id)
        return NULL;
    struct entry_text *text = previous->texts[index];
    bool same =
        strcmp(text->command, entry->command) == 0 && strcmp(text->brief, entry->brief) == 0;
    if (!same)
        return NULL;
    atomic_fetch_add(&text->refs, 1);
    return text;
}

static int depth_below(const struct tn_snapshot *shot, int count, int64_t parent)
{
    int low = 0, high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (shot->entries[middle].id < parent)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && shot->entries[low].id == parent ? shot->entries[low].depth + 1 : 0;
}

static bool fill_entries(struct holder *holder, const struct tn_session *session,
                         const struct holder *previous, struct tn_error *error)
{
    const struct tn_journal *journal = &session->journal;
    struct tn_snapshot *shot = &holder->shot;
    size_t count = (size_t)journal->count;
    shot->entries = tn_calloc(count, sizeof *shot->entries);
    holder->texts = tn_calloc(count, sizeof *holder->texts);
    if (!shot->entries || !holder->texts)
        return tn_fail_memory(error, "a snapshot", count * sizeof *shot->entries);
    for (int i = 0; i < journal->count; i++) {
        const struct tn_entry *entry = journal->entries[i];
        struct entry_text *text = old_text(previous, i, entry);
        if (!text && !(text = new_text(entry)))
            return tn_fail_memory(error, "a snapshot", sizeof *text);
        holder->texts[i] = text;
        shot->entries[i] = (struct tn_snapshot_entry){
            .id = entry->id,
            .parent = entry->parent,
            .command = text->command,
            .time = text->time,
            .when = entry->time,
            .seconds = entry->seconds,
            .ok = entry->status == TN_ENTRY_DONE,
            .interrupted = entry->status == TN_ENTRY_RUNNING && !at_work(session, entry),
            .running = at_work(session, entry),
            .changes = entry->changes,
            .current = entry->id == journal->head,
            .depth = depth_below(shot, i, entry->parent),
            .brief = text->brief,
            .branch = tn_entry_branch(entry) ? text->brief : NULL,
        };
        shot->entry_count = i + 1;
    }
    return true;
}

struct tn_snapshot *tn_snapshot_new(struct tn_session *session, const struct tn_snapshot *previous,
                                    struct tn_error *error)
{
    struct holder *holder = tn_calloc(1, sizeof *holder);
    if (!holder) {
        tn_fail_memory(error, "a snapshot", sizeof *holder);
        return NULL;
    }
    const struct holder *before = previous ? holder_of(previous) : NULL;
    atomic_init(&holder->refs, 1);
    holder->shot.version = previous ? previous->version + 1 : 1;
    fill_picture(holder, session);
    bool fine =
        fill_head(&holder->shot, session, error) && fill_layers(holder, session->state, error) &&
        fill_times(holder, session, before, error) && fill_proposal(holder, session, error) &&
        fill_compared(holder, session, before, error) &&
        fill_all_series(&holder->shot, session, error) &&
        fill_entries(holder, session, before, error);
    if (fine)
        return &holder->shot;
    release(holder);
    return NULL;
}
