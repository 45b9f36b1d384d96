#include "cutting.h"

#include "core/memory.h"
#include "core/random.h"
#include "engine/network.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 2 };

/* One output for IMAGES images; the engine computes the first. */
static int run_output(const struct tn_graph *graph, int output, float **numbers, int have)
{
    struct tn_error error = {0};
    struct tn_graph *copy = tn_graph_clone(graph, &error);
    assert_non_null(copy);
    copy->outputs[0] = graph->outputs[output];
    copy->outputs[output] = graph->outputs[0];
    struct tn_network *network = tn_network_new(copy, IMAGES, TN_INFER, &error);
    if (!network)
        fail_msg("%s", error.text);
    const struct tn_value *input = &graph->values[graph->inputs[0]];
    size_t pixels = IMAGES * (size_t)(input->dims[1] * input->dims[2] * input->dims[3]);
    float *images = tn_alloc(pixels, sizeof *images);
    struct tn_random random;
    tn_random_seed(&random, 77, 0);
    for (size_t i = 0; i < pixels; i++)
        images[i] = (float)tn_random_normal(&random);
    const float *result;
    if (!tn_network_forward(network, images, IMAGES, NULL, &result, &error))
        fail_msg("%s", error.text);
    int count = IMAGES * tn_network_outputs(network);
    *numbers = tn_realloc(*numbers, (size_t)have, (size_t)(have + count), sizeof **numbers);
    assert_non_null(*numbers);
    memcpy(*numbers + have, result, (size_t)count * sizeof **numbers);
    tn_free(images);
    tn_network_free(network);
    tn_graph_free(copy);
    return have + count;
}

int cutting_run(const struct tn_graph *graph, float **numbers)
{
    int count = 0;
    *numbers = NULL;
    for (int i = 0; i < graph->output_count; i++)
        count = run_output(graph, i, numbers, count);
    return count;
}

/* Factor of channel c at the consumers: 0 for one that goes. */
static double factor_of(const struct tn_cut *cut, int c)
{
    for (int i = 0; i < cut->keep_count; i++) {
        if (cut->keep[i] == c)
            return cut->weights ? cut->weights[i] : 1;
    }
    return 0;
}

/* Which position of the consumer's channel axis weight i belongs to. */
static int position_of(const struct tn_node *node, const struct tn_tensor *weights, size_t i)
{
    size_t kernel = 1, groups = (size_t)tn_node_int(node, "group", 1);
    for (int d = 2; d < weights->rank; d++)
        kernel *= (size_t)weights->dims[d];
    size_t rows = (size_t)weights->dims[0], columns = (size_t)weights->dims[1];
    size_t row = i / kernel / columns, column = i / kernel % columns;
    if (node->op == TN_OP_CONV)
        return (int)(row / (rows / groups) * columns + column);
    bool across = node->op == TN_OP_GEMM && tn_node_int(node, "transB", 0) != 0;
    return (int)(across ? column : row);
}

/* Multiply what a consumer reads of each channel by its factor, in its weights. */
static void scale_consumer(struct tn_graph *graph, const struct tn_consumer *consumer,
                           const struct tn_cut *cut)
{
    const struct tn_node *node = &graph->nodes[consumer->node];
    struct tn_tensor *weights = tn_tensor_copy(tn_node_constant(graph, node, 1), NULL);
    for (size_t i = 0; i < weights->count; i++) {
        int position = position_of(node, weights, i);
        assert_true(position < consumer->count);
        int channel = consumer->channels[position];
        if (channel != TN_NO_CHANNEL)
            tn_tensor_floats(weights)[i] *= (float)factor_of(cut, channel);
    }
    tn_graph_set_constant(graph, node->inputs[1], weights);
}

struct cutting cutting_compare(const struct tn_graph *graph, const struct tn_groups *groups,
                               int count, const struct tn_cut *cuts)
{
    struct tn_error error = {0};
    struct tn_graph *cut = tn_cut_channels(graph, groups, count, cuts, &error);
    if (!cut)
        fail_msg("%s", error.text);
    struct tn_graph *zeroed = tn_graph_clone(graph, NULL);
    for (int i = 0; i < count; i++) {
        const struct tn_group *group = &groups->group[cuts[i].group];
        for (int j = 0; j < group->consumer_count; j++)
            scale_consumer(zeroed, &group->consumers[j], &cuts[i]);
    }
    float *expected, *actual, *before;
    int outputs = cutting_run(zeroed, &expected);
    assert_int_equal(cutting_run(cut, &actual), outputs);
    assert_int_equal(cutting_run(graph, &before), outputs);
    double scale = 1e-3;
    struct cutting found = {0, 0};
    for (int i = 0; i < outputs; i++) {
        assert_true(isfinite(expected[i]) && isfinite(actual[i]));
        scale = fmax(scale, fabs((double)expected[i]));
        found.difference = fmax(found.difference, fabs((double)expected[i] - (double)actual[i]));
        found.change = fmax(found.change, fabs((double)expected[i] - (double)before[i]));
    }
    tn_free(expected);
    tn_free(actual);
    tn_free(before);
    tn_graph_free(zeroed);
    tn_graph_free(cut);
    return (struct cutting){found.difference / scale, found.change / scale};
}

struct cut_list cutting_all(const struct tn_groups *groups, bool (*keeps)(int group, int channel),
                            uint64_t seed)
{
    struct cut_list list = {0, tn_calloc((size_t)groups->count, sizeof *list.cuts)};
    struct tn_random random;
    tn_random_seed(&random, seed, 1);
    for (int g = 0; g < groups->count; g++) {
        const struct tn_group *group = &groups->group[g];
        if (!group->prunable)
            continue;
        int *keep = tn_alloc((size_t)group->channels, sizeof *keep), kept = 0;
        double *weights = tn_alloc((size_t)group->channels, sizeof *weights);
        for (int c = 0; c < group->channels; c++) {
            bool fixed = group->fixed && group->fixed[c];
            if (fixed || keeps(g, c) || (kept == 0 && c == group->channels - 1)) {
                weights[kept] = 0.5 + tn_random_uniform(&random);
                keep[kept++] = c;
            }
        }
        if (seed == 0) {
            tn_free(weights);
            weights = NULL;
        }
        list.cuts[list.count++] =
            (struct tn_cut){.group = g, .keep_count = kept, .keep = keep, .weights = weights};
    }
    return list;
}

void cutting_free(struct cut_list *list)
{
    for (int i = 0; i < list->count; i++) {
        tn_free((void *)list->cuts[i].keep);
        tn_free((void *)list->cuts[i].weights);
    }
    tn_free(list->cuts);
}

static bool every_second(int group, int channel)
{
    return (group + channel) % 2 == 0;
}

static void assert_equal(const struct tn_graph *graph, const struct tn_groups *groups, int count,
                         const struct tn_cut *cuts)
{
    struct cutting found = cutting_compare(graph, groups, count, cuts);
    if (found.difference > 2e-5)
        fail_msg("cut of %s: differs by %g", groups->group[cuts->group].name, found.difference);
    if (found.change < 1e-3) /* the cut was one */
        fail_msg("cut of %s changes nothing", groups->group[cuts->group].name);
}

void cutting_check(const struct tn_graph *graph, enum tn_scope scope, int expected_groups)
{
    struct small_groups of;
    small_groups_of(graph, scope, &of);
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct cut_list list = cutting_all(&of.groups, every_second, seed);
        assert_int_equal(list.count, expected_groups);
        for (int i = 0; i < list.count; i++)
            assert_equal(graph, &of.groups, 1, &list.cuts[i]);
        assert_equal(graph, &of.groups, list.count, list.cuts);
        cutting_free(&list);
    }
    small_groups_free(&of);
}

static void describe(const struct tn_graph *graph, const struct small_groups *of, FILE *file)
{
    for (int g = 0; g < of->groups.count; g++) {
        const struct tn_group *group = &of->groups.group[g];
        fprintf(file, "%s %d", group->name, group->channels);
        if (group->fixed_count > 0)
            fprintf(file, " (%d fixed)", group->fixed_count);
        for (int i = 0; i < group->producer_count; i++)
            fprintf(file, "%s %s", i ? "," : ":", of->layers.layer[group->producers[i]].name);
        for (int i = 0; i < group->through_count; i++)
            fprintf(file, "%s %s:%d", i ? "," : "; through",
                    graph->nodes[group->through[i].node].name, group->through[i].positions);
        for (int i = 0; i < group->consumer_count; i++) {
            const struct tn_consumer *consumer = &group->consumers[i];
            int own = 0;
            for (int c = 0; consumer->channels && c < consumer->count; c++)
                own += consumer->channels[c] != TN_NO_CHANNEL;
            fprintf(file, "%s %s", i ? "," : "; to", graph->nodes[consumer->node].name);
            if (consumer->channels && own == consumer->count)
                fprintf(file, ":%d", own);
            else if (consumer->channels)
                fprintf(file, ":%d/%d", own, consumer->count);
        }
        if (group->why_not)
            fprintf(file, ": %s", group->why_not);
        fputc('\n', file);
    }
}

void cutting_expect(const struct tn_graph *graph, enum tn_scope scope, const char *expected)
{
    struct small_groups of;
    char text[8192] = "";
    small_groups_of(graph, scope, &of);
    FILE *file = fmemopen(text, sizeof text, "w");
    assert_non_null(file);
    describe(graph, &of, file);
    fclose(file);
    assert_string_equal(text, expected);
    small_groups_free(&of);
}

void cutting_both_scopes(struct tn_graph *graph, const char *inner, int inner_groups,
                         const char *all, int all_groups)
{
    cutting_expect(graph, TN_SCOPE_INNER, inner);
    cutting_check(graph, TN_SCOPE_INNER, inner_groups);
    cutting_expect(graph, TN_SCOPE_ALL, all ? all : inner);
    cutting_check(graph, TN_SCOPE_ALL, all ? all_groups : inner_groups);
    tn_graph_free(graph);
}
