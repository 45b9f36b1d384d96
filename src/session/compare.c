#include "session/compare.h"

#include "core/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where an entry's network comes from. Entries by place in the journal; -1: none. */
struct tn_origin {
    int parent, network, opened;
    int64_t params, flops; /* -1: not known */
};

static int place_of(const struct tn_journal *journal, int64_t id)
{
    int low = 0, high = journal->count - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2;
        int64_t at = journal->entries[middle]->id;
        if (at == id)
            return middle;
        low = at < id ? middle + 1 : low;
        high = at < id ? high : middle - 1;
    }
    return -1;
}

static double number_of(const json_t *result, const char *key)
{
    const json_t *value = json_object_get(result, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void trace(const struct tn_journal *journal, int i, struct tn_origin *origins)
{
    struct tn_entry *entry = journal->entries[i];
    struct tn_origin *origin = &origins[i];
    int parent = place_of(journal, entry->parent);
    *origin = (struct tn_origin){-1, -1, -1, -1, -1};
    if (parent >= 0 && parent < i)
        *origin = origins[parent];
    origin->parent = parent < i ? parent : -1;
    tn_entry_cost(entry, &origin->params, &origin->flops);
    if (tn_entry_makes_network(entry))
        origin->network = i;
    if (entry->changes && tn_entry_is(entry, "open"))
        origin->opened = i;
}

bool tn_comparison_start(struct tn_comparison *comparison, struct tn_session *session, int batch,
                         struct tn_error *error)
{
    size_t count = (size_t)session->journal.count;
    *comparison = (struct tn_comparison){.session = session, .batch = batch};
    comparison->origins = tn_calloc(count, sizeof *comparison->origins);
    if (!comparison->origins)
        return tn_fail_memory(error, "rows", count * sizeof *comparison->origins);
    for (size_t i = 0; i < count; i++)
        trace(&session->journal, (int)i, comparison->origins);
    return true;
}

void tn_comparison_end(struct tn_comparison *comparison)
{
    tn_free(comparison->origins);
    comparison->origins = NULL;
}

/* The last time the same network was timed with the same batch. */
static void find_time(const struct tn_comparison *comparison, int network, struct tn_compared *row)
{
    const struct tn_journal *journal = &comparison->session->journal;
    for (int i = journal->count - 1; i >= 0; i--) {
        const struct tn_entry *entry = journal->entries[i];
        if (comparison->origins[i].network != network || entry->status != TN_ENTRY_DONE ||
            !tn_entry_is(entry, "time") || !entry->result)
            continue;
        json_t *result = json_loads(entry->result, 0, NULL);
        bool same = number_of(result, "batch") == comparison->batch;
        if (same) {
            row->forward_ms = number_of(result, "forward_ms");
            row->backward_ms = number_of(result, "backward_ms");
        }
        json_decref(result);
        if (same)
            return;
    }
}

/* What was done to a network, in the words of a paper's table. */
static const char *deed(const struct tn_entry *entry)
{
    static const struct {
        const char *command, *word;
    } deeds[] = {{"prune", "pruned"},
                 {"finetune", "fine-tuned"},
                 {"train", "from scratch"},
                 {"head", "new head"}};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        if (tn_entry_is(entry, deeds[i].command))
            return deeds[i].word;
    }
    return NULL;
}

/* The deeds on the way from what was opened, each kind once, in the order in which they came last;
 * the name of the last recipe on the way, else of what was opened. */
static void describe(const struct tn_comparison *comparison, int place, struct tn_compared *row)
{
    enum { MOST = 8 };
    const char *deeds[MOST];
    int count = 0, opened = comparison->origins[place].opened;
    char recipe[80] = "";
    for (int i = place; i >= 0 && i != opened; i = comparison->origins[i].parent) {
        const struct tn_entry *entry = comparison->session->journal.entries[i];
        const char *word = comparison->origins[i].network == i ? deed(entry) : NULL;
        bool known = !word || count == MOST;
        for (int d = 0; d < count && !known; d++)
            known = strcmp(deeds[d], word) == 0;
        if (!known)
            deeds[count++] = word;
        if (!*recipe && tn_entry_is(entry, "note") &&
            sscanf(entry->command, "note recipe %79s", recipe) != 1)
            *recipe = '\0';
    }
    const char *name = *recipe ? recipe : row->outline->model_name;
    size_t used = (size_t)snprintf(row->model, sizeof row->model, "%.79s", name);
    for (int i = count - 1; i >= 0 && used < sizeof row->model; i--)
        used += (size_t)snprintf(row->model + used, sizeof row->model - used, "%s%s",
                                 i == count - 1 ? " " : ", ", deeds[i]);
}

static bool fill_row(const struct tn_comparison *comparison, int place, struct tn_compared *row,
                     struct tn_error *error)
{
    struct tn_session *session = comparison->session;
    struct tn_entry *entry = session->journal.entries[place];
    const struct tn_origin *origin = &comparison->origins[place];
    int64_t id = entry->id;
    *row = (struct tn_compared){.entry = id, .forward_ms = NAN, .backward_ms = NAN};
    if (origin->opened < 0)
        return tn_fail(error, TN_ERROR_USE, "entry %lld has no network: none was open yet",
                       (long long)id);
    row->network = session->journal.entries[origin->network]->id;
    row->params = origin->params;
    row->flops = origin->flops;
    row->outline = tn_session_outline(session, entry, error);
    if (!row->outline)
        return false;
    find_time(comparison, origin->network, row);
    describe(comparison, place, row);
    return true;
}

static bool measures(const struct tn_entry *entry)
{
    return entry->epoch_count > 0 || (entry->status == TN_ENTRY_DONE && tn_entry_is(entry, "eval"));
}

/* Is the same network known better from `outline`: on more images, or later on as many? */
static bool knows_more(const struct tn_outline *outline, const struct tn_outline *than)
{
    return outline->evaluated &&
           (!than->evaluated || outline->evaluation.images >= than->evaluation.images);
}

bool tn_compared_entry(const struct tn_comparison *comparison, int64_t id, struct tn_compared *row,
                       struct tn_error *error)
{
    struct tn_session *session = comparison->session;
    int place = place_of(&session->journal, id);
    memset(row, 0, sizeof *row);
    if (place < 0)
        return tn_fail(error, TN_ERROR_USE, "there is no entry %lld; 'journal' lists them",
                       (long long)id);
    if (!fill_row(comparison, place, row, error))
        return false;
    for (int i = 0; i < session->journal.count && !row->outline->evaluated; i++) {
        if (!measures(session->journal.entries[i]) ||
            comparison->origins[i].network != comparison->origins[place].network)
            continue;
        row->outline = tn_session_outline(session, session->journal.entries[i], error);
        if (!row->outline)
            return false;
    }
    return true;
}

/* Put a row in the place of one of the same network that is known less well, or behind the others.
 */
static void take(int *count, struct tn_compared *rows, const struct tn_compared *row)
{
    for (int i = 0; i < *count; i++) {
        if (rows[i].network != row->network)
            continue;
        if (knows_more(row->outline, rows[i].outline))
            rows[i] = *row;
        return;
    }
    if (row->outline->evaluated || *count == 0)
        rows[(*count)++] = *row;
}

bool tn_compared_all(const struct tn_comparison *comparison, int *count, struct tn_compared **rows,
                     struct tn_error *error)
{
    const struct tn_journal *journal = &comparison->session->journal;
    int head = place_of(journal, journal->head);
    int opened = head >= 0 ? comparison->origins[head].opened : -1;
    *count = 0;
    *rows = tn_calloc((size_t)journal->count + 1, sizeof **rows);
    if (!*rows)
        return tn_fail_memory(error, "rows", (size_t)journal->count * sizeof **rows);
    if (opened < 0)
        return tn_fail(error, TN_ERROR_USE,
                       "no network is open yet: open MODEL.onnx or zoo:NAME "
                       "first");
    for (int i = opened; i < journal->count; i++) {
        struct tn_compared row;
        bool wanted = i == opened ||
                      (measures(journal->entries[i]) && comparison->origins[i].opened == opened);
        if (!wanted)
            continue;
        if (!fill_row(comparison, i, &row, error))
            return false;
        take(count, *rows, &row);
    }
    return true;
}

bool tn_compared_comparable(const struct tn_compared *a, const struct tn_compared *b)
{
    const struct tn_outline *x = a->outline, *y = b->outline;
    return x->evaluated && y->evaluated && x->evaluation.images == y->evaluation.images &&
           x->data && y->data && tn_data_spec_same(x->data, y->data);
}

bool tn_dominates(double cost, double accuracy, double other_cost, double other_accuracy)
{
    return cost <= other_cost && accuracy >= other_accuracy &&
           (cost < other_cost || accuracy > other_accuracy);
}

/* Wilson's interval of a share. */
static void wilson(double share, double count, double *low, double *high)
{
    const double z = 1.959963984540054;
    double middle = (share + z * z / (2 * count)) / (1 + z * z / count);
    double half = tn_half_width(share, count);
    *low = middle - half;
    *high = middle + half;
}

void tn_difference_interval(double p1, double p2, double count, double *low, double *high)
{
    double low1, high1, low2, high2;
    wilson(p1, count, &low1, &high1);
    wilson(p2, count, &low2, &high2);
    *low = p1 - p2 - hypot(p1 - low1, high2 - p2);
    *high = p1 - p2 + hypot(high1 - p1, p2 - low2);
}
