/* Filters of one layer that the user has marked, to do the same to all of them. */
#ifndef UI_MARKS_H
#define UI_MARKS_H

#include <stdbool.h>
#include <stddef.h>

struct marks {
    int layer, channels; /* whose they are */
    int count;           /* how many are marked */
    bool *on;            /* [channels] */
};

/* Is a filter marked? Marks of another layer, or of the layer before it was cut, do not count. */
bool marks_has(const struct marks *marks, int layer, int channels, int filter);
/* How many of a layer are. */
int marks_count(const struct marks *marks, int layer, int channels);
/* Mark a filter or take its mark away. Out of memory, nothing happens. */
void marks_flip(struct marks *marks, int layer, int channels, int filter);
/* Mark those that are not, and only those. */
void marks_invert(struct marks *marks, int layer, int channels);
void marks_clear(struct marks *marks);

/* "3,7,10-15", as the commands lock and unlock take it. It fits into 12 bytes a channel and one. */
void marks_say(const struct marks *marks, char *text, size_t size);

#endif
