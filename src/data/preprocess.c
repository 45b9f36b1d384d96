#include "data/preprocess.h"

#include "core/memory.h"
#include <math.h>
#include <string.h>

enum { MAX_SIDE = 16384, MAX_PAD = 16384 };

static bool check_numbers(const char *what, const float *numbers, int count, int channels,
                          struct tn_error *error)
{
    if (count != 0 && count != 1 && count != channels)
        return tn_fail(error, TN_ERROR_USE, "%s has %d numbers, expected 1 or %d (one a channel)",
                       what, count, channels);
    for (int i = 0; i < count; i++)
        if (!isfinite(numbers[i]))
            return tn_fail(error, TN_ERROR_USE, "%s: number %d is not finite", what, i + 1);
    return true;
}

static bool check_options(const struct tn_data_options *o, int channels, struct tn_error *error)
{
    if (!isfinite(o->scale) || o->scale < 0.0f)
        return tn_fail(error, TN_ERROR_USE, "scale is %g, expected a positive number",
                       (double)o->scale);
    if (!check_numbers("mean", o->mean, o->mean_count, channels, error) ||
        !check_numbers("std", o->std, o->std_count, channels, error))
        return false;
    for (int i = 0; i < o->std_count; i++)
        if (!(o->std[i] > 0.0f))
            return tn_fail(error, TN_ERROR_USE, "std: number %d is %g, expected above 0", i + 1,
                           (double)o->std[i]);
    if (o->resize < 0 || o->resize > MAX_SIDE)
        return tn_fail(error, TN_ERROR_USE, "resize is %d, expected 1 to %d pixels", o->resize,
                       MAX_SIDE);
    if (o->crop < 0 || o->crop > MAX_SIDE)
        return tn_fail(error, TN_ERROR_USE, "crop is %d, expected 1 to %d pixels", o->crop,
                       MAX_SIDE);
    if (o->resize && o->crop > o->resize)
        return tn_fail(error, TN_ERROR_USE, "crop %d is larger than resize %d, the shorter side",
                       o->crop, o->resize);
    return true;
}

bool tn_pipeline_init(struct tn_pipeline *pipeline, const struct tn_data_options *options,
                      enum tn_channels natural, struct tn_error *error)
{
    *pipeline = (struct tn_pipeline){
        .order = options->channels == TN_CHANNELS_AUTO ? natural : options->channels,
        .resize = options->resize,
        .crop = options->crop,
    };
    pipeline->channels = pipeline->order == TN_CHANNELS_GRAY ? 1 : 3;
    if (!check_options(options, pipeline->channels, error))
        return false;
    double scale = options->scale == 0.0f ? 1.0 / 255.0 : (double)options->scale;
    for (int c = 0; c < pipeline->channels; c++) {
        double mean =
            options->mean_count ? (double)options->mean[options->mean_count > 1 ? c : 0] : 0.0;
        double std =
            options->std_count ? (double)options->std[options->std_count > 1 ? c : 0] : 1.0;
        for (int pixel = 0; pixel < 256; pixel++)
            pipeline->table[c][pixel] = (float)((pixel * scale - mean) / std);
    }
    return true;
}

/* Half of what is left over, halves going to the even number: torchvision's CenterCrop rounds so.
 */
static int centre(int size, int crop)
{
    int rest = size - crop, half = rest / 2;
    return rest % 2 && half % 2 ? half + 1 : half;
}

/* The resized image and which part of it the crop takes. */
static bool plan(const struct tn_pipeline *pipeline, int height, int width, struct tn_resized *to,
                 struct tn_error *error)
{
    int64_t h = height, w = width;
    int resize = pipeline->resize, crop = pipeline->crop;
    if (resize && h <= w) {
        w = resize * w / h;
        h = resize;
    } else if (resize) {
        h = resize * h / w;
        w = resize;
    }
    if (h * w > TN_MAX_PIXELS)
        return tn_fail(error, TN_ERROR_INPUT,
                       "image of %dx%d would become %lldx%lld, more than %d pixels", width, height,
                       (long long)w, (long long)h, TN_MAX_PIXELS);
    if (crop > h || crop > w)
        return tn_fail(error, TN_ERROR_INPUT, "image of %lldx%lld is smaller than crop %d",
                       (long long)w, (long long)h, crop);
    *to = (struct tn_resized){.height = (int)h, .width = (int)w, .rows = (int)h, .columns = (int)w};
    if (crop) {
        to->top = centre(to->height, crop);
        to->left = centre(to->width, crop);
        to->rows = to->columns = crop;
    }
    return true;
}

bool tn_pipeline_size(const struct tn_pipeline *pipeline, int height, int width, int result[2],
                      struct tn_error *error)
{
    struct tn_resized to = {0};
    if (!plan(pipeline, height, width, &to, error))
        return false;
    result[0] = to.rows;
    result[1] = to.columns;
    return true;
}

/* ITU-R BT.601 luma in 16-bit fixed point, as PIL's convert("L") has it. */
static void make_gray(const struct tn_planes *rgb, uint8_t *gray)
{
    size_t size = (size_t)rgb->height * (size_t)rgb->width;
    const uint8_t *red = rgb->pixels, *green = red + size, *blue = green + size;
    for (size_t i = 0; i < size; i++)
        gray[i] =
            (uint8_t)((red[i] * 19595u + green[i] * 38470u + blue[i] * 7471u + 0x8000u) >> 16);
}

/* What augmentation does to one image: output (y, x) shows input (y + dy, x + dx), then mirrored.
 */
struct motion {
    int dy, dx;
    bool flip;
};

static struct motion draw_motion(const struct tn_augment *augment, size_t index)
{
    struct motion motion = {0};
    if (!augment)
        return motion;
    struct tn_random random;
    tn_random_seed(&random, augment->seed, augment->epoch);
    tn_random_seed(&random, tn_random_u64(&random), index);
    /* The flip is drawn first and always, so that it is the same with and without shifts. */
    motion.flip = (tn_random_u64(&random) >> 63) && augment->flip;
    if (augment->crop_pad > 0) {
        int pad = augment->crop_pad < MAX_PAD ? augment->crop_pad : MAX_PAD;
        motion.dy = (int)tn_random_below(&random, (uint32_t)(2 * pad + 1)) - pad;
        motion.dx = (int)tn_random_below(&random, (uint32_t)(2 * pad + 1)) - pad;
    }
    return motion;
}

static void fill(float *row, int from, int to, float value)
{
    for (int x = from; x < to; x++)
        row[x] = value;
}

/* `rows` x `columns` bytes, `stride` bytes from row to row, through a table. */
static void put_plane(const uint8_t *in, size_t stride, int rows, int columns,
                      const float table[256], const struct motion *motion, float *out)
{
    int dx = motion->dx;
    int from = dx < 0 ? -dx : 0,
        to = dx > 0 ? columns - dx : columns; /* columns that show the image */
    for (int y = 0; y < rows; y++, out += columns) {
        int source = y + motion->dy;
        if (source < 0 || source >= rows || from >= to) {
            fill(out, 0, columns, table[0]);
            continue;
        }
        const uint8_t *row = in + (size_t)source * stride + (from + dx);
        int count = to - from;
        if (motion->flip) {
            float *last = out + columns - 1 - from;
            for (int x = 0; x < count; x++)
                last[-x] = table[row[x]];
            fill(out, 0, columns - to, table[0]);
            fill(out, columns - from, columns, table[0]);
        } else {
            for (int x = 0; x < count; x++)
                out[from + x] = table[row[x]];
            fill(out, 0, from, table[0]);
            fill(out, to, columns, table[0]);
        }
    }
}

/* The plane of `image` that channel c of the result shows. */
static const uint8_t *pick_plane(const struct tn_pipeline *pipeline, const struct tn_planes *image,
                                 int c)
{
    size_t size = (size_t)image->height * (size_t)image->width;
    if (image->channels == 1)
        return image->pixels;
    return image->pixels + size * (size_t)(pipeline->order == TN_CHANNELS_BGR ? 2 - c : c);
}

/* Resize all planes of `image` into new memory; `image` then points there and is exactly the crop.
 */
static bool resize_planes(struct tn_planes *image, struct tn_resized *to, uint8_t **memory,
                          struct tn_error *error)
{
    size_t in_size = (size_t)image->height * (size_t)image->width;
    size_t out_size = (size_t)to->rows * (size_t)to->columns;
    size_t bytes = out_size * (size_t)image->channels;
    *memory = tn_alloc(bytes, 1);
    bool ok = *memory != NULL;
    for (int c = 0; ok && c < image->channels; c++)
        ok = tn_resize_plane(image->pixels + (size_t)c * in_size, image->height, image->width, to,
                             *memory + (size_t)c * out_size);
    if (!ok)
        return tn_fail_memory(error, "a resized image", bytes);
    image->pixels = *memory;
    image->height = to->rows;
    image->width = to->columns;
    to->top = to->left = 0;
    return true;
}

static bool check_size(const struct tn_pipeline *pipeline, const struct tn_planes *image,
                       const struct tn_resized *to, struct tn_error *error)
{
    if (to->rows == pipeline->height && to->columns == pipeline->width)
        return true;
    return tn_fail(
        error, TN_ERROR_INPUT,
        "image of %dx%d comes out as %dx%d, the first one as %dx%d: give resize and crop",
        image->width, image->height, to->columns, to->rows, pipeline->width, pipeline->height);
}

bool tn_pipeline_run(const struct tn_pipeline *pipeline, const struct tn_planes *image,
                     const struct tn_augment *augment, size_t index, float *result,
                     struct tn_error *error)
{
    struct tn_planes work = *image;
    struct tn_resized to = {0};
    uint8_t *gray = NULL, *resized = NULL;
    if (!plan(pipeline, image->height, image->width, &to, error) ||
        !check_size(pipeline, image, &to, error))
        return false;
    bool ok = true;
    if (pipeline->order == TN_CHANNELS_GRAY && work.channels == 3) {
        size_t size = (size_t)work.height * (size_t)work.width;
        gray = tn_alloc(size, 1);
        if (gray) {
            make_gray(&work, gray);
            work.pixels = gray;
            work.channels = 1;
        } else {
            ok = tn_fail_memory(error, "a gray image", size);
        }
    }
    if (ok && (to.height != work.height || to.width != work.width))
        ok = resize_planes(&work, &to, &resized, error);
    if (ok) {
        struct motion motion = draw_motion(augment, index);
        size_t stride = (size_t)work.width, offset = (size_t)to.top * stride + (size_t)to.left;
        size_t size = (size_t)to.rows * (size_t)to.columns;
        for (int c = 0; c < pipeline->channels; c++)
            put_plane(pick_plane(pipeline, &work, c) + offset, stride, to.rows, to.columns,
                      pipeline->table[c], &motion, result + (size_t)c * size);
    }
    tn_free(gray);
    tn_free(resized);
    return ok;
}
