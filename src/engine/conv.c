/* Conv and ConvTranspose with constant weights. */
#include "core/memory.h"
#include "engine/correlation.h"

#include <math.h>

struct conv {
    struct tn_correlation correlation;
    float *folded, *folded_bias; /* inference: weights with BatchNorm in them */
};

static const float *weights_of(const struct tn_network *network, const struct tn_step *step)
{
    const struct conv *conv = step->state;
    return conv->folded ? conv->folded : tn_step_param(network, step, 1)->data;
}

static struct tn_finish finish_of(const struct tn_network *network, const struct tn_step *step)
{
    const struct conv *conv = step->state;
    const struct tn_param *bias = tn_step_param(network, step, 2);
    return (struct tn_finish){conv->folded_bias ? conv->folded_bias
                              : bias            ? bias->data
                                                : NULL,
                              step->relu};
}

static void release(struct tn_step *step)
{
    struct conv *conv = step->state;
    if (!conv)
        return;
    tn_correlation_release(&conv->correlation);
    tn_free(conv->folded);
    tn_free(conv->folded_bias);
    tn_free(conv);
    step->state = NULL;
}

/* The node's window in a new state. */
static bool read_window(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    struct conv *conv = step->state = tn_calloc(1, sizeof *conv);
    if (!conv)
        return tn_fail_memory(error, node->name, sizeof *conv);
    return tn_window_of(network->graph, node, &conv->correlation.window, error);
}

static bool prepare_conv(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    bool training = network->mode == TN_TRAINING;
    if (!read_window(network, step, error))
        return false;
    struct conv *conv = step->state;
    return tn_correlation_prepare(network, step, &conv->correlation,
                                  TN_PASS_FORWARD | (training ? TN_PASS_BACK | TN_PASS_WEIGHTS : 0),
                                  error);
}

bool tn_conv_fold_norm(struct tn_network *network, struct tn_step *step, const struct tn_node *norm,
                       struct tn_error *error)
{
    struct conv *conv = step->state;
    size_t filters = (size_t)conv->correlation.window.channels_out,
           depth = (size_t)conv->correlation.depth;
    const float *part[4]; /* scale, shift, mean, variance */
    for (int i = 0; i < 4; i++)
        part[i] = tn_tensor_floats(tn_node_constant(network->graph, norm, i + 1));
    const float *weights = weights_of(network, step), *bias = finish_of(network, step).bias;
    float epsilon = tn_node_float(norm, "epsilon", 1e-5f);
    float *folded = tn_calloc(filters * depth, sizeof(float)),
          *folded_bias = tn_calloc(filters, sizeof(float));
    for (size_t f = 0; folded && folded_bias && f < filters; f++) {
        double scale = (double)part[0][f] / sqrt((double)part[3][f] + (double)epsilon);
        for (size_t k = 0; k < depth; k++)
            folded[f * depth + k] = (float)(scale * (double)weights[f * depth + k]);
        double before = bias ? (double)bias[f] : 0;
        folded_bias[f] = (float)((double)part[1][f] + scale * (before - (double)part[2][f]));
    }
    conv->folded = folded;
    conv->folded_bias = folded_bias;
    return (folded && folded_bias) ||
           tn_fail_memory(error, norm->name, filters * depth * sizeof(float));
}

static void conv_forward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    tn_correlation_forward(network, &conv->correlation, weights_of(network, step),
                           network->blobs[step->input].data, finish_of(network, step),
                           network->blobs[step->output].data);
}

static size_t area_out(const struct tn_window *window)
{
    return (size_t)window->out[0] * (size_t)window->out[1];
}

static void conv_backward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    const struct tn_window *window = &conv->correlation.window;
    const float *gradient = network->blobs[step->output].gradient;
    struct tn_param *bias = tn_step_param(network, step, 2);
    tn_correlation_weights(network, &conv->correlation, weights_of(network, step),
                           network->blobs[step->input].data, gradient,
                           tn_step_param(network, step, 1)->gradient,
                           tn_gradient_begin(network, step->input));
    tn_gradient_done(network, step->input);
    if (bias)
        tn_bias_gradient(network, gradient, (size_t)window->channels_out, area_out(window),
                         bias->gradient);
}

/* --- ConvTranspose: the way back of the convolution whose input is its output --- */

static struct tn_window mirrored(const struct tn_window *window)
{
    struct tn_window mirror = *window;
    mirror.channels_in = window->channels_out;
    mirror.channels_out = window->channels_in;
    for (int i = 0; i < 2; i++) {
        mirror.in[i] = window->out[i];
        mirror.out[i] = window->in[i];
    }
    return mirror;
}

static bool prepare_transposed(struct tn_network *network, struct tn_step *step,
                               struct tn_error *error)
{
    bool training = network->mode == TN_TRAINING;
    if (!read_window(network, step, error))
        return false;
    struct conv *conv = step->state;
    conv->correlation.window = mirrored(&conv->correlation.window);
    return tn_correlation_prepare(network, step, &conv->correlation,
                                  TN_PASS_BACK | (training ? TN_PASS_FORWARD | TN_PASS_WEIGHTS : 0),
                                  error);
}

static void transposed_forward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    tn_correlation_back(network, &conv->correlation, weights_of(network, step),
                        network->blobs[step->input].data, finish_of(network, step),
                        network->blobs[step->output].data);
}

static void transposed_backward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    struct tn_correlation *c = &conv->correlation;
    const float *gradient = network->blobs[step->output].gradient;
    struct tn_param *bias = tn_step_param(network, step, 2);
    tn_correlation_weights(network, c, weights_of(network, step), gradient,
                           network->blobs[step->input].data,
                           tn_step_param(network, step, 1)->gradient, NULL);
    float *input_gradient = tn_gradient_begin(network, step->input);
    if (input_gradient)
        tn_correlation_forward(network, c, weights_of(network, step), gradient,
                               (struct tn_finish){NULL, false}, input_gradient);
    tn_gradient_done(network, step->input);
    if (bias)
        tn_bias_gradient(network, gradient, (size_t)c->window.channels_in,
                         (size_t)c->window.in[0] * (size_t)c->window.in[1], bias->gradient);
}

const struct tn_step_ops tn_conv_ops = {
    .weights = 1u << 1 | 1u << 2,
    .constants = 1u << 1 | 1u << 2,
    .name = "Conv",
    .relu_fuses = true,
    .prepare = prepare_conv,
    .forward = conv_forward,
    .backward = conv_backward,
    .release = release,
};
const struct tn_step_ops tn_conv_transpose_ops = {
    .weights = 1u << 1 | 1u << 2,
    .constants = 1u << 1 | 1u << 2,
    .name = "ConvTranspose",
    .relu_fuses = true,
    .prepare = prepare_transposed,
    .forward = transposed_forward,
    .backward = transposed_backward,
    .release = release,
};
