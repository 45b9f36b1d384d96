/* Labelled images: IDX, CIFAR binary, image folders, behind one face. Immutable after opening but
 * for the count of files found corrupt; every function is safe from many threads. */
#ifndef TN_DATA_DATASET_H
#define TN_DATA_DATASET_H

#include "core/digest.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tn_split { TN_TRAIN = 0, TN_TEST = 1 };
enum tn_channels { TN_CHANNELS_AUTO, TN_CHANNELS_RGB, TN_CHANNELS_BGR, TN_CHANNELS_GRAY };
enum tn_data_format { TN_FORMAT_AUTO, TN_FORMAT_IDX, TN_FORMAT_CIFAR, TN_FORMAT_FOLDER };

struct tn_data_options {
    /* A folder, or "fashion-mnist": the Debian package, also under $XDG_DATA_HOME. */
    const char *path;
    enum tn_data_format format;
    enum tn_channels channels;
    float scale;               /* pixel 0..255 is multiplied by it first; 0 means 1/255 */
    int mean_count, std_count; /* 0: no shift, no division; 1 or the number of channels */
    float mean[4], std[4];     /* then (x - mean) / std */
    int resize, crop;          /* shorter side, centre square, in pixels; 0: none */
};

struct tn_dataset;

enum { TN_MAX_PIXELS = 100 * 1000 * 1000 }; /* of one image, as stored and as resized */

/* Set everything but path and format to what a preset says: imagenet, imagenet-caffe, cifar10,
 * fashion-mnist. Options the user gave himself are therefore to be set after it. mean and std are
 * in the order of the result's channels (blue first for TN_CHANNELS_BGR). */
bool tn_data_preset(const char *name, struct tn_data_options *options, struct tn_error *error);
const char *tn_data_preset_name(int index); /* NULL past the last */

/* Open the images of options->path: IDX and CIFAR are read into memory whole (as bytes), of an
 * image folder only the names. Either split may be absent (count 0), not both. NULL with an error
 * that names the file and says what was expected; TN_ERROR_CANCELLED when `progress` (may be NULL)
 * says stop. */
struct tn_dataset *tn_dataset_open(const struct tn_data_options *options,
                                   const struct tn_progress *progress, struct tn_error *error);
struct tn_dataset *tn_dataset_ref(struct tn_dataset *dataset);
void tn_dataset_unref(struct tn_dataset *dataset);

size_t tn_dataset_count(const struct tn_dataset *dataset, enum tn_split split);
int tn_dataset_classes(const struct tn_dataset *dataset);
const char *tn_dataset_class_name(const struct tn_dataset *dataset, int label); /* or its number */
const char *tn_dataset_name(const struct tn_dataset *dataset); /* "Fashion-MNIST", folder */
const char *tn_dataset_path(const struct tn_dataset *dataset); /* the folder read, absolute */
enum tn_data_format tn_dataset_format(const struct tn_dataset *dataset);
void tn_dataset_shape(const struct tn_dataset *dataset, int chw[3]);
/* Class of an image, 0 .. classes-1; -1 where there is no such image. */
int tn_dataset_label(const struct tn_dataset *dataset, enum tn_split split, size_t index);
/* Different files that could not be read and were left out (image folders); `first` (may be NULL)
 * names one, or "". Only decoding finds them, so the number can grow. */
size_t tn_dataset_skipped(const struct tn_dataset *dataset, const char **first);
/* Leave an image out that tn_dataset_image refused with TN_ERROR_INPUT, `why` saying so. False,
 * with an error naming the first such file, when more than 10 and more than 1 % of the dataset's
 * images are bad by now. tn_loader does this. */
bool tn_dataset_leave_out(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                          const struct tn_error *why, struct tn_error *error);
/* Digest of the contents (folders: of names and sizes), for --verify. Computed when first asked
 * for. */
const struct tn_digest *tn_dataset_digest(const struct tn_dataset *dataset);

struct tn_augment {
    bool flip; /* mirror left-right with probability 1/2 */
    /* Shift by -pad .. pad in both axes, zeros (before mean and std: black) coming in. */
    int crop_pad;
    uint64_t seed;
    uint64_t epoch;
};

/* Image `index` of a split as float32 [C,H,W], preprocessed; augmented when `augment` is not NULL,
 * with a random stream of its own from (seed, epoch, index). Fails with TN_ERROR_INPUT when the
 * image's file is missing, corrupt or of another size than the rest (image folders only). */
bool tn_dataset_image(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                      const struct tn_augment *augment, float *image, struct tn_error *error);

#endif
