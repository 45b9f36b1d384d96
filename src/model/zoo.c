#include "model/zoo.h"

#include "model/zoo_families.h"

#include <stdio.h>
#include <string.h>

static const struct architecture {
    const char *name;
    tn_zoo_build_fn *build;
    int variant;
    struct tn_zoo_options own;
} architectures[] = {
    {"fashion-vgg", tn_build_fashion_vgg, 0, {1, 28, 28, 10, 0}},
    {"vgg16", tn_build_vgg16, TN_VGG_DENSE, {3, 224, 224, 1000, 0}},
    {"vgg16-gap", tn_build_vgg16, TN_VGG_GAP, {3, 224, 224, 1000, 0}},
    {"resnet50", tn_build_resnet50, TN_STRIDE_ON_1X1, {3, 224, 224, 1000, 0}},
    {"resnet50-v1.5", tn_build_resnet50, TN_STRIDE_ON_3X3, {3, 224, 224, 1000, 0}},
    {"alexnet", tn_build_alexnet, 0, {3, 224, 224, 1000, 0}},
    {"resnet20", tn_build_cifar_resnet, 20, {3, 32, 32, 10, 0}},
    {"resnet32", tn_build_cifar_resnet, 32, {3, 32, 32, 10, 0}},
    {"resnet44", tn_build_cifar_resnet, 44, {3, 32, 32, 10, 0}},
    {"resnet56", tn_build_cifar_resnet, 56, {3, 32, 32, 10, 0}},
    {"resnet110", tn_build_cifar_resnet, 110, {3, 32, 32, 10, 0}},
};

enum { ARCHITECTURES = sizeof architectures / sizeof *architectures };

/* More weights than this are a slip in `in=` or `classes=`, not a network to be pruned here. */
static const int64_t most_weights = INT64_C(1) << 31;

const char *tn_zoo_name(int index)
{
    return index >= 0 && index < ARCHITECTURES ? architectures[index].name : NULL;
}

void tn_zoo_names(char *text, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < ARCHITECTURES && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                                 architectures[i].name);
}

static const struct architecture *find(const char *name, struct tn_error *error)
{
    for (int i = 0; i < ARCHITECTURES; i++) {
        if (strcmp(architectures[i].name, name) == 0)
            return &architectures[i];
    }
    char names[256];
    tn_zoo_names(names, sizeof names);
    tn_fail(error, TN_ERROR_USE, "no built-in network is called '%.60s'; there are: %s", name,
            names);
    return NULL;
}

static bool choose(int wanted, int own, int most, const char *what, int *chosen,
                   struct tn_error *error)
{
    *chosen = wanted ? wanted : own;
    if (*chosen < 1 || *chosen > most)
        return tn_fail(error, TN_ERROR_USE, "%s is %d, expected 1 to %d", what, wanted, most);
    return true;
}

struct tn_graph *tn_zoo_build(const char *name, const struct tn_zoo_options *options,
                              struct tn_error *error)
{
    const struct architecture *architecture = find(name, error);
    if (!architecture)
        return NULL;
    const struct tn_zoo_options *own = &architecture->own;
    struct tn_zoo_options chosen = *options;
    if (!choose(options->channels, own->channels, 4096, "the number of channels", &chosen.channels,
                error) ||
        !choose(options->height, own->height, 4096, "the height", &chosen.height, error) ||
        !choose(options->width, own->width, 4096, "the width", &chosen.width, error) ||
        !choose(options->classes, own->classes, 1000000, "the number of classes", &chosen.classes,
                error))
        return NULL;
    struct tn_builder builder;
    struct tn_graph *graph = tn_builder_start(&builder, name, error);
    if (!graph)
        return NULL;
    builder.most_weights = most_weights;
    if (architecture->build(&builder, &chosen, architecture->variant) &&
        tn_graph_initialise(graph, chosen.seed, error))
        return graph;
    tn_graph_free(graph);
    tn_fail_in(error, "%s", name);
    return NULL;
}
