/* The pictures of one filter beside the list of filters: its kernels, and what it makes of an
 * image. Command `look` takes them. */
#ifndef UI_PICTURES_H
#define UI_PICTURES_H

#include "state.h"
#include "surface.h"

/* Have the pictures of a filter of the selected layer taken, unless they are there, are being taken
 * or cannot be. */
void pictures_ask(struct screen *screen, int filter);
/* The image `by` further on, round the end. False: there are no images. */
bool pictures_turn(struct screen *screen, int by);

/* Of the filter that was looked at last, where it is one of the selected layer. */
void pictures_draw(const struct screen *screen, struct pane pane);

#endif
