#include "session_support.h"

#include "core/digest.h"
#include "core/random.h"
#include "quick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 28, TRAIN = 200, QUICK_TRAIN = 100, TEST = 100, CLASSES = 10 };

static void write_be32(FILE *file, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(value >> shift & 255), file);
}

/* A class is a bright square at a place of its own, in noise. */
static void write_image(FILE *file, int label, struct tn_random *random)
{
    int top = 2 + 8 * (label / 4), left = 2 + 6 * (label % 4);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            bool inside = y >= top && y < top + 6 && x >= left && x < left + 6;
            fputc((inside ? 150 : 0) + (int)tn_random_below(random, 100), file);
        }
    }
}

static void write_split(const struct place *place, const char *prefix, int count, uint64_t seed)
{
    char name[96];
    struct tn_random random;
    tn_random_seed(&random, seed, 0);
    snprintf(name, sizeof name, "images/%s-images-idx3-ubyte", prefix);
    FILE *images = fopen(place_path(place, name), "wb");
    snprintf(name, sizeof name, "images/%s-labels-idx1-ubyte", prefix);
    FILE *labels = fopen(place_path(place, name), "wb");
    assert_non_null(images);
    assert_non_null(labels);
    write_be32(images, 0x803);
    write_be32(images, (uint32_t)count);
    write_be32(images, SIDE);
    write_be32(images, SIDE);
    write_be32(labels, 0x801);
    write_be32(labels, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        write_image(images, i % CLASSES, &random);
        fputc(i % CLASSES, labels);
    }
    fclose(images);
    fclose(labels);
}

int place_open(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    strcpy(place->folder, "/tmp/thinet-session-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    assert_int_equal(mkdir(place_path(place, "images"), 0777), 0);
    write_split(place, "train", test_amount(TRAIN, QUICK_TRAIN), 1);
    write_split(place, "t10k", TEST, 2);
    struct tn_error error;
    place->session = tn_session_new(&error);
    assert_non_null(place->session);
    *state = place;
    return 0;
}

int place_close(void **state)
{
    struct place *place = *state;
    tn_session_free(place->session);
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", place->folder);
    int status = system(command);
    free(place);
    return status;
}

const char *place_path(const struct place *place, const char *name)
{
    static char paths[8][160];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", place->folder, name);
    return path;
}

/* Put the folder in for every "@". */
static void expand(const struct place *place, const char *text, char *line, size_t size)
{
    size_t used = 0;
    for (; *text && used + 1 < size; text++) {
        if (*text == '@')
            used += (size_t)snprintf(line + used, size - used, "%s", place->folder);
        else
            line[used++] = *text;
    }
    line[used < size ? used : size - 1] = '\0';
}

static bool run(struct place *place, const char *format, va_list args, json_t **result,
                struct tn_error *error) __attribute__((format(printf, 2, 0)));

static bool run(struct place *place, const char *format, va_list args, json_t **result,
                struct tn_error *error)
{
    char text[512], line[1024];
    vsnprintf(text, sizeof text, format, args);
    expand(place, text, line, sizeof line);
    tn_error_clear(error);
    return tn_session_run(place->session, line, NULL, result, error);
}

json_t *must(struct place *place, const char *format, ...)
{
    struct tn_error error;
    json_t *result;
    va_list args;
    va_start(args, format);
    bool ok = run(place, format, args, &result, &error);
    va_end(args);
    if (!ok)
        fail_msg("%s: %s", format, error.text);
    return result;
}

void done(struct place *place, const char *format, ...)
{
    struct tn_error error;
    va_list args;
    va_start(args, format);
    bool ok = run(place, format, args, NULL, &error);
    va_end(args);
    if (!ok)
        fail_msg("%s: %s", format, error.text);
}

const char *must_fail(struct place *place, const char *format, ...)
{
    static struct tn_error error;
    va_list args;
    va_start(args, format);
    bool ok = run(place, format, args, NULL, &error);
    va_end(args);
    if (ok)
        fail_msg("%s: did not fail", format);
    return error.text;
}

void reopen(struct place *place, const char *path)
{
    struct tn_error error;
    tn_session_free(place->session);
    place->session = tn_session_open(path, &error);
    if (!place->session)
        fail_msg("%s", error.text);
}

/* Digest of a file's bytes. */
static void file_digest(const char *path, char hex[TN_DIGEST_HEX])
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct stat status;
    assert_int_equal(fstat(fileno(file), &status), 0);
    size_t size = (size_t)status.st_size;
    char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    struct tn_digest digest;
    tn_digest_of(&digest, bytes, size);
    tn_digest_hex(&digest, hex);
    free(bytes);
}

static void add_curves(struct place *place, const json_t *layers, json_t *whole)
{
    json_t *rows = json_object_get(layers, "layers"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (whole_in(row, "samples") > 0)
            json_array_append_new(
                whole, must(place, "curve %s", json_string_value(json_object_get(row, "name"))));
    }
}

/* The export in it leaves an entry that changes nothing, which undo and redo pass over. */
char *portrait(struct place *place)
{
    json_t *whole = json_array();
    char hex[TN_DIGEST_HEX];
    json_t *layers = must(place, "layers");
    json_array_append(whole, layers);
    json_array_append_new(whole, must(place, "summary"));
    json_array_append_new(whole, must(place, "groups"));
    add_curves(place, layers, whole);
    json_decref(layers);
    done(place, "export @/portrait.onnx");
    file_digest(place_path(place, "portrait.onnx"), hex);
    json_array_append_new(whole, json_string(hex));
    char *text = json_dumps(whole, JSON_COMPACT);
    json_decref(whole);
    assert_non_null(text);
    return text;
}

double number_in(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("%s is not there or no number", key);
    return json_number_value(value);
}

long long whole_in(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("%s is not there or no whole number", key);
    return (long long)json_integer_value(value);
}

const json_t *row_named(const json_t *result, const char *array, const char *key, const char *name)
{
    const json_t *rows = json_object_get(result, array);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *text = json_string_value(json_object_get(row, key));
        if (text && strcmp(text, name) == 0)
            return row;
    }
    fail_msg("no row %s=%s in %s", key, name, array);
    return NULL;
}
