#include "data/dataset.h"

#include "core/file.h"
#include "core/memory.h"
#include "data/source.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char fashion_mnist[] = "fashion-mnist";

static const struct {
    enum tn_data_format format;
    bool (*present)(const char *folder);
    bool (*load)(struct tn_dataset *dataset, const struct tn_progress *progress,
                 struct tn_error *error);
    enum tn_channels natural; /* what AUTO channels become */
} readers[] = {
    {TN_FORMAT_IDX, tn_idx_present, tn_idx_load, TN_CHANNELS_GRAY},
    {TN_FORMAT_CIFAR, tn_cifar_present, tn_cifar_load, TN_CHANNELS_RGB},
    {TN_FORMAT_FOLDER, tn_folder_present, tn_folder_load, TN_CHANNELS_RGB},
};

enum { READERS = sizeof readers / sizeof readers[0] };

static void free_split(struct tn_split_data *data)
{
    tn_free(data->buffers[0]);
    tn_free(data->buffers[1]);
    tn_free(data->folder);
    tn_free(data->names);
    tn_free(data->name_at);
    tn_free(data->file_labels);
    tn_free(data->left_out);
}

static void free_dataset(struct tn_dataset *dataset)
{
    free_split(&dataset->splits[TN_TRAIN]);
    free_split(&dataset->splits[TN_TEST]);
    for (int i = 0; dataset->class_names && i < dataset->classes; i++)
        tn_free(dataset->class_names[i]);
    tn_free(dataset->class_names);
    if (dataset->late)
        pthread_mutex_destroy(&dataset->late->lock);
    tn_free(dataset->late);
    tn_free(dataset->path);
    tn_free(dataset->name);
    tn_free(dataset);
}

static struct tn_dataset *new_dataset(struct tn_error *error)
{
    struct tn_dataset *dataset = tn_calloc(1, sizeof *dataset);
    struct tn_dataset_late *late = tn_calloc(1, sizeof *late);
    if (!dataset || !late) {
        tn_free(dataset);
        tn_free(late);
        tn_fail_memory(error, "a data set", sizeof *dataset);
        return NULL;
    }
    atomic_init(&dataset->references, 1);
    atomic_init(&late->left_out, 0);
    pthread_mutex_init(&late->lock, NULL);
    dataset->late = late;
    return dataset;
}

/* BASE + the rest, taken when IDX files are there; NULL otherwise. */
static char *try_folder(const char *base, const char *rest)
{
    char *path = tn_sprintf("%s%s", base, rest);
    if (path && tn_idx_present(path))
        return path;
    tn_free(path);
    return NULL;
}

static char *find_fashion_mnist(struct tn_error *error)
{
    const char *home = getenv("HOME"), *data_home = getenv("XDG_DATA_HOME");
    /* The XDG specification has relative paths ignored. */
    char *base = data_home && data_home[0] == '/' ? tn_strdup(data_home)
                                                  : tn_sprintf("%s/.local/share", home ? home : "");
    if (!base) {
        tn_fail_memory(error, "a path", 0);
        return NULL;
    }
    static const char *const places[] = {"/datasets/fashion-mnist", "/fashion-mnist",
                                         "/thinet-tui/fashion-mnist"};
    char *found = NULL;
    for (size_t i = 0; !found && i < sizeof places / sizeof places[0]; i++)
        found = try_folder(base, places[i]);
    if (!found)
        found = try_folder("/usr/share/datasets", "/fashion-mnist");
    if (!found)
        tn_fail(
            error, TN_ERROR_USE,
            "Fashion-MNIST is not on this machine: install the Debian package "
            "dataset-fashion-mnist, or put "
            "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
            "t10k-labels-idx1-ubyte.gz into %s/datasets/fashion-mnist",
            base);
    tn_free(base);
    return found;
}

/* The absolute path of the folder to read. */
static char *find_folder(const char *path, struct tn_error *error)
{
    if (!path || !path[0]) {
        tn_fail(error, TN_ERROR_USE, "no data folder given");
        return NULL;
    }
    if (strcmp(path, fashion_mnist) == 0)
        return find_fashion_mnist(error);
    char *resolved = realpath(path, NULL);
    if (!resolved)
        tn_fail(error, TN_ERROR_USE, "%s: %s", path, strerror(errno));
    else if (!tn_file_is_folder(resolved))
        tn_fail(error, TN_ERROR_USE,
                "%s: not a folder, expected one that holds IDX files, CIFAR batches or "
                "train/CLASS/*.png",
                path);
    else
        return resolved;
    free(resolved);
    return NULL;
}

/* Index of the reader for this folder, -1 with an error. */
static int find_reader(const char *folder, enum tn_data_format format, struct tn_error *error)
{
    for (int i = 0; i < READERS; i++)
        if (format == readers[i].format || (format == TN_FORMAT_AUTO && readers[i].present(folder)))
            return i;
    tn_fail(error, TN_ERROR_INPUT,
            "%s: holds no data: looked for IDX (train-images-idx3-ubyte[.gz], t10k-...), CIFAR "
            "(data_batch_1.bin, test_batch.bin) and image folders (train/CLASS/*.png|jpg, val/ or "
            "test/)",
            folder);
    return -1;
}

/* Names that the format does not bring: of the set, its folder's; of the classes, Fashion-MNIST's
 * or numbers. */
static bool name_things(struct tn_dataset *dataset, bool is_fashion, struct tn_error *error)
{
    static const char *const clothes[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                          "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                          "Bag",         "Ankle boot"};
    if (!dataset->name) {
        const char *slash = strrchr(dataset->path, '/');
        dataset->name = tn_strdup(is_fashion          ? "Fashion-MNIST"
                                  : slash && slash[1] ? slash + 1
                                                      : "/");
    }
    if (!dataset->name)
        return tn_fail_memory(error, "a name", 0);
    if (dataset->class_names)
        return true;
    dataset->class_names = tn_calloc((size_t)dataset->classes, sizeof *dataset->class_names);
    for (int i = 0; dataset->class_names && i < dataset->classes; i++) {
        dataset->class_names[i] =
            is_fashion && i < 10 ? tn_strdup(clothes[i]) : tn_sprintf("%d", i);
        if (!dataset->class_names[i])
            return tn_fail_memory(error, "class names", 0);
    }
    return dataset->class_names != NULL || tn_fail_memory(error, "class names", 0);
}

/* Size of the images of a folder: the first that can be read says. */
static bool measure_first_image(const struct tn_dataset *dataset, int size[2],
                                struct tn_error *error)
{
    enum { TRIES = 10 };
    enum tn_split split = dataset->splits[TN_TRAIN].count ? TN_TRAIN : TN_TEST;
    struct tn_error first = {0};
    for (size_t i = 0; i < TRIES && i < dataset->splits[split].count; i++) {
        struct tn_planes image;
        uint8_t *pixels;
        struct tn_error why;
        if (tn_folder_decode(dataset, split, i, &image, &pixels, &why)) {
            tn_free(pixels);
            size[0] = image.height;
            size[1] = image.width;
            return true;
        }
        if (i == 0)
            first = why;
    }
    *error = first;
    return tn_fail_in(error, "none of the first images can be read");
}

static bool find_shape(struct tn_dataset *dataset, struct tn_error *error)
{
    struct tn_pipeline *pipeline = &dataset->pipeline;
    int size[2] = {dataset->source[1], dataset->source[2]}, result[2];
    if (dataset->format == TN_FORMAT_FOLDER && pipeline->crop) {
        pipeline->height = pipeline->width = pipeline->crop; /* whatever the images are */
        return true;
    }
    if (dataset->format == TN_FORMAT_FOLDER && !measure_first_image(dataset, size, error))
        return false;
    if (!tn_pipeline_size(pipeline, size[0], size[1], result, error)) {
        if (error)
            error->kind = TN_ERROR_USE; /* the options do not suit the images */
        return false;
    }
    pipeline->height = result[0];
    pipeline->width = result[1];
    return true;
}

static bool open_dataset(struct tn_dataset *dataset, const struct tn_data_options *options,
                         const struct tn_progress *progress, struct tn_error *error)
{
    dataset->path = find_folder(options->path, error);
    if (!dataset->path)
        return false;
    int reader = find_reader(dataset->path, options->format, error);
    if (reader < 0)
        return false;
    dataset->format = readers[reader].format;
    /* Options first: a wrong one should not cost a second of reading. */
    if (!tn_pipeline_init(&dataset->pipeline, options, readers[reader].natural, error))
        return false;
    return tn_progress_step(progress, "reading images", 0, 1, "parts", "", error) &&
           readers[reader].load(dataset, progress, error) &&
           name_things(dataset, strcmp(options->path, fashion_mnist) == 0, error) &&
           find_shape(dataset, error);
}

struct tn_dataset *tn_dataset_open(const struct tn_data_options *options,
                                   const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_error unused;
    struct tn_dataset *dataset = new_dataset(error);
    if (dataset && !open_dataset(dataset, options, progress, error ? error : &unused)) {
        free_dataset(dataset);
        return NULL;
    }
    return dataset;
}

struct tn_dataset *tn_dataset_ref(struct tn_dataset *dataset)
{
    if (dataset)
        atomic_fetch_add(&dataset->references, 1);
    return dataset;
}

void tn_dataset_unref(struct tn_dataset *dataset)
{
    if (dataset && atomic_fetch_sub(&dataset->references, 1) == 1)
        free_dataset(dataset);
}

size_t tn_dataset_count(const struct tn_dataset *dataset, enum tn_split split)
{
    return dataset->splits[split].count;
}

int tn_dataset_classes(const struct tn_dataset *dataset)
{
    return dataset->classes;
}

const char *tn_dataset_class_name(const struct tn_dataset *dataset, int label)
{
    return label >= 0 && label < dataset->classes ? dataset->class_names[label] : "?";
}

const char *tn_dataset_name(const struct tn_dataset *dataset)
{
    return dataset->name;
}

const char *tn_dataset_path(const struct tn_dataset *dataset)
{
    return dataset->path;
}

enum tn_data_format tn_dataset_format(const struct tn_dataset *dataset)
{
    return dataset->format;
}

void tn_dataset_shape(const struct tn_dataset *dataset, int chw[3])
{
    chw[0] = dataset->pipeline.channels;
    chw[1] = dataset->pipeline.height;
    chw[2] = dataset->pipeline.width;
}

int tn_dataset_label(const struct tn_dataset *dataset, enum tn_split split, size_t index)
{
    const struct tn_split_data *data = &dataset->splits[split];
    if (index >= data->count)
        return -1;
    return data->file_labels ? data->file_labels[index] : data->labels[index * data->label_stride];
}

size_t tn_dataset_skipped(const struct tn_dataset *dataset, const char **first)
{
    size_t count = atomic_load(&dataset->late->left_out);
    if (first)
        *first = count ? dataset->late->first_left_out : "";
    return count;
}

bool tn_dataset_leave_out(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                          const struct tn_error *why, struct tn_error *error)
{
    struct tn_dataset_late *late = dataset->late;
    atomic_bool *left_out = dataset->splits[split].left_out;
    size_t images = dataset->splits[TN_TRAIN].count + dataset->splits[TN_TEST].count;
    size_t most = images / 100 > 10 ? images / 100 : 10;
    pthread_mutex_lock(&late->lock);
    size_t count = atomic_load(&late->left_out);
    if (left_out && !atomic_exchange(&left_out[index], true)) {
        if (count == 0)
            snprintf(late->first_left_out, sizeof late->first_left_out, "%s", why->text);
        atomic_store(&late->left_out, ++count);
    }
    pthread_mutex_unlock(&late->lock);
    if (count <= most)
        return true;
    return tn_fail(
        error, TN_ERROR_INPUT,
        "%zu of %zu images could not be read (at most %zu may be bad); the first: %.300s", count,
        images, most, late->first_left_out);
}

/* Sizes and bytes of both splits. */
static void digest_memory(const struct tn_dataset *dataset, struct tn_digest *digest)
{
    char text[160];
    const void *pieces[5] = {text};
    size_t sizes[5];
    snprintf(text, sizeof text, "images %zu %zu of %dx%dx%d\n", dataset->splits[0].count,
             dataset->splits[1].count, dataset->source[0], dataset->source[1], dataset->source[2]);
    sizes[0] = strlen(text);
    size_t count = 1;
    for (int split = 0; split < 2; split++) {
        const struct tn_split_data *data = &dataset->splits[split];
        if (!data->count)
            continue;
        pieces[count] = data->buffers[0];
        sizes[count++] = data->count * data->pixel_stride;
        if (!data->buffers[1])
            continue;
        pieces[count] = data->buffers[1];
        sizes[count++] = data->count * data->label_stride;
    }
    tn_digest_pieces(digest, count, pieces, sizes);
}

const struct tn_digest *tn_dataset_digest(const struct tn_dataset *dataset)
{
    struct tn_dataset_late *late = dataset->late;
    pthread_mutex_lock(&late->lock);
    if (!late->digest_known) {
        if (dataset->format == TN_FORMAT_FOLDER)
            tn_folder_digest(dataset, &late->digest);
        else
            digest_memory(dataset, &late->digest);
        late->digest_known = true;
    }
    pthread_mutex_unlock(&late->lock);
    return &late->digest;
}

static bool file_image(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                       const struct tn_augment *augment, float *result, struct tn_error *error)
{
    struct tn_planes image;
    uint8_t *pixels;
    if (!tn_folder_decode(dataset, split, index, &image, &pixels, error))
        return false;
    bool ok = tn_pipeline_run(&dataset->pipeline, &image, augment, index, result, error);
    if (!ok) {
        char *path = tn_folder_image_path(dataset, split, index);
        tn_fail_in(error, "%s", path ? path : dataset->path);
        tn_free(path);
    }
    tn_free(pixels);
    return ok;
}

bool tn_dataset_image(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                      const struct tn_augment *augment, float *image, struct tn_error *error)
{
    const struct tn_split_data *data = &dataset->splits[split];
    if (index >= data->count)
        return tn_fail(error, TN_ERROR_USE, "%s has %zu %s images, there is no number %zu",
                       dataset->name, data->count, split == TN_TRAIN ? "training" : "test", index);
    if (!data->pixels)
        return file_image(dataset, split, index, augment, image, error);
    struct tn_planes planes = {.pixels = data->pixels + index * data->pixel_stride,
                               .channels = dataset->source[0],
                               .height = dataset->source[1],
                               .width = dataset->source[2]};
    return tn_pipeline_run(&dataset->pipeline, &planes, augment, index, image, error);
}
