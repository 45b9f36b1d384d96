/* The command that a replay is made of. */
#include "session/commands.h"
#include "session/inside.h"
#include "session/replay.h"
#include "session/results.h"

static bool run_frame(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    int64_t entry = 0, epochs = -1;
    if (!session->replay)
        return tn_fail(error, TN_ERROR_USE,
                       "frame is for replays: thinet-tui --replay SESSION.thinet");
    if (!tn_parse_integer("entry", tn_line_word(line, 0), 0, INT64_MAX, &entry, error) ||
        !tn_line_integer(line, "epochs", 0, INT32_MAX, &epochs, error) ||
        !tn_replay_show(session, entry, epochs, error))
        return false;
    const struct tn_entry *shown = tn_journal_find(&session->journal, entry);
    tn_put_integer(result, "entry", entry);
    tn_put_text(result, "line", shown ? shown->command : "");
    tn_put_text(result, "brief", shown ? shown->brief : "");
    return true;
}

const struct tn_command tn_commands_replay[] = {
    {"frame",
     "in a replay: show the session as it was after an entry",
     "Its journal ends there. ENTRY 0 is the beginning; epochs= shows training as it was after so "
     "many of them. Nothing is computed and no images are needed.",
     0,
     {{TN_WORD_NUMBER, "ENTRY", false, NULL}},
     {{"epochs", TN_WORD_NUMBER, NULL, NULL, "of training that are shown; all"}},
     run_frame},
    {0},
};
