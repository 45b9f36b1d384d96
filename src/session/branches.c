#include "session/branches.h"

#include "core/memory.h"
#include "session/nearest.h"
#include "session/words.h"
#include <string.h>

const char *tn_entry_branch(const struct tn_entry *entry)
{
    bool names = entry->status == TN_ENTRY_DONE && strncmp(entry->command, "branch", 6) == 0 &&
                 strchr(" \t", entry->command[6]) != NULL;
    return names ? entry->brief : NULL;
}

static bool names_it(const struct tn_entry *entry, const char *name)
{
    const char *own = tn_entry_branch(entry);
    return own && strcmp(own, name) == 0;
}

static const struct tn_entry *find(const struct tn_journal *journal, const char *name)
{
    for (int i = 0; i < journal->count; i++)
        if (names_it(journal->entries[i], name))
            return journal->entries[i];
    return NULL;
}

bool tn_branch_check(const struct tn_journal *journal, const char *name, struct tn_error *error)
{
    size_t length = strlen(name);
    if (length == 0 || length > TN_BRANCH_LENGTH)
        return tn_fail(error, TN_ERROR_USE, "a branch's name has 1 to %d bytes, this one %zu",
                       TN_BRANCH_LENGTH, length);
    if (strspn(name, "0123456789") == length)
        return tn_fail(error, TN_ERROR_USE,
                       "'%s' is the number of an entry: a branch's name needs a letter", name);
    const struct tn_entry *entry = find(journal, name);
    return !entry || tn_fail(error, TN_ERROR_USE, "entry %lld has named a branch '%s' already",
                             (long long)entry->id, name);
}

static bool no_such_branch(const struct tn_journal *journal, const char *name,
                           struct tn_error *error)
{
    struct tn_nearest nearest;
    char hint[96];
    tn_nearest_start(&nearest, name);
    for (int i = 0; i < journal->count; i++)
        if (tn_entry_branch(journal->entries[i]))
            tn_nearest_offer(&nearest, tn_entry_branch(journal->entries[i]));
    tn_nearest_hint(&nearest, hint, sizeof hint);
    return tn_fail(error, TN_ERROR_USE,
                   "there is no entry or branch '%.60s'%s; 'journal' lists them", name, hint);
}

static int index_of(const struct tn_journal *journal, int64_t id)
{
    int low = 0, high = journal->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (journal->entries[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < journal->count && journal->entries[low]->id == id ? low : -1;
}

bool tn_branch_tip(const struct tn_journal *journal, const char *name, int64_t *id,
                   struct tn_error *error)
{
    if (!find(journal, name))
        return no_such_branch(journal, name, error);
    bool *within = tn_calloc((size_t)journal->count, sizeof *within);
    if (!within)
        return tn_fail_memory(error, "a branch", (size_t)journal->count);
    for (int i = 0; i < journal->count; i++) {
        const struct tn_entry *entry = journal->entries[i];
        int parent = index_of(journal, entry->parent);
        bool follows = parent >= 0 && parent < i && within[parent];
        within[i] = tn_entry_branch(entry) ? names_it(entry, name) : follows;
        if (within[i] && (entry->status == TN_ENTRY_DONE || entry->epoch_count > 0))
            *id = entry->id;
    }
    tn_free(within);
    return true;
}

static bool entry_number(const struct tn_journal *journal, const char *word, int64_t *id,
                         struct tn_error *error)
{
    int64_t last = journal->count ? journal->entries[journal->count - 1]->id : 0;
    if (!tn_parse_integer("entry", word, 0, last, id, error))
        return false;
    return !*id || tn_journal_find(journal, *id) ||
           tn_fail(error, TN_ERROR_USE, "there is no entry %lld; 'journal' lists them",
                   (long long)*id);
}

bool tn_journal_place(const struct tn_journal *journal, const char *word, bool begins, int64_t *id,
                      struct tn_error *error)
{
    if (word[strspn(word, "+-0123456789")] == '\0')
        return entry_number(journal, word, id, error);
    if (!begins)
        return tn_branch_tip(journal, word, id, error);
    const struct tn_entry *entry = find(journal, word);
    *id = entry ? entry->id : 0;
    return entry || no_such_branch(journal, word, error);
}
