/* Commands that run the network on a batch: how fast it is, what it gives. */
#include "core/available.h"
#include "core/memory.h"
#include "data/npy.h"
#include "engine/evaluate.h"
#include "engine/network.h"
#include "engine/trial.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/timing.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* One layer's share of the time and, for its FLOPs, of what the machine can do. */
static void put_layer_time(json_t *layers, const struct tn_layer *layer,
                           const struct tn_timing *timing, int64_t batch)
{
    const struct tn_node_time *time = &timing->nodes[layer->node];
    double flops = (double)layer->flops * (double)batch;
    /* NaN, which is no number in JSON, for what was not asked or where the network cannot be
     * trained. The way back multiplies twice: for the input and for the weights. */
    bool inferred = !isnan(timing->forward_ms), trained = !isnan(timing->backward_ms);
    double forward = inferred ? flops / time->forward_ms * 1e-6 : NAN; /* GFLOP/s */
    double backward = trained ? 2 * flops / time->backward_ms * 1e-6 : NAN;
    json_t *json = json_object();
    tn_put_text(json, "name", layer->name);
    tn_put_text(json, "op", tn_op_name(layer->op));
    tn_put_text(json, "path", time->path ? time->path : "");
    tn_put_integer(json, "flops", layer->flops);
    tn_put_number(json, "forward_ms", inferred ? time->forward_ms : NAN);
    tn_put_number(json, "gflops", forward);
    tn_put_number(json, "share", forward / timing->peak_gflops);
    tn_put_number(json, "backward_ms", trained ? time->backward_ms : NAN);
    tn_put_number(json, "backward_gflops", backward);
    tn_put_number(json, "backward_share", backward / timing->peak_gflops);
    json_array_append_new(layers, json);
}

static void put_layer_times(json_t *result, const struct tn_model *model,
                            const struct tn_timing *timing, int64_t batch)
{
    const struct tn_layers *layers = &model->layers;
    json_t *rows = json_array();
    /* From the nodes: medians do not add up to that of the whole, of which layers alone can have
     * more where something else disturbs the machine. */
    double rest[2] = {0, timing->untrained.kind == TN_ERROR_NONE ? 0 : NAN};
    for (int n = 0; n < model->graph->node_count; n++) {
        rest[0] += timing->nodes[n].forward_ms;
        rest[1] += timing->nodes[n].backward_ms;
    }
    for (int l = 0; l < layers->count; l++) {
        const struct tn_node_time *time = &timing->nodes[layers->layer[l].node];
        put_layer_time(rows, &layers->layer[l], timing, batch);
        rest[0] -= time->forward_ms;
        rest[1] -= time->backward_ms;
    }
    tn_put(result, "layers", rows);
    tn_put_number(result, "other_forward_ms", rest[0]); /* of all that has no FLOPs counted */
    tn_put_number(result, "other_backward_ms", rest[1]);
    tn_put_number(result, "peak_gflops", timing->peak_gflops);
}

static bool run_time(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    int64_t batch = 0, passes = 0;
    struct tn_timing timing;
    if (!tn_line_integer(line, "batch", 1, 65536, &batch, error) ||
        !tn_line_integer(line, "passes", 1, TN_MOST_TIMED, &passes, error) ||
        !tn_session_need_model(session, error))
        return false;
    const char *mode = tn_line_option(line, "mode");
    struct tn_timing_order timed = {(int)batch, (int)passes, strcmp(mode, "training") != 0,
                                    strcmp(mode, "inference") != 0};
    if (!tn_time_network(session->state->model->graph, &timed, progress, &timing, error))
        return false;
    tn_put_integer(result, "batch", batch);
    tn_put_integer(result, "memory_bytes", (int64_t)timing.memory);
    tn_put_integer(result, "memory_peak", (int64_t)tn_memory_peak());
    tn_put_number(result, "forward_ms", timing.forward_ms);
    tn_put_number(result, "backward_ms", timing.backward_ms);
    tn_put_number(result, "step_ms", timing.step_ms);
    put_layer_times(result, session->state->model, &timing, batch);
    if (timing.untrained.kind != TN_ERROR_NONE) /* it can be run all the same */
        tn_put_text(result, "untrained", timing.untrained.text);
    tn_timing_free(&timing);
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
    struct tn_network *network = tn_network_new_evaluating(graph, batch, progress, error);
    if (!network)
        return NULL;
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
        !tn_input_size(session->state->model->graph, &size, error))
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
     "backward, update), when training. Each layer's part too, with the operations a second it "
     "reaches and their share of what the machine can do; above 1 where Winograd's convolution "
     "saves multiplications.",
     TN_COMMAND_JOURNALED | TN_COMMAND_LONG,
     {{0}},
     {{"batch", TN_WORD_NUMBER, "32", NULL, "images at once"},
      {"passes", TN_WORD_NUMBER, "7", NULL, "batches that are measured, after one that is not"},
      {"mode", TN_WORD_NAME, "both", "both|inference|training", "what is measured"}},
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
