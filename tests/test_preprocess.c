/* data/preprocess.c, resize.c, preset.c: from bytes to the floats a network takes. */
#include "data/preprocess.h"
#include "data_support.h"

#include <math.h>

static struct tn_pipeline make_pipeline(const struct tn_data_options *options,
                                        const struct tn_planes *image)
{
    struct tn_pipeline pipeline;
    struct tn_error error;
    int size[2];
    if (!tn_pipeline_init(&pipeline, options, TN_CHANNELS_RGB, &error) ||
        !tn_pipeline_size(&pipeline, image->height, image->width, size, &error))
        fail_msg("%s", error.text);
    pipeline.height = size[0];
    pipeline.width = size[1];
    return pipeline;
}

static void run(const struct tn_pipeline *pipeline, const struct tn_planes *image,
                const struct tn_augment *augment, size_t index, float *result)
{
    struct tn_error error;
    if (!tn_pipeline_run(pipeline, image, augment, index, result, &error))
        fail_msg("%s", error.text);
}

/* python3 -c 'import numpy as n; from PIL import Image; y,x=n.mgrid[0:12,0:16];
 * print(n.array(Image.fromarray(
 * ((x*37+y*91+x*y*5)%256).astype(n.uint8)).resize((5,4),Image.BILINEAR)))'; the other:
 * mgrid[0:3,0:4], (7,5) */
static const uint8_t pil_smaller[4][5] = {{112, 118, 131, 138, 125},
                                          {116, 134, 148, 128, 127},
                                          {115, 129, 134, 115, 113},
                                          {143, 135, 133, 135, 130}};
static const uint8_t pil_larger[5][7] = {{0, 13, 34, 56, 77, 98, 111},
                                         {36, 50, 72, 95, 117, 140, 153},
                                         {91, 106, 130, 154, 178, 202, 217},
                                         {146, 162, 188, 137, 85, 111, 127},
                                         {182, 199, 226, 125, 23, 50, 67}};

static void resizing_gives_the_bits_pil_gives(void **state)
{
    (void)state;
    uint8_t in[12 * 16], out[5 * 7];
    paint(in, 16, 12, 1, 0);
    assert_true(tn_resize_plane(in, 12, 16, &(struct tn_resized){4, 5, 0, 0, 4, 5}, out));
    assert_memory_equal(out, pil_smaller, sizeof pil_smaller);
    paint(in, 4, 3, 1, 0);
    assert_true(tn_resize_plane(in, 3, 4, &(struct tn_resized){5, 7, 0, 0, 5, 7}, out));
    assert_memory_equal(out, pil_larger, sizeof pil_larger);
}

static void a_part_of_a_resized_image_is_what_the_whole_has_there(void **state)
{
    (void)state;
    uint8_t in[12 * 16], out[2 * 3];
    paint(in, 16, 12, 1, 0);
    assert_true(tn_resize_plane(in, 12, 16, &(struct tn_resized){4, 5, 2, 1, 2, 3}, out));
    for (int y = 0; y < 2; y++)
        assert_memory_equal(out + 3 * y, &pil_smaller[y + 2][1], 3);
}

static void resizing_to_the_same_size_changes_nothing(void **state)
{
    (void)state;
    uint8_t in[12 * 16], out[12 * 16];
    paint(in, 16, 12, 1, 3);
    assert_true(tn_resize_plane(in, 12, 16, &(struct tn_resized){12, 16, 0, 0, 12, 16}, out));
    assert_memory_equal(in, out, sizeof in);
}

/* torchvision.transforms.functional: resize of (h, w) to s gives int(s * long / short); center_crop
 * rounds half to even. */
static void sizes_are_those_of_torchvision(void **state)
{
    (void)state;
    static const int cases[][6] = {/* resize crop height width -> height width */
                                   {256, 0, 375, 500, 256, 341},   {256, 0, 500, 333, 384, 256},
                                   {256, 224, 375, 500, 224, 224}, {0, 20, 32, 31, 20, 20},
                                   {64, 0, 32, 32, 64, 64},        {0, 0, 28, 30, 28, 30}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tn_data_options options = {.resize = cases[i][0], .crop = cases[i][1]};
        struct tn_planes image = {.height = cases[i][2], .width = cases[i][3]};
        struct tn_pipeline pipeline = make_pipeline(&options, &image);
        assert_int_equal(pipeline.height, cases[i][4]);
        assert_int_equal(pipeline.width, cases[i][5]);
    }
}

static void the_crop_is_the_centre_square(void **state)
{
    (void)state;
    uint8_t pixels[9 * 7];
    float result[16];
    /* left over: 5 rows (2.5, to even: 2), 3 columns (1.5, to even: 2) */
    for (int i = 0; i < 9 * 7; i++)
        pixels[i] = (uint8_t)i;
    struct tn_planes image = {pixels, 1, 9, 7};
    struct tn_data_options options = {.crop = 4, .scale = 1.0f, .channels = TN_CHANNELS_GRAY};
    struct tn_pipeline pipeline = make_pipeline(&options, &image);
    run(&pipeline, &image, NULL, 0, result);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
            assert_true(result[4 * y + x] == (float)((y + 2) * 7 + x + 2));
}

static void channels_are_scaled_shifted_and_ordered(void **state)
{
    (void)state;
    static const uint8_t pixels[3 * 2] = {10,  20,  110,
                                          120, 210, 220}; /* red, green, blue planes of 1x2 */
    struct tn_planes image = {pixels, 3, 1, 2};
    float result[6];
    struct tn_data_options options = {
        .mean_count = 3, .mean = {0.1f, 0.2f, 0.3f}, .std_count = 3, .std = {0.5f, 0.25f, 2.0f}};
    struct tn_pipeline pipeline = make_pipeline(&options, &image);
    run(&pipeline, &image, NULL, 0, result);
    for (int i = 0; i < 6; i++)
        assert_float_equal(result[i],
                           (pixels[i] / 255.0f - options.mean[i / 2]) / options.std[i / 2], 1e-6);
    options = (struct tn_data_options){
        .channels = TN_CHANNELS_BGR, .scale = 1.0f, .mean_count = 3, .mean = {1.0f, 2.0f, 3.0f}};
    pipeline = make_pipeline(&options, &image);
    run(&pipeline, &image, NULL, 0, result);
    static const float expected[] = {209.0f, 219.0f, 108.0f, 118.0f, 7.0f, 17.0f};
    assert_memory_equal(result, expected, sizeof expected);
}

static void gray_becomes_three_equal_channels_and_colour_becomes_luma(void **state)
{
    (void)state;
    static const uint8_t gray[2] = {7, 250};
    struct tn_planes image = {gray, 1, 1, 2};
    float result[6];
    struct tn_data_options options = {.scale = 1.0f};
    struct tn_pipeline pipeline = make_pipeline(&options, &image);
    run(&pipeline, &image, NULL, 0, result);
    for (int i = 0; i < 6; i++)
        assert_true(result[i] == (float)gray[i % 2]);
    /* first pixels of the pattern above with 53 * channel added, by
     * Image.fromarray(..).convert("L") */
    static const uint8_t colour[3 * 3] = {0, 37, 74, 53, 90, 127, 106, 143, 180};
    image = (struct tn_planes){colour, 3, 1, 3};
    options.channels = TN_CHANNELS_GRAY;
    pipeline = make_pipeline(&options, &image);
    run(&pipeline, &image, NULL, 0, result);
    assert_true(result[0] == 43.0f && result[1] == 80.0f && result[2] == 117.0f);
}

/* What augmentation made of an image whose pixels are all different and not 0: the shift and
 * whether it was mirrored, and that everything else is black. */
static void recognise(const float *result, int side, int *dy, int *dx, bool *flip)
{
    int seen = 0;
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        for (int y = -4; y <= 4; y++) {
            for (int x = -4; x <= 4; x++) {
                bool same = true;
                for (int i = 0; same && i < side * side; i++) {
                    int sy = i / side + y;
                    int sx = (mirrored ? side - 1 - i % side : i % side) + x;
                    bool inside = sy >= 0 && sy < side && sx >= 0 && sx < side;
                    same = result[i] == (inside ? (float)(1 + sy * side + sx) : 0.0f);
                }
                if (same) {
                    *dy = y;
                    *dx = x;
                    *flip = mirrored;
                    seen++;
                }
            }
        }
    }
    assert_int_equal(seen, 1);
}

enum { SIDE = 12, AREA = SIDE * SIDE };

static void make_numbered(uint8_t pixels[AREA])
{
    for (int i = 0; i < AREA; i++)
        pixels[i] = (uint8_t)(i + 1);
}

static void augmentation_flips_half_and_shifts_evenly(void **state)
{
    (void)state;
    uint8_t pixels[AREA];
    float result[AREA];
    make_numbered(pixels);
    struct tn_planes image = {pixels, 1, SIDE, SIDE};
    struct tn_data_options options = {.scale = 1.0f, .channels = TN_CHANNELS_GRAY};
    struct tn_pipeline pipeline = make_pipeline(&options, &image);
    struct tn_augment augment = {.flip = true, .crop_pad = 4, .seed = 3};
    enum { N = 8100 };
    int flips = 0, rows[9] = {0}, columns[9] = {0}, together = 0;
    for (int i = 0; i < N; i++) {
        int dy, dx;
        bool flip;
        run(&pipeline, &image, &augment, (size_t)i, result);
        recognise(result, SIDE, &dy, &dx, &flip);
        flips += flip;
        rows[dy + 4]++;
        columns[dx + 4]++;
        together += dy == dx;
    }
    /* five standard deviations of binomial counts */
    assert_true(abs(flips - N / 2) < 5 * 45);
    assert_true(abs(together - N / 9) < 5 * 29);
    for (int i = 0; i < 9; i++)
        assert_true(abs(rows[i] - N / 9) < 5 * 29 && abs(columns[i] - N / 9) < 5 * 29);
}

static void augmentation_depends_on_seed_epoch_and_index_only(void **state)
{
    (void)state;
    uint8_t pixels[AREA];
    static float first[100][AREA];
    float again[AREA];
    make_numbered(pixels);
    struct tn_planes image = {pixels, 1, SIDE, SIDE};
    struct tn_data_options options = {.scale = 1.0f, .channels = TN_CHANNELS_GRAY};
    struct tn_pipeline pipeline = make_pipeline(&options, &image);
    struct tn_augment augment = {.flip = true, .crop_pad = 4, .seed = 5, .epoch = 2};
    for (size_t i = 0; i < 100; i++)
        run(&pipeline, &image, &augment, i, first[i]);
    struct tn_augment other_seed = augment, other_epoch = augment;
    other_seed.seed++;
    other_epoch.epoch++;
    int same_seed = 0, same_epoch = 0;
    for (size_t i = 100; i-- > 0;) {
        run(&pipeline, &image, &augment, i, again);
        assert_memory_equal(again, first[i], sizeof again);
        run(&pipeline, &image, &other_seed, i, again);
        same_seed += memcmp(again, first[i], sizeof again) == 0;
        run(&pipeline, &image, &other_epoch, i, again);
        same_epoch += memcmp(again, first[i], sizeof again) == 0;
    }
    assert_true(same_seed < 10 && same_epoch < 10); /* 1 in 162 by chance */
}

static void flipping_is_the_same_with_and_without_shifts(void **state)
{
    (void)state;
    uint8_t pixels[AREA];
    float flipped[AREA], both[AREA];
    make_numbered(pixels);
    struct tn_planes image = {pixels, 1, SIDE, SIDE};
    struct tn_data_options options = {.scale = 1.0f, .channels = TN_CHANNELS_GRAY};
    struct tn_pipeline pipeline = make_pipeline(&options, &image);
    for (size_t i = 0; i < 100; i++) {
        int dy, dx;
        bool a, b;
        run(&pipeline, &image, &(struct tn_augment){.flip = true, .seed = 1}, i, flipped);
        run(&pipeline, &image, &(struct tn_augment){.flip = true, .crop_pad = 2, .seed = 1}, i,
            both);
        recognise(flipped, SIDE, &dy, &dx, &a);
        assert_true(dy == 0 && dx == 0);
        recognise(both, SIDE, &dy, &dx, &b);
        assert_true(a == b && abs(dy) <= 2 && abs(dx) <= 2);
    }
}

static void a_shift_past_the_image_leaves_black(void **state)
{
    (void)state;
    uint8_t pixels[AREA];
    float result[AREA];
    make_numbered(pixels);
    struct tn_planes image = {pixels, 1, SIDE, SIDE};
    struct tn_data_options options = {.channels = TN_CHANNELS_GRAY,
                                      .mean_count = 1,
                                      .mean = {0.5f},
                                      .std_count = 1,
                                      .std = {0.25f}};
    struct tn_pipeline pipeline = make_pipeline(&options, &image);
    int black = 0;
    for (size_t i = 0; i < 50; i++) {
        run(&pipeline, &image, &(struct tn_augment){.flip = true, .crop_pad = 1000, .seed = 1}, i,
            result);
        bool all = true;
        for (int k = 0; k < AREA; k++)
            all = all && result[k] == -2.0f;
        black += all;
    }
    assert_true(black > 40);
}

static void refuse(struct tn_data_options options, const char *word)
{
    struct tn_pipeline pipeline;
    struct tn_error error = {0};
    assert_false(tn_pipeline_init(&pipeline, &options, TN_CHANNELS_RGB, &error));
    assert_int_equal(error.kind, TN_ERROR_USE);
    if (!strstr(error.text, word))
        fail_msg("expected \"%s\" in: %s", word, error.text);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    refuse((struct tn_data_options){.mean_count = 2}, "mean has 2 numbers");
    refuse((struct tn_data_options){.channels = TN_CHANNELS_GRAY, .std_count = 3, .std = {1, 1, 1}},
           "std has 3");
    refuse((struct tn_data_options){.std_count = 1}, "std: number 1 is 0");
    refuse((struct tn_data_options){.std_count = 1, .std = {NAN}}, "std: number 1");
    refuse((struct tn_data_options){.mean_count = 3, .mean = {0, INFINITY, 0}}, "mean: number 2");
    refuse((struct tn_data_options){.scale = -1.0f}, "scale");
    refuse((struct tn_data_options){.scale = NAN}, "scale");
    refuse((struct tn_data_options){.resize = -3}, "resize");
    refuse((struct tn_data_options){.crop = 1000000}, "crop");
    refuse((struct tn_data_options){.resize = 200, .crop = 224},
           "crop 224 is larger than resize 200");
}

static void images_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct tn_pipeline pipeline;
    struct tn_error error;
    int size[2];
    assert_true(tn_pipeline_init(&pipeline, &(struct tn_data_options){.crop = 20}, TN_CHANNELS_RGB,
                                 &error));
    assert_false(tn_pipeline_size(&pipeline, 19, 30, size, &error));
    assert_int_equal(error.kind, TN_ERROR_INPUT);
    assert_true(tn_pipeline_init(&pipeline, &(struct tn_data_options){.resize = 16384},
                                 TN_CHANNELS_RGB, &error));
    assert_false(tn_pipeline_size(&pipeline, 1, 100000000, size, &error));
    assert_non_null(strstr(error.text, "pixels"));
}

static void presets_hold_the_published_values(void **state)
{
    (void)state;
    struct tn_error error;
    struct tn_data_options options = {.path = "somewhere", .format = TN_FORMAT_FOLDER, .resize = 5};
    assert_true(tn_data_preset("imagenet-caffe", &options, &error));
    assert_string_equal(options.path, "somewhere");
    assert_int_equal(options.format, TN_FORMAT_FOLDER);
    assert_int_equal(options.channels, TN_CHANNELS_BGR);
    assert_true(options.scale == 1.0f && options.mean[0] == 103.939f && options.std_count == 0);
    assert_true(options.resize == 256 && options.crop == 224);
    assert_true(tn_data_preset("cifar10", &options, &error));
    assert_true(options.resize == 0 && options.crop == 0 && options.std[2] == 0.225f);
    for (int i = 0; tn_data_preset_name(i); i++) {
        struct tn_pipeline pipeline;
        assert_true(tn_data_preset(tn_data_preset_name(i), &options, &error));
        assert_true(tn_pipeline_init(&pipeline, &options, TN_CHANNELS_RGB, &error));
    }
    assert_null(tn_data_preset_name(4));
    assert_null(tn_data_preset_name(-1));
    assert_false(tn_data_preset("cifar100", &options, &error));
    assert_non_null(strstr(error.text, "cifar10"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizing_gives_the_bits_pil_gives),
        cmocka_unit_test(a_part_of_a_resized_image_is_what_the_whole_has_there),
        cmocka_unit_test(resizing_to_the_same_size_changes_nothing),
        cmocka_unit_test(sizes_are_those_of_torchvision),
        cmocka_unit_test(the_crop_is_the_centre_square),
        cmocka_unit_test(channels_are_scaled_shifted_and_ordered),
        cmocka_unit_test(gray_becomes_three_equal_channels_and_colour_becomes_luma),
        cmocka_unit_test(augmentation_flips_half_and_shifts_evenly),
        cmocka_unit_test(augmentation_depends_on_seed_epoch_and_index_only),
        cmocka_unit_test(flipping_is_the_same_with_and_without_shifts),
        cmocka_unit_test(a_shift_past_the_image_leaves_black),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(images_that_do_not_fit_are_refused),
        cmocka_unit_test(presets_hold_the_published_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
