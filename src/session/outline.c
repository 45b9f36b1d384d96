#include "session/outline.h"

#include "core/memory.h"
#include <math.h>
#include <string.h>

void tn_outline_free(struct tn_outline *outline)
{
    if (!outline)
        return;
    tn_data_spec_unref(outline->data);
    tn_free(outline->model_name);
    tn_free(outline);
}

static struct tn_outline *outline_of(const struct tn_state *state, int64_t id,
                                     struct tn_error *error)
{
    struct tn_outline *outline = tn_calloc(1, sizeof *outline);
    char *name = tn_strdup(state->model_name);
    if (!outline || !name) {
        tn_free(name);
        tn_free(outline);
        tn_fail_memory(error, "what is known of a network", sizeof *outline);
        return NULL;
    }
    *outline = (struct tn_outline){.state_id = id,
                                   .model_name = name,
                                   .original = state->original,
                                   .data = tn_data_spec_ref(state->data),
                                   .evaluated = state->evaluated,
                                   .evaluation = state->evaluation};
    return outline;
}

const struct tn_outline *tn_session_outline(struct tn_session *session, struct tn_entry *entry,
                                            struct tn_error *error)
{
    if (entry->outline && entry->outline->state_id == entry->state_id)
        return entry->outline;
    struct tn_state *state = tn_session_state_at(session, entry->id, false, error);
    struct tn_outline *outline = state ? outline_of(state, entry->state_id, error) : NULL;
    tn_state_unref(state);
    if (!outline)
        return NULL;
    tn_outline_free(entry->outline);
    entry->outline = outline;
    return outline;
}

bool tn_entry_is(const struct tn_entry *entry, const char *command)
{
    size_t length = strlen(command);
    return strncmp(entry->command, command, length) == 0 &&
           strcspn(entry->command, " \t") == length;
}

static int64_t whole_of(const json_t *result, const char *key)
{
    const json_t *value = json_object_get(result, key);
    return json_is_number(value) ? (int64_t)json_number_value(value) : -1;
}

/* Results can be long, and most have no cost. */
static void read_cost(struct tn_entry *entry)
{
    entry->cost.read = entry->status != TN_ENTRY_RUNNING;
    entry->cost.params = entry->cost.flops = -1;
    if (!entry->changes || !entry->result || !strstr(entry->result, "\"params\""))
        return;
    json_t *result = json_loads(entry->result, 0, NULL);
    entry->cost.params = whole_of(result, "params");
    entry->cost.flops = whole_of(result, "flops");
    json_decref(result);
}

bool tn_entry_cost(struct tn_entry *entry, int64_t *params, int64_t *flops)
{
    if (!entry->cost.read)
        read_cost(entry);
    if (entry->cost.params < 0 || entry->cost.flops < 0)
        return false;
    *params = entry->cost.params;
    *flops = entry->cost.flops;
    return true;
}

bool tn_entry_makes_network(struct tn_entry *entry)
{
    int64_t params, flops;
    return entry->epoch_count > 0 || (entry->changes && tn_entry_is(entry, "open")) ||
           tn_entry_cost(entry, &params, &flops);
}
