/* data/cifar.c: CIFAR-10's binary folders. */
#include "data_support.h"

#include <unistd.h>

static void write_folder(const char *folder)
{
    for (int i = 0; i < 5; i++)
        write_cifar_batch(in_folder(folder, "data_batch_%d.bin", i + 1), (unsigned)i * 4, 4);
    write_cifar_batch(in_folder(folder, "test_batch.bin"), 100, 3);
}

static void batches_are_read_in_order(void **state)
{
    write_folder(*state);
    struct tn_data_options options = {.path = *state, .scale = 1.0f};
    struct tn_dataset *dataset = open_data(&options);
    static float image[3072];
    int chw[3];
    tn_dataset_shape(dataset, chw);
    assert_int_equal(chw[0] * 10000 + chw[1] * 100 + chw[2], 33232);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 20);
    assert_int_equal(tn_dataset_count(dataset, TN_TEST), 3);
    assert_int_equal(tn_dataset_classes(dataset), 10);
    assert_string_equal(tn_dataset_name(dataset), "CIFAR-10");
    assert_string_equal(tn_dataset_class_name(dataset, 9), "truck");
    assert_string_equal(tn_dataset_class_name(dataset, 10), "?");
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(tn_dataset_label(dataset, TN_TRAIN, i), i % 4);
        assert_true(tn_dataset_image(dataset, TN_TRAIN, i, NULL, image, NULL));
        for (unsigned k = 0; k < 3072; k++)
            assert_true(image[k] == (float)(uint8_t)(i * 7 + k));
    }
    tn_dataset_unref(dataset);
}

static void the_unpacked_archive_and_its_folder_are_the_same(void **state)
{
    const char *inner = in_folder(*state, "cifar-10-batches-bin");
    make_folder(inner);
    write_folder(inner);
    struct tn_data_options options = {.path = *state};
    struct tn_dataset *dataset = open_data(&options);
    assert_string_equal(tn_dataset_path(dataset), inner);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 20);
    tn_dataset_unref(dataset);
}

static void class_names_come_from_batches_meta(void **state)
{
    static const char names[] = "a\nb\nc\r\nd\ne\nf\ng\n\nh\ni\nlast one\n";
    write_folder(*state);
    write_bytes(in_folder(*state, "batches.meta.txt"), names, strlen(names));
    struct tn_data_options options = {.path = *state};
    struct tn_dataset *dataset = open_data(&options);
    assert_string_equal(tn_dataset_class_name(dataset, 2), "c");
    assert_string_equal(tn_dataset_class_name(dataset, 9), "last one");
    tn_dataset_unref(dataset);
    write_bytes(in_folder(*state, "batches.meta.txt"), names, 6);
    refuse_data(&options, TN_ERROR_INPUT, "batches.meta.txt", "3 class names", "10", (char *)NULL);
}

static void only_test_images_will_do(void **state)
{
    write_cifar_batch(in_folder(*state, "test_batch.bin"), 0, 3);
    struct tn_data_options options = {.path = *state};
    struct tn_dataset *dataset = open_data(&options);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 0);
    tn_dataset_unref(dataset);
}

static void a_missing_batch_is_named(void **state)
{
    write_folder(*state);
    unlink(in_folder(*state, "data_batch_3.bin"));
    struct tn_data_options options = {.path = *state};
    refuse_data(&options, TN_ERROR_INPUT, "data_batch_3.bin", (char *)NULL);
}

static void a_truncated_batch_is_named(void **state)
{
    static uint8_t bytes[4 * 3073 + 1];
    struct tn_data_options options = {.path = *state};
    write_folder(*state);
    const char *path = in_folder(*state, "data_batch_2.bin");
    size_t size = read_bytes(path, bytes, sizeof bytes);
    static const size_t cuts[] = {0, 1, 3072, 3074, 4 * 3073 - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        write_bytes(path, bytes, cuts[i]);
        refuse_data(&options, TN_ERROR_INPUT, "data_batch_2.bin", "3073", (char *)NULL);
    }
    assert_int_equal(size, 4 * 3073);
}

static void a_label_out_of_range_names_file_and_record(void **state)
{
    static uint8_t bytes[4 * 3073 + 1];
    write_folder(*state);
    const char *path = in_folder(*state, "data_batch_4.bin");
    size_t size = read_bytes(path, bytes, sizeof bytes);
    bytes[2 * 3073] = 10;
    write_bytes(path, bytes, size);
    struct tn_data_options options = {.path = *state};
    refuse_data(&options, TN_ERROR_INPUT, "data_batch_4.bin", "record 2", "label 10", (char *)NULL);
}

static void asking_for_cifar_where_there_is_none_says_what_is_missing(void **state)
{
    struct tn_data_options options = {.path = *state, .format = TN_FORMAT_CIFAR};
    refuse_data(&options, TN_ERROR_INPUT, "data_batch_1.bin", "test_batch.bin", (char *)NULL);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(batches_are_read_in_order),
        SCRATCH(the_unpacked_archive_and_its_folder_are_the_same),
        SCRATCH(class_names_come_from_batches_meta),
        SCRATCH(only_test_images_will_do),
        SCRATCH(a_missing_batch_is_named),
        SCRATCH(a_truncated_batch_is_named),
        SCRATCH(a_label_out_of_range_names_file_and_record),
        SCRATCH(asking_for_cifar_where_there_is_none_says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
