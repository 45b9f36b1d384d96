/* What the palette finds for a few words. */
#include "command_palette.h"
#include "own_commands.h"
#include "session/command.h"
#include <string.h>
#include <strings.h>

/* How well a word fits: where it begins counts more than where it merely occurs. */
enum { FITS_WHOLE = 100, FITS_START = 60, FITS_PART = 40, FITS_HELP = 20, FITS_INSIDE = 5 };

static bool begins_word(const char *text, const char *at)
{
    return at == text || strchr(" -:,;(", at[-1]) != NULL;
}

/* The best of what `start` and `inside` give for an occurrence of the word, 0 without one. */
static int occurs(const char *text, const char *word, size_t length, int start, int inside)
{
    int best = 0;
    for (const char *at = text; *at != '\0'; at++)
        if (strncasecmp(at, word, length) == 0) {
            int score = begins_word(text, at) ? start : inside;
            best = score > best ? score : best;
        }
    return best;
}

static int fit(const struct command_hit *hit, const char *word, size_t length)
{
    const char *label = hit->binding != NULL ? hit->binding->label : "";
    bool whole = strlen(hit->name) == length && strncasecmp(hit->name, word, length) == 0;
    bool key = strlen(label) == length && strncmp(label, word, length) == 0;
    if (whole || key)
        return FITS_WHOLE;
    if (strncasecmp(hit->name, word, length) == 0)
        return FITS_START;
    int name = occurs(hit->name, word, length, FITS_PART, FITS_INSIDE);
    int help = occurs(hit->help, word, length, FITS_HELP, FITS_INSIDE);
    return name > help ? name : help;
}

/* Of all words together; 0 where one of them does not occur. */
static int fit_all(const struct command_hit *hit, const char *text)
{
    int score = 1;
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        int word = fit(hit, text, length);
        if (word == 0)
            return 0;
        score += word;
        text += length;
    }
    return score;
}

/* The hits stay in order of their scores, equal ones in that of the tables. */
static int add(struct command_hit *hits, int count, struct command_hit hit, const char *text)
{
    hit.score = fit_all(&hit, text);
    if (hit.score == 0 || count == COMMAND_HITS)
        return count;
    int at = count;
    for (; at > 0 && hits[at - 1].score < hit.score; at--)
        hits[at] = hits[at - 1];
    hits[at] = hit;
    return count + 1;
}

int command_palette_find(const char *text, struct command_hit *hits)
{
    int count = 0;
    const struct binding *binding;
    const struct tn_command *command;
    const struct own_command *own;
    for (int i = 0; (binding = binding_at(i)) != NULL; i++) {
        const char *name = binding->name != NULL ? binding->name : "";
        count = add(hits, count, (struct command_hit){binding, name, binding->help, 0}, text);
    }
    for (int i = 0; (command = tn_command_at(i)) != NULL; i++)
        count =
            add(hits, count, (struct command_hit){NULL, command->name, command->summary, 0}, text);
    for (int i = 0; (own = own_command_at(i)) != NULL; i++)
        count = add(hits, count, (struct command_hit){NULL, own->name, own->summary, 0}, text);
    return count;
}
