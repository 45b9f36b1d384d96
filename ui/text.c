#include "text.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

/* Code point at `text`, its length in *bytes; -1 where the bytes are not the shortest UTF-8 of a
 * scalar. */
static int32_t decode(const unsigned char *text, int *bytes)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *bytes = 1;
    if (text[0] < 0x80)
        return text[0];
    int length = text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
    if (text[0] < 0xC2 || text[0] > 0xF4)
        return -1;
    uint32_t code = text[0] & (0x7Fu >> length);
    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return -1;
        code = code << 6 | (text[i] & 0x3F);
    }
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return -1;
    *bytes = length;
    return (int32_t)code;
}

static void spell(struct text_piece *piece, const char *ascii)
{
    piece->count = piece->width = (int)strlen(ascii);
    for (int i = 0; i < piece->count; i++)
        piece->glyphs[i] = (unsigned char)ascii[i];
}

/* Marks that reorder or join what stands around them. */
static bool invisible(uint32_t code)
{
    return (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || code == 0xAD;
}

int text_piece_at(const char *text, struct text_piece *piece)
{
    if (*text == '\0')
        return 0;
    char escape[8];
    int32_t code = decode((const unsigned char *)text, &piece->bytes);
    if (code < 0 || (code >= 0x80 && code < 0xA0)) {
        snprintf(escape, sizeof escape, "\\x%02x",
                 (unsigned char)(code < 0 ? (unsigned char)text[0] : code));
        spell(piece, escape);
    } else if (code < 0x20 || code == 0x7F) {
        snprintf(escape, sizeof escape, "^%c", (char)(code ^ 0x40));
        spell(piece, escape);
    } else if (invisible((uint32_t)code)) {
        spell(piece, "?");
    } else {
        int width = code < 0x7F ? 1 : wcwidth((wchar_t)code);
        piece->count = width == 0 ? 0 : 1;
        /* A character that the locale cannot show is replaced when it is painted, in one column. */
        piece->width = width < 0 ? 1 : width;
        piece->glyphs[0] = (uint32_t)code;
    }
    return 1;
}

int text_encode(uint32_t code, char *text)
{
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    text[0] = (char)(lead[more] | (code >> (6 * more)));
    for (int i = 1; i <= more; i++)
        text[i] = (char)(0x80 | ((code >> (6 * (more - i))) & 0x3F));
    text[more + 1] = '\0';
    return more + 1;
}

int text_width(const char *text)
{
    struct text_piece piece;
    int width = 0;
    for (; text_piece_at(text, &piece); text += piece.bytes)
        width += piece.width;
    return width;
}

int text_fit(const char *text, int columns)
{
    struct text_piece piece;
    int bytes = 0;
    for (; text_piece_at(text + bytes, &piece) && piece.width <= columns; bytes += piece.bytes)
        columns -= piece.width;
    return bytes;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Letters after the first of the part that starts at `part`: what can go. */
static int letters_to_spare(const char *part)
{
    int length = 0;
    while (is_letter(part[length]))
        length++;
    return length > 1 ? length - 1 : 0;
}

void text_shorten_parts(const char *name, int columns, char *shorter)
{
    int excess = text_width(name) - columns;
    const char *last = name;
    for (const char *c = name; *c; c++)
        last = *c == '.' || *c == '/' ? c + 1 : last;
    while (*name) {
        bool starts = excess > 0 && name < last && is_letter(*name);
        int spare = starts ? letters_to_spare(name) : 0;
        excess -= spare;
        *shorter++ = *name;
        for (name += 1 + spare; *name && name[-1] != '.' && name[-1] != '/';)
            *shorter++ = *name++;
    }
    *shorter = '\0';
}
