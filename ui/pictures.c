#include "pictures.h"
#include "format.h"
#include "raster.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    ENLARGED = 8,        /* at most: a map */
    KERNEL_ENLARGED = 4, /* a kernel */
    GAP = 1,
    FLAT = 13, /* rows below which everything stands side by side */
};

/* --- taking them --- */

static int64_t image_count(const struct tn_snapshot *snapshot)
{
    return snapshot->data_test > 0 ? snapshot->data_test : snapshot->data_train;
}

static bool shows(const struct tn_snapshot *snapshot, const char *layer, int filter, int64_t image)
{
    const struct tn_snapshot_picture *picture = snapshot->picture;
    return picture != NULL && picture->filter == filter && picture->image == image &&
           strcmp(picture->layer, layer) == 0;
}

static bool same_wish(const struct looking *looking, int layer, int filter, int64_t head)
{
    return looking->layer == layer && looking->filter == filter &&
           looking->asked == looking->image && looking->head == head;
}

/* The last one failed: say why, and do not ask for the same again and again. */
static void note_failure(struct screen *screen)
{
    struct looking *looking = &screen->looking;
    const struct tn_worker_status *status = &screen->status;
    if (looking->number == 0 || looking->number != status->ended)
        return;
    looking->failed = status->failed;
    snprintf(looking->why, sizeof looking->why, "%s", status->failed ? status->message : "");
}

void pictures_ask(struct screen *screen, int filter)
{
    struct looking *looking = &screen->looking;
    const struct tn_snapshot *snapshot = screen->snapshot;
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    if (layer == NULL || looking->number > screen->status.finished)
        return;
    note_failure(screen);
    if (looking->image >= image_count(snapshot))
        looking->image = 0;
    const struct tn_snapshot_entry *current = tn_snapshot_current(snapshot);
    int64_t head = current != NULL ? current->id : 0;
    if (shows(snapshot, layer->name, filter, looking->image) ||
        (looking->failed && same_wish(looking, screen->layer, filter, head)))
        return;
    char template[96], line[LINE];
    int used = snprintf(template, sizeof template, "look %% %d", filter);
    if (image_count(snapshot) > 0)
        snprintf(template + used, sizeof template - (size_t)used, " image=%lld%s",
                 (long long)looking->image, snapshot->data_test > 0 ? "" : " split=train");
    layer_command(template, layer->name, line, sizeof line);
    looking->layer = screen->layer;
    looking->filter = filter;
    looking->asked = looking->image;
    looking->head = head;
    looking->failed = false;
    looking->number = tn_worker_submit(screen->worker, line);
}

bool pictures_turn(struct screen *screen, int by)
{
    int64_t count = image_count(screen->snapshot);
    if (count == 0)
        return false;
    screen->looking.image = (screen->looking.image + by % count + count) % count;
    return true;
}

/* --- drawing them --- */

static struct raster_map whole(const struct tn_snapshot_map *map, enum palette palette)
{
    double limit = fmaxf(fabsf(map->low), fabsf(map->high));
    double low = palette == PALETTE_DIVERGING ? -limit : palette == PALETTE_HEAT ? 0 : map->low;
    double high = palette == PALETTE_GREY ? map->high : limit;
    return (struct raster_map){map->values, map->rows, map->columns, low, high};
}

/* As large as fits. Returns the columns it takes. */
static int draw_map(const struct screen *screen, struct pane pane,
                    const struct tn_snapshot_map *map, enum palette palette)
{
    struct raster raster;
    struct raster_map all = whole(map, palette);
    int height = 2 * pane.rows, width = pane.columns;
    raster_fit(map->rows, map->columns, ENLARGED, &height, &width);
    if (!raster_new(&raster, (height + 1) / 2, width))
        return 0;
    raster_map(&raster, 0, 0, height, width, &all);
    raster_draw(&raster, pane, screen->glyphs, palette);
    raster_free(&raster);
    return width;
}

/* "-0.3 ###### 0.3" */
static void draw_scale(const struct screen *screen, struct pane pane, int row, int column,
                       const struct tn_snapshot_map *map, enum palette palette)
{
    enum { STEPS = 10 };
    struct raster_map range = whole(map, palette);
    bool fine = raster_fine(pane.surface, screen->glyphs);
    char low[FORMAT], high[FORMAT];
    format_number(low, range.low);
    format_number(high, range.high);
    if (column + text_width(low) + STEPS + 2 + text_width(high) > pane.columns)
        return;
    column = pane_text(pane, row, column, STYLE_DIM, low) + 1;
    for (int i = 0; i < STEPS; i++, column++)
        if (fine)
            pane_colour(pane, row, column, ' ', 0, palette_colour(palette, (i + 0.5) / STEPS));
        else
            pane_glyph(pane, row, column, STYLE_NORMAL, palette_character((i + 0.5) / STEPS));
    pane_text(pane, row, column + 1, STYLE_DIM, high);
}

static enum palette palette_of(const struct tn_snapshot_map *activation)
{
    return activation->low < 0 ? PALETTE_DIVERGING : PALETTE_HEAT;
}

/* How kernels lie in a pane, in pixels and cells. */
struct tiling {
    int scale, across, down; /* kernels in a row, rows of kernels */
    int width, rows;         /* of a kernel with the gap behind it: columns, rows of cells */
};

static struct tiling tile(const struct tn_snapshot_map *map, struct pane pane, int scale)
{
    struct tiling tiling = {.scale = scale};
    bool single = map->rows * map->columns == 1; /* 1x1 kernels: a strip without gaps */
    int height = map->rows * scale;
    tiling.width = map->columns * scale + (single ? 0 : 1);
    tiling.rows = single ? (height + 1) / 2 : height / 2 + 1;
    int last_gap = !single && height % 2 == 0;
    tiling.across = (pane.columns + (single ? 0 : 1)) / tiling.width;
    tiling.down = (pane.rows + last_gap) / tiling.rows;
    return tiling;
}

/* As large as all can be; where not all can be there at all, the first ones small. A pixel of its
 * own has every number only if it is half a cell, or enlarged. */
static struct tiling tile_all(const struct screen *screen, struct pane pane,
                              const struct tn_snapshot_picture *picture)
{
    int least = raster_fine(pane.surface, screen->glyphs) ? 1 : 2;
    /* One row of a strip is half a cell, of which a tile takes a whole one. */
    least = picture->kernels.rows == 1 ? 2 : least;
    for (int scale = KERNEL_ENLARGED; scale > least; scale--) {
        struct tiling tiling = tile(&picture->kernels, pane, scale);
        if (tiling.across * tiling.down >= picture->kernels_shown)
            return tiling;
    }
    return tile(&picture->kernels, pane, least);
}

/* Returns how many are there. */
static int draw_kernels(const struct screen *screen, struct pane pane,
                        const struct tn_snapshot_picture *picture)
{
    const struct tn_snapshot_map *map = &picture->kernels;
    struct tiling tiling = tile_all(screen, pane, picture);
    int count = tiling.across * tiling.down;
    count = count < picture->kernels_shown ? count : picture->kernels_shown;
    struct raster raster;
    if (count == 0 || !raster_new(&raster, pane.rows, pane.columns))
        return 0;
    struct raster_map kernel = whole(map, PALETTE_DIVERGING);
    for (int k = 0; k < count; k++) {
        raster_map(&raster, k / tiling.across * tiling.rows * 2, k % tiling.across * tiling.width,
                   map->rows * tiling.scale, map->columns * tiling.scale, &kernel);
        kernel.values += map->rows * map->columns;
    }
    raster_draw(&raster, pane, screen->glyphs, PALETTE_DIVERGING);
    raster_free(&raster);
    return count;
}

/* "32 kernels 3x3", or "12 of 512 kernels 3x3" */
static void say_kernels(struct pane pane, int row, int count,
                        const struct tn_snapshot_picture *picture)
{
    const struct tn_snapshot_map *map = &picture->kernels;
    int column =
        count < picture->kernel_count ? pane_print(pane, row, 0, STYLE_TITLE, "%d of ", count) : 0;
    pane_print(pane, row, column, STYLE_TITLE, "%d kernel%s %dx%d", picture->kernel_count,
               picture->kernel_count == 1 ? "" : "s", map->full_rows, map->full_columns);
}

/* "[ ] image 3: Sneaker": the keys that change it, and what it is. */
static void say_image(const struct screen *screen, struct pane pane, int row, int column,
                      const struct tn_snapshot_picture *picture)
{
    char text[120];
    if (picture->activation.values == NULL)
        return;
    snprintf(text, sizeof text, "%s %lld: %s", picture->training ? "training image" : "image",
             (long long)picture->image, picture->class_name);
    column = pane_text(pane, row, column, STYLE_KEY, "[ ]") + 1;
    pane_cut(pane, row, column, pane.columns - column, STYLE_NORMAL, text, screen->glyphs);
}

/* Image and activation side by side in the pane's rows. Returns the columns they take. */
static int draw_maps(const struct screen *screen, struct pane pane, int side,
                     const struct tn_snapshot_picture *picture)
{
    if (picture->activation.values == NULL)
        return 0;
    int used =
        draw_map(screen, pane_part(pane, 0, 0, pane.rows, side), &picture->input, PALETTE_GREY);
    used += used > 0 ? GAP : 0;
    return used + draw_map(screen, pane_part(pane, 0, used, pane.rows, side), &picture->activation,
                           palette_of(&picture->activation));
}

static int rows_of(const struct tn_snapshot_map *map, int rows, int side)
{
    int height = 2 * rows, width = side;
    raster_fit(map->rows, map->columns, ENLARGED, &height, &width);
    return (height + 1) / 2;
}

/* One below the other, where there are many rows. */
static void draw_tall(const struct screen *screen, struct pane pane,
                      const struct tn_snapshot_picture *picture)
{
    int row = 2, side = (pane.columns - GAP) / 2, most = pane.rows * 2 / 5;
    if (picture->activation.values != NULL) {
        const struct tn_snapshot_map *map = &picture->activation;
        int rows = rows_of(&picture->input, most, side), other = rows_of(map, most, side);
        rows = other > rows ? other : rows;
        draw_maps(screen, pane_part(pane, row, 0, rows, pane.columns), side, picture);
        row += rows;
        int column =
            pane_print(pane, row, 0, STYLE_TITLE, "%dx%d", map->full_rows, map->full_columns);
        draw_scale(screen, pane, row, column + 2, map, palette_of(map));
        row += 2;
    } else {
        row += pane_wrap(pane_part(pane, row, 0, 6, pane.columns), 0, STYLE_DIM, picture->no_map);
        row++;
    }
    if (picture->kernel_count == 0)
        return;
    draw_scale(screen, pane, row + 1, 0, &picture->kernels, PALETTE_DIVERGING);
    int count = draw_kernels(screen, pane_part(pane, row + 2, 0, pane.rows, pane.columns), picture);
    say_kernels(pane, row, count, picture);
}

static void draw_flat(const struct screen *screen, struct pane pane,
                      const struct tn_snapshot_picture *picture)
{
    struct pane body = pane_part(pane, 1, 0, pane.rows, pane.columns);
    int used = draw_maps(screen, body, pane.columns / 3, picture);
    struct pane rest =
        pane_part(body, 0, used > 0 ? used + GAP : 0, body.rows, pane.columns - used);
    if (picture->kernel_count > 0 && rest.columns > 0)
        draw_kernels(screen, rest, picture);
}

void pictures_draw(const struct screen *screen, struct pane pane)
{
    const struct tn_snapshot_layer *layer = screen_layer(screen);
    const struct tn_snapshot_picture *picture = screen->snapshot->picture;
    const struct looking *looking = &screen->looking;
    if (pane.rows < 3 || pane.columns < 16)
        return;
    if (looking->failed && looking->layer == screen->layer) {
        pane_wrap(pane, 0, STYLE_WARNING, looking->why);
        return;
    }
    if (picture == NULL || layer == NULL || strcmp(picture->layer, layer->name) != 0) {
        if (screen_working(screen))
            pane_wrap(pane, 0, STYLE_DIM, "Pictures come when what runs has ended.");
        return;
    }
    int column = pane_print(pane, 0, 0, STYLE_BOLD, "filter %d", picture->filter);
    say_image(screen, pane, pane.rows < FLAT ? 0 : 1, pane.rows < FLAT ? column + 2 : 0, picture);
    if (pane.rows < FLAT)
        draw_flat(screen, pane, picture);
    else
        draw_tall(screen, pane, picture);
}
