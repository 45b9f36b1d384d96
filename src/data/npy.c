/* NumPy's format (NEP 1): "\x93NUMPY", version, length of the header, the header as a Python
 * dictionary
 * {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, the elements. */
#include "data/npy.h"

#include "core/file.h"
#include "core/memory.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "elements are copied as they lie in the file");

enum { PREFIX = 6, MAX_HEADER = 1 << 16, ALIGN = 64, PIECE = 1 << 16 };

static const char magic[PREFIX + 1] = "\x93NUMPY";

/* Element types that are read; all but the first two floats become int64. */
enum element { FLOAT32, FLOAT64, INT64, INT32, UINT32, INT16, UINT16, INT8, UINT8 };

static const struct {
    const char *descr;
    enum element element;
    size_t size;
} types[] = {
    {"<f4", FLOAT32, 4}, {"<f8", FLOAT64, 8}, {"<i8", INT64, 8},  {"<i4", INT32, 4},
    {"<u4", UINT32, 4},  {"<i2", INT16, 2},   {"<u2", UINT16, 2}, {"|i1", INT8, 1},
    {"|u1", UINT8, 1},   {"|b1", UINT8, 1},
};

struct header {
    int type; /* in `types`; -1: not seen yet */
    bool order_seen, shape_seen, fortran;
    int rank;
    int64_t dims[TN_MAX_RANK];
};

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n')
        at++;
    return at;
}

/* Step over `text` after blanks; NULL (also for a NULL `at`) where it is not there. */
static const char *expect(const char *at, const char *text)
{
    if (!at)
        return NULL;
    at = skip_blanks(at);
    size_t length = strlen(text);
    return strncmp(at, text, length) == 0 ? at + length : NULL;
}

/* A quoted word into `word`; NULL where there is none or it is too long. */
static const char *parse_word(const char *at, char *word, size_t room)
{
    at = skip_blanks(at);
    char quote = *at;
    if (quote != '\'' && quote != '"')
        return NULL;
    const char *end = strchr(++at, quote);
    if (!end || (size_t)(end - at) >= room)
        return NULL;
    memcpy(word, at, (size_t)(end - at));
    word[end - at] = '\0';
    return end + 1;
}

static const char *parse_descr(const char *at, struct header *header, const char *path,
                               struct tn_error *error)
{
    char descr[32];
    at = parse_word(at, descr, sizeof descr);
    if (!at) {
        tn_fail(error, TN_ERROR_INPUT, "%s: element type is not a plain one", path);
        return NULL;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(descr, types[i].descr) == 0)
            header->type = (int)i;
    if (header->type < 0) {
        tn_fail(error, TN_ERROR_INPUT,
                "%s: elements are '%s', expected little-endian '<f4', '<f8' or integers", path,
                descr);
        return NULL;
    }
    return at;
}

static const char *parse_order(const char *at, struct header *header)
{
    const char *yes = expect(at, "True"), *no = expect(at, "False");
    header->order_seen = true;
    header->fortran = yes != NULL;
    return yes ? yes : no;
}

/* A tuple: (), (3,), (2, 3), (2, 3,) */
static const char *parse_shape(const char *at, struct header *header)
{
    header->shape_seen = true;
    at = expect(at, "(");
    while (at && !expect(at, ")")) {
        at = skip_blanks(at);
        if (!isdigit((unsigned char)*at) || header->rank == TN_MAX_RANK)
            return NULL;
        char *end;
        errno = 0;
        header->dims[header->rank++] = strtoll(at, &end, 10);
        if (errno)
            return NULL;
        const char *comma = expect(end, ",");
        if (!comma && (header->rank == 1 || !expect(end, ")")))
            return NULL; /* (3) is not a tuple */
        at = comma ? comma : end;
    }
    return expect(at, ")");
}

/* Parse the dictionary, keys in any order, each once. */
static bool parse_header(const char *text, struct header *header, const char *path,
                         struct tn_error *error)
{
    const char *at = expect(text, "{");
    header->type = -1;
    while (at && !expect(at, "}")) {
        char key[32];
        at = expect(parse_word(at, key, sizeof key), ":");
        if (!at)
            break;
        if (strcmp(key, "descr") == 0 && header->type < 0) {
            at = parse_descr(at, header, path, error);
            if (!at)
                return false;
        } else if (strcmp(key, "fortran_order") == 0 && !header->order_seen) {
            at = parse_order(at, header);
        } else if (strcmp(key, "shape") == 0 && !header->shape_seen) {
            at = parse_shape(at, header);
        } else {
            at = NULL;
        }
        if (at && !expect(at, "}"))
            at = expect(at, ",");
    }
    at = expect(at, "}");
    if (!at || *skip_blanks(at) || header->type < 0 || !header->order_seen || !header->shape_seen)
        return tn_fail(
            error, TN_ERROR_INPUT,
            "%s: damaged NumPy header, expected {'descr': .., 'fortran_order': .., 'shape': (..)} "
            "with at most %d dimensions",
            path, TN_MAX_RANK);
    if (header->fortran && header->rank > 1)
        return tn_fail(error, TN_ERROR_INPUT,
                       "%s: Fortran order, expected C order (numpy.ascontiguousarray)", path);
    return true;
}

/* Read magic, version and header; *offset becomes where the elements begin. */
static bool read_header(int descriptor, const char *path, size_t size, struct header *header,
                        size_t *offset, struct tn_error *error)
{
    uint8_t start[PREFIX + 6];
    size_t short_start = PREFIX + 4;
    if (size < short_start)
        return tn_fail(error, TN_ERROR_INPUT, "%s: not a NumPy .npy file (%zu bytes)", path, size);
    if (!tn_file_fill(descriptor, path, start, short_start, error))
        return false;
    if (memcmp(start, magic, PREFIX) != 0)
        return tn_fail(error, TN_ERROR_INPUT, "%s: not a NumPy .npy file", path);
    int version = start[PREFIX];
    if (version < 1 || version > 3 || start[PREFIX + 1] != 0)
        return tn_fail(error, TN_ERROR_INPUT, "%s: NumPy format %d.%d, expected 1.0 to 3.0", path,
                       version, start[PREFIX + 1]);
    size_t length = start[PREFIX + 2] | (size_t)start[PREFIX + 3] << 8;
    *offset = short_start;
    if (version > 1) {
        if (!tn_file_fill(descriptor, path, start + short_start, 2, error))
            return false;
        length |= (size_t)start[PREFIX + 4] << 16 | (size_t)start[PREFIX + 5] << 24;
        *offset += 2;
    }
    if (length > MAX_HEADER)
        return tn_fail(error, TN_ERROR_INPUT, "%s: a header of %zu bytes, expected at most %d",
                       path, length, MAX_HEADER);
    char *text = tn_calloc(length + 1, 1);
    if (!text)
        return tn_fail_memory(error, path, length + 1);
    bool ok = tn_file_fill(descriptor, path, text, length, error) &&
              parse_header(text, header, path, error);
    tn_free(text);
    *offset += length;
    return ok;
}

/* Before memory is taken: do the elements fill the rest of the file exactly? */
static bool check_size(const struct header *header, const char *path, size_t rest,
                       struct tn_error *error)
{
    size_t bytes = types[header->type].size;
    bool fits = true;
    for (int i = 0; i < header->rank; i++)
        fits = fits && tn_mul(bytes, (size_t)header->dims[i], &bytes);
    if (fits && bytes == rest)
        return true;
    return tn_fail(error, TN_ERROR_INPUT, "%s: %zu bytes of elements, its shape needs %s%zu", path,
                   rest, fits ? "" : "more than ", fits ? bytes : rest);
}

static int64_t load_integer(const uint8_t *at, enum element element)
{
    union {
        int32_t i4;
        uint32_t u4;
        int16_t i2;
        uint16_t u2;
        int8_t i1;
    } value;
    switch (element) {
    case INT32:
        memcpy(&value.i4, at, 4);
        return value.i4;
    case UINT32:
        memcpy(&value.u4, at, 4);
        return value.u4;
    case INT16:
        memcpy(&value.i2, at, 2);
        return value.i2;
    case UINT16:
        memcpy(&value.u2, at, 2);
        return value.u2;
    case INT8:
        memcpy(&value.i1, at, 1);
        return value.i1;
    default:
        return *at;
    }
}

static bool read_elements(int descriptor, const char *path, const struct header *header,
                          struct tn_tensor *tensor, struct tn_error *error)
{
    enum element element = types[header->type].element;
    size_t size = types[header->type].size;
    if (element <= INT64)
        return tn_file_fill(descriptor, path, tensor->data, tensor->bytes, error);
    uint8_t piece[PIECE];
    int64_t *out = tn_tensor_ints(tensor);
    for (size_t done = 0, count; done < tensor->count; done += count) {
        count = tensor->count - done < PIECE / size ? tensor->count - done : PIECE / size;
        if (!tn_file_fill(descriptor, path, piece, count * size, error))
            return false;
        for (size_t i = 0; i < count; i++)
            out[done + i] = load_integer(piece + i * size, element);
    }
    return true;
}

struct tn_tensor *tn_npy_read(const char *path, struct tn_error *error)
{
    size_t size, offset = 0;
    int descriptor = tn_file_open(path, &size, error);
    if (descriptor < 0)
        return NULL;
    struct header header = {0};
    struct tn_tensor *tensor = NULL;
    if (read_header(descriptor, path, size, &header, &offset, error) &&
        check_size(&header, path, size - offset, error)) {
        enum element element = types[header.type].element;
        enum tn_dtype dtype = element == FLOAT32   ? TN_FLOAT32
                              : element == FLOAT64 ? TN_DOUBLE
                                                   : TN_INT64;
        tensor = tn_tensor_new(dtype, header.rank, header.dims, error);
        if (!tensor) {
            tn_fail_in(error, "%s", path);
        } else if (!read_elements(descriptor, path, &header, tensor, error)) {
            tn_tensor_unref(tensor);
            tensor = NULL;
        }
    }
    close(descriptor);
    return tensor;
}

static const char *descr_of(enum tn_dtype dtype)
{
    switch (dtype) {
    case TN_FLOAT32:
        return "<f4";
    case TN_DOUBLE:
        return "<f8";
    case TN_INT64:
        return "<i8";
    }
    return NULL;
}

/* Magic, version 1.0 and the header, padded so that the elements begin at a multiple of ALIGN. */
static size_t make_header(const struct tn_tensor *tensor, char text[1024])
{
    char shape[TN_MAX_RANK * 24] = "";
    size_t used = 0;
    for (int i = 0; i < tensor->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%lld%s",
                                 (long long)tensor->dims[i],
                                 i + 1 < tensor->rank ? ", "
                                 : tensor->rank == 1  ? ","
                                                      : "");
    size_t start = PREFIX + 4;
    size_t length =
        start + (size_t)snprintf(text + start, 1024 - start,
                                 "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                                 descr_of(tensor->dtype), shape);
    size_t whole = (length + 1 + ALIGN - 1) / ALIGN * ALIGN;
    memset(text + length, ' ', whole - length);
    text[whole - 1] = '\n';
    memcpy(text, magic, PREFIX);
    text[PREFIX] = 1;
    text[PREFIX + 1] = 0;
    text[PREFIX + 2] = (char)((whole - start) & 0xff);
    text[PREFIX + 3] = (char)((whole - start) >> 8);
    return whole;
}

bool tn_npy_write(const char *path, const struct tn_tensor *tensor, struct tn_error *error)
{
    char header[1024];
    size_t length = make_header(tensor, header);
    return tn_file_write(path, 2, (const void *const[]){header, tensor->data},
                         (const size_t[]){length, tensor->bytes}, error);
}
