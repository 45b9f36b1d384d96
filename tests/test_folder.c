/* data/folder.c and decode*.c: image folders, PNG and JPEG of every kind, damaged ones. */
#include "core/memory.h"
#include "data/decode.h"
#include "data_support.h"

#include <png.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { ROOM = 1 << 16 };

/* train/{ant,bee} and val/{ant,bee} with gray images of 4x3: 3 + 2 for training, 1 + 2 for testing.
 */
static void write_folder(const char *root)
{
    static const char *const files[] = {"train/ant/b.png", "train/ant/a.jpg", "train/ant/C.JPEG",
                                        "train/bee/2.PNG", "train/bee/1.png", "val/ant/x.png",
                                        "val/bee/y.png",   "val/bee/z.jpeg"};
    static const char *const folders[] = {"train", "train/ant", "train/bee",
                                          "val",   "val/ant",   "val/bee"};
    uint8_t pixels[12];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        make_folder(in_folder(root, "%s", folders[i]));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *path = in_folder(root, "%s", files[i]);
        memset(pixels, (int)(10 * i + 10), sizeof pixels);
        if (strstr(path, ".j") || strstr(path, ".J"))
            write_jpeg(path, 4, 3, 1, pixels);
        else
            write_png(path, 4, 3, 1, pixels);
    }
    write_bytes(in_folder(root, "train/ant/notes.txt"), "text", 4);
    write_bytes(in_folder(root, "train/ant/.hidden.png"), "text", 4);
    write_bytes(in_folder(root, "train/README"), "text", 4);
}

static void classes_and_files_are_sorted_by_name(void **state)
{
    write_folder(*state);
    struct tn_data_options options = {.path = *state, .scale = 1.0f, .channels = TN_CHANNELS_GRAY};
    struct tn_dataset *dataset = open_data(&options);
    static const float expected[] = {30, 20, 10, 50, 40}; /* C.JPEG a.jpg b.png, 1.png 2.PNG */
    static const int labels[] = {0, 0, 0, 1, 1};
    float image[12];
    int chw[3];
    tn_dataset_shape(dataset, chw);
    assert_true(chw[0] == 1 && chw[1] == 3 && chw[2] == 4);
    assert_int_equal(tn_dataset_format(dataset), TN_FORMAT_FOLDER);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 5);
    assert_int_equal(tn_dataset_count(dataset, TN_TEST), 3);
    assert_int_equal(tn_dataset_classes(dataset), 2);
    assert_string_equal(tn_dataset_class_name(dataset, 0), "ant");
    assert_string_equal(tn_dataset_class_name(dataset, 1), "bee");
    assert_string_equal(tn_dataset_name(dataset), strrchr(*state, '/') + 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(tn_dataset_label(dataset, TN_TRAIN, i), labels[i]);
        assert_true(tn_dataset_image(dataset, TN_TRAIN, i, NULL, image, NULL));
        assert_float_equal(image[0], expected[i], 1.0);
    }
    tn_dataset_unref(dataset);
}

static void links_to_images_and_classes_are_followed(void **state)
{
    write_folder(*state);
    assert_int_equal(symlink("../bee/1.png", in_folder(*state, "train/ant/linked.png")), 0);
    assert_int_equal(symlink("bee", in_folder(*state, "train/cow")), 0);
    struct tn_data_options options = {.path = *state};
    struct tn_dataset *dataset = open_data(&options);
    assert_int_equal(tn_dataset_classes(dataset), 3);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 8);
    tn_dataset_unref(dataset);
}

static void one_split_may_be_absent_and_test_stands_in_for_val(void **state)
{
    write_folder(*state);
    struct tn_data_options options = {.path = *state};
    assert_int_equal(rename(in_folder(*state, "val"), in_folder(*state, "test")), 0);
    struct tn_dataset *dataset = open_data(&options);
    assert_int_equal(tn_dataset_count(dataset, TN_TEST), 3);
    tn_dataset_unref(dataset);
    assert_int_equal(rename(in_folder(*state, "train"), in_folder(*state, "aside")), 0);
    dataset = open_data(&options);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 0);
    assert_int_equal(tn_dataset_count(dataset, TN_TEST), 3);
    tn_dataset_unref(dataset);
}

static void empty_and_surplus_classes_are_named(void **state)
{
    write_folder(*state);
    struct tn_data_options options = {.path = *state};
    make_folder(in_folder(*state, "val/wasp"));
    refuse_data(&options, TN_ERROR_INPUT, "val/wasp", "training images do not have", (char *)NULL);
    make_folder(in_folder(*state, "train/wasp"));
    refuse_data(&options, TN_ERROR_INPUT, "train/wasp", "without images", (char *)NULL);
}

static void a_split_without_classes_is_named(void **state)
{
    struct tn_data_options options = {.path = *state};
    make_folder(in_folder(*state, "train"));
    refuse_data(&options, TN_ERROR_INPUT, "/train", "no class folders", (char *)NULL);
}

static void a_folder_that_may_not_be_read_is_named(void **state)
{
    if (geteuid() == 0) /* who may read everything */
        skip();
    write_folder(*state);
    struct tn_data_options options = {.path = *state};
    assert_int_equal(chmod(in_folder(*state, "train/bee"), 0), 0);
    refuse_data(&options, TN_ERROR_INPUT, "train/bee", "Permission denied", (char *)NULL);
    assert_int_equal(chmod(in_folder(*state, "train/bee"), 0700), 0);
}

static void images_of_another_size_are_refused_one_by_one(void **state)
{
    write_folder(*state);
    uint8_t pixels[20] = {0};
    float image[12];
    struct tn_error error;
    write_png(in_folder(*state, "train/bee/2.PNG"), 5, 4, 1, pixels);
    struct tn_data_options options = {.path = *state, .channels = TN_CHANNELS_GRAY};
    struct tn_dataset *dataset = open_data(&options);
    assert_true(tn_dataset_image(dataset, TN_TRAIN, 3, NULL, image, &error));
    assert_false(tn_dataset_image(dataset, TN_TRAIN, 4, NULL, image, &error));
    assert_int_equal(error.kind, TN_ERROR_INPUT);
    assert_non_null(strstr(error.text, "train/bee/2.PNG"));
    assert_non_null(strstr(error.text, "5x4"));
    tn_dataset_unref(dataset);
    options.crop = 3; /* now the size does not matter */
    dataset = open_data(&options);
    assert_true(tn_dataset_image(dataset, TN_TRAIN, 4, NULL, image, &error));
    tn_dataset_unref(dataset);
}

static void a_file_that_goes_away_is_named(void **state)
{
    write_folder(*state);
    struct tn_data_options options = {.path = *state, .crop = 2};
    struct tn_dataset *dataset = open_data(&options);
    float image[12];
    struct tn_error error;
    unlink(in_folder(*state, "train/ant/a.jpg"));
    assert_false(tn_dataset_image(dataset, TN_TRAIN, 1, NULL, image, &error));
    assert_int_equal(error.kind, TN_ERROR_INPUT);
    assert_non_null(strstr(error.text, "a.jpg"));
    tn_dataset_unref(dataset);
}

static void the_first_readable_image_gives_the_size(void **state)
{
    write_folder(*state);
    write_bytes(in_folder(*state, "train/ant/C.JPEG"), "text", 4);
    struct tn_data_options options = {.path = *state, .channels = TN_CHANNELS_GRAY};
    struct tn_dataset *dataset = open_data(&options);
    int chw[3];
    tn_dataset_shape(dataset, chw);
    assert_true(chw[1] == 3 && chw[2] == 4);
    tn_dataset_unref(dataset);
}

static void a_folder_of_rubbish_is_refused_when_its_size_is_needed(void **state)
{
    make_folder(in_folder(*state, "val"));
    make_folder(in_folder(*state, "val/ant"));
    for (int i = 0; i < 12; i++)
        write_bytes(in_folder(*state, "val/ant/%02d.png", i), "text", 4);
    struct tn_data_options options = {.path = *state};
    refuse_data(&options, TN_ERROR_INPUT, "none of the first images", "val/ant/00.png",
                (char *)NULL);
}

static void the_digest_follows_names_and_sizes(void **state)
{
    write_folder(*state);
    struct tn_data_options options = {.path = *state};
    struct tn_dataset *dataset = open_data(&options);
    struct tn_digest before = *tn_dataset_digest(dataset);
    tn_dataset_unref(dataset);
    dataset = open_data(&options);
    assert_true(tn_digest_equal(&before, tn_dataset_digest(dataset)));
    tn_dataset_unref(dataset);
    assert_int_equal(
        rename(in_folder(*state, "val/bee/z.jpeg"), in_folder(*state, "val/bee/q.jpeg")), 0);
    dataset = open_data(&options);
    assert_false(tn_digest_equal(&before, tn_dataset_digest(dataset)));
    tn_dataset_unref(dataset);
}

/* Decode a file; the caller releases *pixels. */
static struct tn_planes decode_file(const char *path, uint8_t **pixels)
{
    static uint8_t bytes[ROOM];
    struct tn_planes image;
    struct tn_error error;
    size_t size = read_bytes(path, bytes, ROOM);
    if (!tn_decode(path, bytes, size, &image, pixels, &error))
        fail_msg("%s", error.text);
    return image;
}

static void png_of_eight_bits_comes_back_exactly(void **state)
{
    for (int channels = 1; channels <= 4; channels++) {
        uint8_t in[7 * 5 * 4], *out;
        paint(in, 7, 5, channels, 1);
        const char *path = in_folder(*state, "%d.png", channels);
        write_png(path, 7, 5, channels, in);
        struct tn_planes image = decode_file(path, &out);
        int colours = channels < 3 ? 1 : 3; /* alpha is dropped */
        assert_true(image.channels == colours && image.height == 5 && image.width == 7);
        for (int i = 0; i < 35; i++)
            for (int c = 0; c < colours; c++)
                assert_int_equal(out[c * 35 + i], in[i * channels + c]);
        tn_free(out);
    }
}

/* A PNG of any kind by libpng's own interface: 8x8, `bits` a sample, every row the given bytes. */
static void write_raw_png(const char *path, int type, int bits, int interlace, const uint8_t *row)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, 8, 8, bits, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        static const png_color palette[4] = {
            {1, 2, 3}, {10, 20, 30}, {100, 110, 120}, {255, 254, 253}};
        png_set_PLTE(png, info, palette, 4);
        png_set_tRNS(png, info, (png_byte[]){0, 128}, 2, NULL);
    }
    png_write_info(png, info);
    uint8_t copy[64];
    memcpy(copy, row, sizeof copy);
    png_bytep rows[8];
    for (int i = 0; i < 8; i++)
        rows[i] = copy;
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

static void png_of_every_depth_becomes_eight_bits(void **state)
{
    static const uint8_t bits1[64] = {0xa1}, bits2[64] = {0x1b, 0xe4},
                         bits4[64] = {0x01, 0x23, 0x45, 0xef};
    static const uint8_t bits16[64] = {0, 0, 0, 200, 0xff, 0xff, 0x80, 0, 0x12, 0x34};
    static const struct {
        const uint8_t *row;
        int bits;
        uint8_t expected[4];
    } grays[] = {{bits1, 1, {255, 0, 255, 0}},
                 {bits2, 2, {0, 85, 170, 255}},
                 {bits4, 4, {0, 17, 34, 51}},
                 {bits16, 16, {0, 1, 255, 128}}};
    for (int interlace = 0; interlace < 2; interlace++) {
        for (size_t i = 0; i < sizeof grays / sizeof grays[0]; i++) {
            uint8_t *out;
            const char *path = in_folder(*state, "gray%d.png", grays[i].bits);
            write_raw_png(path, PNG_COLOR_TYPE_GRAY, grays[i].bits, interlace, grays[i].row);
            struct tn_planes image = decode_file(path, &out);
            assert_int_equal(image.channels, 1);
            for (int y = 0; y < 8; y++)
                assert_memory_equal(out + 8 * y, grays[i].expected, 4);
            tn_free(out);
        }
    }
}

static void png_with_a_palette_becomes_colour(void **state)
{
    static const uint8_t row[64] = {0x1b, 0x1b}; /* colours 0 1 2 3 0 1 2 3 */
    static const uint8_t expected[3][4] = {{1, 10, 100, 255}, {2, 20, 110, 254}, {3, 30, 120, 253}};
    uint8_t *out;
    const char *path = in_folder(*state, "palette.png");
    write_raw_png(path, PNG_COLOR_TYPE_PALETTE, 2, 1, row);
    struct tn_planes image = decode_file(path, &out);
    assert_int_equal(image.channels, 3);
    for (int c = 0; c < 3; c++)
        assert_memory_equal(out + 64 * c, expected[c], 4);
    tn_free(out);
}

static void jpeg_comes_back_nearly(void **state)
{
    enum { W = 24, H = 17 };
    for (int channels = 1; channels <= 3; channels += 2) {
        uint8_t in[W * H * 3], *out;
        for (int i = 0; i < W * H * channels; i++) /* smooth */
            in[i] = (uint8_t)(i / channels % W * 8 + i % channels * 20);
        const char *path = in_folder(*state, "%d.jpg", channels);
        write_jpeg(path, W, H, channels, in);
        struct tn_planes image = decode_file(path, &out);
        assert_true(image.channels == channels && image.height == H && image.width == W);
        for (int i = 0; i < W * H; i++)
            for (int c = 0; c < channels; c++)
                assert_true(abs(out[c * W * H + i] - in[i * channels + c]) <= 3);
        tn_free(out);
    }
}

static void jpeg_in_cmyk_becomes_colour(void **state)
{
    uint8_t in[16 * 16 * 4], *out;
    for (int i = 0; i < 16 * 16; i++) /* as Adobe stores it: 255 is no ink */
        memcpy(in + 4 * i, (uint8_t[]){255, 128, 0, 200}, 4);
    const char *path = in_folder(*state, "cmyk.jpg");
    write_jpeg(path, 16, 16, 4, in);
    struct tn_planes image = decode_file(path, &out);
    assert_int_equal(image.channels, 3);
    assert_true(abs(out[0] - 200) <= 3 && abs(out[256] - 100) <= 3 && out[512] <= 3);
    tn_free(out);
}

static bool decodes(const uint8_t *bytes, size_t size, struct tn_error *error)
{
    struct tn_planes image;
    uint8_t *pixels;
    /* A copy of exactly this size, so that reading past its end shows. */
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    bool ok = tn_decode("some.file", copy, size, &image, &pixels, error);
    if (ok)
        tn_free(pixels);
    free(copy);
    return ok;
}

static size_t make_sample(const char *folder, int kind, uint8_t *bytes)
{
    uint8_t in[40 * 30 * 3];
    paint(in, 40, 30, 3, 2);
    const char *path = in_folder(folder, "sample%d", kind);
    if (kind == 0)
        write_png(path, 40, 30, 3, in);
    else
        write_jpeg(path, 40, 30, 3, in);
    return read_bytes(path, bytes, ROOM);
}

static void truncated_images_are_refused(void **state)
{
    static uint8_t bytes[ROOM];
    for (int kind = 0; kind < 2; kind++) {
        size_t size = make_sample(*state, kind, bytes);
        struct tn_error error;
        assert_true(decodes(bytes, size, &error));
        for (size_t cut = 0; cut + 2 < size; cut += cut < 700 ? 1 : 17) {
            assert_false(decodes(bytes, cut, &error));
            assert_int_equal(error.kind, TN_ERROR_INPUT);
            assert_non_null(strstr(error.text, "some.file"));
        }
    }
}

static void flipped_bits_never_crash(void **state)
{
    static uint8_t bytes[ROOM];
    struct tn_random random;
    tn_random_seed(&random, 11, 0);
    for (int kind = 0; kind < 2; kind++) {
        size_t size = make_sample(*state, kind, bytes);
        int refused = 0;
        for (int i = 0; i < 600; i++) {
            /* half of them in the first bytes, where the headers are */
            size_t at = tn_random_below(&random, i % 2 ? (uint32_t)size : 200);
            uint8_t bit = (uint8_t)(1u << tn_random_below(&random, 8));
            struct tn_error error;
            bytes[at] ^= bit;
            refused += !decodes(bytes, size, &error);
            bytes[at] ^= bit;
        }
        assert_true(refused > (kind == 0 ? 500 : 20));
    }
}

static void images_of_wild_size_take_no_memory(void **state)
{
    static uint8_t bytes[ROOM];
    struct tn_error error;
    size_t size = make_sample(*state, 1, bytes);
    for (size_t i = 0; i + 9 < size; i++) {
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) { /* start of frame: height and width */
            memset(bytes + i + 5, 0xfe, 4);
            break;
        }
    }
    assert_false(decodes(bytes, size, &error));
    assert_non_null(strstr(error.text, "at most 100000000"));
    /* A PNG header alone, of 30000 x 3000 pixels; the checksum is zlib's of the 17 bytes before it.
     */
    static const uint8_t png[] = {0x89, 'P', 'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,
                                  0,    13,  'I',  'H',  'D',  'R',  0,    0,    0x75, 0x30,
                                  0,    0,   0x0b, 0xb8, 8,    2,    0,    0,    0};
    memcpy(bytes, png, sizeof png);
    uint32_t sum = (uint32_t)crc32(0, png + 12, 17);
    for (int i = 0; i < 4; i++)
        bytes[sizeof png + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
    static const uint8_t idat[] = {0, 0, 0, 1, 'I', 'D', 'A', 'T', 0};
    memcpy(bytes + sizeof png + 4, idat, sizeof idat);
    assert_false(decodes(bytes, sizeof png + 4 + sizeof idat, &error));
    assert_non_null(strstr(error.text, "30000x3000"));
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(classes_and_files_are_sorted_by_name),
        SCRATCH(links_to_images_and_classes_are_followed),
        SCRATCH(one_split_may_be_absent_and_test_stands_in_for_val),
        SCRATCH(empty_and_surplus_classes_are_named),
        SCRATCH(a_split_without_classes_is_named),
        SCRATCH(a_folder_that_may_not_be_read_is_named),
        SCRATCH(images_of_another_size_are_refused_one_by_one),
        SCRATCH(a_file_that_goes_away_is_named),
        SCRATCH(the_first_readable_image_gives_the_size),
        SCRATCH(a_folder_of_rubbish_is_refused_when_its_size_is_needed),
        SCRATCH(the_digest_follows_names_and_sizes),
        SCRATCH(png_of_eight_bits_comes_back_exactly),
        SCRATCH(png_of_every_depth_becomes_eight_bits),
        SCRATCH(png_with_a_palette_becomes_colour),
        SCRATCH(jpeg_comes_back_nearly),
        SCRATCH(jpeg_in_cmyk_becomes_colour),
        SCRATCH(truncated_images_are_refused),
        SCRATCH(flipped_bits_never_crash),
        SCRATCH(images_of_wild_size_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
