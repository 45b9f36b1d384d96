/* model/onnx_*.c: what is written comes back, with and without weights. */
#include "model_support.h"

#include "core/memory.h"
#include "model/element.h"
#include "model/onnx.h"
#include "model/onnx_parts.h"
#include "model/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder for the files of one test. */
static int make_folder(void **state)
{
    char *folder = tn_strdup("/tmp/thinet-onnx-XXXXXX");
    *state = mkdtemp(folder);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    int status = rmdir(*state);
    tn_free(*state);
    return status;
}

static char *path_in(void **state, const char *name)
{
    return tn_sprintf("%s/%s", (const char *)*state, name);
}

static struct tn_graph *there_and_back(const struct tn_graph *graph)
{
    struct tn_error error = {0};
    uint8_t *bytes;
    size_t size;
    assert_true(tn_onnx_encode(graph, true, &bytes, &size, &error));
    struct tn_graph *back = tn_onnx_decode(bytes, size, "memory", NULL, NULL, &error);
    if (!back)
        fail_msg("%s", error.text);
    tn_free(bytes);
    return back;
}

static void add_property(struct tn_model_info *info, const char *key, const char *value)
{
    info->property_count = 1;
    info->property_keys = tn_calloc(1, sizeof *info->property_keys);
    info->property_values = tn_calloc(1, sizeof *info->property_values);
    info->property_keys[0] = tn_strdup(key);
    info->property_values[0] = tn_strdup(value);
}

static void a_file_holds_the_whole_network(void **state)
{
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    char *path = path_in(state, "small.onnx");
    graph->info.opset = 11;
    graph->info.model_version = 4;
    graph->info.producer_version = tn_strdup("1.2");
    graph->info.doc_string = tn_strdup("a small network");
    graph->info.domain = tn_strdup("org.example");
    add_property(&graph->info, "trained on", "nothing");
    assert_true(tn_onnx_write(graph, path, &error));
    struct tn_graph *back = tn_onnx_read(path, &error);
    assert_non_null(back);
    model_assert_same(graph, back);
    assert_true(tn_onnx_write(back, path, &error)); /* over the old one */
    tn_graph_free(back);
    tn_graph_free(graph);
    assert_int_equal(unlink(path), 0);
    tn_free(path);
}

static void a_fixed_batch_comes_back_fixed(void **state)
{
    (void)state;
    struct tn_graph *graph = model_small();
    tn_free(graph->info.batch_name);
    graph->info.batch_name = NULL;
    graph->info.batch_size = 4;
    struct tn_graph *back = there_and_back(graph);
    model_assert_same(graph, back);
    assert_int_equal(back->values[back->inputs[0]].dims[0], TN_BATCH);
    tn_graph_free(back);
    tn_graph_free(graph);
}

/* Gives out the tensors of another graph by digest. */
static struct tn_tensor *from_graph(void *context, const struct tn_digest *digest,
                                    struct tn_error *error)
{
    const struct tn_graph *graph = context;
    for (int i = 0; i < graph->value_count; i++) {
        struct tn_tensor *tensor = graph->values[i].constant;
        if (tensor && tn_digest_equal(tn_tensor_digest(tensor), digest))
            return tn_tensor_ref(tensor);
    }
    tn_fail(error, TN_ERROR_INPUT, "no such tensor");
    return NULL;
}

static struct tn_tensor *from_nowhere(void *context, const struct tn_digest *digest,
                                      struct tn_error *error)
{
    (void)context;
    (void)digest;
    tn_fail(error, TN_ERROR_INPUT, "no such tensor");
    return NULL;
}

static struct tn_tensor *always_the_same(void *context, const struct tn_digest *digest,
                                         struct tn_error *error)
{
    (void)digest;
    (void)error;
    return tn_tensor_ref(context);
}

static void without_weights_a_source_gives_them_back(void **state)
{
    (void)state;
    struct tn_error error = {0};
    const struct tn_zoo_options options = {.seed = 2};
    struct tn_graph *graph = tn_zoo_build("fashion-vgg", &options, &error);
    uint8_t *bytes;
    size_t size;
    assert_true(tn_onnx_encode(graph, false, &bytes, &size, &error));
    assert_true(size < 12000);
    struct tn_graph *back = tn_onnx_decode(bytes, size, "snapshot", from_graph, graph, &error);
    assert_non_null(back);
    model_assert_same(graph, back);
    int weight = tn_graph_find_value(graph, "conv3_2.weight");
    int same = tn_graph_find_value(back, "conv3_2.weight");
    assert_ptr_equal(graph->values[weight].constant, back->values[same].constant);
    tn_graph_free(back);

    assert_null(tn_onnx_decode(bytes, size, "snapshot", NULL, NULL, &error));
    assert_non_null(strstr(error.text, "snapshot: tensor 'conv1_1.weight'"));
    assert_null(tn_onnx_decode(bytes, size, "snapshot", from_nowhere, NULL, &error));
    assert_non_null(strstr(error.text, "no such tensor"));
    struct tn_tensor *wrong = graph->values[weight].constant;
    assert_null(tn_onnx_decode(bytes, size, "snapshot", always_the_same, wrong, &error));
    assert_non_null(strstr(error.text, "another type or shape"));
    tn_free(bytes);
    tn_graph_free(graph);
}

static void unknown_operators_are_shown_and_written_as_they_came(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_begin(4, (const int64_t[]){TN_BATCH, 3, 8, 8});
    const int x = 0;
    int node = model_node(graph, "Swirl", "swirl", 1, &x);
    tn_free(graph->nodes[node].domain);
    graph->nodes[node].domain = tn_strdup("org.example");
    graph->info.opset_count = 1;
    graph->info.opset_domains = tn_calloc(1, sizeof(char *));
    graph->info.opset_domains[0] = tn_strdup("org.example");
    graph->info.opset_versions = tn_calloc(1, sizeof(int64_t));
    graph->info.opset_versions[0] = 3;
    graph->info.graph_name = tn_strdup("strange");
    assert_true(tn_node_set_float(&graph->nodes[node], "angle", 0.25f, &error));
    assert_true(tn_node_set_ints(&graph->nodes[node], "none", 0, NULL, &error));
    assert_true(tn_graph_add_output(graph, model_output(graph, node), &error));
    struct tn_graph *back = there_and_back(graph);
    model_assert_same(graph, back);
    assert_int_equal(back->nodes[0].op, TN_OP_UNKNOWN);
    tn_graph_free(back);
    tn_graph_free(graph);
}

/* Bytes of a network after a change to its message. */
static uint8_t *changed(const struct tn_graph *graph, void (*change)(Onnx__ModelProto *model),
                        size_t *size)
{
    struct tn_error error = {0};
    uint8_t *bytes;
    assert_true(tn_onnx_encode(graph, true, &bytes, size, &error));
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, *size, bytes);
    assert_non_null(model);
    tn_free(bytes);
    change(model);
    *size = onnx__model_proto__get_packed_size(model);
    bytes = malloc(*size);
    onnx__model_proto__pack(model, bytes);
    onnx__model_proto__free_unpacked(model, NULL);
    return bytes;
}

static Onnx__TensorProto *initializer(Onnx__ModelProto *model, const char *name)
{
    for (size_t i = 0; i < model->graph->n_initializer; i++)
        if (strcmp(model->graph->initializer[i]->name, name) == 0)
            return model->graph->initializer[i];
    fail_msg("there is no '%s'", name);
    return NULL;
}

/* The bias of the first convolution (4 numbers) as 1, 2, 3, 4 in half precision. */
static void make_half(Onnx__ModelProto *model)
{
    static const uint16_t halves[] = {0x3c00, 0x4000, 0x4200, 0x4400};
    Onnx__TensorProto *tensor = initializer(model, "first.bias");
    tensor->data_type = TN_ELEMENT_HALF;
    tensor->raw_data.len = sizeof halves;
    memcpy(tensor->raw_data.data, halves, sizeof halves);
}

/* The same in the typed field for double. */
static void make_double(Onnx__ModelProto *model)
{
    Onnx__TensorProto *tensor = initializer(model, "first.bias");
    tensor->data_type = TN_ELEMENT_DOUBLE;
    tensor->has_raw_data = 0;
    tensor->n_double_data = 4;
    tensor->double_data = malloc(4 * sizeof(double));
    for (int i = 0; i < 4; i++)
        tensor->double_data[i] = i + 1;
}

static void make_bfloat16(Onnx__ModelProto *model)
{
    static const int32_t numbers[] = {0x3f80, 0x4000, 0x4040, 0x4080};
    Onnx__TensorProto *tensor = initializer(model, "first.bias");
    tensor->data_type = TN_ELEMENT_BFLOAT16;
    tensor->has_raw_data = 0;
    tensor->n_int32_data = 4;
    tensor->int32_data = malloc(sizeof numbers);
    memcpy(tensor->int32_data, numbers, sizeof numbers);
}

static void weights_of_other_precisions_become_float(void **state)
{
    (void)state;
    void (*const changes[])(Onnx__ModelProto *) = {make_half, make_double, make_bfloat16};
    struct tn_graph *graph = model_small();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct tn_error error = {0};
        size_t size;
        uint8_t *bytes = changed(graph, changes[i], &size);
        struct tn_graph *back = tn_onnx_decode(bytes, size, "memory", NULL, NULL, &error);
        assert_non_null(back);
        int bias = tn_graph_find_value(back, "first.bias");
        const float *numbers = tn_tensor_floats(back->values[bias].constant);
        for (int j = 0; j < 4; j++)
            assert_true(numbers[j] == (float)(j + 1));
        tn_graph_free(back);
        free(bytes);
    }
    tn_graph_free(graph);
}

static void repeat_input_for_weight(Onnx__ModelProto *model)
{
    /* as files of the first IR versions do: every initializer is an input too */
    Onnx__GraphProto *graph = model->graph;
    graph->input = realloc(graph->input, 2 * sizeof *graph->input);
    graph->input[1] = malloc(sizeof **graph->input);
    onnx__value_info_proto__init(graph->input[1]);
    graph->input[1]->name = strdup("first.weight");
    graph->n_input = 2;
}

static void reverse_nodes(Onnx__ModelProto *model)
{
    Onnx__GraphProto *graph = model->graph;
    for (size_t i = 0; i < graph->n_node / 2; i++) {
        Onnx__NodeProto *swap = graph->node[i];
        graph->node[i] = graph->node[graph->n_node - 1 - i];
        graph->node[graph->n_node - 1 - i] = swap;
    }
}

static void other_ways_to_say_it_give_the_same_network(void **state)
{
    (void)state;
    void (*const changes[])(Onnx__ModelProto *) = {repeat_input_for_weight, reverse_nodes};
    struct tn_graph *graph = model_small();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct tn_error error = {0};
        size_t size;
        uint8_t *bytes = changed(graph, changes[i], &size);
        struct tn_graph *back = tn_onnx_decode(bytes, size, "memory", NULL, NULL, &error);
        assert_non_null(back);
        model_assert_same(graph, back);
        tn_graph_free(back);
        free(bytes);
    }
    tn_graph_free(graph);
}

/* Put a subgraph that reads "relu/out" and the weight "first.bias" by name into the last node. */
static void add_subgraph(Onnx__ModelProto *model)
{
    static char names[][12] = {"relu/out", "first.bias", "its own"}, operator[] = "Add";
    char *inputs[] = {names[0], names[1], names[2]};
    Onnx__NodeProto inner = ONNX__NODE_PROTO__INIT;
    Onnx__NodeProto *nodes[] = {&inner};
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    inner.op_type = operator;
    inner.n_input = 3;
    inner.input = inputs;
    graph.n_node = 1;
    graph.node = nodes;
    Onnx__NodeProto *node = model->graph->node[model->graph->n_node - 1];
    Onnx__AttributeProto *attribute = malloc(sizeof *attribute);
    onnx__attribute_proto__init(attribute);
    attribute->name = strdup("body");
    attribute->has_type = 1;
    attribute->type = 5;
    attribute->has_g = 1;
    attribute->g.len = onnx__graph_proto__get_packed_size(&graph);
    attribute->g.data = malloc(attribute->g.len);
    onnx__graph_proto__pack(&graph, attribute->g.data);
    node->attribute = realloc(node->attribute, (node->n_attribute + 1) * sizeof *node->attribute);
    node->attribute[node->n_attribute++] = attribute;
}

static void subgraphs_are_kept_with_what_they_read(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    size_t size;
    uint8_t *bytes = changed(graph, add_subgraph, &size);
    struct tn_graph *first = tn_onnx_decode(bytes, size, "memory", NULL, NULL, &error);
    assert_non_null(first);
    const struct tn_node *last = &first->nodes[first->node_count - 1];
    assert_int_equal(last->capture_count, 2);
    assert_string_equal(first->values[last->captures[0]].name, "relu/out");
    assert_int_equal(tn_node_attribute(last, "body")->kind, TN_ATTR_OPAQUE);
    struct tn_graph *second = there_and_back(first);
    model_assert_same(first, second);
    struct tn_graph *clone = tn_graph_clone(second, &error);
    model_assert_same(second, clone);
    tn_graph_free(clone);
    tn_graph_free(second);
    tn_graph_free(first);
    tn_graph_free(graph);
    free(bytes);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_not_read(const char *path, const char *what)
{
    struct tn_error error = {0};
    assert_null(tn_onnx_read(path, &error));
    assert_memory_equal(error.text, path, strlen(path));
    if (!strstr(error.text, what))
        fail_msg("'%s' does not say '%s'", error.text, what);
}

static void files_that_are_no_models_are_told_apart(void **state)
{
    char *text = path_in(state, "text.onnx"), *empty = path_in(state, "empty.onnx");
    char *missing = path_in(state, "missing.onnx"), *pipe = path_in(state, "pipe.onnx");
    write_text(text, "this is not a network\n");
    write_text(empty, "");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_not_read(text, "not an ONNX model");
    assert_not_read(empty, "is empty");
    assert_not_read(missing, "No such file");
    assert_not_read(pipe, "not a regular file");
    assert_not_read(*state, "is a folder");
    unlink(text);
    unlink(empty);
    unlink(pipe);
    tn_free(text);
    tn_free(empty);
    tn_free(missing);
    tn_free(pipe);
}

static void what_cannot_be_written_leaves_nothing_behind(void **state)
{
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    char *nowhere = path_in(state, "none/small.onnx");
    assert_false(tn_onnx_write(graph, nowhere, &error));
    assert_non_null(strstr(error.text, nowhere));
    assert_false(tn_onnx_write(graph, *state, &error)); /* a folder */
    assert_non_null(strstr(error.text, "not a regular file"));
    tn_free(nowhere);
    tn_graph_free(graph);
} /* and the folder can be removed: it is empty */

static size_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (size_t)status.st_size : 0;
}

static void weights_that_do_not_fit_go_beside(void **state)
{
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    /* one weight large enough to leave the message, in a type that is converted on the way */
    const int64_t dims[] = {5, 300};
    struct tn_tensor *large = tn_tensor_new(TN_FLOAT32, 2, dims, &error);
    for (size_t i = 0; i < large->count; i++)
        tn_tensor_floats(large)[i] = (float)(i % 64) / 8;
    int weight = tn_graph_find_value(graph, "last.weight");
    struct tn_tensor *fit = tn_tensor_ref(graph->values[weight].constant);
    int extra = tn_graph_add_value(graph, "large", large, &error);
    assert_true(extra >= 0);
    graph->values[extra].stored_type = TN_ELEMENT_HALF;
    assert_true(tn_graph_add_output(graph, extra, &error));
    char *path = path_in(state, "model.onnx"), *data = path_in(state, "model.onnx.data");

    assert_true(tn_onnx_write_within(graph, path, 1 << 20, &error));
    size_t whole = size_of(path);
    assert_int_equal(size_of(data), 0);
    assert_true(tn_onnx_write_within(graph, path, whole, &error));
    assert_int_equal(size_of(data), 0);
    assert_true(tn_onnx_write_within(graph, path, whole - 1, &error));
    assert_true(size_of(path) < whole - 1000);
    assert_int_equal(size_of(data), 3000);
    struct tn_graph *back = tn_onnx_read(path, &error);
    if (!back)
        fail_msg("%s", error.text);
    model_assert_same(graph, back);
    tn_graph_free(back);
    tn_tensor_unref(fit);
    tn_graph_free(graph);

    /* what is there stays as it was when either cannot be written */
    graph = model_small();
    unlink(data);
    assert_int_equal(mkdir(data, 0700), 0);
    size_t before = size_of(path);
    assert_false(tn_onnx_write_within(graph, path, 100, &error));
    assert_non_null(strstr(error.text, data));
    assert_int_equal(size_of(path), before);
    rmdir(data);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(tn_onnx_write_within(graph, path, 100, &error));
    assert_int_equal(access(data, F_OK), -1);
    rmdir(path);
    tn_graph_free(graph);
    tn_free(path);
    tn_free(data);
}

/* A network of 20 MB whose large weight is `shift` bytes further on than in the others. */
static struct tn_graph *large_network(int shift)
{
    struct tn_error error = {0};
    struct tn_graph *graph = model_small();
    struct tn_tensor *large = tn_tensor_new(TN_FLOAT32, 1, (const int64_t[]){5000000}, &error);
    for (size_t i = 0; i < large->count; i++)
        tn_tensor_floats(large)[i] = (float)i;
    char name[] = "large....";
    name[5 + shift] = '\0';
    int value = tn_graph_add_value(graph, name, large, &error);
    assert_true(value >= 0 && tn_graph_add_output(graph, value, &error));
    return graph;
}

static void large_files_are_looked_into_and_not_copied(void **state)
{
    struct tn_error error = {0};
    char *path = path_in(state, "large.onnx"), *other = path_in(state, "other.onnx");
    int views = 0;
    for (int shift = 0; shift < 4; shift++) {
        struct tn_graph *graph = large_network(shift);
        assert_true(tn_onnx_write(graph, path, &error));
        struct tn_graph *back = tn_onnx_read(path, &error);
        assert_non_null(back);
        struct tn_value *value = &back->values[back->outputs[1]];
        views += !tn_tensor_is_private(value->constant);
        model_assert_same(graph, back);
        assert_int_equal((uintptr_t)value->constant->data % sizeof(float), 0);
        struct tn_graph *clone = tn_graph_clone(back, &error); /* outlives what it came from */
        tn_graph_free(back);
        assert_true(tn_onnx_write(clone, path, &error)); /* over the file that it is mapped from */
        assert_true(tn_onnx_write(clone, other, &error));
        model_assert_same(graph, clone);
        tn_graph_free(clone);
        tn_graph_free(graph);
    }
    assert_true(views >= 1); /* the length of the name before it puts one of four in place */

    struct tn_graph *graph = NULL;
    for (int shift = 0; shift < 4; shift++) {
        struct tn_graph *fresh = large_network(shift);
        assert_true(tn_onnx_write(fresh, path, &error));
        tn_graph_free(fresh);
        graph = tn_onnx_read(path, &error);
        assert_non_null(graph);
        if (!tn_tensor_is_private(graph->values[graph->outputs[1]].constant))
            break;
        tn_graph_free(graph);
        graph = NULL;
    }
    assert_non_null(graph);
    assert_int_equal(truncate(path, 1000), 0); /* reading on would end the program */
    assert_false(tn_onnx_write(graph, other, &error));
    assert_non_null(strstr(error.text, path));
    assert_false(tn_graph_check_files(graph, &error));
    tn_graph_free(graph);
    unlink(path);
    unlink(other);
    tn_free(path);
    tn_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_holds_the_whole_network),
        cmocka_unit_test(a_fixed_batch_comes_back_fixed),
        cmocka_unit_test(without_weights_a_source_gives_them_back),
        cmocka_unit_test(unknown_operators_are_shown_and_written_as_they_came),
        cmocka_unit_test(weights_of_other_precisions_become_float),
        cmocka_unit_test(other_ways_to_say_it_give_the_same_network),
        cmocka_unit_test(subgraphs_are_kept_with_what_they_read),
        cmocka_unit_test(files_that_are_no_models_are_told_apart),
        cmocka_unit_test(weights_that_do_not_fit_go_beside),
        cmocka_unit_test(large_files_are_looked_into_and_not_copied),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("onnx", tests, make_folder, remove_folder);
}
