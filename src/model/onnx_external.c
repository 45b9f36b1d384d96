/* Tensors whose data is in files beside the model's ("external data": location, offset, length). A
 * model can name any file, so only those in its own folder are opened, whatever links say. */
#include "core/file.h"
#include "core/memory.h"
#include "model/element.h"
#include "model/onnx_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tensors may share data, but a small model must not take many times what its files hold. */
enum { MOST_TIMES = 4 };

struct data_file {
    dev_t device;
    ino_t number;
    size_t taken; /* bytes, of all tensors */
};

struct tn_onnx_external {
    char *folder; /* without links, ends with a slash */
    char *last;   /* location looked up last, and where that is: most models have one file */
    char *last_path;
    size_t file_count;
    struct data_file *files;
};

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? tn_sprintf("%.*s/", (int)(slash - path), path) : tn_strdup("./");
    char *real = folder ? realpath(folder, NULL) : NULL;
    tn_free(folder);
    char *ended = real ? tn_sprintf("%s%s", real, strcmp(real, "/") == 0 ? "" : "/") : NULL;
    free(real);
    return ended;
}

struct tn_onnx_external *tn_onnx_external_new(const char *model_path, struct tn_error *error)
{
    struct tn_onnx_external *external = tn_calloc(1, sizeof *external);
    if (external)
        external->folder = folder_of(model_path);
    if (external && external->folder)
        return external;
    tn_free(external);
    tn_fail(error, TN_ERROR_SYSTEM, "%s: its folder cannot be found", model_path);
    return NULL;
}

void tn_onnx_external_free(struct tn_onnx_external *external)
{
    if (!external)
        return;
    tn_free(external->folder);
    tn_free(external->last);
    tn_free(external->last_path);
    tn_free(external->files);
    tn_free(external);
}

const char *tn_onnx_external_value(const Onnx__TensorProto *proto, const char *key)
{
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const Onnx__StringStringEntryProto *entry = proto->external_data[i];
        if (entry->key && entry->value && strcmp(entry->key, key) == 0)
            return entry->value;
    }
    return NULL;
}

static bool goes_up(const char *location)
{
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t length = strcspn(part, "/");
        if (length == 2 && memcmp(part, "..", 2) == 0)
            return true;
    }
    return false;
}

/* The file without links; new memory, NULL with an error. */
static char *find_file(const struct tn_onnx_external *external, const char *location,
                       struct tn_error *error)
{
    if (location[0] == '\0' || location[0] == '/' || goes_up(location)) {
        tn_fail(error, TN_ERROR_INPUT,
                "its data is in '%s', expected a file in the model's own folder", location);
        return NULL;
    }
    char *path = tn_sprintf("%s%s", external->folder, location);
    char *real = path ? realpath(path, NULL) : NULL;
    int number = errno;
    char *found = real ? tn_strdup(real) : NULL;
    free(real);
    tn_free(path);
    if (!found) {
        tn_fail(error, number == ENOMEM ? TN_ERROR_SYSTEM : TN_ERROR_INPUT,
                "its data is in '%s', which cannot be opened: %s", location, strerror(number));
        return NULL;
    }
    if (strncmp(found, external->folder, strlen(external->folder)) == 0)
        return found;
    tn_free(found);
    tn_fail(error, TN_ERROR_INPUT,
            "its data is in '%s', a link that leads out of the model's own folder", location);
    return NULL;
}

static bool read_number(const Onnx__TensorProto *proto, const char *key, size_t *number,
                        struct tn_error *error)
{
    const char *text = tn_onnx_external_value(proto, key);
    if (!text)
        return true;
    char *end = NULL;
    errno = 0;
    unsigned long long read = strtoull(text, &end, 10);
    bool figures = text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
    if (!figures || errno != 0 || read > INT64_MAX)
        return tn_fail(error, TN_ERROR_INPUT, "the %s of its data is '%s', expected a number", key,
                       text);
    *number = (size_t)read;
    return true;
}

static bool find_path(struct tn_onnx_external *external, const char *location,
                      struct tn_error *error)
{
    if (external->last && strcmp(external->last, location) == 0)
        return true;
    char *path = find_file(external, location, error);
    char *name = path ? tn_strdup(location) : NULL;
    if (!name) {
        if (path)
            tn_fail_memory(error, "a path", strlen(location));
        tn_free(path);
        return false;
    }
    tn_free(external->last);
    tn_free(external->last_path);
    external->last = name;
    external->last_path = path;
    return true;
}

static struct data_file *file_of(struct tn_onnx_external *external, const struct stat *status,
                                 struct tn_error *error)
{
    for (size_t i = external->file_count; i > 0; i--) {
        struct data_file *file = &external->files[i - 1];
        if (file->device == status->st_dev && file->number == status->st_ino)
            return file;
    }
    size_t count = external->file_count;
    struct data_file *more = tn_realloc(external->files, count, count + 1, sizeof *more);
    if (!more) {
        tn_fail_memory(error, "a list of files", (count + 1) * sizeof *more);
        return NULL;
    }
    external->files = more;
    more[count] = (struct data_file){status->st_dev, status->st_ino, 0};
    external->file_count = count + 1;
    return &more[count];
}

static bool count_taken(struct tn_onnx_external *external, int descriptor, size_t size,
                        struct tn_error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return tn_fail(error, TN_ERROR_INPUT, "%s: cannot be examined: %s", external->last_path,
                       strerror(errno));
    struct data_file *file = file_of(external, &status, error);
    if (!file)
        return false;
    if (__builtin_add_overflow(file->taken, size, &file->taken) ||
        file->taken / MOST_TIMES > (size_t)status.st_size)
        return tn_fail(error, TN_ERROR_INPUT,
                       "the tensors take the data of '%s' more than %d times over", external->last,
                       MOST_TIMES);
    return true;
}

static struct tn_tensor *read_from(int descriptor, const char *path, size_t offset,
                                   const struct tn_onnx_claim *claim, struct tn_error *error)
{
    struct tn_mapping *mapping = tn_mapping_new(descriptor, path, offset, claim->size, error);
    struct tn_tensor *tensor =
        mapping ? tn_onnx_tensor_of_bytes(claim, mapping->bytes, mapping, error) : NULL;
    tn_mapping_unref(mapping);
    return tensor;
}

struct tn_tensor *tn_onnx_read_external(struct tn_onnx_external *external,
                                        const Onnx__TensorProto *proto,
                                        const struct tn_onnx_claim *claim, struct tn_error *error)
{
    const char *location = tn_onnx_external_value(proto, "location");
    size_t offset = 0, length = claim->size, file_size = 0;
    if (!location) {
        tn_fail(error, TN_ERROR_INPUT, "its data is in another file, which it does not name");
        return NULL;
    }
    if (!read_number(proto, "offset", &offset, error) ||
        !read_number(proto, "length", &length, error))
        return NULL;
    if (length != claim->size) {
        tn_fail(error, TN_ERROR_INPUT, "its data is %zu bytes long, its dimensions say %zu", length,
                claim->size);
        return NULL;
    }
    if (!find_path(external, location, error))
        return NULL;
    int descriptor = tn_file_open(external->last_path, &file_size, error);
    if (descriptor < 0)
        return NULL;
    struct tn_tensor *tensor = NULL;
    if (offset > file_size || length > file_size - offset)
        tn_fail(error, TN_ERROR_INPUT,
                "its data is %zu bytes from %zu of '%s', which has only %zu bytes", length, offset,
                location, file_size);
    else if (count_taken(external, descriptor, length, error))
        tensor = read_from(descriptor, external->last_path, offset, claim, error);
    close(descriptor);
    return tensor;
}
