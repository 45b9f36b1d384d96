#include "core/memory.h"
#include "session/results.h"
#include "session/story.h"
#include "session/words.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tn_text_add(struct tn_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t needed = text->used + (size_t)(length < 0 ? 0 : length) + 1;
    if (needed > text->room && !text->failed) {
        size_t room = needed * 2 + 4096;
        char *grown = tn_realloc(text->bytes, text->room, room, 1);
        text->failed = !grown;
        text->bytes = grown ? grown : text->bytes;
        text->room = grown ? room : text->room;
    }
    if (text->failed || length <= 0)
        return;
    va_start(args, format);
    text->used +=
        (size_t)vsnprintf(text->bytes + text->used, text->room - text->used, format, args);
    va_end(args);
}

static bool is_one_of(const char *line, const char *const *commands)
{
    for (; *commands; commands++) {
        size_t length = strlen(*commands);
        if (strncmp(line, *commands, length) == 0 && (!line[length] || line[length] == ' '))
            return true;
    }
    return false;
}

static bool writes_files(const char *line)
{
    static const char *const commands[] = {"export",
                                           "export-samples",
                                           "export-gram",
                                           "export-activity",
                                           "export-script",
                                           "export-journal",
                                           "plot",
                                           "infer",
                                           NULL};
    return is_one_of(line, commands);
}

static bool resumes(const char *line)
{
    static const char *const commands[] = {"finetune resume", "train resume", NULL};
    return is_one_of(line, commands);
}

/* What a budget of measured time came to on that machine. */
static void add_widths(struct tn_text *text, const struct tn_entry *entry)
{
    static const char *const budget[] = {"budget", NULL};
    json_t *result = entry->result ? json_loads(entry->result, 0, NULL) : NULL, *layer;
    struct tn_command_line line;
    struct tn_error unused;
    size_t i;
    bool parsed = is_one_of(entry->command, budget) &&
                  tn_line_parse(entry->command, &line, &unused) && tn_line_check(&line, &unused);
    if (parsed && tn_line_given(&line, "method"))
        tn_text_add(text, "method all %s\n", tn_line_option(&line, "method"));
    if (parsed)
        tn_line_free(&line);
    json_array_foreach(json_object_get(result, "layers"), i, layer)
    {
        char name[200];
        tn_word_quote(tn_get_text(layer, "name"), name, sizeof name);
        tn_text_add(text, "keep %s %lld\n", name,
                    (long long)json_integer_value(json_object_get(layer, "keep")));
    }
    json_decref(result);
}

struct writing {
    struct tn_text *text;
    const struct tn_entry *held; /* training that was cut short: a resume must follow */
    const struct tn_entry *began;
};

static bool cut_short(const struct tn_entry *entry)
{
    return entry->status != TN_ENTRY_DONE && entry->epoch_count > 0;
}

static bool no_way_on(const struct tn_entry *held, struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_USE,
                   "entry %lld (%.60s) was cut short after epoch %d: no script stops there; it can "
                   "once 'finetune resume' has brought it to its end",
                   (long long)held->id, held->command, held->epochs[held->epoch_count - 1].epoch);
}

/* A run that was resumed comes to the same bits as one that was not cut short. */
static bool add_entry(struct writing *w, const struct tn_entry *entry, struct tn_error *error)
{
    const char *line = entry->command;
    bool measured = strncmp(line, "budget ", 7) == 0 && strstr(line, " latency=");
    if (cut_short(entry)) {
        w->began = w->held && resumes(line) ? w->began : entry;
        w->held = entry;
    } else if (w->held && entry->changes && !resumes(line)) {
        return no_way_on(w->held, error);
    } else if (w->held && resumes(line)) {
        tn_text_add(w->text, "%s\n", w->began->command);
        w->held = NULL;
    } else if (entry->status != TN_ENTRY_DONE || writes_files(line) || w->held || measured) {
        tn_text_add(w->text, "# %s\n", line);
    } else {
        tn_text_add(w->text, "%s\n", line);
    }
    if (measured && entry->status == TN_ENTRY_DONE)
        add_widths(w->text, entry);
    return true;
}

bool tn_story_script(const struct tn_journal *journal, int64_t id, struct tn_text *text,
                     struct tn_error *error)
{
    size_t count = 0, room = (size_t)journal->count;
    const struct tn_entry **path = tn_calloc(room + 1, sizeof *path), *entry;
    struct writing w = {.text = text};
    if (!path)
        return tn_fail_memory(error, "a script", room * sizeof *path);
    for (; (entry = tn_journal_find(journal, id)); id = entry->parent)
        path[count++] = entry;
    bool fine = true;
    while (fine && count > 0)
        fine = add_entry(&w, path[--count], error);
    tn_free(path);
    if (fine && w.held)
        return no_way_on(w.held, error);
    return fine && (!text->failed || tn_fail_memory(error, "a script", text->room));
}
