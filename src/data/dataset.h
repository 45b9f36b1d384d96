/* Labelled images: IDX, CIFAR binary, image folders, behind one face. Immutable after opening; every
 * function is safe from many threads. */
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
    const char *path; /* a folder, or "fashion-mnist": the Debian package, also under $XDG_DATA_HOME */
    enum tn_data_format format;
    enum tn_channels channels;
    float scale;                /* pixel 0..255 is multiplied by it first; 0 means 1/255 */
    int mean_count, std_count;  /* 0: no shift, no division; 1 or the number of channels */
    float mean[4], std[4];      /* then (x - mean) / std */
    int resize, crop;           /* shorter side, centre square, in pixels; 0: none */
};

struct tn_dataset;

/* Fill what a preset says (mean, std, scale, resize, crop, channels): imagenet, imagenet-caffe, cifar10,
 * fashion-mnist. */
bool tn_data_preset(const char *name, struct tn_data_options *options, struct tn_error *error);
const char *tn_data_preset_name(int index); /* NULL past the last */

struct tn_dataset *tn_dataset_open(const struct tn_data_options *options,
                                   const struct tn_progress *progress, struct tn_error *error);
struct tn_dataset *tn_dataset_ref(struct tn_dataset *dataset);
void tn_dataset_unref(struct tn_dataset *dataset);

size_t tn_dataset_count(const struct tn_dataset *dataset, enum tn_split split);
int tn_dataset_classes(const struct tn_dataset *dataset);
const char *tn_dataset_class_name(const struct tn_dataset *dataset, int label); /* or its number */
const char *tn_dataset_name(const struct tn_dataset *dataset);                  /* "Fashion-MNIST", folder */
void tn_dataset_shape(const struct tn_dataset *dataset, int chw[3]);
int tn_dataset_label(const struct tn_dataset *dataset, enum tn_split split, size_t index);
/* Files that could not be read and were left out (image folders); `first` names one, or "". */
size_t tn_dataset_skipped(const struct tn_dataset *dataset, const char **first);
/* Digest of the contents (folders: of names and sizes), for --verify. */
const struct tn_digest *tn_dataset_digest(const struct tn_dataset *dataset);

struct tn_augment {
    bool flip;    /* mirror left-right with probability 1/2 */
    int crop_pad; /* shift by -pad .. pad in both axes, zeros (before mean and std: black) coming in */
    uint64_t seed;
    uint64_t epoch;
};

/* Image `index` of a split as float32 [C,H,W], preprocessed; augmented when `augment` is not NULL, with a
 * random stream of its own from (seed, epoch, index). */
bool tn_dataset_image(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                      const struct tn_augment *augment, float *image, struct tn_error *error);

#endif
