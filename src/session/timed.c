#include "session/timed.h"

#include "core/memory.h"
#include "session/results.h"
#include <stdio.h>
#include <string.h>

struct tn_timed *tn_timed_ref(struct tn_timed *timed)
{
    if (timed)
        atomic_fetch_add(&timed->refs, 1);
    return timed;
}

void tn_timed_unref(struct tn_timed *timed)
{
    if (!timed || atomic_fetch_sub(&timed->refs, 1) > 1)
        return;
    for (int l = 0; timed->view.layers && l < timed->view.layer_count; l++)
        tn_free(timed->view.layers[l].name);
    tn_free(timed->view.layers);
    tn_free(timed->view.untrained);
    tn_free(timed);
}

static bool is_command(const struct tn_entry *entry, const char *name)
{
    size_t length = strlen(name);
    return strncmp(entry->command, name, length) == 0 && strcspn(entry->command, " \t") == length;
}

static bool read_layer(struct tn_snapshot_time *layer, const json_t *row)
{
    layer->name = tn_strdup(tn_get_text(row, "name"));
    snprintf(layer->path, sizeof layer->path, "%s", tn_get_text(row, "path"));
    layer->flops = tn_get_number(row, "flops");
    layer->forward_ms = tn_get_number(row, "forward_ms");
    layer->gflops = tn_get_number(row, "gflops");
    layer->share = tn_get_number(row, "share");
    layer->backward_ms = tn_get_number(row, "backward_ms");
    layer->backward_gflops = tn_get_number(row, "backward_gflops");
    layer->backward_share = tn_get_number(row, "backward_share");
    return layer->name != NULL;
}

static bool read_layers(struct tn_snapshot_times *times, const json_t *rows)
{
    times->layers = tn_calloc(json_array_size(rows), sizeof *times->layers);
    if (!times->layers)
        return false;
    times->layer_count = (int)json_array_size(rows);
    for (int l = 0; l < times->layer_count; l++) {
        if (!read_layer(&times->layers[l], json_array_get(rows, (size_t)l)))
            return false;
    }
    return true;
}

static struct tn_timed *read_entry(const struct tn_entry *entry, const json_t *result)
{
    struct tn_timed *timed = tn_calloc(1, sizeof *timed);
    if (!timed)
        return NULL;
    atomic_init(&timed->refs, 1);
    timed->when = entry->time;
    struct tn_snapshot_times *times = &timed->view;
    times->entry = entry->id;
    times->batch = tn_get_number(result, "batch");
    times->forward_ms = tn_get_number(result, "forward_ms");
    times->backward_ms = tn_get_number(result, "backward_ms");
    times->step_ms = tn_get_number(result, "step_ms");
    times->other_forward_ms = tn_get_number(result, "other_forward_ms");
    times->other_backward_ms = tn_get_number(result, "other_backward_ms");
    times->peak_gflops = tn_get_number(result, "peak_gflops");
    times->untrained = tn_strdup(tn_get_text(result, "untrained"));
    if (times->untrained && read_layers(times, json_object_get(result, "layers")))
        return timed;
    tn_timed_unref(timed);
    return NULL;
}

/* Those of older sessions have no layers. */
static bool measures_layers(const struct tn_entry *entry)
{
    return entry->status == TN_ENTRY_DONE && is_command(entry, "time") && entry->result &&
           strstr(entry->result, "\"layers\"");
}

static bool take(const struct tn_entry *entry, struct tn_timed *known, struct tn_timed **timed,
                 struct tn_error *error)
{
    if (known && known->view.entry == entry->id && known->when == entry->time) {
        *timed = tn_timed_ref(known);
        return true;
    }
    json_t *result = json_loads(entry->result, 0, NULL);
    *timed = result ? read_entry(entry, result) : NULL;
    json_decref(result);
    return *timed || tn_fail_memory(error, "the layers' times", strlen(entry->result));
}

bool tn_timed_last(const struct tn_journal *journal, struct tn_timed *known,
                   struct tn_timed **timed, struct tn_error *error)
{
    const struct tn_entry *entry = tn_journal_find(journal, journal->head);
    *timed = NULL;
    while (entry && !(entry->changes && is_command(entry, "open"))) {
        if (measures_layers(entry))
            return take(entry, known, timed, error);
        entry = entry->parent < entry->id ? tn_journal_find(journal, entry->parent) : NULL;
    }
    return true;
}
