/* Lines that are put together piece by piece, and what stands around lists. */
#ifndef UI_PIECES_H
#define UI_PIECES_H

#include "surface.h"

/* A key and what it does, where there is room for both; returns the column after them, or `column`.
 */
int piece_key(struct pane pane, int row, int column, const char *key, const char *what);

/* The same with the user's keys for the bindings of these names, separated by blanks. Those without
 * a key are left out. */
int piece_action(struct pane pane, int row, int column, const char *names, const char *what);

/* A piece of text at *row and *column, or on the next line where this one is full; both move behind
 * it. */
void piece_text(struct pane pane, int *row, int *column, enum style style, const char *text);

/* As pane_wrap and piece_text, of a text in which `NAME` stands for the key of the binding of that
 * name. */
int piece_wrap(struct pane pane, int row, enum style style, const char *text);
void piece_advice(struct pane pane, int *row, int *column, enum style style, const char *text);

/* The arrows at the right of a list's rows that say that it goes on, above and below. */
void piece_arrows(struct pane rows, int scroll, int count, const struct glyphs *glyphs);

#endif
