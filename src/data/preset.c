#include "data/dataset.h"

#include <string.h>

/* Values of the networks these presets are for: torchvision's ImageNet models; the VGG and ResNet
 * Caffe models (blue, green, red; 0..255); Idelbayev's CIFAR-10 ResNets; Fashion-MNIST's own mean
 * and deviation. */
static const struct preset {
    const char *name;
    struct tn_data_options options;
} presets[] = {
    {"imagenet",
     {.scale = 1.0f / 255.0f,
      .channels = TN_CHANNELS_RGB,
      .mean_count = 3,
      .mean = {0.485f, 0.456f, 0.406f},
      .std_count = 3,
      .std = {0.229f, 0.224f, 0.225f},
      .resize = 256,
      .crop = 224}},
    {"imagenet-caffe",
     {.scale = 1.0f,
      .channels = TN_CHANNELS_BGR,
      .mean_count = 3,
      .mean = {103.939f, 116.779f, 123.68f},
      .resize = 256,
      .crop = 224}},
    {"cifar10",
     {.scale = 1.0f / 255.0f,
      .channels = TN_CHANNELS_RGB,
      .mean_count = 3,
      .mean = {0.485f, 0.456f, 0.406f},
      .std_count = 3,
      .std = {0.229f, 0.224f, 0.225f}}},
    {"fashion-mnist",
     {.scale = 1.0f / 255.0f,
      .channels = TN_CHANNELS_GRAY,
      .mean_count = 1,
      .mean = {0.2860f},
      .std_count = 1,
      .std = {0.3530f}}},
};

enum { PRESETS = sizeof presets / sizeof presets[0] };

const char *tn_data_preset_name(int index)
{
    return index >= 0 && index < PRESETS ? presets[index].name : NULL;
}

bool tn_data_preset(const char *name, struct tn_data_options *options, struct tn_error *error)
{
    for (int i = 0; i < PRESETS; i++) {
        if (strcmp(presets[i].name, name) != 0)
            continue;
        struct tn_data_options filled = presets[i].options;
        filled.path = options->path;
        filled.format = options->format;
        *options = filled;
        return true;
    }
    return tn_fail(
        error, TN_ERROR_USE,
        "unknown preset \"%s\", expected imagenet, imagenet-caffe, cifar10 or fashion-mnist", name);
}
