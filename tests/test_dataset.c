/* data/dataset.c: finding data, Fashion-MNIST from Debian's package, references from many threads.
 */
#include "core/file.h"
#include "data_support.h"

#include "core/clock.h"
#include <pthread.h>
#include <unistd.h>

static const char package[] = "/usr/share/datasets/fashion-mnist";

/* Fashion-MNIST from the package, not from the home of whoever runs this. */
static struct tn_dataset *open_fashion(const char *scratch)
{
    if (!tn_file_is_folder(package)) {
        print_message("Debian's dataset-fashion-mnist is not installed\n");
        skip();
    }
    setenv("XDG_DATA_HOME", scratch, 1);
    struct tn_data_options options = {.path = "fashion-mnist"};
    assert_true(tn_data_preset("fashion-mnist", &options, NULL));
    return open_data(&options);
}

static void fashion_mnist_has_the_published_images(void **state)
{
    double start = tn_clock_seconds();
    struct tn_dataset *dataset = open_fashion(*state);
    double seconds = tn_clock_seconds() - start;
    assert_string_equal(tn_dataset_name(dataset), "Fashion-MNIST");
    assert_string_equal(tn_dataset_path(dataset), package);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 60000);
    assert_int_equal(tn_dataset_count(dataset, TN_TEST), 10000);
    assert_int_equal(tn_dataset_classes(dataset), 10);
    assert_string_equal(tn_dataset_class_name(dataset, 9), "Ankle boot");
    size_t classes[10] = {0};
    for (size_t i = 0; i < 60000; i++)
        classes[tn_dataset_label(dataset, TN_TRAIN, i)]++;
    for (int i = 0; i < 10; i++)
        assert_int_equal(classes[i], 6000);
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < 60000; i++) {
        float image[784];
        assert_true(tn_dataset_image(dataset, TN_TRAIN, i, NULL, image, NULL));
        for (int k = 0; k < 784; k++) {
            sum += (double)image[k];
            squares += (double)image[k] * (double)image[k];
        }
    }
    double mean = sum / (60000.0 * 784.0);
    /* The preset's mean and deviation are the training set's own. */
    assert_true(mean > -1e-3 && mean < 1e-3);
    assert_true(squares / (60000.0 * 784.0) > 0.999 && squares / (60000.0 * 784.0) < 1.001);
    print_message("opened in %.2f s\n", seconds);
    tn_dataset_unref(dataset);
}

static void the_folder_of_the_user_goes_first(void **state)
{
    static const char *const places[] = {"thinet-tui/fashion-mnist", "fashion-mnist",
                                         "datasets/fashion-mnist"};
    setenv("XDG_DATA_HOME", *state, 1);
    make_folder(in_folder(*state, "thinet-tui"));
    make_folder(in_folder(*state, "datasets"));
    struct tn_data_options options = {.path = "fashion-mnist"};
    for (int i = 0; i < 3; i++) {
        const char *folder = in_folder(*state, "%s", places[i]);
        make_folder(folder);
        write_idx_folder(folder, 7, 5, true);
        struct tn_dataset *dataset = open_data(&options);
        assert_string_equal(tn_dataset_path(dataset), folder);
        assert_string_equal(tn_dataset_name(dataset), "Fashion-MNIST");
        tn_dataset_unref(dataset);
    }
}

static void the_home_folder_stands_in_for_xdg(void **state)
{
    make_folder(in_folder(*state, ".local"));
    make_folder(in_folder(*state, ".local/share"));
    make_folder(in_folder(*state, ".local/share/fashion-mnist"));
    write_idx_folder(in_folder(*state, ".local/share/fashion-mnist"), 7, 5, false);
    char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");
    setenv("HOME", *state, 1);
    setenv("XDG_DATA_HOME", "relative/is/ignored", 1);
    struct tn_data_options options = {.path = "fashion-mnist"};
    struct tn_dataset *dataset = open_data(&options);
    assert_int_equal(tn_dataset_count(dataset, TN_TRAIN), 7);
    tn_dataset_unref(dataset);
    setenv("HOME", home, 1);
    free(home);
}

static void what_holds_no_data_says_what_was_looked_for(void **state)
{
    struct tn_data_options options = {.path = *state};
    refuse_data(&options, TN_ERROR_INPUT, *state, "train-images-idx3-ubyte", "data_batch_1.bin",
                "train/CLASS", (char *)NULL);
    options.format = TN_FORMAT_IDX;
    refuse_data(&options, TN_ERROR_INPUT, *state, "train-images-idx3-ubyte", (char *)NULL);
    options.format = TN_FORMAT_FOLDER;
    refuse_data(&options, TN_ERROR_INPUT, *state, "train", (char *)NULL);
}

static void wrong_paths_are_named(void **state)
{
    struct tn_data_options options = {.path = in_folder(*state, "absent")};
    refuse_data(&options, TN_ERROR_USE, "absent", "No such file", (char *)NULL);
    const char *file = in_folder(*state, "file");
    write_bytes(file, "text", 4);
    options.path = file;
    refuse_data(&options, TN_ERROR_USE, "file", "not a folder", (char *)NULL);
    options.path = "";
    refuse_data(&options, TN_ERROR_USE, "no data folder", (char *)NULL);
    options.path = NULL;
    refuse_data(&options, TN_ERROR_USE, "no data folder", (char *)NULL);
}

static void options_that_do_not_suit_the_images_are_refused(void **state)
{
    write_idx_folder(*state, 7, 5, false);
    struct tn_data_options options = {.path = *state, .crop = 4};
    refuse_data(&options, TN_ERROR_USE, "4x3", "crop 4", (char *)NULL);
    options = (struct tn_data_options){.path = *state, .mean_count = 3};
    refuse_data(&options, TN_ERROR_USE, "mean", (char *)NULL);
    options =
        (struct tn_data_options){.path = *state, .mean_count = 3, .channels = TN_CHANNELS_RGB};
    struct tn_dataset *dataset = open_data(&options);
    int chw[3];
    tn_dataset_shape(dataset, chw);
    assert_int_equal(chw[0], 3);
    tn_dataset_unref(dataset);
}

static void images_in_memory_can_be_resized_and_cropped(void **state)
{
    write_idx_folder(*state, 7, 5, false);
    struct tn_data_options options = {.path = *state, .resize = 6, .crop = 5};
    struct tn_dataset *dataset = open_data(&options);
    int chw[3];
    float image[25];
    tn_dataset_shape(dataset, chw);
    assert_true(chw[0] == 1 && chw[1] == 5 && chw[2] == 5);
    assert_true(tn_dataset_image(dataset, TN_TEST, 4, NULL, image, NULL));
    for (int i = 0; i < 25; i++)
        assert_true(image[i] * 255.0f >= 63.9f && image[i] * 255.0f <= 75.1f);
    tn_dataset_unref(dataset);
}

struct shared {
    struct tn_dataset *dataset;
    struct tn_digest digest;
};

static void *read_much(void *context)
{
    struct shared *shared = context;
    float image[12];
    for (int round = 0; round < 200; round++) {
        struct tn_dataset *mine = tn_dataset_ref(shared->dataset);
        tn_dataset_image(mine, TN_TRAIN, (size_t)round % 7, NULL, image, NULL);
        shared->digest = *tn_dataset_digest(mine);
        tn_dataset_unref(mine);
    }
    return NULL;
}

static void many_threads_may_use_one_dataset(void **state)
{
    write_idx_folder(*state, 7, 5, false);
    struct tn_data_options options = {.path = *state};
    struct tn_dataset *dataset = open_data(&options);
    struct shared shared[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        shared[i].dataset = dataset;
        assert_int_equal(pthread_create(&threads[i], NULL, read_much, &shared[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        assert_true(tn_digest_equal(&shared[i].digest, tn_dataset_digest(dataset)));
    tn_dataset_unref(dataset);
    tn_dataset_unref(NULL);
    assert_null(tn_dataset_ref(NULL));
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(fashion_mnist_has_the_published_images),
        SCRATCH(the_folder_of_the_user_goes_first),
        SCRATCH(the_home_folder_stands_in_for_xdg),
        SCRATCH(what_holds_no_data_says_what_was_looked_for),
        SCRATCH(wrong_paths_are_named),
        SCRATCH(options_that_do_not_suit_the_images_are_refused),
        SCRATCH(images_in_memory_can_be_resized_and_cropped),
        SCRATCH(many_threads_may_use_one_dataset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
