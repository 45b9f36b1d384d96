/* data/idx.c: IDX files, plain and gzip, whole and damaged. */
#include "data_support.h"

#include <sys/stat.h>
#include <unistd.h>

static struct tn_data_options raw(const char *path)
{
    return (struct tn_data_options){.path = path, .scale = 1.0f};
}

static void check_folder(const char *folder)
{
    struct tn_data_options options = raw(folder);
    struct tn_dataset *dataset = open_data(&options);
    int chw[3];
    float image[12];
    tn_dataset_shape(dataset, chw);
    assert_int_equal(chw[0], 1);
    assert_int_equal(chw[1], 3);
    assert_int_equal(chw[2], 4);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 7);
    assert_int_equal(tn_dataset_count(dataset, TN_TEST), 5);
    assert_int_equal(tn_dataset_classes(dataset), 3);
    assert_int_equal(tn_dataset_format(dataset), TN_FORMAT_IDX);
    assert_string_equal(tn_dataset_path(dataset), folder);
    assert_string_equal(tn_dataset_name(dataset), strrchr(folder, '/') + 1);
    assert_string_equal(tn_dataset_class_name(dataset, 2), "2");
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(tn_dataset_label(dataset, TN_TRAIN, i), i % 3);
        assert_true(tn_dataset_image(dataset, TN_TRAIN, i, NULL, image, NULL));
        for (size_t k = 0; k < 12; k++)
            assert_true(image[k] == (float)(i * 16 + k));
    }
    assert_int_equal(tn_dataset_label(dataset, TN_TEST, 5), -1);
    struct tn_error error;
    assert_false(tn_dataset_image(dataset, TN_TEST, 5, NULL, image, &error));
    assert_int_equal(error.kind, TN_ERROR_USE);
    assert_int_equal(tn_dataset_skipped(dataset, NULL), 0);
    tn_dataset_unref(dataset);
}

static void plain_and_gzip_files_give_the_same_images(void **state)
{
    const char *plain = in_folder(*state, "plain"), *packed = in_folder(*state, "packed");
    make_folder(plain);
    make_folder(packed);
    write_idx_folder(plain, 7, 5, false);
    write_idx_folder(packed, 7, 5, true);
    check_folder(plain);
    check_folder(packed);
    struct tn_data_options options = raw(plain);
    struct tn_dataset *a = open_data(&options);
    options.path = packed;
    struct tn_dataset *b = open_data(&options);
    assert_true(tn_digest_equal(tn_dataset_digest(a), tn_dataset_digest(b)));
    tn_dataset_unref(a);
    tn_dataset_unref(b);
}

static void names_with_a_dot_are_found(void **state)
{
    write_idx_folder(*state, 7, 5, false);
    assert_int_equal(rename(in_folder(*state, "train-images-idx3-ubyte"),
                            in_folder(*state, "train-images.idx3-ubyte")),
                     0);
    assert_int_equal(rename(in_folder(*state, "t10k-labels-idx1-ubyte"),
                            in_folder(*state, "t10k-labels.idx1-ubyte")),
                     0);
    check_folder(*state);
}

static void the_digest_follows_pixels_and_labels(void **state)
{
    struct tn_data_options options = raw(*state);
    write_idx_folder(*state, 7, 5, false);
    struct tn_dataset *dataset = open_data(&options);
    struct tn_digest before = *tn_dataset_digest(dataset);
    assert_true(tn_digest_equal(&before, tn_dataset_digest(dataset)));
    tn_dataset_unref(dataset);
    const char *files[] = {"train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[256];
        const char *path = in_folder(*state, "%s", files[i]);
        size_t size = read_bytes(path, bytes, sizeof bytes);
        bytes[size - 1] ^= 1;
        write_bytes(path, bytes, size);
        dataset = open_data(&options);
        assert_false(tn_digest_equal(&before, tn_dataset_digest(dataset)));
        before = *tn_dataset_digest(dataset);
        tn_dataset_unref(dataset);
    }
}

static void one_split_may_be_absent(void **state)
{
    struct tn_data_options options = raw(*state);
    write_idx_folder(*state, 0, 5, false);
    struct tn_dataset *dataset = open_data(&options);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 0);
    assert_int_equal(tn_dataset_count(dataset, TN_TEST), 5);
    tn_dataset_unref(dataset);
}

static void images_without_labels_are_refused(void **state)
{
    struct tn_data_options options = raw(*state);
    write_idx_folder(*state, 7, 5, false);
    unlink(in_folder(*state, "t10k-labels-idx1-ubyte"));
    refuse_data(&options, TN_ERROR_INPUT, "t10k-labels-idx1-ubyte", (char *)NULL);
}

static void labels_must_be_as_many_as_images(void **state)
{
    struct tn_data_options options = raw(*state);
    uint8_t file[64];
    write_idx_folder(*state, 7, 5, false);
    size_t size = make_idx(file, 1, (uint32_t[]){6}, (uint8_t[]){0, 1, 2, 0, 1, 2});
    write_bytes(in_folder(*state, "train-labels-idx1-ubyte"), file, size);
    refuse_data(&options, TN_ERROR_INPUT, "train-labels-idx1-ubyte", "6 labels", "7 images",
                (char *)NULL);
}

static void both_splits_must_have_images_of_one_size(void **state)
{
    struct tn_data_options options = raw(*state);
    uint8_t file[64], data[24] = {0};
    write_idx_folder(*state, 7, 2, false);
    size_t size = make_idx(file, 3, (uint32_t[]){2, 4, 3}, data);
    write_bytes(in_folder(*state, "t10k-images-idx3-ubyte"), file, size);
    refuse_data(&options, TN_ERROR_INPUT, "4x3", "3x4", (char *)NULL);
}

/* Plain files are found before packed ones. */
static void remove_plain(const char *folder)
{
    static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (int i = 0; i < 4; i++)
        unlink(in_folder(folder, "%s", names[i]));
}

static void truncation_anywhere_names_the_file(void **state)
{
    struct tn_data_options options = raw(*state);
    static const char *const names[] = {"train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (int gzip = 0; gzip < 2; gzip++) {
        write_idx_folder(*state, 7, 5, gzip);
        for (int i = 0; i < 2; i++) {
            uint8_t bytes[256];
            const char *path = in_folder(*state, "%s%s", names[i], gzip ? ".gz" : "");
            size_t size = read_bytes(path, bytes, sizeof bytes);
            for (size_t cut = 0; cut < size; cut++) {
                write_bytes(path, bytes, cut);
                refuse_data(&options, TN_ERROR_INPUT, names[i], (char *)NULL);
            }
            write_bytes(path, bytes, size);
        }
        tn_dataset_unref(open_data(&options));
        remove_plain(*state);
    }
}

static void more_data_than_announced_is_refused(void **state)
{
    struct tn_data_options options = raw(*state);
    uint8_t bytes[256] = {0};
    write_idx_folder(*state, 7, 5, false);
    const char *path = in_folder(*state, "train-labels-idx1-ubyte");
    size_t size = read_bytes(path, bytes, sizeof bytes);
    write_bytes(path, bytes, size + 1);
    refuse_data(&options, TN_ERROR_INPUT, "train-labels", (char *)NULL);
    unlink(path);
    write_gzip(in_folder(*state, "train-labels-idx1-ubyte.gz"), bytes, size + 1);
    refuse_data(&options, TN_ERROR_INPUT, "train-labels", "more data", (char *)NULL);
}

static void a_damaged_gzip_file_is_refused(void **state)
{
    struct tn_data_options options = raw(*state);
    uint8_t bytes[256];
    write_idx_folder(*state, 7, 5, true);
    const char *path = in_folder(*state, "train-images-idx3-ubyte.gz");
    size_t size = read_bytes(path, bytes, sizeof bytes);
    bytes[size - 6] ^= 0x40; /* in the checksum */
    write_bytes(path, bytes, size);
    refuse_data(&options, TN_ERROR_INPUT, "train-images-idx3-ubyte.gz", "damaged", (char *)NULL);
}

static void a_wrong_magic_number_is_refused(void **state)
{
    struct tn_data_options options = raw(*state);
    write_idx_folder(*state, 7, 5, false);
    uint8_t bytes[256];
    const char *path = in_folder(*state, "train-images-idx3-ubyte");
    size_t size = read_bytes(path, bytes, sizeof bytes);
    for (int i = 0; i < 4; i++) {
        bytes[i] ^= 4;
        write_bytes(path, bytes, size);
        refuse_data(&options, TN_ERROR_INPUT, "train-images", "magic", "00000803", (char *)NULL);
        bytes[i] ^= 4;
    }
    write_bytes(path, "just a text, renamed", 20);
    refuse_data(&options, TN_ERROR_INPUT, "train-images", "magic", (char *)NULL);
}

static void wild_sizes_take_no_memory(void **state)
{
    struct tn_data_options options = raw(*state);
    write_idx_folder(*state, 7, 5, false);
    unlink(in_folder(*state, "train-images-idx3-ubyte"));
    static const uint32_t wild[][3] = {{0xffffffff, 0xffffffff, 0xffffffff},
                                       {0xffffffff, 16384, 16384},
                                       {100000, 28, 28},
                                       {0, 28, 28},
                                       {10, 0, 28},
                                       {1, 70000, 1}};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        uint8_t file[32] = {0, 0, 8, 3};
        for (int k = 0; k < 12; k++)
            file[4 + k] = (uint8_t)(wild[i][k / 4] >> (24 - 8 * (k % 4)));
        write_gzip(in_folder(*state, "train-images-idx3-ubyte.gz"), file, sizeof file);
        refuse_data(&options, TN_ERROR_INPUT, "train-images-idx3-ubyte.gz", (char *)NULL);
    }
}

static void a_fifo_is_refused_without_waiting(void **state)
{
    struct tn_data_options options = raw(*state);
    write_idx_folder(*state, 7, 5, false);
    const char *path = in_folder(*state, "train-images-idx3-ubyte");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse_data(&options, TN_ERROR_INPUT, "train-images", "not a regular file", (char *)NULL);
}

static void opening_stops_when_cancelled(void **state)
{
    struct tn_data_options options = raw(*state);
    write_idx_folder(*state, 7, 5, false);
    atomic_bool cancelled = true;
    struct tn_progress progress = {.cancelled = &cancelled};
    struct tn_error error;
    assert_null(tn_dataset_open(&options, &progress, &error));
    assert_int_equal(error.kind, TN_ERROR_CANCELLED);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(plain_and_gzip_files_give_the_same_images),
        SCRATCH(names_with_a_dot_are_found),
        SCRATCH(the_digest_follows_pixels_and_labels),
        SCRATCH(one_split_may_be_absent),
        SCRATCH(images_without_labels_are_refused),
        SCRATCH(labels_must_be_as_many_as_images),
        SCRATCH(both_splits_must_have_images_of_one_size),
        SCRATCH(truncation_anywhere_names_the_file),
        SCRATCH(more_data_than_announced_is_refused),
        SCRATCH(a_damaged_gzip_file_is_refused),
        SCRATCH(a_wrong_magic_number_is_refused),
        SCRATCH(wild_sizes_take_no_memory),
        SCRATCH(a_fifo_is_refused_without_waiting),
        SCRATCH(opening_stops_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
