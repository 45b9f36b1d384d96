/* CIFAR-10's binary form: records of one label byte and 3072 pixel bytes, the red, green and blue
 * planes of 32x32 (Krizhevsky 2009). */
#include "core/memory.h"
#include "data/file.h"
#include "data/source.h"

#include <string.h>
#include <unistd.h>

enum { SIDE = 32, PLANES = 3, RECORD = 1 + PLANES * SIDE * SIDE, CLASSES = 10, MAX_META = 1 << 16 };
static const size_t most_bytes = (size_t)1 << 32; /* of one file */

static const char *const standard_names[CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
static const char *const train_files[] = {"data_batch_1.bin", "data_batch_2.bin",
                                          "data_batch_3.bin", "data_batch_4.bin",
                                          "data_batch_5.bin"};
static const char *const test_files[] = {"test_batch.bin"};

static const struct {
    const char *const *files;
    size_t count;
} parts[2] = {{train_files, 5}, {test_files, 1}};

static bool has(const char *folder, const char *name)
{
    char *path = tn_file_join(folder, name);
    bool yes = path && tn_file_exists(path);
    tn_free(path);
    return yes;
}

static bool holds_batches(const char *folder)
{
    bool yes = has(folder, "test_batch.bin");
    for (size_t i = 0; i < parts[TN_TRAIN].count; i++)
        yes = yes || has(folder, train_files[i]);
    return yes;
}

/* The archive unpacks into a folder of this name; people point at either. */
static char *inner_folder(const char *folder)
{
    char *inner = tn_file_join(folder, "cifar-10-batches-bin");
    if (inner && !holds_batches(inner)) {
        tn_free(inner);
        inner = NULL;
    }
    return inner;
}

bool tn_cifar_present(const char *folder)
{
    if (holds_batches(folder))
        return true;
    char *inner = inner_folder(folder);
    tn_free(inner);
    return inner != NULL;
}

static bool check_labels(const uint8_t *records, size_t count, const char *path,
                         struct tn_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (records[i * RECORD] >= CLASSES)
            return tn_fail(error, TN_ERROR_INPUT, "%s: record %zu has label %d, expected 0 to %d",
                           path, i, records[i * RECORD], CLASSES - 1);
    return true;
}

/* Append a file's records to a split. */
static bool append_file(struct tn_split_data *data, const char *path, struct tn_error *error)
{
    size_t size;
    int descriptor = tn_file_open(path, &size, error);
    if (descriptor < 0)
        return false;
    size_t count = size / RECORD;
    bool ok = false;
    uint8_t *grown = NULL;
    if (size == 0 || size % RECORD != 0)
        tn_fail(error, TN_ERROR_INPUT,
                "%s: %zu bytes, expected a whole number of records of %d bytes", path, size,
                RECORD);
    else if (size > most_bytes)
        tn_fail(error, TN_ERROR_INPUT, "%s: %zu bytes, expected at most %zu", path, size,
                most_bytes);
    else if (!(grown = tn_realloc(data->buffers[0], data->count, data->count + count, RECORD)))
        tn_fail_memory(error, path, size);
    else {
        data->buffers[0] = grown;
        uint8_t *added = grown + data->count * RECORD;
        ok = tn_file_fill(descriptor, path, added, size, error) &&
             check_labels(added, count, path, error);
        data->count += ok ? count : 0;
    }
    close(descriptor);
    return ok;
}

/* All files of a split, or none where not one is there. */
static bool read_split(struct tn_dataset *dataset, enum tn_split split, struct tn_error *error)
{
    struct tn_split_data *data = &dataset->splits[split];
    size_t there = 0;
    for (size_t i = 0; i < parts[split].count; i++)
        there += has(dataset->path, parts[split].files[i]);
    for (size_t i = 0; there && i < parts[split].count; i++) {
        char *path = tn_file_join(dataset->path, parts[split].files[i]);
        bool ok = path ? append_file(data, path, error) : tn_fail_memory(error, "a path", 0);
        tn_free(path);
        if (!ok)
            return false;
    }
    data->labels = data->buffers[0];
    data->pixels = data->buffers[0] ? data->buffers[0] + 1 : NULL;
    data->label_stride = data->pixel_stride = RECORD;
    return true;
}

/* The lines of batches.meta.txt, or the published names where there is no such file. */
static bool read_names(struct tn_dataset *dataset, struct tn_error *error)
{
    dataset->class_names = tn_calloc(CLASSES, sizeof *dataset->class_names);
    char *path = tn_file_join(dataset->path, "batches.meta.txt");
    uint8_t *text = NULL;
    size_t size = 0;
    int found = 0;
    bool ok = dataset->class_names && path;
    if (!ok) {
        tn_fail_memory(error, "class names", 0);
    } else if (!tn_file_exists(path)) {
        for (; ok && found < CLASSES; found++)
            ok = (dataset->class_names[found] = tn_strdup(standard_names[found])) ||
                 tn_fail_memory(error, "class names", 0);
    } else if ((ok = tn_file_read(path, MAX_META, &text, &size, error))) {
        for (size_t at = 0, end; ok && at < size && found < CLASSES; at = end + 1) {
            for (end = at; end < size && text[end] != '\n';)
                end++;
            int length = (int)(end - at);
            if (length && text[at + (size_t)length - 1] == '\r')
                length--;
            if (length)
                ok = (dataset->class_names[found++] = tn_sprintf("%.*s", length, text + at)) ||
                     tn_fail_memory(error, "class names", 0);
        }
        if (ok && found < CLASSES)
            ok = tn_fail(error, TN_ERROR_INPUT, "%s: %d class names, expected %d", path, found,
                         CLASSES);
    }
    tn_free(text);
    tn_free(path);
    return ok;
}

bool tn_cifar_load(struct tn_dataset *dataset, const struct tn_progress *progress,
                   struct tn_error *error)
{
    if (!holds_batches(dataset->path)) {
        char *inner = inner_folder(dataset->path);
        if (!inner)
            return tn_fail(error, TN_ERROR_INPUT,
                           "%s: no data_batch_1.bin to data_batch_5.bin and no test_batch.bin",
                           dataset->path);
        tn_free(dataset->path);
        dataset->path = inner;
    }
    dataset->source[0] = PLANES;
    dataset->source[1] = dataset->source[2] = SIDE;
    dataset->classes = CLASSES;
    dataset->name = tn_strdup("CIFAR-10");
    return read_split(dataset, TN_TRAIN, error) &&
           tn_progress_step(progress, "reading images", 1, 2, "parts", "", error) &&
           read_split(dataset, TN_TEST, error) && read_names(dataset, error);
}
