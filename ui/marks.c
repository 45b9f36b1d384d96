#include "marks.h"
#include "core/memory.h"
#include <stdio.h>

static bool are_of(const struct marks *marks, int layer, int channels)
{
    return marks->on != NULL && marks->layer == layer && marks->channels == channels;
}

bool marks_has(const struct marks *marks, int layer, int channels, int filter)
{
    return are_of(marks, layer, channels) && filter >= 0 && filter < channels && marks->on[filter];
}

int marks_count(const struct marks *marks, int layer, int channels)
{
    return are_of(marks, layer, channels) ? marks->count : 0;
}

/* Begin anew where the marks are of something else. */
static bool begin(struct marks *marks, int layer, int channels)
{
    if (are_of(marks, layer, channels))
        return true;
    marks_clear(marks);
    marks->on = tn_calloc((size_t)channels, sizeof *marks->on);
    marks->layer = layer;
    marks->channels = channels;
    return marks->on != NULL;
}

void marks_flip(struct marks *marks, int layer, int channels, int filter)
{
    if (filter < 0 || filter >= channels || !begin(marks, layer, channels))
        return;
    marks->on[filter] = !marks->on[filter];
    marks->count += marks->on[filter] ? 1 : -1;
}

void marks_invert(struct marks *marks, int layer, int channels)
{
    for (int f = 0; f < channels; f++)
        marks_flip(marks, layer, channels, f);
}

void marks_clear(struct marks *marks)
{
    tn_free(marks->on);
    *marks = (struct marks){0};
}

void marks_say(const struct marks *marks, char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (int f = 0; marks->on != NULL && f < marks->channels && used < size; f++) {
        if (!marks->on[f])
            continue;
        int last = f;
        while (last + 1 < marks->channels && marks->on[last + 1])
            last++;
        const char *comma = used > 0 ? "," : "";
        used += (size_t)(last > f ? snprintf(text + used, size - used, "%s%d-%d", comma, f, last)
                                  : snprintf(text + used, size - used, "%s%d", comma, f));
        f = last;
    }
}
