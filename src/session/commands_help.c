/* Help, from the table itself; and the end. */
#include "core/memory.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/nearest.h"
#include "session/results.h"

static json_t *command_json(const struct tn_command *command)
{
    json_t *json = json_object();
    char *usage = tn_command_usage(command);
    tn_put_text(json, "name", command->name);
    tn_put_text(json, "usage", usage ? usage : command->name);
    tn_put_text(json, "summary", command->summary);
    tn_free(usage);
    return json;
}

static json_t *options_json(const struct tn_command *command)
{
    json_t *options = json_array();
    for (int i = 0; i < TN_MAX_OPTIONS && command->options[i].key; i++) {
        const struct tn_option_spec *spec = &command->options[i];
        json_t *json = json_object();
        tn_put_text(json, "key", spec->key);
        tn_put_text(json, "default", spec->otherwise ? spec->otherwise : "");
        tn_put_text(json, "choices", spec->choices ? spec->choices : "");
        tn_put_text(json, "help", spec->help);
        json_array_append_new(options, json);
    }
    return options;
}

static bool run_help(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)session, (void)progress;
    const char *topic = tn_line_word(line, 0);
    const struct tn_command *command = topic ? tn_command_find(topic) : NULL;
    if (topic && !command) {
        struct tn_nearest nearest;
        char hint[96];
        tn_nearest_start(&nearest, topic);
        for (int i = 0; tn_command_at(i); i++)
            tn_nearest_offer(&nearest, tn_command_at(i)->name);
        tn_nearest_hint(&nearest, hint, sizeof hint);
        return tn_fail(error, TN_ERROR_USE, "there is no command '%.60s'%s; 'help' lists them",
                       topic, hint);
    }
    json_t *commands = json_array();
    tn_put(result, "commands", commands);
    for (int i = 0; tn_command_at(i); i++) {
        if (!command || tn_command_at(i) == command)
            json_array_append_new(commands, command_json(tn_command_at(i)));
    }
    if (command) {
        tn_put_text(result, "details", command->details);
        tn_put(result, "options", options_json(command));
    }
    return true;
}

static bool run_quit(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)line, (void)progress, (void)result, (void)error;
    session->quit = true;
    return true;
}

const struct tn_command tn_commands_help[] = {
    {"help",
     "list the commands, or explain one",
     "Without COMMAND all of them, a line each.",
     0,
     {{TN_WORD_COMMAND, "COMMAND", true, NULL}},
     {{0}},
     run_help},
    {"quit",
     "end the program",
     "The session is kept as it is after every command.",
     0,
     {{0}},
     {{0}},
     run_quit},
    {0},
};
