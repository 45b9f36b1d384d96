/* AlexNet in one tower (Krizhevsky 2014), the form torchvision has. */
#include "model/zoo_families.h"

#include <stdio.h>

static int build_convolution(struct tn_builder *builder, int number, int x,
                             const struct tn_conv_options *conv, bool pool)
{
    char name[32];
    snprintf(name, sizeof name, "conv%d", number);
    x = tn_build_conv(builder, name, x, conv);
    snprintf(name, sizeof name, "relu%d", number);
    x = tn_build_relu(builder, name, x);
    snprintf(name, sizeof name, "pool%d", number);
    return pool ? tn_build_max_pool(builder, name, x, 3, 2, 0) : x;
}

bool tn_build_alexnet(struct tn_builder *builder, const struct tn_zoo_options *options, int variant)
{
    static const struct {
        struct tn_conv_options conv;
        bool pool;
    } convolutions[5] = {
        {{.filters = 64, .kernel = 11, .stride = 4, .pad = 2, .bias = true}, true},
        {{.filters = 192, .kernel = 5, .pad = 2, .bias = true}, true},
        {{.filters = 384, .kernel = 3, .pad = 1, .bias = true}, false},
        {{.filters = 256, .kernel = 3, .pad = 1, .bias = true}, false},
        {{.filters = 256, .kernel = 3, .pad = 1, .bias = true}, true},
    };
    (void)variant;
    int x = tn_build_input(builder, "input", options->channels, options->height, options->width);
    for (int i = 0; i < 5; i++)
        x = build_convolution(builder, i + 1, x, &convolutions[i].conv, convolutions[i].pool);
    x = tn_build_flatten(builder, "flatten", x);
    for (int i = 6; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "drop%d", i);
        x = tn_build_dropout(builder, name, x, 0.5f);
        snprintf(name, sizeof name, "fc%d", i);
        x = tn_build_gemm(builder, name, x, 4096);
        snprintf(name, sizeof name, "relu%d", i);
        x = tn_build_relu(builder, name, x);
    }
    x = tn_build_gemm(builder, "fc8", x, options->classes);
    return tn_build_output(builder, "logits", x);
}
