#include "session/verify.h"

#include "core/memory.h"
#include "session/detach.h"
#include "session/inside.h"
#include "session/machines.h"
#include "session/results.h"
#include "session/verify_compare.h"
#include "session/verify_epochs.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct verify {
    struct tn_session *session;  /* in the copy: its journal has the entries that are done */
    struct tn_journal recorded;  /* the others are still here */
    const char *data;            /* or NULL */
    struct tn_data_spec *images; /* opened last */
    char *here;                  /* this machine */
    bool *strict;                /* [recorded.count] compare bit for bit */
    const struct tn_progress *progress;
    struct tn_verification *found;
};

enum outcome { SAME, DIFFERENT, FAILED };

/* Which entries are done again */

static bool begins_with(const char *line, const char *command)
{
    size_t length = strlen(command);
    return strncmp(line, command, length) == 0 && (!line[length] || line[length] == ' ');
}

/* They only write a file, or measure this machine. */
static bool is_left_out(const char *line)
{
    static const char *const commands[] = {"export",          "export-samples", "export-gram",
                                           "export-activity", "export-script",  "export-journal",
                                           "infer",           "plot",           "time"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (begins_with(line, commands[i]))
            return true;
    }
    return begins_with(line, "budget") && strstr(line, " latency=");
}

/* Cut short by the user or with the program. */
static bool is_interrupted(const struct tn_entry *entry)
{
    return entry->status == TN_ENTRY_RUNNING ||
           (entry->status == TN_ENTRY_FAILED && entry->result &&
            strstr(entry->result, "cancelled"));
}

/* What failed for want of a file then says nothing about the session. */
static bool needs_files(const struct tn_entry *entry)
{
    return entry->status == TN_ENTRY_FAILED &&
           (begins_with(entry->command, "open") || begins_with(entry->command, "data"));
}

/* Images */

static struct tn_data_spec *spec_elsewhere(const struct verify *v, const struct tn_data_spec *spec,
                                           struct tn_error *error)
{
    struct tn_data_options options = spec->options;
    options.path = v->data ? v->data : spec->path;
    struct tn_data_spec *other = tn_data_spec_new(&options, spec->preset, error);
    if (!other)
        return NULL;
    other->name = tn_strdup(spec->name ? spec->name : "");
    if (!other->name) {
        tn_data_spec_unref(other);
        tn_fail_memory(error, "a name", 1);
        return NULL;
    }
    other->train = spec->train;
    other->test = spec->test;
    other->classes = spec->classes;
    memcpy(other->shape, spec->shape, sizeof other->shape);
    return other;
}

/* The images that a recorded state says, from where they are now; opened once for all that follow.
 */
static bool use_images(struct verify *v, struct tn_state *state, struct tn_error *error)
{
    if (!state->data)
        return true;
    struct tn_data_spec *spec = spec_elsewhere(v, state->data, error);
    if (!spec)
        return false;
    if (v->images && tn_data_spec_same(v->images, spec)) {
        tn_data_spec_unref(spec);
        spec = tn_data_spec_ref(v->images);
    }
    tn_data_spec_unref(state->data);
    state->data = spec;
    return true;
}

static bool open_images(struct verify *v, struct tn_data_spec *spec, struct tn_error *error)
{
    if (!tn_data_spec_open(spec, v->progress, error))
        return tn_progress_cancelled(v->progress) || v->data
                   ? false
                   : tn_fail_in(error, "the images are not where they were; --data PATH says where "
                                       "they are");
    if (v->images != spec) {
        tn_data_spec_unref(v->images);
        v->images = tn_data_spec_ref(spec);
    }
    return true;
}

/* One entry */

/* Stand where the entry's parent left the session. */
static bool go_to_parent(struct verify *v, const struct tn_entry *entry, struct tn_error *error)
{
    tn_tallies_free(&v->session->tallies); /* what was measured is measured again */
    return tn_session_move(v->session, entry->parent, error) &&
           use_images(v, v->session->state, error);
}

static json_t *result_of(const struct tn_entry *entry)
{
    json_t *json = entry->result ? json_loads(entry->result, 0, NULL) : NULL;
    return json ? json : json_object();
}

static struct tn_match match_of(const struct verify *v, bool strict, const struct tn_entry *entry)
{
    return (struct tn_match){.strict = strict,
                             .trained = begins_with(entry->command, "finetune") ||
                                        begins_with(entry->command, "train") ||
                                        begins_with(entry->command, "epoch"),
                             .exact = true,
                             .difference = &v->found->difference};
}

/* The state as recorded; what is wrong with the file's own copy is a difference too. */
static enum outcome recorded_state(struct verify *v, const struct tn_entry *entry,
                                   const struct tn_state *near, struct tn_match *match,
                                   struct tn_state **state, struct tn_error *error)
{
    struct tn_error own;
    *state = entry->state_id ? tn_store_read_state(v->session->store, entry->state_id, near, &own)
                             : tn_state_new(&own);
    if (*state)
        return SAME;
    if (own.kind != TN_ERROR_INPUT) {
        if (error)
            *error = own;
        return FAILED;
    }
    tn_differs(match, "the state kept in the file", own.text, "cannot be compared");
    return DIFFERENT;
}

/* A network whose file is gone, and images: as the recorded state says. */
static enum outcome redo_open(struct verify *v, const struct tn_entry *entry,
                              struct tn_match *match, struct tn_error *error)
{
    struct tn_state *state;
    enum outcome outcome = recorded_state(v, entry, v->session->state, match, &state, error);
    if (outcome != SAME)
        return outcome;
    json_t *was = result_of(entry), *is = json_object();
    if (state->model) {
        tn_put_text(is, "model", state->model_name);
        tn_put_integer(is, "layers", state->model->layers.count);
        tn_put_integer(is, "params", state->model->cost.params);
        tn_put_integer(is, "params_all", state->model->cost.params_all);
        tn_put_integer(is, "flops", state->model->cost.flops);
    }
    bool same = tn_compare_json(match, was, is);
    json_decref(was);
    json_decref(is);
    tn_state_unref(state);
    return same ? SAME : DIFFERENT;
}

static enum outcome redo_data(struct verify *v, const struct tn_entry *entry,
                              struct tn_match *match, struct tn_error *error)
{
    struct tn_state *state;
    enum outcome outcome = recorded_state(v, entry, v->session->state, match, &state, error);
    if (outcome != SAME)
        return outcome;
    bool fine = state->data && use_images(v, state, error) && open_images(v, state->data, error);
    json_t *was = result_of(entry), *is = json_object();
    if (fine)
        tn_put_images(is, state->data);
    json_object_del(was, "name"); /* the folder's, which may be called anything */
    json_object_del(was, "opened");
    bool same = fine && tn_compare_json(match, was, is);
    if (fine && !same) {
        char field[160];
        snprintf(field, sizeof field, "other images than those recorded: %.100s",
                 match->difference->field);
        memcpy(match->difference->field, field, sizeof field);
    }
    json_decref(was);
    json_decref(is);
    tn_state_unref(state);
    return same ? SAME : fine ? DIFFERENT : FAILED;
}

static enum outcome compare_results(struct verify *v, const struct tn_entry *entry,
                                    const struct tn_entry *again, bool ok, const json_t *result,
                                    const struct tn_state *parent, const struct tn_kept *kept,
                                    struct tn_match *match, struct tn_error *error)
{
    bool was_done = entry->status == TN_ENTRY_DONE, failed = false;
    if (was_done != ok) {
        const char *why = tn_get_text(result, "error");
        tn_differs(match, "ok", was_done ? "done" : "failed", ok ? "done" : why);
        return DIFFERENT;
    }
    json_t *was = result_of(entry);
    json_object_del(was, "error"); /* in its own words */
    bool same = tn_compare_json(match, was, result) && tn_compare_epochs(match, entry, again);
    json_decref(was);
    struct tn_state *state = NULL;
    same = same && (!again || tn_kept_compare(v->session->store, kept, again->id, parent, match,
                                              &failed, error));
    if (!same)
        return failed ? FAILED : DIFFERENT;
    enum outcome outcome = recorded_state(v, entry, parent, match, &state, error);
    if (outcome == SAME && !tn_compare_states(match, state, v->session->state, &failed, error))
        outcome = failed ? FAILED : DIFFERENT;
    tn_state_unref(state);
    return outcome;
}

/* Run the line again where the session stands. */
static enum outcome redo_line(struct verify *v, const struct tn_entry *entry,
                              struct tn_match *match, struct tn_error *error)
{
    struct tn_session *session = v->session;
    struct tn_error own;
    json_t *result = NULL;
    struct tn_kept kept;
    if (!tn_kept_read(session->store, entry->id, &kept, error))
        return FAILED;
    struct tn_state *parent = tn_state_ref(session->state);
    int count = session->journal.count;
    bool ok = tn_session_run(session, entry->command, v->progress, &result, &own);
    enum outcome outcome = FAILED;
    if (!ok && (own.kind == TN_ERROR_CANCELLED || tn_progress_cancelled(v->progress))) {
        tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
    } else if (!ok && parent->data && !parent->data->dataset &&
               !open_images(v, parent->data, error)) {
        outcome = FAILED; /* it says why */
    } else {
        const struct tn_entry *again =
            session->journal.count > count ? session->journal.entries[count] : NULL;
        if (!result)
            result = json_object();
        if (!ok && !*tn_get_text(result, "error"))
            tn_put_text(result, "error", own.text);
        if (parent->data && parent->data->dataset)
            open_images(v, parent->data, NULL);
        outcome = compare_results(v, entry, again, ok, result, parent, &kept, match, error);
    }
    while (session->journal.count > count)
        tn_journal_drop_last(&session->journal);
    session->journal.head = session->journal.tip = entry->parent;
    json_decref(result);
    tn_state_unref(parent);
    tn_free(kept.rows);
    return outcome;
}

/* The file that a line opens, where it is one and is there; released with tn_free. */
static char *file_named(const char *line)
{
    struct tn_command_line parsed;
    struct tn_error unused;
    char *file = NULL;
    if (tn_line_parse(line, &parsed, &unused) && tn_line_check(&parsed, &unused) &&
        access(tn_line_word(&parsed, 0), R_OK) == 0)
        file = tn_strdup(tn_line_word(&parsed, 0));
    tn_line_free(&parsed);
    return file;
}

static bool is_from_zoo(const char *line)
{
    return strncmp(line + strcspn(line, " "), " zoo:", 5) == 0;
}

static bool can_open(const char *line)
{
    char *file = file_named(line);
    tn_free(file);
    return file || is_from_zoo(line);
}

static enum outcome redo(struct verify *v, const struct tn_entry *entry, bool strict,
                         struct tn_error *error)
{
    struct tn_match match = match_of(v, strict, entry);
    enum outcome outcome;
    if (!go_to_parent(v, entry, error))
        return FAILED;
    if (begins_with(entry->command, "data"))
        outcome = redo_data(v, entry, &match, error);
    else if (begins_with(entry->command, "open") && !can_open(entry->command))
        outcome = redo_open(v, entry, &match, error);
    else
        outcome = redo_line(v, entry, &match, error);
    v->found->exact = v->found->exact && match.exact;
    return outcome;
}

/* The whole */

/* The next recorded entry takes its place among those that are done. */
static void settle(struct verify *v, struct tn_entry *entry)
{
    struct tn_journal *journal = &v->session->journal;
    journal->entries[journal->count++] = entry;
}

/* Which entries were recorded by this build on a machine of this kind: asked before anything is
 * done again, as what is then written to the copy is from here. */
static bool find_strict(struct verify *v, struct tn_error *error)
{
    size_t count = (size_t)v->recorded.count;
    v->strict = tn_calloc(count + 1, sizeof *v->strict);
    if (!v->strict)
        return tn_fail_memory(error, "entries", count);
    for (int i = 0; i < v->recorded.count; i++) {
        char *machine = tn_store_machine(v->session->store, v->recorded.entries[i]->id, error);
        if (!machine)
            return false;
        v->strict[i] = strcmp(machine, v->here) == 0;
        tn_free(machine);
    }
    return true;
}

static enum outcome verify_entry(struct verify *v, const struct tn_entry *entry, bool strict,
                                 struct tn_error *error)
{
    if (is_interrupted(entry)) {
        v->found->interrupted++;
        return SAME;
    }
    if (is_left_out(entry->command) || needs_files(entry)) {
        v->found->left_out++;
        return SAME;
    }
    v->found->entries++;
    v->found->elsewhere = v->found->elsewhere || !strict;
    enum outcome outcome = redo(v, entry, strict, error);
    struct tn_difference *difference = &v->found->difference;
    if (outcome == DIFFERENT) {
        difference->entry = entry->id;
        snprintf(difference->command, sizeof difference->command, "%s", entry->command);
    }
    return outcome;
}

static enum outcome verify_all(struct verify *v, tn_verify_entry tell, void *context,
                               struct tn_error *error)
{
    enum outcome outcome = SAME;
    for (int i = 0; outcome == SAME && i < v->recorded.count; i++) {
        struct tn_entry *entry = v->recorded.entries[i];
        if (tell)
            tell(context, i + 1, v->recorded.count, entry->command);
        if (tn_progress_cancelled(v->progress)) {
            tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
            return FAILED;
        }
        outcome = verify_entry(v, entry, v->strict[i], error);
        settle(v, entry);
        v->recorded.entries[i] = NULL;
    }
    return outcome;
}

/* A built-in network is made anew. */
static bool attach_from_zoo(struct verify *v, const char *line, int *left, struct tn_error *error)
{
    struct tn_session *maker = tn_session_new(error);
    bool fine = maker && tn_session_run(maker, line, v->progress, NULL, error) &&
                tn_session_attach_graph(v->session, maker->state->model->graph,
                                        maker->state->model_name, left, error);
    tn_session_free(maker);
    return fine;
}

static bool is_repeated(const struct verify *v, int index)
{
    const char *line = v->recorded.entries[index]->command;
    for (int i = 0; i < index; i++)
        if (strcmp(v->recorded.entries[i]->command, line) == 0)
            return true;
    return false;
}

/* The weights of the network that an entry opens, where they are to be had. */
static bool attach_network(struct verify *v, int index, int *left, struct tn_error *error)
{
    const struct tn_entry *entry = v->recorded.entries[index];
    if (!begins_with(entry->command, "open") || entry->status != TN_ENTRY_DONE ||
        is_repeated(v, index))
        return true;
    if (is_from_zoo(entry->command))
        return attach_from_zoo(v, entry->command, left, error);
    char *file = file_named(entry->command);
    bool fine = !file || tn_session_attach(v->session, file, left, error);
    tn_free(file);
    return fine;
}

/* A detached session gets its weights from what it opened. A file that brings none is no matter
 * where others bring all: two names may be one network's. */
static bool attach_networks(struct verify *v, const char *path, struct tn_error *error)
{
    int64_t detached = 0;
    int left = 1;
    bool fine = true;
    struct tn_error own, first;
    tn_error_clear(&first);
    if (!tn_store_read_meta(v->session->store, "detached", &detached, error))
        return false;
    for (int i = 0; detached && left > 0 && i < v->recorded.count; i++) {
        bool attached = attach_network(v, i, &left, &own);
        if (fine && !attached)
            first = own;
        fine = fine && attached;
    }
    if (!detached || left == 0)
        return true;
    if (!fine && error)
        *error = first;
    return fine && tn_fail(error, TN_ERROR_INPUT,
                           "%s: it lacks the weights of the network it began with: verify it in a "
                           "folder where its 'open' finds the file, or give them back first with "
                           "session attach",
                           path);
}

/* A session in the copy that has done nothing yet, and the journal of what is to be done. */
static bool start(struct verify *v, const char *path, struct tn_error *error)
{
    struct tn_store *store = tn_store_scratch(path, error);
    v->session = store ? tn_session_in(store, error) : NULL;
    v->here = tn_machine_text();
    if (v->session && !v->here)
        tn_fail_memory(error, "a machine's description", 1);
    if (!v->session || !v->here || !tn_store_read_journal(v->session->store, &v->recorded, error))
        return false;
    int count = v->recorded.count;
    for (int i = 0; i < count; i++) {
        int64_t id = v->recorded.entries[i]->state_id;
        v->session->last_state_id = id > v->session->last_state_id ? id : v->session->last_state_id;
    }
    return tn_journal_reserve(&v->session->journal, count + 1, error) && find_strict(v, error) &&
           attach_networks(v, path, error);
}

bool tn_verify(const char *path, const char *data, tn_verify_entry entry, void *context,
               const struct tn_progress *progress, struct tn_verification *found,
               struct tn_error *error)
{
    struct verify v = {.data = data, .progress = progress, .found = found};
    memset(found, 0, sizeof *found);
    found->exact = true;
    enum outcome outcome = start(&v, path, error) ? verify_all(&v, entry, context, error) : FAILED;
    found->ok = outcome == SAME;
    tn_journal_free(&v.recorded);
    tn_session_free(v.session);
    tn_data_spec_unref(v.images);
    tn_free(v.here);
    tn_free(v.strict);
    return outcome != FAILED;
}
