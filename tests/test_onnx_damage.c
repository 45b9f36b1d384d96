/* model/onnx_read.c on files that are wrong: one clear line, whatever the bytes. */
#include "model_support.h"

#include "core/memory.h"
#include "core/random.h"
#include "model/onnx.h"
#include "model/onnx.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t *encoded(struct tn_graph *graph, size_t *size)
{
    struct tn_error error = {0};
    uint8_t *bytes;
    assert_true(tn_onnx_encode(graph, true, &bytes, size, &error));
    tn_graph_free(graph);
    return bytes;
}

/* Whatever comes out is either a network that can be written again, or an error of one line. */
static bool try_bytes(const uint8_t *bytes, size_t size)
{
    struct tn_error error = {0};
    uint8_t *again;
    struct tn_graph *graph = tn_onnx_decode(bytes, size, "damaged.onnx", NULL, NULL, &error);
    if (!graph) {
        assert_true(strncmp(error.text, "damaged.onnx: ", 14) == 0 && strlen(error.text) > 14);
        assert_null(strchr(error.text, '\n'));
        return false;
    }
    assert_true(tn_onnx_encode(graph, true, &again, &size, &error));
    tn_free(again);
    tn_graph_free(graph);
    return true;
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = encoded(model_small(), &size);
    for (size_t percent = 0; percent < 100; percent++) {
        /* memory of exactly that size, so that a read past the end is seen */
        size_t cut = size * percent / 100;
        uint8_t *part = malloc(cut + 1);
        memcpy(part, bytes, cut);
        part = realloc(part, cut ? cut : 1);
        assert_false(try_bytes(part, cut));
        free(part);
    }
    tn_free(bytes);
}

/* Flip up to three bytes at a time, mostly before `structure`, where the weights begin. */
static void flip_bytes(struct tn_graph *graph, uint32_t structure, int times)
{
    struct tn_random random;
    size_t size;
    uint8_t *bytes = encoded(graph, &size);
    tn_random_seed(&random, 20, 0);
    int opened = 0;
    for (int i = 0; i < times; i++) {
        uint32_t flips = 1 + tn_random_below(&random, 3), places[3], masks[3];
        for (uint32_t j = 0; j < flips; j++) {
            uint32_t most = tn_random_below(&random, 4) ? structure : (uint32_t)size;
            places[j] = tn_random_below(&random, most);
            masks[j] = 1 + tn_random_below(&random, 255);
            bytes[places[j]] ^= (uint8_t)masks[j];
        }
        opened += try_bytes(bytes, size);
        for (uint32_t j = 0; j < flips; j++)
            bytes[places[j]] ^= (uint8_t)masks[j];
    }
    assert_true(opened > 0 && opened < times); /* some flips hit a weight, most do not */
    assert_true(try_bytes(bytes, size));
    tn_free(bytes);
}

static void flipped_bytes_never_crash(void **state)
{
    (void)state;
    flip_bytes(model_small(), 1000, 4000);
}

static void flipped_bytes_in_shape_arithmetic_never_crash(void **state)
{
    (void)state;
    flip_bytes(model_unfolded(), 700, 8000);
}

static void noise_is_no_model(void **state)
{
    (void)state;
    struct tn_random random;
    uint8_t noise[300];
    tn_random_seed(&random, 21, 0);
    for (int i = 0; i < 500; i++) {
        for (size_t j = 0; j < sizeof noise; j++)
            noise[j] = (uint8_t)tn_random_u64(&random);
        assert_false(try_bytes(noise, sizeof noise));
    }
}

/* Wrong in meaning, right in form. */

static Onnx__NodeProto *node_called(Onnx__ModelProto *model, const char *name)
{
    for (size_t i = 0; i < model->graph->n_node; i++)
        if (strcmp(model->graph->node[i]->name, name) == 0)
            return model->graph->node[i];
    fail_msg("there is no node '%s'", name);
    return NULL;
}

static Onnx__TensorProto *tensor_called(Onnx__ModelProto *model, const char *name)
{
    for (size_t i = 0; i < model->graph->n_initializer; i++)
        if (strcmp(model->graph->initializer[i]->name, name) == 0)
            return model->graph->initializer[i];
    fail_msg("there is no tensor '%s'", name);
    return NULL;
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = strdup(with);
}

static void close_a_cycle(Onnx__ModelProto *model)
{
    replace(&node_called(model, "relu")->input[0], "pool/out");
}

static void read_oneself(Onnx__ModelProto *model)
{
    replace(&node_called(model, "relu")->input[0], "relu/out");
}

static void miss_a_tensor(Onnx__ModelProto *model)
{
    replace(&tensor_called(model, "second.weight")->name, "else.weight");
}

static void name_two_tensors_alike(Onnx__ModelProto *model)
{
    replace(&tensor_called(model, "second.weight")->name, "first.weight");
}

static void make_a_value_twice(Onnx__ModelProto *model)
{
    replace(&node_called(model, "relu")->output[0], "norm/out");
}

static void claim_wild_dimensions(Onnx__ModelProto *model)
{
    Onnx__TensorProto *tensor = tensor_called(model, "first.weight");
    for (int i = 0; i < 2; i++)
        tensor->dims[i] = INT64_C(1) << 40;
}

static void claim_one_wild_dimension(Onnx__ModelProto *model)
{
    tensor_called(model, "first.bias")->dims[0] = INT64_C(1) << 40;
}

static void claim_negative_dimensions(Onnx__ModelProto *model)
{
    tensor_called(model, "first.weight")->dims[0] = -4;
}

static void claim_wild_dimensions_without_data(Onnx__ModelProto *model)
{
    Onnx__TensorProto *tensor = tensor_called(model, "first.bias");
    tensor->dims[0] = INT64_C(1) << 40;
    tensor->has_raw_data = 0;
}

static void use_an_unknown_type(Onnx__ModelProto *model)
{
    tensor_called(model, "first.weight")->data_type = 99;
}

static void use_a_type_of_another_size(Onnx__ModelProto *model)
{
    tensor_called(model, "first.weight")->data_type = 11;
}

static void use_integers_as_weights(Onnx__ModelProto *model)
{
    tensor_called(model, "first.weight")->data_type = 6;
}

static void cut_raw_data(Onnx__ModelProto *model)
{
    tensor_called(model, "norm.bias")->raw_data.len -= 1;
}

static void keep_data_elsewhere(Onnx__ModelProto *model)
{
    Onnx__TensorProto *tensor = tensor_called(model, "norm.bias");
    tensor->has_data_location = 1;
    tensor->data_location = 1;
}

static void make_kernel_a_float(Onnx__ModelProto *model)
{
    Onnx__NodeProto *node = node_called(model, "pool");
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(node->attribute[i]->name, "kernel_shape") == 0)
            node->attribute[i]->type = 1;
}

static void make_a_stride_wild(Onnx__ModelProto *model)
{
    Onnx__NodeProto *node = node_called(model, "second");
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(node->attribute[i]->name, "strides") == 0)
            node->attribute[i]->ints[0] = INT64_MIN;
}

static void repeat_an_attribute(Onnx__ModelProto *model)
{
    Onnx__NodeProto *node = node_called(model, "second");
    replace(&node->attribute[1]->name, node->attribute[0]->name);
}

static void leave_height_open(Onnx__ModelProto *model)
{
    model->graph->input[0]->type->tensor_type->shape->dim[2]->has_dim_value = 0;
}

static void make_an_image_wild(Onnx__ModelProto *model)
{
    model->graph->input[0]->type->tensor_type->shape->dim[2]->dim_value = INT64_C(1) << 40;
}

static void make_the_input_text(Onnx__ModelProto *model)
{
    model->graph->input[0]->type->tensor_type->elem_type = 8;
}

static void miss_the_output(Onnx__ModelProto *model)
{
    replace(&model->graph->output[0]->name, "elsewhere");
}

static void use_a_future_opset(Onnx__ModelProto *model)
{
    model->opset_import[0]->version = 99;
}

static void lose_the_operator(Onnx__ModelProto *model)
{
    replace(&node_called(model, "relu")->op_type, "");
}

static void lose_inputs(Onnx__ModelProto *model)
{
    Onnx__NodeProto *node = node_called(model, "norm");
    while (node->n_input > 2)
        free(node->input[--node->n_input]);
}

static void lose_the_network(Onnx__ModelProto *model)
{
    onnx__graph_proto__free_unpacked(model->graph, NULL);
    model->graph = NULL;
}

static const struct {
    void (*change)(Onnx__ModelProto *model);
    const char *where, *what;
} wrongs[] = {
    {close_a_cycle, "'relu'", "cycle"},
    {read_oneself, "'relu'", "cycle"},
    {miss_a_tensor, "'second' (Conv)", "'second.weight'"},
    {name_two_tensors_alike, "", "two tensors are called 'first.weight'"},
    {make_a_value_twice, "'relu'", "two tensors are called 'norm/out'"},
    {claim_wild_dimensions, "'first.weight'", "dimension 1"},
    {claim_one_wild_dimension, "'first.bias'", "holds 4 numbers"},
    {claim_negative_dimensions, "'first.weight'", "-4"},
    {claim_wild_dimensions_without_data, "'first.bias'", "holds 0 numbers"},
    {use_an_unknown_type, "'first.weight'", "type 99"},
    {use_a_type_of_another_size, "'first.weight'", "dimensions say"},
    {use_integers_as_weights, "'first' (Conv)", "weights"},
    {cut_raw_data, "'norm.bias'", "15 bytes"},
    {keep_data_elsewhere, "'norm.bias'", "another file"},
    {make_kernel_a_float, "'pool' (MaxPool)", "kernel_shape"},
    {make_a_stride_wild, "'second' (Conv)", "strides"},
    {repeat_an_attribute, "'second' (Conv)", "twice"},
    {leave_height_open, "'image'", "dimension 2"},
    {make_an_image_wild, "'image'", "dimension 2"},
    {make_the_input_text, "'image'", "type 8"},
    {miss_the_output, "'elsewhere'", "nothing makes"},
    {use_a_future_opset, "", "opset is 99"},
    {lose_the_operator, "'relu'", "no operator"},
    {lose_inputs, "'norm' (BatchNormalization)", "input 3 is missing"},
    {lose_the_network, "", "no network"},
};

static void wrong_models_are_refused_by_name_and_place(void **state)
{
    (void)state;
    size_t size;
    uint8_t *right = encoded(model_small(), &size);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct tn_error error = {0};
        Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, right);
        assert_non_null(model);
        wrongs[i].change(model);
        size_t changed_size = onnx__model_proto__get_packed_size(model);
        uint8_t *bytes = malloc(changed_size);
        onnx__model_proto__pack(model, bytes);
        onnx__model_proto__free_unpacked(model, NULL);
        assert_null(tn_onnx_decode(bytes, changed_size, "wrong.onnx", NULL, NULL, &error));
        assert_int_equal(error.kind, TN_ERROR_INPUT);
        if (strncmp(error.text, "wrong.onnx: ", 12) != 0 || !strstr(error.text, wrongs[i].where) ||
            !strstr(error.text, wrongs[i].what))
            fail_msg("'%s' does not say %s, %s", error.text, wrongs[i].where, wrongs[i].what);
        free(bytes);
    }
    tn_free(right);
}

static void a_small_file_cannot_take_much_memory(void **state)
{
    (void)state;
    /* ir_version 7, then 200,000 times a graph of one empty node: merging them would copy without
     * end */
    enum { TIMES = 200000 };
    static const uint8_t piece[] = {0x3a, 0x02, 0x0a, 0x00};
    size_t size = 2 + TIMES * sizeof piece;
    uint8_t *bytes = malloc(size);
    struct tn_error error = {0};
    bytes[0] = 0x08;
    bytes[1] = 0x07;
    for (size_t i = 0; i < TIMES; i++)
        memcpy(bytes + 2 + i * sizeof piece, piece, sizeof piece);
    assert_null(tn_onnx_decode(bytes, size, "bomb.onnx", NULL, NULL, &error));
    assert_non_null(strstr(error.text, "memory"));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(flipped_bytes_never_crash),
        cmocka_unit_test(flipped_bytes_in_shape_arithmetic_never_crash),
        cmocka_unit_test(noise_is_no_model),
        cmocka_unit_test(wrong_models_are_refused_by_name_and_place),
        cmocka_unit_test(a_small_file_cannot_take_much_memory),
    };
    return cmocka_run_group_tests_name("onnx damage", tests, NULL, NULL);
}
