/* What command look says of a filter against the network's own numbers. */
#include "engine/network.h"
#include "session/inside.h"
#include "session/snapshot.h"
#include "session_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tn_model *model_of(const struct place *place)
{
    return place->session->state->model;
}

/* Released with tn_snapshot_unref. */
static struct tn_snapshot *shot_of(struct place *place)
{
    struct tn_error error;
    struct tn_snapshot *shot = tn_snapshot_new(place->session, NULL, &error);
    assert_non_null(shot);
    return shot;
}

static float *image_of(struct place *place, enum tn_split split, size_t index, size_t size)
{
    struct tn_error error;
    float *image = malloc(size * sizeof *image);
    assert_non_null(image);
    struct tn_dataset *dataset = tn_session_need_both(place->session, NULL, &error);
    assert_non_null(dataset);
    assert_true(tn_dataset_image(dataset, split, index, NULL, image, &error));
    return image;
}

/* What a layer reads while the whole network runs. */
struct seen {
    int node;
    size_t size;
    float *input; /* [size] */
};

static bool see(void *context, int node, const float *input, int count, struct tn_error *error)
{
    (void)error;
    struct seen *seen = context;
    assert_int_equal(count, 1);
    if (node == seen->node)
        memcpy(seen->input, input, seen->size * sizeof *input);
    return true;
}

/* The input of a layer on one image, from the network as a whole. Released with free. */
static float *input_of(struct place *place, const char *layer, const float *image, size_t size)
{
    struct tn_error error;
    const struct tn_model *model = model_of(place);
    int index = tn_layers_find(&model->layers, layer);
    assert_true(index >= 0);
    struct seen seen = {model->layers.layer[index].node, size, calloc(size, sizeof(float))};
    assert_non_null(seen.input);
    struct tn_network *network = tn_network_new_watched(model->graph, 1, &error);
    assert_non_null(network);
    const struct tn_observer observer = {see, &seen};
    const float *outputs;
    assert_true(tn_network_forward(network, image, 1, &observer, &outputs, &error));
    tn_network_free(network);
    return seen.input;
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-5 * (1 + fabs(b))))
        fail_msg("%.9g is not %.9g", a, b);
}

/* Where nothing lies between an activation and the layer that reads it, both are the same. */
static void the_activation_is_what_the_next_layer_reads(void **state)
{
    struct place *place = *state;
    enum { FILTERS = 32, SIDE = 28, AREA = SIDE * SIDE, IMAGE = 7 };
    done(place, "open zoo:fashion-vgg seed=3");
    done(place, "data @/images");
    float *image = image_of(place, TN_TRAIN, IMAGE, AREA);
    float *input = input_of(place, "conv1_2", image, (size_t)FILTERS * AREA);
    const int filters[] = {0, 5, FILTERS - 1};
    for (int i = 0; i < 3; i++) {
        json_t *result = must(place, "look conv1_1 %d image=%d split=train", filters[i], IMAGE);
        struct tn_snapshot *shot = shot_of(place);
        const struct tn_snapshot_picture *picture = shot->picture;
        assert_non_null(picture);
        assert_string_equal(picture->layer, "conv1_1");
        assert_int_equal(picture->filter, filters[i]);
        assert_true(picture->training);
        assert_string_equal(picture->class_name, "7");
        assert_int_equal(picture->activation.rows, SIDE);
        assert_int_equal(picture->activation.columns, SIDE);
        double least = INFINITY, most = -INFINITY;
        for (int p = 0; p < AREA; p++) {
            float own = input[filters[i] * AREA + p];
            assert_near(picture->activation.values[p], own);
            least = fmin(least, own);
            most = fmax(most, own);
        }
        assert_true(most > 0);
        assert_near(number_in(result, "map_min"), least);
        assert_near(number_in(result, "map_max"), most);
        /* One input channel: grey is that channel. */
        for (int p = 0; p < AREA; p++)
            assert_near(picture->input.values[p], image[p]);
        tn_snapshot_unref(shot);
        json_decref(result);
    }
    free(input);
    free(image);
}

/* A pooling behind the layer is not in the picture: the picture pooled is what comes next. */
static void the_activation_is_taken_before_pooling(void **state)
{
    struct place *place = *state;
    enum { FILTERS = 32, SIDE = 28, HALF = SIDE / 2, FILTER = 9 };
    done(place, "open zoo:fashion-vgg seed=3");
    done(place, "data @/images");
    float *image = image_of(place, TN_TEST, 0, SIDE * SIDE);
    float *input = input_of(place, "conv2_1", image, (size_t)FILTERS * HALF * HALF);
    done(place, "look conv1_2 %d", FILTER);
    struct tn_snapshot *shot = shot_of(place);
    const float *map = shot->picture->activation.values;
    assert_int_equal(shot->picture->activation.rows, SIDE);
    for (int r = 0; r < HALF; r++)
        for (int c = 0; c < HALF; c++) {
            const float *corner = map + 2 * r * SIDE + 2 * c;
            float most = fmaxf(fmaxf(corner[0], corner[1]), fmaxf(corner[SIDE], corner[SIDE + 1]));
            assert_near(most, input[FILTER * HALF * HALF + r * HALF + c]);
        }
    tn_snapshot_unref(shot);
    free(input);
    free(image);
}

/* A large map is averaged down; its range is that of all numbers. */
static void a_large_activation_is_averaged(void **state)
{
    struct place *place = *state;
    enum { SIDE = 96, BOX = 2, SMALL = SIDE / BOX, FILTER = 2 };
    done(place, "open zoo:fashion-vgg seed=3 in=1x96x96");
    done(place, "data @/images resize=96");
    float *image = image_of(place, TN_TEST, 3, SIDE * SIDE);
    float *input = input_of(place, "conv1_2", image, (size_t)32 * SIDE * SIDE);
    const float *own = input + FILTER * SIDE * SIDE;
    json_t *result = must(place, "look conv1_1 %d image=3", FILTER);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(result, "map"), 0)), SIDE);
    struct tn_snapshot *shot = shot_of(place);
    const struct tn_snapshot_map *map = &shot->picture->activation;
    assert_int_equal(map->rows, SMALL);
    assert_int_equal(map->full_rows, SIDE);
    float most = 0;
    for (int p = 0; p < SIDE * SIDE; p++)
        most = fmaxf(most, own[p]);
    assert_near(map->high, most);
    for (int r = 0; r < SMALL; r++)
        for (int c = 0; c < SMALL; c++) {
            const float *box = own + BOX * r * SIDE + BOX * c;
            assert_near(map->values[r * SMALL + c],
                        (box[0] + box[1] + box[SIDE] + box[SIDE + 1]) / 4);
        }
    tn_snapshot_unref(shot);
    json_decref(result);
    free(input);
    free(image);
}

static const struct tn_tensor *weights_of(struct place *place, const char *layer)
{
    const struct tn_model *model = model_of(place);
    int index = tn_layers_find(&model->layers, layer);
    return tn_node_constant(model->graph, &model->graph->nodes[model->layers.layer[index].node], 1);
}

static void the_kernels_are_the_weights(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg seed=3");
    json_t *result = must(place, "look conv2_1 11"); /* without images */
    struct tn_snapshot *shot = shot_of(place);
    const struct tn_snapshot_picture *picture = shot->picture;
    const float *weights = tn_tensor_floats(weights_of(place, "conv2_1")) + (size_t)11 * 32 * 9;
    assert_int_equal(picture->kernel_count, 32);
    assert_int_equal(picture->kernels_shown, 32);
    float least = weights[0];
    for (int i = 0; i < 32 * 9; i++) {
        assert_true(picture->kernels.values[i] == weights[i]);
        least = fminf(least, weights[i]);
    }
    assert_near(number_in(result, "kernel_min"), least);
    assert_null(picture->activation.values);
    assert_non_null(strstr(picture->no_map, "data"));
    assert_non_null(strstr(json_string_value(json_object_get(result, "no_map")), "data"));
    json_decref(result);
    tn_snapshot_unref(shot);
}

/* The layer of the classes cannot be pruned, but looked at: its weights [F,C], one number each. */
static void any_layer_can_be_looked_at(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg seed=3");
    done(place, "data @/images");
    done(place, "look fc 4");
    struct tn_snapshot *shot = shot_of(place);
    assert_int_equal(shot->picture->kernel_count, 128);
    assert_int_equal(shot->picture->kernels.rows * shot->picture->kernels.columns, 1);
    assert_int_equal(shot->picture->activation.rows * shot->picture->activation.columns, 1);
    tn_snapshot_unref(shot);
    assert_non_null(strstr(must_fail(place, "look fc 10"), "expected 0 to 9"));
    assert_non_null(strstr(must_fail(place, "look conv1_9 0"), "no layer 'conv1_9'"));
    assert_non_null(strstr(must_fail(place, "look fc 0 image=100"), "0 to 99"));
}

/* It leaves no trace, and is shown as long as it is true. */
static void a_picture_goes_with_its_network_and_images(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg seed=3");
    done(place, "data @/images");
    done(place, "sample all images=2");
    struct tn_snapshot *before = shot_of(place);
    assert_null(before->picture);
    done(place, "look conv1_1 0");
    struct tn_snapshot *after = shot_of(place);
    assert_int_equal(after->entry_count, before->entry_count);
    done(place, "keep conv1_1 16"); /* changes no weights */
    struct tn_snapshot *kept = shot_of(place);
    assert_ptr_equal(kept->picture, after->picture);
    done(place, "prune conv1_1");
    struct tn_snapshot *pruned = shot_of(place);
    assert_null(pruned->picture);
    done(place, "look conv1_1 15");
    done(place, "data @/images mean=0.5");
    struct tn_snapshot *other = shot_of(place);
    assert_null(other->picture);
    struct tn_snapshot *all[] = {before, after, kept, pruned, other};
    for (int i = 0; i < 5; i++)
        tn_snapshot_unref(all[i]);
}

/* The snapshot names what could go next: the first is what the walk removes, the costs ascend. */
static void the_next_removals_are_the_cheapest(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg seed=3");
    done(place, "data @/images");
    done(place, "sample all images=2");
    done(place, "keep conv1_2 20");
    struct tn_snapshot *shot = shot_of(place);
    const struct tn_snapshot_layer *layer = &shot->layers[1];
    assert_string_equal(layer->name, "conv1_2");
    assert_int_equal(layer->candidate_count, TN_SNAPSHOT_CANDIDATES);
    assert_int_equal(layer->candidates[0], layer->path->order[32 - 20]);
    assert_near(layer->candidate_costs[0], layer->path->cost[32 - 20]);
    assert_int_equal(layer->candidates[1], layer->path->runner_up[32 - 20]);
    for (int i = 1; i < layer->candidate_count; i++)
        assert_true(layer->candidate_costs[i] >= layer->candidate_costs[i - 1]);
    /* What was collected of the activations is there too. */
    assert_non_null(layer->path->zeros);
    for (int f = 0; f < layer->filters; f++)
        assert_true(layer->path->zeros[f] >= 0 && layer->path->zeros[f] <= 1);
    tn_snapshot_unref(shot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_activation_is_what_the_next_layer_reads, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(the_activation_is_taken_before_pooling, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_large_activation_is_averaged, place_open, place_close),
        cmocka_unit_test_setup_teardown(the_kernels_are_the_weights, place_open, place_close),
        cmocka_unit_test_setup_teardown(any_layer_can_be_looked_at, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_picture_goes_with_its_network_and_images, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(the_next_removals_are_the_cheapest, place_open,
                                        place_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
