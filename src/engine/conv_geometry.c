#include "engine/conv_geometry.h"

#include "core/memory.h"
#include <string.h>

/* A slice's packed input should stay in the second-level cache, and one tile's outputs too. */
enum { SLICE_FLOATS = 64 * 1024, SLICE_POSITIONS = 4096 };
/* A band of an image, which reads all weights again: images are large where they are cut, and there
 * are then few at a time (plan_portions.c), so that bands are what the threads share. */
enum { BAND_FLOATS = 32 * 1024 };
enum { MOST_PHASES = 1 << 20 }; /* each has its own tables */

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int divide_down(int a, int b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

static int phase_extent(int size, int phase, int stride)
{
    return size > phase ? (size - phase + stride - 1) / stride : 0;
}

/* Greatest reach of the taps before and after a position along one axis. */
static void reach(const struct tn_window *w, int axis, int *before, int *after)
{
    *before = *after = 0;
    for (int k = 0; k < w->kernel[axis]; k++) {
        int shift = divide_down(k * w->dilation[axis] - w->pad_begin[axis], w->stride[axis]);
        *before = larger(*before, -shift);
        *after = larger(*after, shift);
    }
}

/* Cells of an image along one axis: room for input and output, and zeros wherever a tap can reach
 * out of either. */
static int cells(const struct tn_window *w, int axis)
{
    int before, after;
    int in = phase_extent(w->in[axis], 0, w->stride[axis]), out = w->out[axis];
    reach(w, axis, &before, &after);
    return larger(in + before, out + after);
}

static void place_taps(struct tn_conv_geometry *g)
{
    const struct tn_window *w = g->window;
    for (int t = 0; t < g->taps; t++) {
        int phase[2], shift[2];
        for (int axis = 0; axis < 2; axis++) {
            int k = axis == 0 ? t / w->kernel[1] : t % w->kernel[1];
            int at = k * w->dilation[axis] - w->pad_begin[axis];
            shift[axis] = divide_down(at, w->stride[axis]);
            phase[axis] = at - shift[axis] * w->stride[axis];
        }
        g->phase[t] = phase[0] * w->stride[1] + phase[1];
        g->shift[t] = (ptrdiff_t)shift[0] * g->pitch + shift[1];
        g->stored[g->phase[t]] = 1;
    }
    for (int p = 0; p < g->phases; p++)
        g->stored[p] = g->stored[p] ? g->stored_count++ : -1;
}

static void choose_slice(struct tn_conv_geometry *g, int batch)
{
    const struct tn_window *w = g->window;
    size_t positions = (size_t)g->rows * (size_t)g->pitch;
    size_t in = (size_t)w->channels_in * (size_t)g->stored_count, out = (size_t)w->channels_out;
    size_t floats = positions * (in > out ? in : out);
    size_t images = SLICE_FLOATS / (floats ? floats : 1);
    if (images > SLICE_POSITIONS / positions)
        images = SLICE_POSITIONS / positions;
    if (images > (size_t)(batch + 7) / 8) /* enough slices for many threads */
        images = (size_t)(batch + 7) / 8;
    g->slice = images < 1 ? 1 : (int)images;
}

/* Bands of as many rows as fit, but of more than the input rows that two of them both read. */
static void choose_bands(struct tn_conv_geometry *g)
{
    const struct tn_window *w = g->window;
    int before, after;
    reach(w, 0, &before, &after);
    size_t row =
        (size_t)g->pitch * (size_t)w->channels_in * (size_t)(g->stored_count ? g->stored_count : 1);
    size_t rows = BAND_FLOATS / row, around = (size_t)before + (size_t)after;
    if (g->slice > 1 || (size_t)g->rows <= rows)
        return;
    rows = rows > around ? rows - around : 0;
    if (rows < 2 * around + 4)
        rows = 2 * around + 4;
    if (rows >= (size_t)w->out[0])
        return;
    g->bands = (int)(((size_t)w->out[0] + rows - 1) / rows);
    g->band_rows = (w->out[0] + g->bands - 1) / g->bands;
    g->origin = before;
    g->rows = before + g->band_rows + after;
}

bool tn_conv_geometry_make(const struct tn_window *window, int batch, bool banded,
                           struct tn_conv_geometry *g, struct tn_error *error)
{
    if ((long)window->stride[0] * window->stride[1] > MOST_PHASES)
        return tn_fail(error, TN_ERROR_INPUT, "its strides are %d and %d", window->stride[0],
                       window->stride[1]);
    *g = (struct tn_conv_geometry){.window = window,
                                   .taps = window->kernel[0] * window->kernel[1],
                                   .phases = window->stride[0] * window->stride[1],
                                   .rows = cells(window, 0),
                                   .bands = 1,
                                   .band_rows = window->out[0],
                                   .pitch = cells(window, 1)};
    g->phase = tn_calloc((size_t)g->taps, sizeof *g->phase);
    g->shift = tn_calloc((size_t)g->taps, sizeof *g->shift);
    g->stored = tn_calloc((size_t)g->phases, sizeof *g->stored);
    if (!g->phase || !g->shift || !g->stored) {
        tn_conv_geometry_free(g);
        return tn_fail_memory(error, "a convolution's taps", (size_t)g->taps * sizeof *g->shift);
    }
    place_taps(g);
    choose_slice(g, batch);
    if (banded)
        choose_bands(g);
    size_t widest = 0;
    for (int t = 0; t < g->taps; t++) {
        size_t far = (size_t)(g->shift[t] < 0 ? -g->shift[t] : g->shift[t]);
        widest = far > widest ? far : widest;
    }
    g->margin = (widest + TN_READ_AHEAD + 15) / 16 * 16;
    g->plane =
        ((size_t)g->slice * (size_t)g->rows * (size_t)g->pitch + 15) / 16 * 16 + 2 * g->margin;
    return true;
}

void tn_conv_geometry_free(struct tn_conv_geometry *g)
{
    tn_free(g->phase);
    tn_free(g->shift);
    tn_free(g->stored);
    g->phase = g->stored = NULL;
    g->shift = NULL;
}

int tn_conv_band_rows(const struct tn_conv_geometry *g, int band)
{
    int left = g->window->out[0] - band * g->band_rows;
    return left < g->band_rows ? left : g->band_rows;
}

size_t tn_conv_positions(const struct tn_conv_geometry *g, int images, const int extent[2])
{
    if (extent[0] == 0 || extent[1] == 0)
        return 0;
    return ((size_t)(images - 1) * (size_t)g->rows + (size_t)extent[0] - 1) * (size_t)g->pitch +
           (size_t)extent[1];
}

void tn_conv_phase_extent(const struct tn_conv_geometry *g, int phase, int extent[2])
{
    const struct tn_window *w = g->window;
    extent[0] = phase_extent(w->in[0], phase / w->stride[1], w->stride[0]);
    extent[1] = phase_extent(w->in[1], phase % w->stride[1], w->stride[1]);
}

/* Rows first .. first + count - 1 of one phase of one channel of one image. */
static void pack_rows(const struct tn_conv_geometry *g, const struct tn_kernels *kernels,
                      const float *channel, int phase, size_t first, size_t count, size_t width,
                      float *target)
{
    const struct tn_window *w = g->window;
    size_t pitch = (size_t)g->pitch, down = (size_t)w->stride[0], right = (size_t)w->stride[1];
    if (g->phases == 1) {
        kernels->pad_rows(count, width, channel + first * width, target, pitch);
        return;
    }
    const float *corner = channel + (size_t)(phase / w->stride[1]) * (size_t)w->in[1] +
                          (size_t)(phase % w->stride[1]);
    for (size_t i = 0; i < count; i++) {
        const float *from = corner + (first + i) * down * (size_t)w->in[1];
        float *to = target + i * pitch;
        for (size_t j = 0; j < width; j++)
            to[j] = from[j * right];
        memset(to + width, 0, (pitch - width) * sizeof *to);
    }
}

/* One phase of one channel of one image, in the band; zeros where it does not reach. */
static void pack_phase(const struct tn_conv_geometry *g, const struct tn_kernels *kernels,
                       const float *channel, int phase, int band, float *target)
{
    int extent[2], top = band * g->band_rows - g->origin;
    tn_conv_phase_extent(g, phase, extent);
    int first = top > 0 ? top : 0, last = top + g->rows < extent[0] ? top + g->rows : extent[0];
    if (last < first || extent[1] == 0)
        last = first;
    size_t pitch = (size_t)g->pitch, before = (size_t)(first - top), count = (size_t)(last - first);
    memset(target, 0, before * pitch * sizeof *target);
    pack_rows(g, kernels, channel, phase, (size_t)first, count, (size_t)extent[1],
              target + before * pitch);
    memset(target + (before + count) * pitch, 0,
           ((size_t)g->rows - before - count) * pitch * sizeof *target);
}

static void clear_margins(const struct tn_conv_geometry *g, int count, float *plane)
{
    size_t used = (size_t)count * (size_t)g->rows * (size_t)g->pitch;
    memset(plane, 0, g->margin * sizeof *plane);
    memset(plane + g->margin + used, 0, (g->plane - g->margin - used) * sizeof *plane);
}

void tn_conv_pack_input(const struct tn_conv_geometry *g, const struct tn_kernels *kernels,
                        const float *images, size_t image_stride, int count, int channels, int band,
                        float *planes)
{
    size_t area = (size_t)g->window->in[0] * (size_t)g->window->in[1];
    size_t image = (size_t)g->rows * (size_t)g->pitch;
    for (int c = 0; c < channels; c++) {
        for (int phase = 0; phase < g->phases; phase++) {
            if (g->stored[phase] < 0)
                continue;
            float *plane =
                planes +
                ((size_t)c * (size_t)g->stored_count + (size_t)g->stored[phase]) * g->plane;
            clear_margins(g, count, plane);
            for (int n = 0; n < count; n++)
                pack_phase(g, kernels, images + (size_t)n * image_stride + (size_t)c * area, phase,
                           band, plane + g->margin + (size_t)n * image);
        }
    }
}

void tn_conv_pack_output(const struct tn_conv_geometry *g, const struct tn_kernels *kernels,
                         const float *images, size_t image_stride, int count, int channels,
                         float *planes)
{
    size_t rows = (size_t)g->window->out[0], width = (size_t)g->window->out[1],
           pitch = (size_t)g->pitch;
    for (int c = 0; c < channels; c++) {
        float *plane = planes + (size_t)c * g->plane;
        clear_margins(g, count, plane);
        for (int n = 0; n < count; n++) {
            float *target = plane + g->margin + (size_t)n * (size_t)g->rows * pitch;
            kernels->pad_rows(rows, width,
                              images + (size_t)n * image_stride + (size_t)c * rows * width, target,
                              pitch);
            memset(target + rows * pitch, 0, ((size_t)g->rows - rows) * pitch * sizeof *target);
        }
    }
}
