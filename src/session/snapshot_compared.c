#include "session/snapshot_compared.h"

#include "core/memory.h"
#include "session/compare.h"
#include <math.h>
#include <stdio.h>

enum { BATCH = 32 }; /* as command `compare` has it when it is not told */

void tn_compared_rows_unref(struct tn_compared_rows *rows)
{
    if (!rows || atomic_fetch_sub(&rows->refs, 1) > 1)
        return;
    tn_free(rows->rows);
    tn_free(rows);
}

static struct tn_entry *parent_of(const struct tn_journal *journal, const struct tn_entry *entry)
{
    return entry->parent < entry->id ? tn_journal_find(journal, entry->parent) : NULL;
}

int64_t tn_compared_network(const struct tn_session *session)
{
    const struct tn_journal *journal = &session->journal;
    struct tn_entry *entry = tn_journal_find(journal, journal->head);
    while (entry && !tn_entry_makes_network(entry))
        entry = parent_of(journal, entry);
    return entry ? entry->id : 0;
}

static int64_t opened_of(const struct tn_journal *journal)
{
    const struct tn_entry *entry = tn_journal_find(journal, journal->head);
    while (entry && !(entry->changes && tn_entry_is(entry, "open")))
        entry = parent_of(journal, entry);
    return entry ? entry->id : 0;
}

/* Ratios, samples and the like change no row, and they are most of a journal. */
static bool matters(struct tn_entry *entry)
{
    return tn_entry_makes_network(entry) || tn_entry_is(entry, "eval") ||
           tn_entry_is(entry, "time");
}

static struct tn_compared_key key_of(const struct tn_journal *journal)
{
    struct tn_compared_key key = {.opened = opened_of(journal), .removals = journal->removals};
    for (int i = journal->count - 1; i >= 0; i--) {
        struct tn_entry *entry = journal->entries[i];
        if (!matters(entry))
            continue;
        key.entry = entry->id;
        key.time = entry->time;
        key.status = entry->status;
        key.epochs = entry->epoch_count;
        break;
    }
    return key;
}

static bool same_key(const struct tn_compared_key *a, const struct tn_compared_key *b)
{
    return a->opened == b->opened && a->entry == b->entry && a->time == b->time &&
           a->status == b->status && a->epochs == b->epochs && a->removals == b->removals;
}

static double share(int64_t now, int64_t before)
{
    return now >= 0 && before > 0 ? (double)now / (double)before : NAN;
}

/* The first row whose images are the same ones; itself where there is none before it. */
static int images_of(const struct tn_compared *compared, int row)
{
    const struct tn_data_spec *data = compared[row].outline->data;
    for (int i = 0; i < row && data; i++) {
        const struct tn_data_spec *other = compared[i].outline->data;
        if (other && tn_data_spec_same(data, other))
            return i;
    }
    return row;
}

static struct tn_snapshot_compared row_of(const struct tn_compared *compared, int row)
{
    const struct tn_compared *it = &compared[row];
    const struct tn_outline *outline = it->outline;
    bool seen = outline->evaluated;
    struct tn_snapshot_compared out = {
        .entry = it->entry,
        .network = it->network,
        .evaluated = seen,
        .top1 = seen ? outline->evaluation.top1 : NAN,
        .top5 = seen ? outline->evaluation.top5 : NAN,
        .ci95 = seen ? outline->evaluation.ci95 : NAN,
        .images = seen ? outline->evaluation.images : 0,
        .data = images_of(compared, row),
        .params = it->params,
        .flops = it->flops,
        .params_ratio = share(it->params, outline->original.params),
        .flops_ratio = share(it->flops, outline->original.flops),
        .forward_ms = it->forward_ms,
        .backward_ms = it->backward_ms,
    };
    snprintf(out.model, sizeof out.model, "%s", it->model);
    return out;
}

static bool copy_rows(struct tn_compared_rows *rows, const struct tn_compared *compared, int count)
{
    rows->rows = tn_calloc((size_t)count, sizeof *rows->rows);
    if (!rows->rows)
        return false;
    rows->count = count;
    for (int i = 0; i < count; i++)
        rows->rows[i] = row_of(compared, i);
    return true;
}

static bool fill(struct tn_compared_rows *rows, struct tn_session *session)
{
    struct tn_comparison comparison;
    if (!tn_comparison_start(&comparison, session, BATCH, NULL))
        return false;
    int count = 0;
    struct tn_compared *compared = NULL;
    bool fine =
        !tn_compared_all(&comparison, &count, &compared, NULL) || copy_rows(rows, compared, count);
    tn_free(compared);
    tn_comparison_end(&comparison);
    return fine;
}

bool tn_compared_rows(struct tn_session *session, struct tn_compared_rows *known,
                      struct tn_compared_rows **rows, struct tn_error *error)
{
    struct tn_compared_key key = key_of(&session->journal);
    if (known && same_key(&known->key, &key)) {
        atomic_fetch_add(&known->refs, 1);
        *rows = known;
        return true;
    }
    *rows = tn_calloc(1, sizeof **rows);
    if (!*rows)
        return tn_fail_memory(error, "a comparison", sizeof **rows);
    atomic_init(&(*rows)->refs, 1);
    (*rows)->key = key;
    return (key.opened == 0 || fill(*rows, session)) ||
           tn_fail_memory(error, "a comparison", sizeof **rows);
}
