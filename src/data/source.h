/* Inside of a data set: what the readers of each format fill in and dataset.c serves. */
#ifndef TN_DATA_SOURCE_H
#define TN_DATA_SOURCE_H

#include "data/dataset.h"
#include "data/preprocess.h"
#include <pthread.h>
#include <stdatomic.h>

struct tn_split_data {
    size_t count;

    /* Images in memory: image i is [C,H,W] bytes at pixels + i * pixel_stride, its label the byte
     * at labels + i * label_stride; both point into `buffers`, which the data set owns. */
    const uint8_t *pixels, *labels;
    size_t pixel_stride, label_stride;
    uint8_t *buffers[2];

    /* Images in files: image i is FOLDER/CLASS/NAME, NAME at names + name_at[i]. */
    char *folder, *names;
    size_t *name_at;
    int32_t *file_labels;
    atomic_bool *left_out; /* [count] found corrupt */
};

/* What may change after opening; behind a pointer because data sets are passed around const. */
struct tn_dataset_late {
    pthread_mutex_t lock;
    bool digest_known;
    struct tn_digest digest;
    atomic_size_t left_out;
    char first_left_out[512]; /* written once, before left_out becomes 1 */
};

struct tn_dataset {
    atomic_int references;
    enum tn_data_format format;
    char *path, *name;
    int classes;
    char **class_names;
    int source[3]; /* channels, height, width of images in memory */
    struct tn_pipeline pipeline;
    struct tn_split_data splits[2];
    struct tn_dataset_late *late;
};

/* Each reads dataset->path and fills splits, classes, source and, where known, name and
 * class_names. On failure what was filled in is freed with the data set. */
bool tn_idx_load(struct tn_dataset *dataset, const struct tn_progress *progress,
                 struct tn_error *error);
bool tn_cifar_load(struct tn_dataset *dataset, const struct tn_progress *progress,
                   struct tn_error *error);
bool tn_folder_load(struct tn_dataset *dataset, const struct tn_progress *progress,
                    struct tn_error *error);

/* Does this folder hold data of the format? */
bool tn_idx_present(const char *folder);
bool tn_cifar_present(const char *folder);
bool tn_folder_present(const char *folder);

/* Decode image `index` into new planes (released with tn_free) that `image` points to. */
bool tn_folder_decode(const struct tn_dataset *dataset, enum tn_split split, size_t index,
                      struct tn_planes *image, uint8_t **pixels, struct tn_error *error);
/* Path of an image's file; released with tn_free, NULL when out of memory. */
char *tn_folder_image_path(const struct tn_dataset *dataset, enum tn_split split, size_t index);
/* Digest of names and sizes. */
void tn_folder_digest(const struct tn_dataset *dataset, struct tn_digest *digest);

#endif
