/* model/tensor.c, model/element.c: tensors are counted, checked and named by content. */
#include "core/threads.h"
#include "model/element.h"
#include "model/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tn_tensor *floats(int rank, const int64_t *dims)
{
    struct tn_error error = {0};
    struct tn_tensor *tensor = tn_tensor_new(TN_FLOAT32, rank, dims, &error);
    assert_non_null(tensor);
    return tensor;
}

static void new_tensors_are_zero_and_know_their_size(void **state)
{
    (void)state;
    struct tn_tensor *tensor = floats(3, (const int64_t[]){2, 3, 5});
    assert_int_equal(tensor->count, 30);
    assert_int_equal(tensor->bytes, 120);
    assert_null(tn_tensor_ints(tensor));
    assert_null(tn_tensor_doubles(tensor));
    for (int i = 0; i < 30; i++)
        assert_true(tn_tensor_floats(tensor)[i] == 0.0f);
    tn_tensor_unref(tensor);
    tensor = floats(0, NULL);
    assert_int_equal(tensor->count, 1);
    tn_tensor_unref(tensor);
    tensor = floats(2, (const int64_t[]){4, 0});
    assert_int_equal(tensor->count, 0);
    tn_tensor_unref(tensor);
}

static void wild_sizes_are_refused(void **state)
{
    (void)state;
    const int64_t huge[] = {INT64_C(1) << 40, INT64_C(1) << 40}, negative[] = {3, -1};
    const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct tn_error error = {0};
    assert_null(tn_tensor_new(TN_FLOAT32, 2, huge, &error));
    assert_int_equal(error.kind, TN_ERROR_INPUT);
    assert_null(tn_tensor_new(TN_DOUBLE, 1, (const int64_t[]){INT64_MAX / 4}, &error));
    assert_null(tn_tensor_new(TN_INT64, 2, negative, &error));
    assert_null(tn_tensor_new(TN_INT64, 9, nine, &error));
}

static void a_shared_tensor_lives_until_the_last_reference_goes(void **state)
{
    (void)state;
    struct tn_tensor *tensor = floats(1, (const int64_t[]){7});
    tn_tensor_floats(tensor)[6] = 2.5f;
    struct tn_tensor *second = tn_tensor_ref(tensor);
    assert_ptr_equal(second, tensor);
    tn_tensor_unref(tensor);
    assert_true(tn_tensor_floats(second)[6] == 2.5f);
    tn_tensor_unref(second);
    assert_null(tn_tensor_ref(NULL));
    tn_tensor_unref(NULL);
}

static void the_digest_tells_type_shape_and_contents_apart(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct tn_tensor *flat = floats(1, (const int64_t[]){6}),
                     *wide = floats(2, (const int64_t[]){2, 3});
    struct tn_tensor *copy = tn_tensor_copy(flat, &error), *other = tn_tensor_copy(flat, &error);
    struct tn_tensor *ints = tn_tensor_new(TN_INT64, 1, (const int64_t[]){3}, &error);
    tn_tensor_floats(other)[3] = 1.0f;
    const struct tn_digest *digest = tn_tensor_digest(flat);
    assert_true(tn_digest_equal(digest, tn_tensor_digest(copy)));
    assert_false(tn_digest_equal(digest, tn_tensor_digest(wide)));
    assert_false(tn_digest_equal(digest, tn_tensor_digest(other)));
    assert_false(tn_digest_equal(digest, tn_tensor_digest(ints)));
    assert_ptr_equal(digest, tn_tensor_digest(flat));
    tn_tensor_unref(flat);
    tn_tensor_unref(wide);
    tn_tensor_unref(copy);
    tn_tensor_unref(other);
    tn_tensor_unref(ints);
}

struct racing {
    struct tn_tensor *tensor;
    struct tn_digest seen[32];
};

static void take_digest(void *context, size_t index, unsigned worker)
{
    struct racing *racing = context;
    (void)worker;
    struct tn_tensor *mine = tn_tensor_ref(racing->tensor);
    racing->seen[index] = *tn_tensor_digest(mine);
    tn_tensor_unref(mine);
}

static void threads_that_ask_at_once_see_one_digest(void **state)
{
    (void)state;
    struct racing racing = {.tensor = floats(1, (const int64_t[]){10000})};
    tn_threads_set(4);
    tn_parallel(32, take_digest, &racing);
    for (int i = 0; i < 32; i++)
        assert_true(tn_digest_equal(&racing.seen[i], tn_tensor_digest(racing.tensor)));
    tn_tensor_unref(racing.tensor);
    tn_threads_set(1);
}

static void half_and_bfloat16_become_the_same_number(void **state)
{
    (void)state;
    assert_true(tn_half_to_float(0x3c00) == 1.0f);
    assert_true(tn_half_to_float(0xc248) == -3.140625f);
    assert_true(tn_half_to_float(0x0001) == 0x1p-24f);
    assert_true(tn_half_to_float(0x7bff) == 65504.0f);
    assert_true(signbit(tn_half_to_float(0x8000)));
    assert_true(isinf(tn_half_to_float(0xfc00)) && tn_half_to_float(0xfc00) < 0);
    assert_true(isnan(tn_half_to_float(0x7e00)));
    assert_true(tn_bfloat16_to_float(0x3fc0) == 1.5f);
    assert_true(isinf(tn_bfloat16_to_float(0x7f80)));
}

static void integers_of_every_width_come_back_from_their_bytes(void **state)
{
    (void)state;
    static const struct {
        int element;
        int64_t numbers[3];
    } cases[] = {
        {TN_ELEMENT_INT8, {-128, 127, -1}},
        {TN_ELEMENT_UINT8, {0, 255, 1}},
        {TN_ELEMENT_INT16, {-32768, 32767, -2}},
        {TN_ELEMENT_UINT16, {0, 65535, 3}},
        {TN_ELEMENT_INT32, {INT32_MIN, INT32_MAX, -4}},
        {TN_ELEMENT_UINT32, {0, UINT32_MAX, 5}},
        {TN_ELEMENT_INT64, {INT64_MIN, INT64_MAX, -6}},
        {TN_ELEMENT_BOOL, {0, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t raw[24];
        int64_t back[3];
        enum tn_dtype dtype;
        assert_true(tn_element_dtype(cases[i].element, &dtype));
        assert_int_equal(dtype, TN_INT64);
        tn_elements_encode(cases[i].element, cases[i].numbers, 3, raw);
        tn_elements_decode(cases[i].element, raw, 3, back);
        assert_memory_equal(back, cases[i].numbers, sizeof back);
    }
    assert_int_equal(tn_element_wrap(TN_ELEMENT_INT8, 200), -56);
    assert_int_equal(tn_element_wrap(TN_ELEMENT_BOOL, 7), 1);
}

static void every_half_and_bfloat16_comes_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        uint16_t half = (uint16_t)bits;
        assert_int_equal(tn_float_to_half(tn_half_to_float(half)), half);
        assert_int_equal(tn_float_to_bfloat16(tn_bfloat16_to_float(half)), half);
    }
}

static void floats_round_to_the_nearest_even(void **state)
{
    (void)state;
    static const struct {
        float number;
        uint16_t half;
    } cases[] = {
        {1.0f, 0x3c00},
        {1.0f + 0x1p-11f, 0x3c00}, /* half way between two: the even one */
        {1.0f + 0x3p-11f, 0x3c02},
        {1.0f + 0x1p-11f + 0x1p-20f, 0x3c01},
        {65504.0f, 0x7bff}, /* the largest */
        {65519.0f, 0x7bff},
        {65520.0f, 0x7c00}, /* half way to the next: infinite */
        {-1e30f, 0xfc00},
        {INFINITY, 0x7c00},
        {0x1p-14f, 0x0400}, /* the least normal number */
        {0x1p-14f - 0x1p-26f, 0x0400},
        {0x1p-24f, 0x0001}, /* the least of all */
        {0x1p-25f, 0x0000},
        {0x3p-25f, 0x0002},
        {-0x1p-30f, 0x8000},
        {-0.0f, 0x8000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(tn_float_to_half(cases[i].number), cases[i].half);
    assert_true(isnan(tn_half_to_float(tn_float_to_half(NAN))));
    assert_true(isnan(tn_bfloat16_to_float(tn_float_to_bfloat16(NAN))));
    assert_int_equal(tn_float_to_bfloat16(1.0f + 0x1p-8f), 0x3f80);
    assert_int_equal(tn_float_to_bfloat16(1.0f + 0x3p-8f), 0x3f82);
    assert_int_equal(tn_float_to_bfloat16(3.4e38f), 0x7f80);
}

static void floats_are_encoded_as_their_type_says(void **state)
{
    (void)state;
    const float numbers[] = {1.0f, -2.5f};
    static const uint8_t halves[] = {0x00, 0x3c, 0x00, 0xc1}, shorts[] = {0x80, 0x3f, 0x20, 0xc0};
    static const uint8_t doubles[] = {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0x04, 0xc0};
    static const uint8_t singles[] = {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0};
    uint8_t raw[16];
    tn_elements_encode(TN_ELEMENT_HALF, numbers, 2, raw);
    assert_memory_equal(raw, halves, sizeof halves);
    tn_elements_encode(TN_ELEMENT_BFLOAT16, numbers, 2, raw);
    assert_memory_equal(raw, shorts, sizeof shorts);
    tn_elements_encode(TN_ELEMENT_DOUBLE, numbers, 2, raw);
    assert_memory_equal(raw, doubles, sizeof doubles);
    tn_elements_encode(TN_ELEMENT_FLOAT, numbers, 2, raw);
    assert_memory_equal(raw, singles, sizeof singles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_tensors_are_zero_and_know_their_size),
        cmocka_unit_test(wild_sizes_are_refused),
        cmocka_unit_test(a_shared_tensor_lives_until_the_last_reference_goes),
        cmocka_unit_test(the_digest_tells_type_shape_and_contents_apart),
        cmocka_unit_test(threads_that_ask_at_once_see_one_digest),
        cmocka_unit_test(half_and_bfloat16_become_the_same_number),
        cmocka_unit_test(integers_of_every_width_come_back_from_their_bytes),
        cmocka_unit_test(every_half_and_bfloat16_comes_back),
        cmocka_unit_test(floats_round_to_the_nearest_even),
        cmocka_unit_test(floats_are_encoded_as_their_type_says),
    };
    return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}
