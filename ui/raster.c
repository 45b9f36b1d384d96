#include "raster.h"
#include "core/memory.h"
#include <math.h>

enum { UPPER_HALF = 0x2580, LOWER_HALF = 0x2584 };

bool raster_fine(const struct surface *surface, const struct glyphs *glyphs)
{
    return surface->coloured && glyphs->bar_steps > 1; /* ASCII has no blocks */
}

bool raster_new(struct raster *raster, int rows, int columns)
{
    *raster = (struct raster){.width = columns, .height = 2 * rows};
    size_t count = rows > 0 && columns > 0 ? 2 * (size_t)rows * (size_t)columns : 0;
    raster->pixels = count > 0 ? tn_alloc(count, sizeof *raster->pixels) : NULL;
    for (size_t i = 0; raster->pixels != NULL && i < count; i++)
        raster->pixels[i] = NAN;
    return raster->pixels != NULL;
}

void raster_free(struct raster *raster)
{
    tn_free(raster->pixels);
    *raster = (struct raster){0};
}

void raster_fit(int rows, int columns, int most, int *height, int *width)
{
    double fits = fmin((double)*height / rows, (double)*width / columns);
    /* A whole factor makes all pixels alike, if not too much room is lost by it. */
    bool near = fits >= 1 && fits - floor(fits) < 0.3;
    double factor = fmin(near ? floor(fits) : fits, most);
    *height = (int)fmax(1, floor(rows * factor + 1e-6));
    *width = (int)fmax(1, floor(columns * factor + 1e-6));
}

/* Which numbers of `count` make pixel i of `size`: all its share when they are more, else one. */
static void share(int i, int size, int count, int *from, int *to)
{
    *from = (int)((long)i * count / size);
    *to = (int)((long)(i + 1) * count / size);
    *to = *to > *from ? *to : *from + 1;
}

static float sample(const struct raster_map *map, int row, int column, int height, int width)
{
    int top, bottom, left, right;
    share(row, height, map->rows, &top, &bottom);
    share(column, width, map->columns, &left, &right);
    double sum = 0;
    for (int r = top; r < bottom; r++)
        for (int c = left; c < right; c++)
            sum += map->values[(long)r * map->columns + c];
    double mean = sum / ((double)(bottom - top) * (right - left));
    return map->high > map->low ? (float)((mean - map->low) / (map->high - map->low)) : 0;
}

void raster_map(struct raster *raster, int top, int left, int height, int width,
                const struct raster_map *map)
{
    for (int r = 0; r < height && top + r < raster->height; r++)
        for (int c = 0; c < width && left + c < raster->width; c++)
            raster->pixels[(long)(top + r) * raster->width + left + c] =
                sample(map, r, c, height, width);
}

static void draw_fine(struct pane pane, int row, int column, float upper, float lower,
                      enum palette palette)
{
    int above = palette_colour(palette, upper), below = palette_colour(palette, lower);
    if (isnan(upper))
        pane_colour(pane, row, column, LOWER_HALF, below, -1);
    else
        pane_colour(pane, row, column, UPPER_HALF, above, isnan(lower) ? -1 : below);
}

static void draw_coarse(struct pane pane, int row, int column, float upper, float lower)
{
    float mean = isnan(upper) ? lower : isnan(lower) ? upper : (upper + lower) / 2;
    pane_glyph(pane, row, column, STYLE_NORMAL, palette_character(mean));
}

void raster_draw(const struct raster *raster, struct pane pane, const struct glyphs *glyphs,
                 enum palette palette)
{
    bool fine = raster_fine(pane.surface, glyphs);
    for (int row = 0; 2 * row < raster->height; row++)
        for (int column = 0; column < raster->width; column++) {
            const float *upper = &raster->pixels[(long)2 * row * raster->width + column];
            float lower = upper[raster->width];
            if (isnan(*upper) && isnan(lower))
                continue;
            if (fine)
                draw_fine(pane, row, column, *upper, lower, palette);
            else
                draw_coarse(pane, row, column, *upper, lower);
        }
}
