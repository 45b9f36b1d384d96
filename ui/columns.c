#include "columns.h"

static int of_rank(const struct column_need *needs, int count, int rank)
{
    int i = 0;
    while (i < count && needs[i].rank != rank)
        i++;
    return i;
}

int columns_fit(const struct column_need *needs, int count, int room, int *widths)
{
    bool fits = true;
    for (int i = 0; i < count; i++) {
        widths[i] = needs[i].always ? needs[i].width : 0;
        room -= widths[i];
    }
    for (int rank = 0; rank < count && fits; rank++) {
        int i = of_rank(needs, count, rank);
        if (i == count || needs[i].always || needs[i].width == 0)
            continue;
        fits = needs[i].width + needs[i].spare <= room;
        widths[i] = fits ? needs[i].width : 0;
        room -= widths[i];
    }
    return room;
}
