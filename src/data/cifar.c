/* CIFAR-10's binary form: records of one label byte and 3072 pixel bytes, the red, green and blue
 * planes of 32x32 (Krizhevsky 2009). */
#include "core/file.h"
#include "core/memory.h"
#include "data/source.h"

#include <string.h>
#include <unistd.h>

enum {
    SIDE = 32,
    PLANES = 3,
    RECORD = 1 + PLANES * SIDE * SIDE,
    CLASSES = 10,
    MAX_FILES = 5,
    MAX_META = 1 << 16
};
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
} parts[2] = {{train_files, MAX_FILES}, {test_files, 1}};

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

/* One open batch file. */
struct batch {
    char *path;
    int descriptor;
    size_t size;
};

static bool open_batch(const char *folder, const char *name, struct batch *batch,
                       struct tn_error *error)
{
    batch->path = tn_file_join(folder, name);
    if (!batch->path)
        return tn_fail_memory(error, "a path", 0);
    batch->descriptor = tn_file_open(batch->path, &batch->size, error);
    if (batch->descriptor < 0)
        return false;
    if (batch->size == 0 || batch->size % RECORD != 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "%s: %zu bytes, expected a whole number of records of %d bytes", batch->path,
                       batch->size, RECORD);
    if (batch->size > most_bytes)
        return tn_fail(error, TN_ERROR_INPUT, "%s: %zu bytes, expected at most %zu", batch->path,
                       batch->size, most_bytes);
    return true;
}

static bool read_batches(struct tn_split_data *data, const struct batch *batches, size_t count,
                         const struct tn_progress *progress, struct tn_error *error)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += batches[i].size;
    uint8_t *at = data->buffers[0] = tn_alloc(total, 1);
    if (!at)
        return tn_fail_memory(error, batches[0].path, total);
    for (size_t i = 0; i < count; i++) {
        if (!tn_progress_step(progress, "reading images", (double)i, (double)count, "files", "",
                              error) ||
            !tn_file_fill(batches[i].descriptor, batches[i].path, at, batches[i].size, error) ||
            !check_labels(at, batches[i].size / RECORD, batches[i].path, error))
            return false;
        at += batches[i].size;
    }
    data->count = total / RECORD;
    data->labels = data->buffers[0];
    data->pixels = data->buffers[0] + 1;
    data->label_stride = data->pixel_stride = RECORD;
    return true;
}

/* All files of a split; nothing where not one of them is there. */
static bool read_split(struct tn_dataset *dataset, enum tn_split split,
                       const struct tn_progress *progress, struct tn_error *error)
{
    size_t there = 0, opened = 0;
    for (size_t i = 0; i < parts[split].count; i++)
        there += has(dataset->path, parts[split].files[i]);
    if (!there)
        return true;
    struct batch batches[MAX_FILES] = {{0}};
    bool ok = true;
    while (ok && opened < parts[split].count) {
        batches[opened] = (struct batch){.descriptor = -1};
        ok = open_batch(dataset->path, parts[split].files[opened], &batches[opened], error);
        opened++;
    }
    ok = ok && read_batches(&dataset->splits[split], batches, opened, progress, error);
    for (size_t i = 0; i < opened; i++) {
        if (batches[i].descriptor >= 0)
            close(batches[i].descriptor);
        tn_free(batches[i].path);
    }
    return ok;
}

/* The lines of batches.meta.txt; blank ones do not count. */
static bool take_lines(char **names, const char *path, struct tn_error *error)
{
    uint8_t *text;
    size_t size;
    if (!tn_file_read(path, MAX_META, &text, &size, error))
        return false;
    int found = 0;
    bool ok = true;
    for (size_t at = 0, end; ok && at < size && found < CLASSES; at = end + 1) {
        for (end = at; end < size && text[end] != '\n' && text[end] != '\r';)
            end++;
        if (end == at)
            continue;
        names[found] = tn_sprintf("%.*s", (int)(end - at), (const char *)text + at);
        ok = names[found++] || tn_fail_memory(error, "class names", size);
    }
    tn_free(text);
    if (ok && found < CLASSES)
        return tn_fail(error, TN_ERROR_INPUT, "%s: %d class names, expected %d", path, found,
                       CLASSES);
    return ok;
}

/* The published names, for where there is no batches.meta.txt. */
static bool take_standard_names(char **names, struct tn_error *error)
{
    for (int i = 0; i < CLASSES; i++) {
        names[i] = tn_strdup(standard_names[i]);
        if (!names[i])
            return tn_fail_memory(error, "class names", 0);
    }
    return true;
}

static bool read_names(struct tn_dataset *dataset, struct tn_error *error)
{
    dataset->class_names = tn_calloc(CLASSES, sizeof *dataset->class_names);
    char *path = tn_file_join(dataset->path, "batches.meta.txt");
    bool ok = false;
    if (!dataset->class_names || !path)
        tn_fail_memory(error, "class names", 0);
    else if (tn_file_exists(path))
        ok = take_lines(dataset->class_names, path, error);
    else
        ok = take_standard_names(dataset->class_names, error);
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
    return read_split(dataset, TN_TRAIN, progress, error) &&
           read_split(dataset, TN_TEST, progress, error) && read_names(dataset, error);
}
