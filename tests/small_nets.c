#include "small_nets.h"

#include "small_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void conv(struct small_graph *s, int channels, int filters, int kernel, int stride,
                 int groups)
{
    int64_t pad = kernel / 2;
    small_conv(s, channels, filters, (const int64_t[]){kernel, kernel},
               (const int64_t[]){stride, stride}, (const int64_t[]){1, 1},
               (const int64_t[]){pad, pad, pad, pad}, groups, true);
}

static void relu(struct small_graph *s)
{
    small_node(s, "Relu", 0, NULL);
}

static void max_pool(struct small_graph *s)
{
    struct tn_node *node = small_node(s, "MaxPool", 0, NULL);
    assert_true(tn_node_set_ints(node, "kernel_shape", 2, (const int64_t[]){2, 2}, NULL));
    assert_true(tn_node_set_ints(node, "strides", 2, (const int64_t[]){2, 2}, NULL));
}

static void gemm(struct small_graph *s, int features, int outputs, bool transposed)
{
    int constants[2];
    const int64_t dims[] = {transposed ? outputs : features, transposed ? features : outputs};
    constants[0] = small_constant(s, "matrix", 2, dims, 0, 1);
    constants[1] = small_constant(s, "bias", 1, (const int64_t[]){outputs}, 0, 1);
    struct tn_node *node = small_node(s, "Gemm", 2, constants);
    assert_true(tn_node_set_int(node, "transB", transposed, NULL));
}

static void classify(struct small_graph *s, int channels, int classes)
{
    small_node(s, "GlobalAveragePool", 0, NULL);
    small_node(s, "Flatten", 0, NULL);
    gemm(s, channels, classes, true);
}

struct tn_graph *chain_net(uint64_t seed)
{
    struct small_graph s;
    small_begin(&s, 3, 8, 8, seed);
    conv(&s, 3, 6, 3, 1, 1);
    small_norm(&s, 6);
    relu(&s);
    max_pool(&s);
    conv(&s, 6, 8, 3, 2, 1);
    relu(&s);
    classify(&s, 8, 5);
    return small_end(&s);
}

static struct tn_graph *flat_net(uint64_t seed, const int64_t *shape)
{
    struct small_graph s;
    small_begin(&s, 3, 8, 8, seed);
    conv(&s, 3, 4, 3, 1, 1);
    relu(&s);
    max_pool(&s);
    if (shape) {
        int constant = small_whole_numbers(&s, "shape", 2, shape);
        small_node(&s, "Reshape", 1, &constant);
    } else {
        small_node(&s, "Flatten", 0, NULL);
    }
    gemm(&s, 64, 7, false);
    relu(&s);
    small_node(&s, "Dropout", 0, NULL);
    gemm(&s, 7, 5, true);
    return small_end(&s);
}

struct tn_graph *flatten_net(uint64_t seed)
{
    return flat_net(seed, NULL);
}

struct tn_graph *reshape_net(uint64_t seed, const int64_t shape[2])
{
    return flat_net(seed, shape);
}

struct tn_graph *residual_net(uint64_t seed)
{
    struct small_graph s;
    small_begin(&s, 3, 8, 8, seed);
    conv(&s, 3, 8, 3, 1, 1);
    small_norm(&s, 8);
    relu(&s);
    for (int block = 0; block < 2; block++) {
        int shortcut = s.last;
        conv(&s, 8, 6, 3, 1, 1);
        small_norm(&s, 6);
        relu(&s);
        conv(&s, 6, 8, 3, 1, 1);
        small_norm(&s, 8);
        small_node(&s, "Add", 1, &shortcut);
        relu(&s);
    }
    classify(&s, 8, 4);
    return small_end(&s);
}

/* ResNet's option A (He et al. 2015, section 4.2): every second pixel, and zeros for the new
 * channels. */
static int shortcut_of(struct small_graph *s, int input)
{
    s->last = input;
    int cut[4];
    cut[0] = small_whole_numbers(s, "starts", 2, (const int64_t[]){0, 0});
    cut[1] = small_whole_numbers(s, "ends", 2, (const int64_t[]){INT32_MAX, INT32_MAX});
    cut[2] = small_whole_numbers(s, "axes", 2, (const int64_t[]){2, 3});
    cut[3] = small_whole_numbers(s, "steps", 2, (const int64_t[]){2, 2});
    small_node(s, "Slice", 4, cut);
    int pads = small_whole_numbers(s, "pads", 8, (const int64_t[]){0, 2, 0, 0, 0, 2, 0, 0});
    small_node(s, "Pad", 1, &pads);
    return s->last;
}

struct tn_graph *shortcut_net(uint64_t seed)
{
    struct small_graph s;
    small_begin(&s, 3, 8, 8, seed);
    conv(&s, 3, 4, 3, 1, 1);
    relu(&s);
    int input = s.last;
    int shortcut = shortcut_of(&s, input);
    s.last = input;
    conv(&s, 4, 6, 3, 2, 1);
    relu(&s);
    conv(&s, 6, 8, 3, 1, 1);
    small_node(&s, "Add", 1, &shortcut);
    relu(&s);
    classify(&s, 8, 4);
    return small_end(&s);
}

struct tn_graph *depthwise_net(uint64_t seed)
{
    struct small_graph s;
    small_begin(&s, 3, 8, 8, seed);
    conv(&s, 3, 6, 1, 1, 1);
    small_norm(&s, 6);
    relu(&s);
    conv(&s, 6, 6, 3, 1, 6);
    small_norm(&s, 6);
    relu(&s);
    conv(&s, 6, 4, 1, 1, 1);
    conv(&s, 4, 6, 3, 1, 2);
    relu(&s);
    classify(&s, 6, 3);
    return small_end(&s);
}

void small_groups_of(const struct tn_graph *graph, enum tn_scope scope, struct small_groups *of)
{
    struct tn_error error = {0};
    if (!tn_layers_of(graph, &of->layers, &error) ||
        !tn_groups_of(graph, &of->layers, scope, &of->groups, &error))
        fail_msg("%s", error.text);
}

void small_groups_free(struct small_groups *of)
{
    tn_groups_free(&of->groups);
    tn_layers_free(&of->layers);
}

int small_group_index(const struct small_groups *of, const char *layer)
{
    int index = tn_layers_find(&of->layers, layer);
    assert_true(index >= 0);
    return of->groups.of_layer[index];
}

const struct tn_group *small_group(const struct small_groups *of, const char *layer)
{
    return &of->groups.group[small_group_index(of, layer)];
}
