#include "session/journal.h"

#include "core/memory.h"
#include "session/brief.h"
#include "session/outline.h"
#include <stdlib.h>
#include <string.h>

static void entry_free(struct tn_entry *entry)
{
    if (!entry)
        return;
    tn_free(entry->command);
    free(entry->result);
    tn_free(entry->brief);
    tn_free(entry->epochs);
    tn_outline_free(entry->outline);
    tn_state_unref(entry->state);
    tn_free(entry);
}

void tn_journal_free(struct tn_journal *journal)
{
    for (int i = 0; i < journal->count; i++)
        entry_free(journal->entries[i]);
    tn_free(journal->entries);
    memset(journal, 0, sizeof *journal);
}

bool tn_journal_reserve(struct tn_journal *journal, int count, struct tn_error *error)
{
    if (count <= journal->capacity)
        return true;
    int capacity = journal->capacity ? 2 * journal->capacity : 64;
    capacity = capacity < count ? count : capacity;
    void *grown = tn_realloc(journal->entries, (size_t)journal->count, (size_t)capacity,
                             sizeof *journal->entries);
    if (!grown)
        return tn_fail_memory(error, "the journal", (size_t)capacity * sizeof *journal->entries);
    journal->entries = grown;
    journal->capacity = capacity;
    return true;
}

struct tn_entry *tn_journal_add(struct tn_journal *journal, int64_t id, int64_t parent,
                                const char *command, struct tn_error *error)
{
    if (!tn_journal_reserve(journal, journal->count + 1, error))
        return NULL;
    struct tn_entry *entry = tn_calloc(1, sizeof *entry);
    if (entry) {
        entry->command = tn_strdup(command);
        entry->brief = tn_strdup("");
    }
    if (!entry || !entry->command || !entry->brief) {
        entry_free(entry);
        tn_fail_memory(error, "a journal entry", sizeof *entry);
        return NULL;
    }
    int64_t last = journal->count ? journal->entries[journal->count - 1]->id : 0;
    last = journal->last > last ? journal->last : last;
    entry->id = id ? id : last + 1;
    entry->parent = parent;
    journal->entries[journal->count++] = entry;
    return entry;
}

struct tn_entry *tn_journal_find(const struct tn_journal *journal, int64_t id)
{
    int low = 0, high = journal->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (journal->entries[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < journal->count && journal->entries[low]->id == id;
    return found ? journal->entries[low] : NULL;
}

void tn_journal_drop_last(struct tn_journal *journal)
{
    entry_free(journal->entries[--journal->count]);
}

bool tn_journal_below(const struct tn_journal *journal, int64_t id, int *count, int64_t **ids,
                      struct tn_error *error)
{
    *count = 0;
    *ids = tn_alloc((size_t)journal->count, sizeof **ids);
    if (!*ids)
        return tn_fail_memory(error, "entries", (size_t)journal->count * sizeof **ids);
    for (int i = 0; i < journal->count; i++) {
        if (tn_journal_above(journal, id, journal->entries[i]->id))
            (*ids)[(*count)++] = journal->entries[i]->id;
    }
    return true;
}

void tn_journal_remove(struct tn_journal *journal, int count, const int64_t *ids)
{
    int left = 0, next = 0;
    int64_t last = journal->count ? journal->entries[journal->count - 1]->id : 0;
    journal->last = last > journal->last ? last : journal->last;
    for (int i = 0; i < journal->count; i++) {
        struct tn_entry *entry = journal->entries[i];
        bool goes = next < count && ids[next] == entry->id;
        next += goes;
        if (goes)
            entry_free(entry);
        else
            journal->entries[left++] = entry;
    }
    journal->count = left;
    journal->removals++;
}

bool tn_entry_add_epoch(struct tn_entry *entry, const struct tn_epoch *epoch,
                        struct tn_error *error)
{
    size_t count = (size_t)entry->epoch_count;
    struct tn_epoch *grown = tn_realloc(entry->epochs, count, count + 1, sizeof *grown);
    if (!grown)
        return tn_fail_memory(error, "an epoch's figures", sizeof *grown);
    entry->epochs = grown;
    entry->epochs[entry->epoch_count++] = *epoch;
    entry->written = false;
    return true;
}

bool tn_entry_set_result(struct tn_entry *entry, const json_t *result, struct tn_error *error)
{
    char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;
    char line[256];
    tn_brief(entry->command, result, line, sizeof line);
    char *brief = tn_strdup(line);
    if (!brief || (result && !text)) {
        free(text);
        tn_free(brief);
        return tn_fail_memory(error, "a result", 1);
    }
    free(entry->result);
    tn_free(entry->brief);
    entry->result = text;
    entry->brief = brief;
    return true;
}

static int64_t parent_of(const struct tn_journal *journal, int64_t id)
{
    const struct tn_entry *entry = tn_journal_find(journal, id);
    return entry ? entry->parent : -1;
}

bool tn_journal_above(const struct tn_journal *journal, int64_t ancestor, int64_t id)
{
    while (id > ancestor)
        id = parent_of(journal, id);
    return id == ancestor;
}

int64_t tn_journal_undo(const struct tn_journal *journal)
{
    const struct tn_entry *entry;
    for (int64_t id = journal->head; (entry = tn_journal_find(journal, id)); id = entry->parent) {
        if (entry->changes)
            return entry->parent;
    }
    return -1;
}

/* The nearest change at or above an entry, 0 for none: entries that changed nothing stand at the
 * same place for undo and redo. */
static int64_t last_change(const struct tn_journal *journal, int64_t id)
{
    const struct tn_entry *entry;
    while ((entry = tn_journal_find(journal, id)) && !entry->changes)
        id = entry->parent;
    return entry ? id : 0;
}

int64_t tn_journal_redo(const struct tn_journal *journal)
{
    int64_t place = last_change(journal, journal->head);
    if (!tn_journal_above(journal, place, journal->tip))
        return -1;
    /* Walking up from tip, `to` ends as the deepest entry that holds just one change more. */
    int64_t to = -1, above = -1;
    for (int64_t id = journal->tip; id != place; id = parent_of(journal, id)) {
        if (!tn_journal_find(journal, id)->changes)
            continue;
        to = above < 0 ? journal->tip : parent_of(journal, above);
        above = id;
    }
    return to;
}

void tn_journal_move(struct tn_journal *journal, int64_t id)
{
    if (!tn_journal_above(journal, last_change(journal, id), journal->tip))
        journal->tip = id;
    journal->head = id;
}

void tn_journal_advance(struct tn_journal *journal, const struct tn_entry *entry)
{
    /* What was undone stays within reach of redo as long as nothing else is changed. */
    if (entry->changes || tn_journal_redo(journal) < 0)
        journal->tip = entry->id;
    journal->head = entry->id;
}
