#include "data_support.h"

#include <ftw.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <jpeglib.h>

int make_scratch(void **state)
{
    const char *base = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/thinet-data-XXXXXX", base && base[0] == '/' ? base : "/tmp");
    if (!mkdtemp(path))
        return -1;
    /* Data sets give resolved paths. */
    *state = realpath(path, NULL);
    return *state ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

int remove_scratch(void **state)
{
    int result = nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return result;
}

const char *in_folder(const char *folder, const char *format, ...)
{
    static char paths[64][1024];
    static int turn;
    char *path = paths[turn++ % 64];
    int length = snprintf(path, sizeof paths[0], "%s/", folder);
    va_list args;
    va_start(args, format);
    vsnprintf(path + length, sizeof paths[0] - (size_t)length, format, args);
    va_end(args);
    return path;
}

void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0777), 0);
}

void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void write_gzip(const char *path, const void *bytes, size_t size)
{
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

size_t read_bytes(const char *path, void *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, room, file);
    assert_true(size < room);
    fclose(file);
    return size;
}

size_t make_idx(uint8_t *to, int rank, const uint32_t *dims, const uint8_t *data)
{
    size_t length = 4, size = 1;
    memcpy(to, (uint8_t[]){0, 0, 8, (uint8_t)rank}, 4);
    for (int i = 0; i < rank; i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            to[length++] = (uint8_t)(dims[i] >> shift);
        size *= dims[i];
    }
    memcpy(to + length, data, size);
    return length + size;
}

static void write_idx_split(const char *folder, const char *prefix, unsigned count, bool gzip)
{
    void (*write)(const char *, const void *, size_t) = gzip ? write_gzip : write_bytes;
    const char *end = gzip ? ".gz" : "";
    uint8_t *data = malloc(count * 12), *file = malloc(count * 12 + 16);
    assert_true(data && file);
    for (unsigned i = 0; i < count * 12; i++)
        data[i] = (uint8_t)(i / 12 * 16 + i % 12);
    size_t size = make_idx(file, 3, (uint32_t[]){count, 3, 4}, data);
    write(in_folder(folder, "%s-images-idx3-ubyte%s", prefix, end), file, size);
    for (unsigned i = 0; i < count; i++)
        data[i] = (uint8_t)(i % 3);
    size = make_idx(file, 1, (uint32_t[]){count}, data);
    write(in_folder(folder, "%s-labels-idx1-ubyte%s", prefix, end), file, size);
    free(data);
    free(file);
}

void write_idx_folder(const char *folder, unsigned train, unsigned test, bool gzip)
{
    if (train)
        write_idx_split(folder, "train", train, gzip);
    if (test)
        write_idx_split(folder, "t10k", test, gzip);
}

void write_cifar_batch(const char *path, unsigned first, unsigned count)
{
    enum { RECORD = 3073 };
    uint8_t *records = malloc((size_t)count * RECORD);
    assert_non_null(records);
    for (unsigned i = 0; i < count; i++) {
        records[i * RECORD] = (uint8_t)(i % 10);
        for (unsigned k = 0; k + 1 < RECORD; k++)
            records[i * RECORD + 1 + k] = (uint8_t)((first + i) * 7 + k);
    }
    write_bytes(path, records, (size_t)count * RECORD);
    free(records);
}

void write_png(const char *path, int width, int height, int channels, const uint8_t *pixels)
{
    static const png_uint_32 formats[] = {0, PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB,
                                          PNG_FORMAT_RGBA};
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = formats[channels]};
    assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

void write_jpeg(const char *path, int width, int height, int channels, const uint8_t *pixels)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct jpeg = {.err = jpeg_std_error(&errors)};
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    for (int i = 0; i < channels; i++) /* every channel at full resolution */
        jpeg.comp_info[i].h_samp_factor = jpeg.comp_info[i].v_samp_factor = 1;
    jpeg_start_compress(&jpeg, TRUE);
    uint8_t *row = malloc((size_t)width * (size_t)channels);
    assert_non_null(row);
    for (int y = 0; y < height; y++) {
        memcpy(row, pixels + (size_t)y * (size_t)width * (size_t)channels,
               (size_t)width * (size_t)channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
}

void paint(uint8_t *pixels, int width, int height, int channels, unsigned seed)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *pixels++ = (uint8_t)(x * 37 + y * 91 + x * y * 5 + c * 53 + (int)seed * 29);
}

struct tn_dataset *open_data(const struct tn_data_options *options)
{
    struct tn_error error = {0};
    struct tn_dataset *dataset = tn_dataset_open(options, NULL, &error);
    if (!dataset)
        fail_msg("%s", error.text);
    return dataset;
}

void refuse_data(const struct tn_data_options *options, enum tn_error_kind kind, ...)
{
    struct tn_error error = {0};
    struct tn_dataset *dataset = tn_dataset_open(options, NULL, &error);
    assert_null(dataset);
    va_list words;
    va_start(words, kind);
    for (const char *word; (word = va_arg(words, const char *));)
        if (!strstr(error.text, word))
            fail_msg("expected \"%s\" in: %s", word, error.text);
    va_end(words);
    if (error.kind != kind)
        fail_msg("expected kind %d, not %d: %s", (int)kind, (int)error.kind, error.text);
}
