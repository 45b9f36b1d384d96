/* What `/` finds: rows of the view at hand where it is a list of its own, else layers by name. */
#ifndef UI_SEARCH_H
#define UI_SEARCH_H

#include "state.h"

/* While it is typed: the first that holds `text` from where the cursor is on, around the end. */
void search_typed(struct screen *screen, const char *text);
/* The next one of what was searched for last, step 1, or the one before, step -1. */
void search_next(struct screen *screen, int step);

/* Does `text` hold these words, whatever the case of ASCII's letters? */
bool search_holds(const char *text, const char *words);

#endif
