/* Text as it will stand on the screen: UTF-8 of unknown origin in, printable pieces with their
 * width out. */
#ifndef UI_TEXT_H
#define UI_TEXT_H

#include <stdint.h>

/* One step through a string. Control characters, bytes that are no UTF-8 and characters that would
 * move or hide their neighbours (bidirectional overrides, zero-width ones) come out as visible
 * escapes, so that a layer name from a file can never drive the terminal. */
struct text_piece {
    uint32_t glyphs[4]; /* code points, all printable */
    int count;          /* 1 .. 4, or 0: a combining mark that is left out */
    int width;          /* columns of all of them together */
    int bytes;          /* how much of the string it stands for */
};

/* The piece at the start of `text`; false at the end of the string. */
int text_piece_at(const char *text, struct text_piece *piece);

/* A code point as UTF-8 with its final zero: at most 5 bytes. Returns the bytes without the zero.
 */
int text_encode(uint32_t code, char *text);

/* Columns that `text` takes. */
int text_width(const char *text);

/* Bytes of the longest prefix of `text` that takes at most `columns` columns. */
int text_fit(const char *text, int columns);

/* A name of parts ("features.1.block.0", "/stage2/branch1/Conv") made to take fewer columns: from
 * the front on, all parts but the last are left their first letter and the figures at their end
 * ("f.1.b.0",
 * "/s2/b1/Conv"), until it fits or nothing more can go. `shorter` has room for all of `name`. */
void text_shorten_parts(const char *name, int columns, char *shorter);

#endif
