/* Commands that run the network on a batch: how fast it is, what it gives. */
#include "core/clock.h"
#include "core/memory.h"
#include "core/random.h"
#include "data/npy.h"
#include "engine/evaluate.h"
#include "engine/network.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of one image [C,H,W], or of whatever the network takes. */
static bool input_size(const struct tn_graph *graph, size_t *size, struct tn_error *error)
{
    const struct tn_value *input = graph->input_count ? &graph->values[graph->inputs[0]] : NULL;
    *size = 1;
    if (!input || !input->has_shape || input->rank < 1 || input->dims[0] != TN_BATCH)
        return tn_fail(error, TN_ERROR_INPUT, "the network's input is no batch of known shape");
    for (int i = 1; i < input->rank; i++)
        if (!tn_mul(*size, (size_t)input->dims[i], size))
            return tn_fail(error, TN_ERROR_INPUT, "the network's input is too large");
    return true;
}

/* time */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { TIMED = 7 };

struct timing {
    struct tn_network *network;
    const float *images;
    float *gradient;
    int batch;
    double forward[TIMED], backward[TIMED], step[TIMED];
};

/* One pass; index < 0: not counted, memory and caches warm up. */
static bool time_infer(struct timing *t, int index, struct tn_error *error)
{
    const float *outputs;
    double begun = tn_clock_seconds();
    if (!tn_network_forward(t->network, t->images, t->batch, NULL, &outputs, error))
        return false;
    if (index >= 0)
        t->forward[index] = tn_clock_seconds() - begun;
    return true;
}

static bool time_step(struct timing *t, int index, struct tn_error *error)
{
    /* No rate and no decay: the same work, and weights that stay finite on random gradients. */
    static const struct tn_sgd still = {.momentum = 0.9F};
    const float *outputs;
    double begun = tn_clock_seconds();
    if (!tn_network_forward(t->network, t->images, t->batch, NULL, &outputs, error))
        return false;
    double middle = tn_clock_seconds();
    if (!tn_network_backward(t->network, t->gradient, error))
        return false;
    double end = tn_clock_seconds();
    tn_network_update(t->network, &still);
    if (index >= 0) {
        t->backward[index] = end - middle;
        t->step[index] = tn_clock_seconds() - begun;
    }
    return true;
}

static bool time_mode(struct timing *t, const struct tn_graph *graph, enum tn_mode mode,
                      const struct tn_progress *progress, struct tn_error *error)
{
    t->network = tn_network_new(graph, t->batch, mode, error);
    if (!t->network)
        return false;
    size_t numbers = (size_t)t->batch * (size_t)tn_network_outputs(t->network);
    t->gradient = tn_alloc(numbers, sizeof *t->gradient);
    bool fine =
        t->gradient ? true : tn_fail_memory(error, "a gradient", numbers * sizeof *t->gradient);
    for (size_t i = 0; fine && i < numbers; i++)
        t->gradient[i] = (i % 2 ? 1.0F : -1.0F) / (float)numbers;
    for (int i = -1; fine && i < TIMED; i++) {
        fine = tn_progress_step(progress, mode == TN_INFER ? "time forward" : "time step", i + 1,
                                TIMED + 1, "passes", "", error) &&
               (mode == TN_INFER ? time_infer(t, i, error) : time_step(t, i, error));
    }
    tn_free(t->gradient);
    tn_network_free(t->network);
    return fine;
}

static double median_ms(double *seconds)
{
    qsort(seconds, TIMED, sizeof *seconds, by_value);
    return 1000 * seconds[TIMED / 2];
}

static float *random_images(size_t count, struct tn_error *error)
{
    float *images = tn_alloc(count, sizeof *images);
    if (!images) {
        tn_fail_memory(error, "images", count * sizeof *images);
        return NULL;
    }
    struct tn_random random;
    tn_random_seed(&random, 1, 0);
    for (size_t i = 0; i < count; i++)
        images[i] = (float)tn_random_normal(&random);
    return images;
}

static bool run_time(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    int64_t batch = 0;
    size_t size = 0, count;
    if (!tn_line_integer(line, "batch", 1, 65536, &batch, error) ||
        !tn_session_need_model(session, error) ||
        !input_size(session->state->model->graph, &size, error))
        return false;
    if (!tn_mul(size, (size_t)batch, &count))
        return tn_fail(error, TN_ERROR_USE, "batch %lld is too large", (long long)batch);
    struct timing t = {.batch = (int)batch};
    float *images = random_images(count, error);
    t.images = images;
    const struct tn_graph *graph = session->state->model->graph;
    struct tn_error untrained = {0};
    bool fine = images && time_mode(&t, graph, TN_INFER, progress, error);
    bool trained = fine && time_mode(&t, graph, TN_TRAINING, progress, &untrained);
    tn_free(images);
    if (fine && !trained && untrained.kind != TN_ERROR_INPUT) {
        *error = untrained;
        return false;
    }
    if (!fine)
        return false;
    tn_put_integer(result, "batch", batch);
    tn_put_number(result, "forward_ms", median_ms(t.forward));
    tn_put_number(result, "backward_ms", trained ? median_ms(t.backward) : NAN);
    tn_put_number(result, "step_ms", trained ? median_ms(t.step) : NAN);
    if (!trained) /* it can be run all the same */
        tn_put_text(result, "untrained", untrained.text);
    return true;
}

/* infer */

/* The network's input as a message shows it: "[N,3,224,224]". */
static const char *shape_text(const struct tn_value *value, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[N");
    for (int i = 1; i < value->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, ",%lld", (long long)value->dims[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
    return text;
}

static bool check_images(const struct tn_graph *graph, const struct tn_tensor *images,
                         const char *path, struct tn_error *error)
{
    const struct tn_value *input = &graph->values[graph->inputs[0]];
    bool fits = images->rank == input->rank && images->dims[0] > 0;
    char text[200];
    for (int i = 1; fits && i < input->rank; i++)
        fits = images->dims[i] == input->dims[i];
    if (!fits)
        return tn_fail(error, TN_ERROR_INPUT, "%s: expected images %s", path,
                       shape_text(input, text, sizeof text));
    if (images->dtype == TN_INT64)
        return tn_fail(error, TN_ERROR_INPUT,
                       "%s: holds integers, expected float32 or float64 images", path);
    return true;
}

static float *as_floats(const struct tn_tensor *images, struct tn_error *error)
{
    float *floats = tn_alloc(images->count, sizeof *floats);
    if (!floats) {
        tn_fail_memory(error, "images", images->count * sizeof *floats);
        return NULL;
    }
    const float *f = tn_tensor_floats(images);
    const double *d = tn_tensor_doubles(images);
    for (size_t i = 0; i < images->count; i++)
        floats[i] = f ? f[i] : (float)d[i];
    return floats;
}

/* Room for the outputs of all images, in the shape the network gives them. */
static struct tn_tensor *outputs_for(const struct tn_graph *graph, int64_t count,
                                     struct tn_error *error)
{
    const struct tn_value *value = &graph->values[graph->outputs[0]];
    int64_t dims[TN_MAX_RANK];
    memcpy(dims, value->dims, sizeof dims);
    dims[0] = count;
    return tn_tensor_new(TN_FLOAT32, value->rank, dims, error);
}

static struct tn_tensor *infer(const struct tn_graph *graph, const float *images, int64_t count,
                               size_t size, const struct tn_progress *progress,
                               struct tn_error *error)
{
    int batch = tn_evaluate_batch(graph);
    if (count < batch)
        batch = (int)count;
    struct tn_network *network = tn_network_new(graph, batch, TN_INFER, error);
    if (!network)
        return NULL;
    tn_network_watch(network, progress);
    struct tn_tensor *outputs = outputs_for(graph, count, error);
    size_t row = (size_t)tn_network_outputs(network);
    bool fine = outputs != NULL;
    for (int64_t i = 0; fine && i < count; i += batch) {
        int n = (int)(count - i < batch ? count - i : batch);
        const float *rows = NULL;
        fine = tn_progress_step(progress, "infer", (double)i, (double)count, "images", "", error) &&
               tn_network_forward(network, images + (size_t)i * size, n, NULL, &rows, error);
        if (fine)
            memcpy(tn_tensor_floats(outputs) + (size_t)i * row, rows,
                   (size_t)n * row * sizeof *rows);
    }
    tn_network_free(network);
    if (fine)
        return outputs;
    tn_tensor_unref(outputs);
    return NULL;
}

static bool run_infer(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    size_t size = 0;
    if (!tn_session_need_model(session, error) ||
        !input_size(session->state->model->graph, &size, error))
        return false;
    const struct tn_graph *graph = session->state->model->graph;
    const char *in = tn_line_word(line, 0), *out = tn_line_word(line, 1);
    struct tn_tensor *images = tn_npy_read(in, error);
    if (!images)
        return false;
    float *floats = check_images(graph, images, in, error) ? as_floats(images, error) : NULL;
    struct tn_tensor *outputs =
        floats ? infer(graph, floats, images->dims[0], size, progress, error) : NULL;
    bool fine = outputs && tn_npy_write(out, outputs, error);
    if (fine) {
        json_t *shape = json_array();
        for (int i = 0; i < outputs->rank; i++)
            json_array_append_new(shape, json_integer(outputs->dims[i]));
        tn_put_text(result, "file", out);
        tn_put_integer(result, "images", images->dims[0]);
        tn_put(result, "shape", shape);
    }
    tn_tensor_unref(outputs);
    tn_tensor_unref(images);
    tn_free(floats);
    return fine;
}

const struct tn_command tn_commands_run[] = {
    {"time",
     "measure the speed of the network",
     "Medians of several runs on random images: forward when evaluating; backward, and a whole "
     "step (forward, "
     "backward, update), when training.",
     TN_COMMAND_JOURNALED | TN_COMMAND_LONG,
     {{0}},
     {{"batch", TN_WORD_NUMBER, "32", NULL, "images at once"}},
     run_time},
    {"infer",
     "run the network on images from a .npy file",
     "IN.npy holds images [N,C,H,W], already preprocessed; OUT.npy receives the first output, as a "
     "rule [N,classes].",
     TN_COMMAND_JOURNALED | TN_COMMAND_LONG,
     {{TN_WORD_FILE, "IN.npy", false, NULL}, {TN_WORD_FILE, "OUT.npy", false, NULL}},
     {{0}},
     run_infer},
    {0},
};
