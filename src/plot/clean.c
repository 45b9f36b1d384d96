#include "plot/clean.h"

#include <stdbool.h>
#include <string.h>

/* Bytes of the character that begins here; 0: it is not UTF-8. */
static size_t character(const unsigned char *c)
{
    size_t bytes = *c < 0x80   ? 1
                   : *c < 0xC2 ? 0
                   : *c < 0xE0 ? 2
                   : *c < 0xF0 ? 3
                   : *c < 0xF5 ? 4
                               : 0;
    for (size_t i = 1; i < bytes; i++)
        if ((c[i] & 0xC0) != 0x80)
            return 0;
    /* Long forms, halves of UTF-16 pairs, and beyond the last. */
    bool odd = (*c == 0xE0 && c[1] < 0xA0) || (*c == 0xED && c[1] > 0x9F) ||
               (*c == 0xF0 && c[1] < 0x90) || (*c == 0xF4 && c[1] > 0x8F);
    return odd ? 0 : bytes;
}

const char *tn_plot_clean(const char *text, char *out, size_t room)
{
    const unsigned char *from = (const unsigned char *)text;
    size_t used = 0;
    while (*from && used + 5 < room) {
        size_t bytes = character(from);
        bool good = bytes > 0 && *from >= ' ' && *from != 0x7F;
        if (good)
            memcpy(out + used, from, bytes);
        else
            out[used] = '?';
        used += good ? bytes : 1;
        from += bytes > 0 ? bytes : 1;
    }
    out[used] = '\0';
    return out;
}
