#include "small_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void put_number(FILE *file, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        putc((int)(number >> shift & 255), file);
}

/* An IDX file of bytes; its first number says how many dimensions there are. */
static bool write_idx(const char *path, int rank, const uint32_t *dims, struct tn_random *random)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    put_number(file, 0x800 + (uint32_t)rank);
    uint32_t count = 1;
    for (int i = 0; i < rank; i++) {
        put_number(file, dims[i]);
        count *= dims[i];
    }
    for (uint32_t i = 0; i < count; i++)
        putc(random ? (int)tn_random_below(random, 256) : (int)(i % SMALL_CLASSES), file);
    return fclose(file) == 0;
}

struct tn_dataset *small_dataset(uint64_t seed)
{
    static const uint32_t dims[] = {SMALL_IMAGES, SMALL_SIDE, SMALL_SIDE};
    char folder[] = "/tmp/thinet-small-data-XXXXXX", images[80], labels[80];
    struct tn_random random;
    tn_random_seed(&random, seed, 0);
    if (!mkdtemp(folder))
        return NULL;
    snprintf(images, sizeof images, "%s/train-images-idx3-ubyte", folder);
    snprintf(labels, sizeof labels, "%s/train-labels-idx1-ubyte", folder);
    struct tn_data_options options = {.path = folder, .channels = TN_CHANNELS_RGB};
    struct tn_dataset *dataset = NULL;
    if (write_idx(images, 3, dims, &random) && write_idx(labels, 1, dims, NULL))
        dataset = tn_dataset_open(&options, NULL, NULL);
    unlink(images);
    unlink(labels);
    rmdir(folder);
    return dataset;
}
