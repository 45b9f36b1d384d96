/* ResNet-50 (He et al. 2016, "Deep residual learning"), layers named as in its Caffe form. */
#include "model/zoo_families.h"

#include <stdio.h>

/* A convolution with its BatchNorm: res2a_branch2a, bn2a_branch2a. `block` is "2a", `branch` "2a".
 */
static int build_convolution(struct tn_builder *builder, const char *block, const char *branch,
                             int x, const struct tn_conv_options *conv)
{
    char name[48];
    snprintf(name, sizeof name, "res%s_branch%s", block, branch);
    x = tn_build_conv(builder, name, x, conv);
    snprintf(name, sizeof name, "bn%s_branch%s", block, branch);
    return tn_build_batch_norm(builder, name, x);
}

static int build_relu(struct tn_builder *builder, const char *block, const char *branch, int x)
{
    char name[48];
    snprintf(name, sizeof name, "res%s%s_relu", block, branch);
    return tn_build_relu(builder, name, x);
}

struct block {
    char name[8];
    int width;  /* filters of the first two convolutions; the last has four times as many */
    int stride; /* of the whole block */
    bool first; /* of its stage: its shortcut is a convolution */
};

/* 1x1, 3x3, 1x1, and the shortcut. The first form had the stride on the first 1x1; the one called
 * v1.5 (Facebook's reimplementation, torchvision) on the 3x3. */
static int build_bottleneck(struct tn_builder *builder, const struct block *block, int x,
                            int variant)
{
    const int on_1x1 = variant == TN_STRIDE_ON_1X1 ? block->stride : 1,
              on_3x3 = variant == TN_STRIDE_ON_1X1 ? 1 : block->stride;
    const struct tn_conv_options reduce = {.filters = block->width, .kernel = 1, .stride = on_1x1},
                                 middle = {.filters = block->width,
                                           .kernel = 3,
                                           .stride = on_3x3,
                                           .pad = 1},
                                 expand = {.filters = 4 * block->width, .kernel = 1},
                                 shortcut = {.filters = 4 * block->width,
                                             .kernel = 1,
                                             .stride = block->stride};
    int stream = x;
    if (block->first)
        stream = build_convolution(builder, block->name, "1", x, &shortcut);
    x = build_convolution(builder, block->name, "2a", x, &reduce);
    x = build_relu(builder, block->name, "_branch2a", x);
    x = build_convolution(builder, block->name, "2b", x, &middle);
    x = build_relu(builder, block->name, "_branch2b", x);
    x = build_convolution(builder, block->name, "2c", x, &expand);
    char name[16];
    snprintf(name, sizeof name, "res%s", block->name);
    x = tn_build_add(builder, name, stream, x);
    return build_relu(builder, block->name, "", x);
}

bool tn_build_resnet50(struct tn_builder *builder, const struct tn_zoo_options *options,
                       int variant)
{
    static const int blocks[4] = {3, 4, 6, 3};
    const struct tn_conv_options first = {.filters = 64, .kernel = 7, .stride = 2, .pad = 3};
    int x = tn_build_input(builder, "input", options->channels, options->height, options->width);
    x = tn_build_conv(builder, "conv1", x, &first);
    x = tn_build_batch_norm(builder, "bn_conv1", x);
    x = tn_build_relu(builder, "conv1_relu", x);
    x = tn_build_max_pool(builder, "pool1", x, 3, 2, 1);
    for (int stage = 0; stage < 4; stage++) {
        for (int i = 0; i < blocks[stage]; i++) {
            struct block block = {
                .width = 64 << stage, .stride = stage > 0 && i == 0 ? 2 : 1, .first = i == 0};
            snprintf(block.name, sizeof block.name, "%d%c", stage + 2, 'a' + i);
            x = build_bottleneck(builder, &block, x, variant);
        }
    }
    x = tn_build_global_pool(builder, "pool5", x);
    x = tn_build_flatten(builder, "flatten", x);
    x = tn_build_gemm(builder, "fc1000", x, options->classes);
    return tn_build_output(builder, "logits", x);
}
