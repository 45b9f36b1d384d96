/* Colours and characters that stand for numbers in small pictures. */
#ifndef UI_PALETTE_H
#define UI_PALETTE_H

#include <stdint.h>

enum palette {
    PALETTE_GREY,      /* of an image */
    PALETTE_HEAT,      /* from nothing to much: ReLU's activations */
    PALETTE_DIVERGING, /* blue, white in the middle, red: colour-blind readers tell the ends apart
                        */
};

/* One of the 256 colours for a fraction 0 .. 1 of the palette. */
int palette_colour(enum palette palette, double fraction);
/* The same for terminals without them: from blank to dense. */
uint32_t palette_character(double fraction);

#endif
