/* Which part of an axis a chart shows: all of it, or less of it around a cursor. */
#ifndef UI_CURVE_PART_H
#define UI_CURVE_PART_H

struct chart_part {
    int from, to; /* to 0: all */
};

/* Of the axis low .. high, by `zoom` halvings; the cursor is in it, in the middle but at the ends.
 */
struct chart_part curve_part(int low, int high, int cursor, int zoom);

/* How often it can be halved. */
int curve_part_most(int low, int high);

#endif
