#include "model/zoo.h"

#include "core/random.h"
#include "model/builder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A VGG (Simonyan, Zisserman 2015) small enough to train on a laptop: 3x3 convolutions with
 * BatchNorm, and global average pooling in place of the large classifier. */
static bool build_fashion_vgg(struct tn_builder *builder, const struct tn_zoo_options *options)
{
    static const int filters[3][2] = {{32, 32}, {64, 64}, {128, 128}};
    int x = tn_build_input(builder, "input", options->channels, options->height, options->width);
    char name[32];
    for (int stage = 0; stage < 3; stage++) {
        for (int i = 0; i < 2; i++) {
            const struct tn_conv_options conv = {
                .filters = filters[stage][i], .kernel = 3, .pad = 1};
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

static const struct architecture {
    const char *name;
    struct tn_zoo_options own;
    bool (*build)(struct tn_builder *builder, const struct tn_zoo_options *options);
} architectures[] = {
    {"fashion-vgg", {.channels = 1, .height = 28, .width = 28, .classes = 10}, build_fashion_vgg},
};

enum { ARCHITECTURES = sizeof architectures / sizeof *architectures };

const char *tn_zoo_name(int index)
{
    return index >= 0 && index < ARCHITECTURES ? architectures[index].name : NULL;
}

static const struct architecture *find(const char *name, struct tn_error *error)
{
    char names[256] = "";
    for (int i = 0; i < ARCHITECTURES; i++) {
        if (strcmp(architectures[i].name, name) == 0)
            return &architectures[i];
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", architectures[i].name);
    }
    tn_fail(error, TN_ERROR_USE, "no built-in network is called '%s'; there are: %s", name, names);
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
    if (architecture->build(&builder, &chosen) && tn_graph_initialise(graph, chosen.seed, error))
        return graph;
    tn_graph_free(graph);
    tn_fail_in(error, "%s", name);
    return NULL;
}

/* What a constant of a node starts as. */
struct draw {
    double deviation; /* 0: all are `mean` */
    double mean;
};

static bool redraw(struct tn_graph *graph, const struct tn_node *node, int input, struct draw draw,
                   uint64_t seed, uint64_t stream, struct tn_error *error)
{
    const struct tn_tensor *old = tn_node_constant(graph, node, input);
    if (!old || old->dtype != TN_FLOAT32)
        return true;
    struct tn_tensor *fresh = tn_tensor_new(TN_FLOAT32, old->rank, old->dims, error);
    if (!fresh)
        return false;
    struct tn_random random;
    tn_random_seed(&random, seed, stream);
    float *numbers = tn_tensor_floats(fresh);
    for (size_t i = 0; i < fresh->count; i++)
        numbers[i] = (float)(draw.mean +
                             (draw.deviation > 0 ? draw.deviation * tn_random_normal(&random) : 0));
    tn_graph_set_constant(graph, node->inputs[input], fresh);
    return true;
}

/* He et al. 2015, eq. 14: the backward signal keeps its variance. */
static double he_deviation(const struct tn_tensor *weight)
{
    if (!weight || weight->rank < 3 || weight->count == 0 || weight->dims[1] == 0)
        return 0;
    double fan_out = (double)weight->count / (double)weight->dims[1];
    return sqrt(2.0 / fan_out);
}

bool tn_graph_initialise(struct tn_graph *graph, uint64_t seed, struct tn_error *error)
{
    const struct draw zero = {0, 0}, one = {0, 1}, gemm = {0.01, 0};
    uint64_t stream = 0; /* one for every node, so that layers do not depend on each other's size */
    for (int i = 0; i < graph->node_count; i++, stream++) {
        const struct tn_node *node = &graph->nodes[i];
        bool ok = true;
        if (node->op == TN_OP_CONV) {
            const struct draw he = {he_deviation(tn_node_constant(graph, node, 1)), 0};
            ok = redraw(graph, node, 1, he, seed, stream, error) &&
                 redraw(graph, node, 2, zero, seed, stream, error);
        } else if (node->op == TN_OP_GEMM) {
            ok = redraw(graph, node, 1, gemm, seed, stream, error) &&
                 redraw(graph, node, 2, zero, seed, stream, error);
        } else if (node->op == TN_OP_BATCH_NORM) {
            ok = redraw(graph, node, 1, one, seed, stream, error) &&
                 redraw(graph, node, 2, zero, seed, stream, error) &&
                 redraw(graph, node, 3, zero, seed, stream, error) &&
                 redraw(graph, node, 4, one, seed, stream, error);
        }
        if (!ok)
            return false;
    }
    return true;
}
