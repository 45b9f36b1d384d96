#include "session/session.h"

#include "core/clock.h"
#include "core/memory.h"
#include "session/detach.h"
#include "session/inside.h"
#include "session/proposal.h"
#include "session/replay.h"
#include "session/results.h"
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Whether a draft holds more than the command that starts it again would bring back: what failed or
 * was stopped is no reason to copy a large network. */
static bool holds_work(const struct tn_journal *journal)
{
    for (int i = 0; i < journal->count; i++) {
        const struct tn_entry *entry = journal->entries[i];
        bool opens =
            strncmp(entry->command, "open ", 5) == 0 || strncmp(entry->command, "data ", 5) == 0;
        if (!opens && (entry->status != TN_ENTRY_FAILED || entry->changes))
            return true;
    }
    return false;
}

void tn_session_free(struct tn_session *session)
{
    if (!session)
        return;
    if (session->store && session->store->draft && !holds_work(&session->journal))
        unlink(session->store->path);
    tn_replay_end(session);
    tn_journal_free(&session->journal);
    tn_state_unref(session->state);
    tn_state_unref(session->next);
    tn_tallies_free(&session->tallies);
    tn_session_drop_proposal(session);
    tn_looked_clear(&session->looked);
    tn_store_close(session->store);
    tn_free(session);
}

void tn_session_on_change(struct tn_session *session, void (*changed)(void *context), void *context)
{
    session->changed = changed;
    session->changed_context = context;
}

bool tn_session_wants_quit(const struct tn_session *session)
{
    return session->quit;
}

const char *tn_session_path(const struct tn_session *session)
{
    return session->store->draft ? NULL : session->store->path;
}

void tn_session_become(struct tn_session *session, struct tn_state *next)
{
    tn_state_unref(session->next);
    session->next = next;
}

struct tn_state *tn_session_edit(struct tn_session *session, struct tn_error *error)
{
    struct tn_state *next = tn_state_clone(session->state, error);
    tn_session_become(session, next);
    return next;
}

bool tn_session_need_model(const struct tn_session *session, struct tn_error *error)
{
    if (session->store->detached)
        return tn_session_lacks_weights(session, error);
    return session->state->model ||
           tn_fail(error, TN_ERROR_USE,
                   "no network is open yet: open MODEL.onnx or zoo:NAME first");
}

const struct tn_model *tn_session_opened(struct tn_session *session, struct tn_error *error)
{
    struct tn_state *state = session->state;
    if (!tn_session_need_model(session, error))
        return NULL;
    if (!state->opened && !state->opened_stored) {
        tn_fail(error, TN_ERROR_USE,
                "an earlier version of the program wrote this session, without saying which "
                "network it began with: open the network again");
        return NULL;
    }
    if (!state->opened)
        state->opened = tn_store_read_opened(session->store, state, error);
    return state->opened;
}

struct tn_dataset *tn_session_need_data(struct tn_session *session,
                                        const struct tn_progress *progress, struct tn_error *error)
{
    if (!session->state->data) {
        tn_fail(error, TN_ERROR_USE, "no images are open yet: data PATH first");
        return NULL;
    }
    return tn_data_spec_open(session->state->data, progress, error);
}

struct tn_dataset *tn_session_need_both(struct tn_session *session,
                                        const struct tn_progress *progress, struct tn_error *error)
{
    if (!tn_session_need_model(session, error))
        return NULL;
    struct tn_dataset *dataset = tn_session_need_data(session, progress, error);
    if (!dataset || !tn_evaluate_fits(session->state->model->graph, dataset, error))
        return NULL;
    return dataset;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Give a state its number and let the entry hold it until the store has it. */
static void entry_takes_state(struct tn_session *session, struct tn_entry *entry,
                              struct tn_state *state)
{
    if (!state->id)
        state->id = ++session->last_state_id;
    tn_state_ref(state);
    tn_state_unref(entry->state);
    entry->state = state;
    entry->state_id = state->id;
    entry->written = false;
}

static void stand_at(struct tn_session *session, struct tn_entry *entry, struct tn_state *state)
{
    tn_state_ref(state);
    tn_state_unref(session->state);
    session->state = state;
    tn_journal_advance(&session->journal, entry);
}

/* Every epoch ends with a test: the state's accuracy is known without another eval. */
static void note_accuracy(struct tn_state *state, const struct tn_epoch *epoch, int64_t images)
{
    int64_t all = state->data ? state->data->test : images;
    state->evaluated = images > 0;
    state->evaluated_limit = images < all ? images : 0;
    state->evaluation =
        (struct tn_evaluation){.images = images,
                               .top1 = epoch->test_top1,
                               .top5 = epoch->test_top5,
                               .loss = NAN,
                               .ci95 = tn_half_width(epoch->test_top1, (double)images)};
}

static bool note_unfinished(struct tn_state *state, struct tn_run *run,
                            const struct tn_epoch *epoch, const struct tn_checkpoint *checkpoint,
                            struct tn_error *error)
{
    if (epoch->best) {
        tn_model_unref(run->best);
        run->best = tn_model_ref(state->model);
        run->best_epoch = *epoch;
    }
    struct tn_unfinished *unfinished =
        tn_unfinished_new(run->command, checkpoint, run->best, error);
    tn_state_set_unfinished(state, unfinished);
    tn_unfinished_unref(unfinished);
    return unfinished != NULL;
}

bool tn_session_epoch(struct tn_session *session, struct tn_run *run, const struct tn_epoch *epoch,
                      const struct tn_graph *graph, const struct tn_checkpoint *checkpoint,
                      struct tn_error *error)
{
    struct tn_entry *entry = session->running;
    struct tn_graph *copy = tn_graph_clone(graph, error);
    struct tn_model *model = copy ? tn_model_new(copy, session->state->model->scope, error) : NULL;
    struct tn_state *state = model ? tn_state_clone(session->state, error) : NULL;
    if (!state) {
        tn_model_unref(model);
        return false;
    }
    bool fine = tn_state_set_model(state, model, true, 0, NULL, error) &&
                note_unfinished(state, run, epoch, checkpoint, error) &&
                tn_entry_add_epoch(entry, epoch, error);
    if (fine) {
        note_accuracy(state, epoch, run->test_images);
        entry->changes = true;
        entry->keep = run->keep;
        entry_takes_state(session, entry, state);
        stand_at(session, entry, state);
        fine = tn_store_write(session->store, &session->journal, error);
    }
    tn_state_unref(state);
    if (fine && session->changed)
        session->changed(session->changed_context);
    return fine;
}

bool tn_session_end_run(struct tn_session *session, const struct tn_run *run, bool keep_best,
                        struct tn_error *error)
{
    struct tn_state *next = tn_session_edit(session, error);
    if (!next)
        return false;
    tn_state_set_unfinished(next, NULL);
    if (!keep_best || !run->best || run->best == next->model)
        return true;
    if (!tn_state_set_model(next, tn_model_ref(run->best), true, 0, NULL, error))
        return false;
    note_accuracy(next, &run->best_epoch, run->test_images);
    return true;
}

/* Is all that the store lacks in memory anyway, with the network that the session stands at? */
static bool nothing_to_unload(const struct tn_session *session)
{
    enum { MANY = 256 };
    int held = 0;
    for (int i = 0; i < session->journal.count; i++) {
        const struct tn_state *state = session->journal.entries[i]->state;
        if (!state)
            continue;
        if (state->model && state->model != session->state->model)
            return false;
        held++;
    }
    return held < MANY;
}

/* A private store outlives nothing: it is there to take from memory what only the journal still
 * holds. A draft is there for work, which opening a network is not yet. Until there is something to
 * take in, a large network that was opened to be looked at is not copied. */
static bool keep(struct tn_session *session, struct tn_error *error)
{
    const struct tn_store *store = session->store;
    bool wanted =
        store->path && !store->scratch && (!store->draft || holds_work(&session->journal));
    if (!wanted && nothing_to_unload(session))
        return true;
    return tn_store_write(session->store, &session->journal, error);
}

static bool keep_entry(struct tn_session *session, const struct tn_command *command, bool ok,
                       json_t *result, struct tn_error *error)
{
    struct tn_entry *entry = session->running;
    entry->status = ok ? TN_ENTRY_DONE : TN_ENTRY_FAILED;
    if (ok && session->next) {
        entry->changes = (command->flags & TN_COMMAND_CHANGES) != 0;
        entry_takes_state(session, entry, session->next);
        stand_at(session, entry, session->next);
    } else if (ok || !entry->epoch_count) {
        entry_takes_state(session, entry, session->state);
    }
    if (ok)
        tn_journal_advance(&session->journal, entry);
    entry->written = false;
    return tn_entry_set_result(entry, result, error) && keep(session, error);
}

/* Work in the background that is stopped has changed nothing and goes on when it is asked again. */
static bool is_put_off(const struct tn_command *command, bool ok, const struct tn_error *error)
{
    return !ok && (command->flags & TN_COMMAND_BACKGROUND) && error->kind == TN_ERROR_CANCELLED;
}

/* Words that were mistyped are no work: the journal keeps failures of commands that really began. A
 * command that could have changed something and only showed it leaves no entry either. */
static bool belongs_in_journal(const struct tn_session *session, const struct tn_command *command,
                               bool ok, const struct tn_error *error)
{
    if (!session->running)
        return false;
    bool trained = session->running->epoch_count > 0;
    if (session->looking || is_put_off(command, ok, error))
        return false;
    if (ok)
        return trained || session->next || !(command->flags & TN_COMMAND_CHANGES);
    return trained || error->kind != TN_ERROR_USE;
}

/* After the command's function: the journal entry and the new state, or nothing. */
static bool conclude(struct tn_session *session, const struct tn_command *command, bool ok,
                     json_t *result, const struct tn_error *own, struct tn_error *error)
{
    bool stored = true;
    if (belongs_in_journal(session, command, ok, own))
        stored = keep_entry(session, command, ok, result, error);
    else if (session->running)
        tn_journal_drop_last(&session->journal);
    session->running = NULL;
    session->looking = false;
    tn_session_become(session, NULL);
    tn_session_review_proposal(session);
    return stored ||
           tn_fail_in(error, "done, but not kept in the session file (save it elsewhere)");
}

static bool run_command(struct tn_session *session, const struct tn_command_line *line,
                        const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    const struct tn_command *command = line->command;
    double begun = tn_clock_seconds();
    if (session->replay && !tn_replay_allows(command, error))
        return false;
    if (command->flags & TN_COMMAND_JOURNALED) {
        session->running =
            tn_journal_add(&session->journal, 0, session->journal.head, line->text, error);
        if (!session->running)
            return false;
        session->running->time = now();
        session->running->status = TN_ENTRY_RUNNING;
    }
    struct tn_error own, store;
    tn_error_clear(&own);
    bool ok = command->run(session, line, progress, result, &own);
    if (!ok)
        tn_put_text(result, "error", own.text);
    if (session->running)
        session->running->seconds = tn_clock_seconds() - begun;
    session->looking = session->looking || session->store->looks_on || session->store->detached;
    bool stored = conclude(session, command, ok, result, &own, &store);
    if (error && !(ok && stored))
        *error = ok ? store : own;
    return ok && stored;
}

bool tn_session_run(struct tn_session *session, const char *text,
                    const struct tn_progress *progress, json_t **result, struct tn_error *error)
{
    struct tn_command_line line;
    json_t *fields = json_object();
    if (result)
        *result = NULL;
    bool ok = fields ? tn_line_parse(text, &line, error) : tn_fail_memory(error, "a result", 1);
    if (fields && ok && line.name.text)
        ok = tn_line_check(&line, error) && tn_session_may(session, line.command, error) &&
             run_command(session, &line, progress, fields, error);
    if (fields)
        tn_line_free(&line);
    if (result && json_object_size(fields) > 0)
        *result = json_incref(fields);
    json_decref(fields);
    return ok;
}

struct tn_state *tn_session_state_at(struct tn_session *session, int64_t id, bool network,
                                     struct tn_error *error)
{
    const struct tn_entry *entry = tn_journal_find(&session->journal, id);
    if (!entry || !entry->state_id)
        return tn_state_new(error);
    if (entry->state)
        return tn_state_ref(entry->state);
    if (entry->state_id == session->state->id)
        return tn_state_ref(session->state);
    if (!network)
        return tn_store_read_outline(session->store, entry->state_id, error);
    if (session->store->detached) {
        tn_session_lacks_weights(session, error);
        return NULL;
    }
    return tn_store_read_state(session->store, entry->state_id, session->state, error);
}

bool tn_session_move(struct tn_session *session, int64_t id, struct tn_error *error)
{
    struct tn_state *state = tn_session_state_at(session, id, true, error);
    if (!state)
        return false;
    int64_t head = session->journal.head, tip = session->journal.tip;
    tn_journal_move(&session->journal, id);
    if (!keep(session, error)) {
        session->journal.head = head;
        session->journal.tip = tip;
        tn_state_unref(state);
        return false;
    }
    tn_state_unref(session->state);
    session->state = state;
    return true;
}
