#include "curve_part.h"

enum { LEAST = 8 }; /* units that are always shown, where there are as many */

int curve_part_most(int low, int high)
{
    int most = 0;
    for (int span = high - low; span > LEAST; span /= 2)
        most++;
    return most;
}

struct chart_part curve_part(int low, int high, int cursor, int zoom)
{
    int span = high - low, most = curve_part_most(low, high);
    zoom = zoom < most ? zoom : most;
    if (zoom <= 0)
        return (struct chart_part){.to = 0};
    span >>= zoom;
    span = span < LEAST ? LEAST : span;
    int from = cursor - span / 2;
    from = from + span > high ? high - span : from;
    from = from < low ? low : from;
    return (struct chart_part){from, from + span};
}
