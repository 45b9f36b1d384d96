/* IDX (LeCun's MNIST format): big-endian magic 00 00 TYPE RANK, one 32-bit size a dimension, then
 * the data. Type 08 is bytes. Plain or gzip. */
#include "core/file.h"
#include "core/memory.h"
#include "data/source.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
    PIECE = 1 << 20, /* bytes between two looks at whether to stop */
    GZIP_BUFFER = 1 << 17,
    DEFLATE_MOST = 1032, /* deflate never shrinks by more than this */
    MAX_IMAGE_SIDE = 16384,
};
static const size_t most_bytes = (size_t)1 << 33;

/* One file being read. */
struct idx {
    const char *path;
    gzFile file;
    size_t stored; /* bytes on disk */
    const struct tn_progress *progress;
    struct tn_error *error;
};

static const char *const split_prefix[2] = {"train", "t10k"};

/* train-images-idx3-ubyte, also with the dot some archives have, each also with .gz. NULL when
 * absent (or memory ends: the error of opening says so). */
static char *find_file(const char *folder, enum tn_split split, const char *what)
{
    for (int variant = 0; variant < 4; variant++) {
        char *path = tn_sprintf("%s/%s-%s%cidx%c-ubyte%s", folder, split_prefix[split], what,
                                variant & 1 ? '.' : '-', what[0] == 'i' ? '3' : '1',
                                variant & 2 ? ".gz" : "");
        if (!path || tn_file_exists(path))
            return path;
        tn_free(path);
    }
    return NULL;
}

static bool has_file(const char *folder, enum tn_split split, const char *what)
{
    char *path = find_file(folder, split, what);
    tn_free(path);
    return path != NULL;
}

bool tn_idx_present(const char *folder)
{
    return has_file(folder, TN_TRAIN, "images") || has_file(folder, TN_TEST, "images");
}

static bool idx_open(struct idx *idx)
{
    int descriptor = tn_file_open(idx->path, &idx->stored, idx->error);
    if (descriptor < 0)
        return false;
    idx->file = gzdopen(descriptor, "rb");
    if (!idx->file || gzbuffer(idx->file, GZIP_BUFFER) != 0) {
        if (idx->file)
            gzclose(idx->file);
        else
            close(descriptor);
        return tn_fail_memory(idx->error, idx->path, GZIP_BUFFER);
    }
    return true;
}

/* Fill `size` bytes or say what is wrong with the file. */
static bool idx_fill(struct idx *idx, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        if (tn_progress_cancelled(idx->progress))
            return tn_fail(idx->error, TN_ERROR_CANCELLED, "cancelled");
        int got = gzread(idx->file, bytes, size < PIECE ? (unsigned)size : PIECE);
        if (got <= 0) {
            int number;
            const char *text = gzerror(idx->file, &number);
            if (number == Z_OK || number == Z_BUF_ERROR)
                return tn_fail(idx->error, TN_ERROR_INPUT, "%s: truncated, %zu bytes are missing",
                               idx->path, size);
            if (number == Z_ERRNO)
                return tn_fail(idx->error, TN_ERROR_INPUT, "%s: cannot be read", idx->path);
            return tn_fail(idx->error, TN_ERROR_INPUT, "%s: damaged gzip data (%s)", idx->path,
                           text);
        }
        bytes += got;
        size -= (size_t)got;
    }
    return true;
}

/* Nothing may follow; reading to the end also makes zlib check the checksum. */
static bool idx_end(struct idx *idx)
{
    uint8_t byte;
    int got = gzread(idx->file, &byte, 1);
    if (got > 0)
        return tn_fail(idx->error, TN_ERROR_INPUT, "%s: more data than its header says", idx->path);
    int number;
    const char *text = gzerror(idx->file, &number);
    if (got < 0 || number == Z_BUF_ERROR)
        return tn_fail(idx->error, TN_ERROR_INPUT, "%s: damaged gzip data (%s)", idx->path, text);
    return true;
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Read magic and dimensions; *bytes becomes their product. */
static bool idx_header(struct idx *idx, int rank, uint32_t dims[3], size_t *bytes)
{
    uint8_t header[16] = {0};
    size_t length = 4 + 4 * (size_t)rank;
    if (!idx_fill(idx, header, length))
        return false;
    uint32_t magic = big_endian(header), expected = 0x800u + (unsigned)rank;
    if (magic != expected)
        return tn_fail(idx->error, TN_ERROR_INPUT,
                       "%s: magic number is %08x, expected %08x (IDX, bytes, %d dimension%s)",
                       idx->path, magic, expected, rank, rank > 1 ? "s" : "");
    *bytes = 1;
    for (int i = 0; i < rank; i++) {
        dims[i] = big_endian(header + 4 + 4 * i);
        if (dims[i] == 0 || (i > 0 && dims[i] > MAX_IMAGE_SIDE))
            return tn_fail(idx->error, TN_ERROR_INPUT, "%s: dimension %d is %u", idx->path, i + 1,
                           dims[i]);
        if (!tn_mul(*bytes, dims[i], bytes) || *bytes > most_bytes)
            return tn_fail(idx->error, TN_ERROR_INPUT, "%s: header says more than %zu bytes",
                           idx->path, most_bytes);
    }
    /* Before memory is taken: can a file of this size hold that? */
    if (gzdirect(idx->file) ? *bytes + length != idx->stored : *bytes / DEFLATE_MOST > idx->stored)
        return tn_fail(
            idx->error, TN_ERROR_INPUT,
            "%s: header says %zu bytes of data, which a file of %zu bytes cannot hold exactly",
            idx->path, *bytes, idx->stored);
    return true;
}

static bool idx_data(struct idx *idx, int rank, uint32_t dims[3], uint8_t **data)
{
    size_t bytes;
    if (!idx_header(idx, rank, dims, &bytes))
        return false;
    *data = tn_alloc(bytes, 1);
    if (!*data)
        return tn_fail_memory(idx->error, idx->path, bytes);
    return idx_fill(idx, *data, bytes) && idx_end(idx);
}

/* Read one file of a split into *data (owned by the data set also after a failure). */
static bool read_file(const char *path, int rank, uint32_t dims[3], uint8_t **data,
                      const struct tn_progress *progress, struct tn_error *error)
{
    struct idx idx = {.path = path, .progress = progress, .error = error};
    if (!idx_open(&idx))
        return false;
    bool ok = idx_data(&idx, rank, dims, data);
    gzclose(idx.file);
    return ok;
}

/* Reading of one split, in a thread of its own for the test images. */
struct reading {
    const char *folder;
    enum tn_split split;
    struct tn_split_data *data;
    uint32_t dims[3];
    const struct tn_progress *progress;
    struct tn_error error;
    bool ok;
};

static bool read_pair(struct reading *r, const char *images, const char *labels)
{
    uint32_t label_dims[3];
    struct tn_split_data *data = r->data;
    if (!read_file(images, 3, r->dims, &data->buffers[0], r->progress, &r->error) ||
        !read_file(labels, 1, label_dims, &data->buffers[1], r->progress, &r->error))
        return false;
    if (label_dims[0] != r->dims[0])
        return tn_fail(&r->error, TN_ERROR_INPUT, "%s: %u labels, but %s has %u images", labels,
                       label_dims[0], images, r->dims[0]);
    data->count = r->dims[0];
    data->pixels = data->buffers[0];
    data->pixel_stride = (size_t)r->dims[1] * r->dims[2];
    data->labels = data->buffers[1];
    data->label_stride = 1;
    return true;
}

static void *read_split(void *context)
{
    struct reading *r = context;
    char *images = find_file(r->folder, r->split, "images");
    char *labels = find_file(r->folder, r->split, "labels");
    if (images && labels)
        r->ok = read_pair(r, images, labels);
    else if (!images && !labels)
        r->ok = true; /* a split may be absent */
    else
        r->ok = tn_fail(&r->error, TN_ERROR_INPUT, "%s: no %s-%s-ubyte[.gz] beside %s", r->folder,
                        split_prefix[r->split], images ? "labels-idx1" : "images-idx3",
                        images ? "the images" : "the labels");
    tn_free(images);
    tn_free(labels);
    return NULL;
}

static int greatest_label(const struct tn_split_data *data)
{
    int greatest = -1;
    for (size_t i = 0; i < data->count; i++)
        greatest = data->labels[i] > greatest ? data->labels[i] : greatest;
    return greatest;
}

static bool join_splits(struct tn_dataset *dataset, const struct reading *train,
                        const struct reading *test, struct tn_error *error)
{
    const struct reading *any = train->data->count ? train : test;
    if (!any->data->count)
        return tn_fail(error, TN_ERROR_INPUT,
                       "%s: no train-images-idx3-ubyte[.gz] and no t10k-images-idx3-ubyte[.gz]",
                       dataset->path);
    if (train->data->count && test->data->count && memcmp(train->dims + 1, test->dims + 1, 8) != 0)
        return tn_fail(error, TN_ERROR_INPUT, "%s: training images are %ux%u, test images %ux%u",
                       dataset->path, train->dims[2], train->dims[1], test->dims[2], test->dims[1]);
    dataset->source[0] = 1;
    dataset->source[1] = (int)any->dims[1];
    dataset->source[2] = (int)any->dims[2];
    int a = greatest_label(train->data), b = greatest_label(test->data);
    dataset->classes = (a > b ? a : b) + 1;
    return true;
}

bool tn_idx_load(struct tn_dataset *dataset, const struct tn_progress *progress,
                 struct tn_error *error)
{
    struct reading readings[2];
    for (int split = 0; split < 2; split++)
        readings[split] = (struct reading){.folder = dataset->path,
                                           .split = (enum tn_split)split,
                                           .data = &dataset->splits[split],
                                           .progress = progress};
    pthread_t thread;
    bool beside = pthread_create(&thread, NULL, read_split, &readings[TN_TEST]) == 0;
    read_split(&readings[TN_TRAIN]);
    if (beside)
        pthread_join(thread, NULL);
    else
        read_split(&readings[TN_TEST]);
    for (int split = 0; split < 2; split++) {
        if (!readings[split].ok) {
            *error = readings[split].error;
            return false;
        }
    }
    return join_splits(dataset, &readings[TN_TRAIN], &readings[TN_TEST], error);
}
