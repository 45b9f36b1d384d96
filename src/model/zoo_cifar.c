/* The residual networks for CIFAR (He et al. 2016, "Deep residual learning", section 4.2): three
 * stages of n blocks of two 3x3 convolutions, 6 n + 2 layers, with shortcuts of option A: where the
 * image is halved the stream is sampled at every second place and its new channels are zero. */
#include "model/zoo_families.h"

#include <stdio.h>

static int build_part(struct tn_builder *builder, const char *block, const char *part, int number,
                      int x, const struct tn_conv_options *conv)
{
    char name[48];
    snprintf(name, sizeof name, "%s%s%d", block, part, number);
    return conv ? tn_build_conv(builder, name, x, conv) : tn_build_batch_norm(builder, name, x);
}

static int build_relu(struct tn_builder *builder, const char *block, int number, int x)
{
    char name[48];
    snprintf(name, sizeof name, "%srelu%d", block, number);
    return tn_build_relu(builder, name, x);
}

/* [N,C,H,W] to [N,filters,H/2,W/2], the C channels in the middle. */
static int build_shortcut(struct tn_builder *builder, const char *block, int x, int filters)
{
    char name[48];
    int channels = tn_build_channels(builder, x), before = (filters - channels) / 2;
    snprintf(name, sizeof name, "%sslice", block);
    x = tn_build_every_second(builder, name, x);
    snprintf(name, sizeof name, "%spad", block);
    return tn_build_pad_channels(builder, name, x, before, filters - channels - before);
}

static int build_block(struct tn_builder *builder, const char *block, int x, int filters,
                       int stride)
{
    const struct tn_conv_options first = {.filters = filters,
                                          .kernel = 3,
                                          .stride = stride,
                                          .pad = 1},
                                 second = {.filters = filters, .kernel = 3, .pad = 1};
    char name[48];
    int stream = x;
    x = build_part(builder, block, "conv", 1, x, &first);
    x = build_part(builder, block, "bn", 1, x, NULL);
    x = build_relu(builder, block, 1, x);
    x = build_part(builder, block, "conv", 2, x, &second);
    x = build_part(builder, block, "bn", 2, x, NULL);
    if (stride > 1)
        stream = build_shortcut(builder, block, stream, filters);
    snprintf(name, sizeof name, "%sadd", block);
    x = tn_build_add(builder, name, x, stream);
    return build_relu(builder, block, 2, x);
}

bool tn_build_cifar_resnet(struct tn_builder *builder, const struct tn_zoo_options *options,
                           int depth)
{
    const struct tn_conv_options first = {.filters = 16, .kernel = 3, .pad = 1};
    int x = tn_build_input(builder, "input", options->channels, options->height, options->width);
    x = build_part(builder, "", "conv", 1, x, &first);
    x = build_part(builder, "", "bn", 1, x, NULL);
    x = tn_build_relu(builder, "relu", x);
    for (int stage = 0; stage < 3; stage++) {
        for (int i = 0; i < (depth - 2) / 6; i++) {
            char block[32];
            snprintf(block, sizeof block, "layer%d.%d.", stage + 1, i);
            x = build_block(builder, block, x, 16 << stage, stage > 0 && i == 0 ? 2 : 1);
        }
    }
    x = tn_build_global_pool(builder, "pool", x);
    x = tn_build_flatten(builder, "flatten", x);
    x = tn_build_gemm(builder, "fc", x, options->classes);
    return tn_build_output(builder, "logits", x);
}
