#include "engine/prefetch.h"
#include "engine/winograd.h"

#include <string.h>

static size_t plane_pitch(const struct tn_winograd_stretch *s)
{
    return TN_TILE * ((size_t)s->across + (s->overlap ? 1 : 0));
}

size_t tn_winograd_plane_floats(const struct tn_winograd_stretch *s)
{
    size_t images = (size_t)(s->count + s->down - 1) / (size_t)s->down + 1;
    return ((size_t)s->count * TN_TILE + images * (size_t)s->overlap) * plane_pitch(s) +
           TN_READ_AHEAD;
}

bool tn_winograd_next_part(const struct tn_winograd_stretch *s, struct tn_winograd_part *part)
{
    int done = part->count ? part->image * s->down + part->first + part->count : s->first;
    size_t row = part->count ? part->row + (size_t)(part->count * TN_TILE + s->overlap) : 0;
    int left = s->first + s->count - done, in_image = s->down - done % s->down;
    if (left <= 0)
        return false;
    *part = (struct tn_winograd_part){.image = done / s->down,
                                      .first = done % s->down,
                                      .count = left < in_image ? left : in_image,
                                      .row = row};
    part->top = part->first * TN_TILE - s->pad[0];
    part->begin = part->top > 0 ? part->top : 0;
    part->end = part->top + part->count * TN_TILE + s->overlap;
    part->end = part->end < s->height ? part->end : s->height;
    return true;
}

void tn_winograd_copy_plane(const struct tn_winograd_stretch *s, const struct tn_kernels *kernels,
                            float *channel, float *plane, bool to_plane)
{
    struct tn_winograd_part part = {0};
    size_t width = (size_t)s->width, pitch = plane_pitch(s);
    while (tn_winograd_next_part(s, &part)) {
        float *rows = channel + (size_t)part.image * s->image + (size_t)part.begin * width;
        float *at = plane + (part.row + (size_t)(part.begin - part.top)) * pitch + s->pad[1];
        size_t count = part.end > part.begin ? (size_t)(part.end - part.begin) : 0;
        if (to_plane)
            kernels->copy_rows(count, width, rows, width, at, pitch);
        else
            kernels->copy_rows(count, width, at, pitch, rows, width);
    }
}

void tn_winograd_expect(const struct tn_winograd_stretch *s, const float *channel)
{
    struct tn_winograd_part part = {0};
    while (tn_winograd_next_part(s, &part)) {
        const float *rows =
            channel + (size_t)part.image * s->image + (size_t)part.begin * (size_t)s->width;
        tn_expect_reads(rows, (size_t)(part.end - part.begin) * (size_t)s->width);
    }
}

/* Corners of the tiles, in a plane or, where tiles fill the images, in these. */
static void place_tiles(const struct tn_winograd_stretch *s, bool in_images, ptrdiff_t *at)
{
    struct tn_winograd_part part = {0};
    size_t pitch = in_images ? (size_t)s->width : plane_pitch(s);
    while (tn_winograd_next_part(s, &part))
        for (int y = 0; y < part.count; y++)
            for (int x = 0; x < s->across; x++) {
                size_t row =
                    in_images ? (size_t)(part.first + y) * TN_TILE : part.row + (size_t)y * TN_TILE;
                *at++ = (ptrdiff_t)((in_images ? (size_t)part.image * s->image : 0) + row * pitch +
                                    (size_t)x * TN_TILE);
            }
}

bool tn_winograd_tiles_fill(const struct tn_winograd_stretch *s)
{
    return s->height % TN_TILE == 0 && s->width % TN_TILE == 0;
}

struct tn_tiles tn_winograd_tiles_of(const struct tn_winograd_stretch *s, bool in_images,
                                     ptrdiff_t *at)
{
    place_tiles(s, in_images, at);
    return (struct tn_tiles){.count = (size_t)s->count * (size_t)s->across,
                             .at = at,
                             .pitch = in_images ? (size_t)s->width : plane_pitch(s),
                             .across = s->across};
}

struct tn_winograd_stretch tn_winograd_stretch_of(const struct tn_winograd_direction *d,
                                                  bool of_inputs, int first, int count)
{
    const int *size = of_inputs ? d->in : d->out;
    return (struct tn_winograd_stretch){
        .first = first,
        .count = count,
        .down = d->down,
        .across = d->across,
        .height = size[0],
        .width = size[1],
        .pad = {of_inputs ? d->pad[0] : 0, of_inputs ? d->pad[1] : 0},
        .overlap = of_inputs ? TN_TILE_IN - TN_TILE : 0,
        .image =
            (size_t)(of_inputs ? d->channels : d->filters) * (size_t)size[0] * (size_t)size[1]};
}

size_t tn_winograd_workspace(const struct tn_winograd_direction *d, int rows)
{
    struct tn_winograd_stretch in = tn_winograd_stretch_of(d, true, 0, rows),
                               out = tn_winograd_stretch_of(d, false, 0, rows);
    size_t plane = tn_winograd_plane_floats(&in) > tn_winograd_plane_floats(&out)
                       ? tn_winograd_plane_floats(&in)
                       : tn_winograd_plane_floats(&out);
    size_t corners = (size_t)rows * (size_t)d->across * (sizeof(ptrdiff_t) / sizeof(float));
    return tn_winograd_round_up(corners, TN_WINOGRAD_ALIGN) +
           tn_winograd_round_up(plane, TN_WINOGRAD_ALIGN);
}

ptrdiff_t *tn_winograd_corners(float *workspace)
{
    return (ptrdiff_t *)(void *)workspace;
}

float *tn_winograd_plane(float *workspace, const struct tn_winograd_direction *d, int rows)
{
    size_t corners = (size_t)rows * (size_t)d->across * (sizeof(ptrdiff_t) / sizeof(float));
    return workspace + tn_winograd_round_up(corners, TN_WINOGRAD_ALIGN);
}
