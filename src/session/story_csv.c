#include "session/branches.h"
#include "session/results.h"
#include "session/story.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A text cell: quoted where it must be, and never a formula. */
static void add_cell(struct tn_text *text, const char *cell)
{
    bool formula = *cell && strchr("=+-@\t\r", *cell);
    tn_text_add(text, "\"%s", formula ? "'" : "");
    for (; *cell; cell++)
        tn_text_add(text, "%s%c", *cell == '"' ? "\"" : "", *cell);
    tn_text_add(text, "\",");
}

static void add_number(struct tn_text *text, double number, const char *end)
{
    if (isnan(number))
        tn_text_add(text, "%s", end);
    else
        tn_text_add(text, "%.17g%s", number, end);
}

/* What a row of an entry and one of an epoch begin with alike. */
static void add_head(struct tn_text *text, const struct tn_entry *entry)
{
    static const char *const states[] = {"failed", "done", "interrupted"};
    char when[40] = "";
    time_t seconds = (time_t)entry->time;
    struct tm utc;
    if (gmtime_r(&seconds, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    tn_text_add(text, "%lld,%lld,", (long long)entry->id, (long long)entry->parent);
    add_cell(text, tn_entry_branch(entry) ? tn_entry_branch(entry) : "");
    tn_text_add(text, "%s,", when);
    add_cell(text, entry->command);
    add_number(text, entry->seconds, ",");
    tn_text_add(text, "%s,", states[entry->status]);
}

static void add_entry(struct tn_text *text, const struct tn_entry *entry)
{
    static const char *const fields[] = {"loss", "top1", "top5", NULL, NULL, "params", "flops"};
    enum { FIELDS = sizeof fields / sizeof *fields };
    json_t *result = entry->result ? json_loads(entry->result, 0, NULL) : NULL;
    add_head(text, entry);
    add_cell(text, entry->brief);
    tn_text_add(text, ",,");
    for (int i = 0; i < FIELDS; i++)
        add_number(text, fields[i] ? tn_get_number(result, fields[i]) : NAN,
                   i + 1 < FIELDS ? "," : "\n");
    json_decref(result);
}

static void add_epoch(struct tn_text *text, const struct tn_entry *entry,
                      const struct tn_epoch *epoch)
{
    const double numbers[] = {epoch->learning_rate, epoch->loss,       epoch->test_top1,
                              epoch->test_top5,     epoch->train_top1, epoch->images_per_second};
    add_head(text, entry);
    tn_text_add(text, "\"\",%d,", epoch->epoch);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        add_number(text, numbers[i], ",");
    tn_text_add(text, ",\n");
}

void tn_story_csv(const struct tn_journal *journal, struct tn_text *text)
{
    tn_text_add(text,
                "entry,parent,branch,time,command,seconds,status,brief,epoch,lr,loss,top1,top5,"
                "train_top1,images_per_second,params,flops\n");
    for (int i = 0; i < journal->count; i++) {
        const struct tn_entry *entry = journal->entries[i];
        add_entry(text, entry);
        for (int e = 0; e < entry->epoch_count; e++)
            add_epoch(text, entry, &entry->epochs[e]);
    }
}
