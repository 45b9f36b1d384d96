/* What the tests of data share: a temporary folder, and files of every format written into it. */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include "data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs those above */

/* cmocka fixtures: a new folder in *state (its path), removed with all that is in it. */
int make_scratch(void **state);
int remove_scratch(void **state);

/* FOLDER/NAME; the result lives for the next 63 calls. */
const char *in_folder(const char *folder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void make_folder(const char *path);
void write_bytes(const char *path, const void *bytes, size_t size);
void write_gzip(const char *path, const void *bytes, size_t size);
size_t read_bytes(const char *path, void *bytes, size_t room);

/* IDX: header and bytes; dims[rank]. Returns the length. */
size_t make_idx(uint8_t *to, int rank, const uint32_t *dims, const uint8_t *data);
/* train- and t10k- files of `train` and `test` images of 3x4, pixel k of image i being i * 16 + k,
 * label i % 3. */
void write_idx_folder(const char *folder, unsigned train, unsigned test, bool gzip);

/* CIFAR batch of `count` records: label i % 10, pixel k being (first + i) * 7 + k. */
void write_cifar_batch(const char *path, unsigned first, unsigned count);

/* 8-bit PNG of 1 (gray), 2 (gray, alpha), 3 or 4 channels, rows of interleaved pixels. */
void write_png(const char *path, int width, int height, int channels, const uint8_t *pixels);
void write_jpeg(const char *path, int width, int height, int channels, const uint8_t *pixels);

/* A test image: gray or RGB values that differ everywhere. */
void paint(uint8_t *pixels, int width, int height, int channels, unsigned seed);

/* Open, with an assertion that it works; or that it fails with an error containing each of the
 * words (the last being NULL). */
struct tn_dataset *open_data(const struct tn_data_options *options);
void refuse_data(const struct tn_data_options *options, enum tn_error_kind kind, ...);

#endif
