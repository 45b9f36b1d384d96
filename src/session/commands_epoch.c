/* Going on with the network of another epoch of training. */
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/store_drop.h"
#include <string.h>

static bool has_epoch(const struct tn_entry *entry, int64_t epoch)
{
    for (int i = 0; i < entry->epoch_count; i++)
        if (entry->epochs[i].epoch == epoch)
            return true;
    return false;
}

static bool takes_epoch(const struct tn_entry *entry)
{
    return strncmp(entry->command, "epoch ", 6) == 0;
}

/* The entry that trained the network as it stands, or that it resumed, and that did this epoch:
 * what changed nothing since, or took another epoch, is no matter. */
static const struct tn_entry *find_training(const struct tn_session *session, int64_t epoch,
                                            struct tn_error *error)
{
    const struct tn_journal *journal = &session->journal;
    const struct tn_entry *entry = tn_journal_find(journal, session->journal.head), *trained = NULL;
    for (; entry; entry = tn_journal_find(journal, entry->parent)) {
        bool other = entry->changes && !entry->epoch_count && !takes_epoch(entry);
        if (other && !trained) {
            tn_fail(error, TN_ERROR_USE,
                    "entry %lld (%.40s) is no training: goto the entry that trained the network "
                    "first",
                    (long long)entry->id, entry->command);
            return NULL;
        }
        bool apart = trained && entry->changes && trained->epochs[0].epoch == 1;
        if (other || apart)
            break;
        trained = entry->epoch_count ? entry : trained;
        if (trained && has_epoch(trained, epoch))
            return trained;
    }
    if (trained)
        tn_fail(error, TN_ERROR_USE, "entry %lld has no epoch %lld", (long long)trained->id,
                (long long)epoch);
    else
        tn_fail(error, TN_ERROR_USE, "nothing was trained yet");
    return NULL;
}

static bool find_state(struct tn_session *session, const struct tn_entry *entry, int epoch,
                       int64_t *state, struct tn_error *error)
{
    char kept[100];
    if (!tn_store_find_epoch(session->store, entry->id, epoch, state, error))
        return false;
    if (*state)
        return true;
    return tn_store_epochs(session->store, entry->id, kept, sizeof kept, error) &&
           tn_fail(error, TN_ERROR_USE,
                   "entry %lld has not kept the network of epoch %d (kept: %s); training with "
                   "keep=all keeps each",
                   (long long)entry->id, epoch, kept);
}

static bool run_epoch(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    int64_t epoch = 0, id = 0;
    if (!tn_session_need_model(session, error) ||
        !tn_parse_integer("epoch", tn_line_word(line, 0), 1, 100000, &epoch, error))
        return false;
    const struct tn_entry *entry = find_training(session, epoch, error);
    if (!entry || !find_state(session, entry, (int)epoch, &id, error))
        return false;
    struct tn_state *state = tn_store_read_state(session->store, id, session->state, error);
    if (!state)
        return false;
    tn_put_integer(result, "entry", entry->id);
    tn_put_integer(result, "epoch", epoch);
    if (state->evaluated) {
        tn_put_integer(result, "images", state->evaluation.images);
        tn_put_number(result, "top1", state->evaluation.top1);
        tn_put_number(result, "top5", state->evaluation.top5);
    }
    tn_session_become(session, state);
    return true;
}

const struct tn_command tn_commands_epoch[] = {
    {"epoch",
     "go on with the network of another epoch",
     "Of the training that the session stands at, or of the runs that it resumed; where finetune's "
     "or train's keep=best or keep=all has kept it. It is an entry of its own: undo goes back to "
     "what training came to.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES,
     {{TN_WORD_NUMBER, "N", false, NULL}},
     {{0}},
     run_epoch},
    {0},
};
