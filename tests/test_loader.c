/* data/loader.c: batches prepared ahead of time. */
#include "data/loader.h"
#include "data_support.h"

#include "core/threads.h"
#include <unistd.h>

enum { IMAGES = 200, FLOATS = 12 };

static struct tn_dataset *open_idx(const char *folder)
{
    write_idx_folder(folder, IMAGES, 5, false);
    struct tn_data_options options = {.path = folder, .scale = 1.0f};
    return open_data(&options);
}

static struct tn_loader *new_loader(struct tn_dataset *dataset, const uint32_t *order, size_t count,
                                    size_t batch, const struct tn_augment *augment)
{
    struct tn_error error;
    struct tn_loader *loader =
        tn_loader_new(dataset, TN_TRAIN, order, count, batch, augment, &error);
    if (!loader)
        fail_msg("%s", error.text);
    return loader;
}

static struct tn_batch next(struct tn_loader *loader)
{
    struct tn_batch batch;
    struct tn_error error;
    if (!tn_loader_next(loader, &batch, &error))
        fail_msg("%s", error.text);
    return batch;
}

/* Load everything and compare with tn_dataset_image, one at a time. */
static void check_against_dataset(struct tn_dataset *dataset, const uint32_t *order, size_t count,
                                  size_t size, const struct tn_augment *augment)
{
    struct tn_loader *loader = new_loader(dataset, order, count, size, augment);
    size_t at = 0;
    for (struct tn_batch batch; (batch = next(loader)).count > 0; at += batch.count) {
        assert_int_equal(batch.count, count - at < size ? count - at : size);
        for (size_t i = 0; i < batch.count; i++) {
            size_t index = order ? order[at + i] : at + i;
            float image[FLOATS];
            assert_true(tn_dataset_image(dataset, TN_TRAIN, index, augment, image, NULL));
            assert_memory_equal(batch.images + i * FLOATS, image, sizeof image);
            assert_int_equal(batch.labels[i], tn_dataset_label(dataset, TN_TRAIN, index));
        }
    }
    assert_int_equal(at, count);
    assert_int_equal(next(loader).count, 0); /* and stays at the end */
    tn_loader_free(loader);
}

static void every_image_comes_once_in_order_and_the_last_batch_is_short(void **state)
{
    struct tn_dataset *dataset = open_idx(*state);
    static const size_t sizes[] = {1, 7, 16, 33, 64, 199, 200, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_against_dataset(dataset, NULL, IMAGES, sizes[i], NULL);
    check_against_dataset(dataset, NULL, 31, 10, NULL);
    check_against_dataset(dataset, NULL, 0, 10, NULL);
    tn_dataset_unref(dataset);
}

static void a_given_order_is_followed_also_with_repeats(void **state)
{
    struct tn_dataset *dataset = open_idx(*state);
    uint32_t order[300];
    struct tn_random random;
    tn_random_seed(&random, 1, 2);
    for (int i = 0; i < 300; i++)
        order[i] = tn_random_below(&random, IMAGES);
    struct tn_augment augment = {.flip = true, .crop_pad = 2, .seed = 4, .epoch = 1};
    check_against_dataset(dataset, order, 300, 32, NULL);
    check_against_dataset(dataset, order, 300, 32, &augment);
    tn_dataset_unref(dataset);
}

static void the_order_is_copied_and_the_dataset_is_kept(void **state)
{
    struct tn_dataset *dataset = open_idx(*state);
    uint32_t *order = malloc(2 * sizeof *order);
    order[0] = 9;
    order[1] = 3;
    struct tn_loader *loader = new_loader(dataset, order, 2, 2, NULL);
    free(order);
    tn_dataset_unref(dataset);
    struct tn_batch batch = next(loader);
    assert_int_equal(batch.count, 2);
    assert_true(batch.images[0] == 144.0f && batch.images[FLOATS] == 48.0f);
    tn_loader_free(loader);
}

static void it_can_be_freed_at_any_time(void **state)
{
    struct tn_dataset *dataset = open_idx(*state);
    for (int taken = 0; taken < 8; taken++) {
        struct tn_loader *loader = new_loader(dataset, NULL, IMAGES, 32, NULL);
        for (int i = 0; i < taken; i++)
            next(loader);
        tn_loader_free(loader);
    }
    tn_loader_free(NULL);
    tn_dataset_unref(dataset);
}

static void wrong_requests_are_refused(void **state)
{
    struct tn_dataset *dataset = open_idx(*state);
    struct tn_error error;
    assert_null(tn_loader_new(dataset, TN_TRAIN, NULL, IMAGES + 1, 8, NULL, &error));
    assert_int_equal(error.kind, TN_ERROR_USE);
    assert_null(tn_loader_new(dataset, TN_TRAIN, NULL, 8, 0, NULL, &error));
    assert_null(tn_loader_new(dataset, TN_TEST, (uint32_t[]){1, 5}, 2, 8, NULL, &error));
    assert_non_null(strstr(error.text, "image 5"));
    tn_dataset_unref(dataset);
}

/* A folder of `count` training images of 4x3, of which those with (index % every == 2) are text. */
static struct tn_dataset *open_folder(const char *folder, int count, int every)
{
    uint8_t pixels[12];
    make_folder(in_folder(folder, "train"));
    for (int label = 0; label < 2; label++)
        make_folder(in_folder(folder, "train/class%d", label));
    for (int i = 0; i < count; i++) {
        const char *path = in_folder(folder, "train/class%d/%05d.png", i >= count / 2, i);
        memset(pixels, i, sizeof pixels);
        if (every && i % every == 2)
            write_bytes(path, "not an image", 12);
        else
            write_png(path, 4, 3, 1, pixels);
    }
    struct tn_data_options options = {.path = folder, .scale = 1.0f, .channels = TN_CHANNELS_GRAY};
    return open_data(&options);
}

static void files_are_decoded_by_several_threads_in_order(void **state)
{
    tn_threads_set(4);
    struct tn_dataset *dataset = open_folder(*state, 100, 0);
    check_against_dataset(dataset, NULL, 100, 16, NULL);
    check_against_dataset(dataset, NULL, 100, 1, NULL);
    tn_dataset_unref(dataset);
}

static void corrupt_files_are_left_out_and_counted_once(void **state)
{
    tn_threads_set(4);
    struct tn_dataset *dataset = open_folder(*state, 60, 10); /* 6 bad ones */
    for (int epoch = 0; epoch < 2; epoch++) {
        struct tn_loader *loader = new_loader(dataset, NULL, 60, 1, NULL);
        int seen = 0, expected = 0;
        for (struct tn_batch batch; (batch = next(loader)).count > 0; seen++, expected++) {
            expected += expected % 10 == 2;
            assert_true(batch.images[0] == (float)expected);
            assert_int_equal(batch.labels[0], expected >= 30);
        }
        assert_int_equal(seen, 54);
        tn_loader_free(loader);
        const char *first;
        assert_int_equal(tn_dataset_skipped(dataset, &first), 6);
        assert_non_null(strstr(first, "2.png"));
        assert_non_null(strstr(first, "neither PNG nor JPEG"));
    }
    struct tn_loader *loader = new_loader(dataset, NULL, 60, 20, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(next(loader).count, 18);
    tn_loader_free(loader);
    tn_dataset_unref(dataset);
}

static void too_many_corrupt_files_are_an_error_naming_one(void **state)
{
    tn_threads_set(2);
    struct tn_dataset *dataset = open_folder(*state, 60, 5); /* 12 bad ones, more than 10 */
    struct tn_loader *loader = new_loader(dataset, NULL, 60, 60, NULL);
    struct tn_batch batch;
    struct tn_error error;
    assert_false(tn_loader_next(loader, &batch, &error));
    assert_int_equal(error.kind, TN_ERROR_INPUT);
    assert_non_null(strstr(error.text, "11 of 60"));
    assert_non_null(strstr(error.text, ".png"));
    assert_false(tn_loader_next(loader, &batch, &error));
    tn_loader_free(loader);
    tn_dataset_unref(dataset);
}

static void waiting_ends_when_cancelled(void **state)
{
    /* Decoding this takes the threads far longer than it takes to look. */
    enum { SIDE_LONG = 6000 };
    uint8_t *pixels = malloc((size_t)SIDE_LONG * SIDE_LONG);
    assert_non_null(pixels);
    paint(pixels, SIDE_LONG, SIDE_LONG, 1, 0);
    make_folder(in_folder(*state, "train"));
    make_folder(in_folder(*state, "train/one"));
    write_jpeg(in_folder(*state, "train/one/a.jpg"), SIDE_LONG, SIDE_LONG, 1, pixels);
    free(pixels);
    struct tn_data_options options = {.path = *state, .resize = 8, .crop = 8};
    struct tn_dataset *dataset = open_data(&options);
    struct tn_loader *loader = new_loader(dataset, NULL, 1, 1, NULL);
    atomic_bool cancelled = true;
    struct tn_progress progress = {.cancelled = &cancelled};
    tn_loader_watch(loader, &progress);
    struct tn_batch batch;
    struct tn_error error;
    assert_false(tn_loader_next(loader, &batch, &error));
    assert_int_equal(error.kind, TN_ERROR_CANCELLED);
    atomic_store(&cancelled, false);
    assert_int_equal(next(loader).count, 1);
    tn_loader_free(loader);
    tn_dataset_unref(dataset);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(every_image_comes_once_in_order_and_the_last_batch_is_short),
        SCRATCH(a_given_order_is_followed_also_with_repeats),
        SCRATCH(the_order_is_copied_and_the_dataset_is_kept),
        SCRATCH(it_can_be_freed_at_any_time),
        SCRATCH(wrong_requests_are_refused),
        SCRATCH(files_are_decoded_by_several_threads_in_order),
        SCRATCH(corrupt_files_are_left_out_and_counted_once),
        SCRATCH(too_many_corrupt_files_are_an_error_naming_one),
        SCRATCH(waiting_ends_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
