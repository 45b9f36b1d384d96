#include "session/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WORD = 63 };

static int lower(char c)
{
    return tolower((unsigned char)c);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

int tn_edit_distance(const char *a, const char *b)
{
    int rows = (int)strnlen(a, MAX_WORD), columns = (int)strnlen(b, MAX_WORD);
    int table[MAX_WORD + 1][MAX_WORD + 1];
    for (int i = 0; i <= rows; i++)
        table[i][0] = i;
    for (int j = 0; j <= columns; j++)
        table[0][j] = j;
    for (int i = 1; i <= rows; i++) {
        for (int j = 1; j <= columns; j++) {
            int change = lower(a[i - 1]) != lower(b[j - 1]);
            int d = least(table[i - 1][j] + 1, table[i][j - 1] + 1);
            d = least(d, table[i - 1][j - 1] + change);
            bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped)
                d = least(d, table[i - 2][j - 2] + 1);
            table[i][j] = d;
        }
    }
    return table[rows][columns];
}

void tn_nearest_start(struct tn_nearest *nearest, const char *word)
{
    nearest->word = word;
    nearest->best = NULL;
    /* Past half its letters a word is another word, not a slip. */
    size_t length = strnlen(word, MAX_WORD);
    nearest->distance = (int)(length < 3 ? 2 : length / 2 + 1);
}

void tn_nearest_offer(struct tn_nearest *nearest, const char *candidate)
{
    int distance = tn_edit_distance(nearest->word, candidate);
    size_t length = strnlen(nearest->word, MAX_WORD);
    bool begins = length > 1 && strncmp(nearest->word, candidate, length) == 0;
    if (begins)
        distance = 1; /* an abbreviation is nearer than any slip but one */
    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}

void tn_nearest_offer_choices(struct tn_nearest *nearest, const char *choices, char *part,
                              size_t size)
{
    const char *c = choices;
    while (*c) {
        size_t length = strcspn(c, "|");
        char word[MAX_WORD + 1];
        snprintf(word, sizeof word, "%.*s", (int)length, c);
        int before = nearest->distance;
        tn_nearest_offer(nearest, word);
        if (nearest->distance < before) {
            snprintf(part, size, "%s", word);
            nearest->best = part;
        }
        c += length;
        c += *c == '|';
    }
}

void tn_nearest_hint(const struct tn_nearest *nearest, char *text, size_t size)
{
    if (nearest->best)
        snprintf(text, size, " (did you mean '%s'?)", nearest->best);
    else
        snprintf(text, size, "%s", "");
}
