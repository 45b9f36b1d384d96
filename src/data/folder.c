/* Image folders: train/CLASS/NAME.png|jpg|jpeg and val/ (or test/) the same. Only names are kept.
 */
#include "core/file.h"
#include "core/memory.h"
#include "data/decode.h"
#include "data/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const size_t most_file_bytes = (size_t)1 << 29;

/* The entries of one folder that were wanted. */
struct names {
    char **items;
    size_t count, room;
};

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        tn_free(names->items[i]);
    tn_free(names->items);
    *names = (struct names){0};
}

static bool add_name(struct names *names, const char *name, struct tn_error *error)
{
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        char **items = tn_realloc(names->items, names->count, room, sizeof *items);
        if (!items)
            return tn_fail_memory(error, "file names", room * sizeof *items);
        names->items = items;
        names->room = room;
    }
    names->items[names->count] = tn_strdup(name);
    if (!names->items[names->count])
        return tn_fail_memory(error, "a file name", strlen(name));
    names->count++;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Kind of an entry, following links; readdir knows it mostly without a system call. */
static bool entry_is(const char *folder, const struct dirent *entry, bool want_folder)
{
    if (entry->d_type == DT_DIR)
        return want_folder;
    if (entry->d_type == DT_REG)
        return !want_folder;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return false;
    char *path = tn_file_join(folder, entry->d_name);
    struct stat status;
    bool ok = path && stat(path, &status) == 0 &&
              (want_folder ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode));
    tn_free(path);
    return ok;
}

static bool is_image_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                   strcasecmp(dot, ".jpeg") == 0);
}

/* Folders or image files in a folder, sorted by bytes; hidden ones are not looked at. */
static bool list(const char *folder, bool want_folders, struct names *names, struct tn_error *error)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return tn_fail(error, errno == EMFILE || errno == ENOMEM ? TN_ERROR_SYSTEM : TN_ERROR_INPUT,
                       "%s: cannot be listed: %s", folder, strerror(errno));
    bool ok = true;
    const struct dirent *entry;
    for (errno = 0; ok && (entry = readdir(directory)); errno = 0) {
        const char *name = entry->d_name;
        if (name[0] != '.' && (want_folders || is_image_name(name)) &&
            entry_is(folder, entry, want_folders))
            ok = add_name(names, name, error);
    }
    if (ok && errno)
        ok = tn_fail(error, TN_ERROR_INPUT, "%s: cannot be listed: %s", folder, strerror(errno));
    closedir(directory);
    if (ok && names->count)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    return ok;
}

/* Room for the names of a split while they are collected. */
struct room {
    size_t names, used, images;
};

static bool reserve(struct tn_split_data *data, struct room *room, size_t images, size_t bytes,
                    struct tn_error *error)
{
    if (data->count + images > room->images) {
        size_t grown = 2 * (data->count + images);
        size_t *name_at = tn_realloc(data->name_at, data->count, grown, sizeof *name_at);
        if (name_at)
            data->name_at = name_at;
        int32_t *labels = tn_realloc(data->file_labels, data->count, grown, sizeof *labels);
        if (labels)
            data->file_labels = labels;
        if (!name_at || !labels)
            return tn_fail_memory(error, "the list of images", grown * sizeof *name_at);
        room->images = grown;
    }
    if (room->used + bytes > room->names) {
        size_t grown = 2 * (room->used + bytes);
        char *names = tn_realloc(data->names, room->used, grown, 1);
        if (!names)
            return tn_fail_memory(error, "the list of images", grown);
        data->names = names;
        room->names = grown;
    }
    return true;
}

static bool add_class(struct tn_split_data *data, struct room *room, int label, const char *name,
                      struct tn_error *error)
{
    char *folder = tn_file_join(data->folder, name);
    struct names files = {0};
    bool ok = folder ? list(folder, false, &files, error) : tn_fail_memory(error, "a path", 0);
    if (ok && files.count == 0)
        ok = tn_fail(error, TN_ERROR_INPUT, "%s: a class without images (png, jpg, jpeg)", folder);
    size_t bytes = 0;
    for (size_t i = 0; i < files.count; i++)
        bytes += strlen(files.items[i]) + 1;
    ok = ok && reserve(data, room, files.count, bytes, error);
    for (size_t i = 0; ok && i < files.count; i++) {
        size_t length = strlen(files.items[i]) + 1;
        memcpy(data->names + room->used, files.items[i], length);
        data->name_at[data->count] = room->used;
        data->file_labels[data->count++] = label;
        room->used += length;
    }
    free_names(&files);
    tn_free(folder);
    return ok;
}

static int find_class(const struct tn_dataset *dataset, const char *name)
{
    char **found = bsearch(&name, dataset->class_names, (size_t)dataset->classes,
                           sizeof *dataset->class_names, compare_names);
    return found ? (int)(found - dataset->class_names) : -1;
}

/* The first split found says which classes there are. */
static void take_classes(struct tn_dataset *dataset, struct names *classes)
{
    dataset->class_names = classes->items;
    dataset->classes = (int)classes->count;
    *classes = (struct names){0};
}

static bool add_classes(struct tn_dataset *dataset, struct tn_split_data *data, char **names,
                        size_t count, const struct tn_progress *progress, struct tn_error *error)
{
    struct room room = {0};
    for (size_t i = 0; i < count; i++) {
        int label = find_class(dataset, names[i]);
        if (label < 0)
            return tn_fail(error, TN_ERROR_INPUT,
                           "%s/%s: a class that the training images do not have", data->folder,
                           names[i]);
        if (!tn_progress_step(progress, "listing images", (double)i, (double)count, "classes",
                              names[i], error) ||
            !add_class(data, &room, label, names[i], error))
            return false;
    }
    data->left_out = tn_calloc(data->count, sizeof *data->left_out);
    return data->left_out || tn_fail_memory(error, "the list of images", data->count);
}

static bool read_split(struct tn_dataset *dataset, struct tn_split_data *data, const char *name,
                       const struct tn_progress *progress, struct tn_error *error)
{
    data->folder = tn_file_join(dataset->path, name);
    if (!data->folder)
        return tn_fail_memory(error, "a path", 0);
    struct names classes = {0};
    bool ok = list(data->folder, true, &classes, error);
    if (ok && classes.count == 0)
        ok = tn_fail(error, TN_ERROR_INPUT, "%s: no class folders, expected %s/CLASS/*.png|jpg",
                     data->folder, name);
    if (ok && !dataset->class_names) {
        take_classes(dataset, &classes);
        ok = add_classes(dataset, data, dataset->class_names, (size_t)dataset->classes, progress,
                         error);
    } else if (ok) {
        ok = add_classes(dataset, data, classes.items, classes.count, progress, error);
    }
    free_names(&classes);
    return ok;
}

static bool has_folder(const char *root, const char *name)
{
    char *path = tn_file_join(root, name);
    bool yes = path && tn_file_is_folder(path);
    tn_free(path);
    return yes;
}

bool tn_folder_present(const char *folder)
{
    return has_folder(folder, "train") || has_folder(folder, "val") || has_folder(folder, "test");
}

bool tn_folder_load(struct tn_dataset *dataset, const struct tn_progress *progress,
                    struct tn_error *error)
{
    const char *root = dataset->path;
    if (!tn_folder_present(root))
        return tn_fail(error, TN_ERROR_INPUT, "%s: no folder train, val or test", root);
    if (has_folder(root, "train") &&
        !read_split(dataset, &dataset->splits[TN_TRAIN], "train", progress, error))
        return false;
    /* A test folder is often the one without published labels, so val goes first. */
    const char *test = has_folder(root, "val") ? "val" : has_folder(root, "test") ? "test" : NULL;
    return !test || read_split(dataset, &dataset->splits[TN_TEST], test, progress, error);
}

char *tn_folder_image_path(const struct tn_dataset *dataset, enum tn_split split, size_t index)
{
    const struct tn_split_data *data = &dataset->splits[split];
    return tn_sprintf("%s/%s/%s", data->folder, dataset->class_names[data->file_labels[index]],
                      data->names + data->name_at[index]);
}

bool tn_folder_decode(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                      struct tn_planes *image, uint8_t **pixels, struct tn_error *error)
{
    char *path = tn_folder_image_path(dataset, split, index);
    uint8_t *bytes = NULL;
    size_t size;
    if (!path)
        return tn_fail_memory(error, "a path", 0);
    bool ok = tn_file_read(path, most_file_bytes, &bytes, &size, error) &&
              tn_decode(path, bytes, size, image, pixels, error);
    tn_free(bytes);
    tn_free(path);
    return ok;
}

/* Append "CLASS/NAME SIZE\n" for one image; a file that is gone counts as -1 bytes. */
static size_t describe(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                       char *text, size_t room)
{
    const struct tn_split_data *data = &dataset->splits[split];
    char *path = tn_folder_image_path(dataset, split, index);
    struct stat status;
    long long size = path && stat(path, &status) == 0 ? (long long)status.st_size : -1;
    tn_free(path);
    int length = snprintf(text, room, "%d/%s/%s %lld\n", (int)split,
                          dataset->class_names[data->file_labels[index]],
                          data->names + data->name_at[index], size);
    return (size_t)length < room ? (size_t)length : room - 1;
}

/* A chain: digest of (digest so far, next block of lines), so that memory stays flat. */
void tn_folder_digest(const struct tn_dataset *dataset, struct tn_digest *digest)
{
    enum { BLOCK = 1 << 15, LONGEST = 1024 };
    char block[BLOCK];
    size_t used = 0;
    tn_digest_of(digest, "folder", 6);
    for (int split = 0; split < 2; split++) {
        for (size_t i = 0; i < dataset->splits[split].count; i++) {
            used += describe(dataset, (enum tn_split)split, i, block + used, LONGEST);
            bool last = split == TN_TEST && i + 1 == dataset->splits[split].count;
            if (used + LONGEST <= BLOCK && !last)
                continue;
            struct tn_digest before = *digest;
            tn_digest_pieces(digest, 2, (const void *[]){before.bytes, block},
                             (size_t[]){sizeof before.bytes, used});
            used = 0;
        }
    }
    struct tn_digest before = *digest;
    tn_digest_pieces(digest, 2, (const void *[]){before.bytes, block},
                     (size_t[]){sizeof before.bytes, used});
}
