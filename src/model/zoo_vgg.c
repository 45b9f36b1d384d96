/* VGG (Simonyan, Zisserman 2015). */
#include "model/zoo_families.h"

#include <stdio.h>

/* Small enough to train on a laptop: 3x3 convolutions with BatchNorm, and global average pooling in
 * place of the large classifier. */
bool tn_build_fashion_vgg(struct tn_builder *builder, const struct tn_zoo_options *options,
                          int variant)
{
    static const int filters[3] = {32, 64, 128};
    (void)variant;
    int x = tn_build_input(builder, "input", options->channels, options->height, options->width);
    char name[32];
    for (int stage = 0; stage < 3; stage++) {
        for (int i = 0; i < 2; i++) {
            const struct tn_conv_options conv = {.filters = filters[stage], .kernel = 3, .pad = 1};
            snprintf(name, sizeof name, "conv%d_%d", stage + 1, i + 1);
            x = tn_build_conv(builder, name, x, &conv);
            snprintf(name, sizeof name, "bn%d_%d", stage + 1, i + 1);
            x = tn_build_batch_norm(builder, name, x);
            snprintf(name, sizeof name, "relu%d_%d", stage + 1, i + 1);
            x = tn_build_relu(builder, name, x);
        }
        snprintf(name, sizeof name, "pool%d", stage + 1);
        x = stage < 2 ? tn_build_max_pool(builder, name, x, 2, 2, 0)
                      : tn_build_global_pool(builder, name, x);
    }
    x = tn_build_flatten(builder, "flatten", x);
    x = tn_build_gemm(builder, "fc", x, options->classes);
    return tn_build_output(builder, "logits", x);
}

static int build_dense_layer(struct tn_builder *builder, int number, int x)
{
    char name[32];
    snprintf(name, sizeof name, "fc%d", number);
    x = tn_build_gemm(builder, name, x, 4096);
    snprintf(name, sizeof name, "relu%d", number);
    x = tn_build_relu(builder, name, x);
    snprintf(name, sizeof name, "drop%d", number);
    return tn_build_dropout(builder, name, x, 0.5f);
}

/* Configuration D. TN_VGG_DENSE has the three fully connected layers, TN_VGG_GAP global average
 * pooling and one (ThiNet-GAP: Luo et al. 2017, section 4.2). */
bool tn_build_vgg16(struct tn_builder *builder, const struct tn_zoo_options *options, int variant)
{
    static const struct {
        int convolutions, filters;
    } stages[5] = {{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}};
    int x = tn_build_input(builder, "input", options->channels, options->height, options->width);
    char name[32];
    for (int stage = 0; stage < 5; stage++) {
        const struct tn_conv_options conv = {
            .filters = stages[stage].filters, .kernel = 3, .pad = 1, .bias = true};
        for (int i = 0; i < stages[stage].convolutions; i++) {
            snprintf(name, sizeof name, "conv%d_%d", stage + 1, i + 1);
            x = tn_build_conv(builder, name, x, &conv);
            snprintf(name, sizeof name, "relu%d_%d", stage + 1, i + 1);
            x = tn_build_relu(builder, name, x);
        }
        snprintf(name, sizeof name, "pool%d", stage + 1);
        x = stage == 4 && variant == TN_VGG_GAP ? tn_build_global_pool(builder, name, x)
                                                : tn_build_max_pool(builder, name, x, 2, 2, 0);
    }
    x = tn_build_flatten(builder, "flatten", x);
    for (int i = 6; i < 8 && variant == TN_VGG_DENSE; i++)
        x = build_dense_layer(builder, i, x);
    x = tn_build_gemm(builder, "fc8", x, options->classes);
    return tn_build_output(builder, "logits", x);
}
