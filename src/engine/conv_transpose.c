/* ConvTranspose with constant weights: the way back of the convolution whose input is its output.
 */
#include "core/memory.h"
#include "engine/correlation.h"

static void release(struct tn_step *step)
{
    struct tn_correlation *c = step->state;
    if (!c)
        return;
    tn_correlation_release(c);
    tn_free(c);
    step->state = NULL;
}

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

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    bool training = network->mode == TN_TRAINING;
    struct tn_correlation *c = step->state = tn_calloc(1, sizeof *c);
    struct tn_window window;
    if (!c)
        return tn_fail_memory(error, node->name, sizeof *c);
    if (!tn_window_of(network->graph, node, &window, error))
        return false;
    c->window = mirrored(&window);
    return tn_correlation_prepare(network, node->name, c,
                                  TN_PASS_BACK | (training ? TN_PASS_FORWARD | TN_PASS_WEIGHTS : 0),
                                  error);
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    const struct tn_param *bias = tn_step_param(network, step, 2);
    tn_correlation_back(network, step->state, tn_step_param(network, step, 1)->data,
                        network->blobs[step->input].data,
                        tn_finish_of(step, bias ? bias->data : NULL),
                        network->blobs[step->output].data);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    struct tn_correlation *c = step->state;
    const float *weights = tn_step_param(network, step, 1)->data;
    const float *gradient = network->blobs[step->output].gradient;
    struct tn_param *bias = tn_step_param(network, step, 2);
    tn_correlation_weights(network, c, weights, gradient, network->blobs[step->input].data,
                           tn_step_param(network, step, 1)->gradient, NULL);
    float *input_gradient = tn_gradient_begin(network, step->input);
    if (input_gradient)
        tn_correlation_forward(network, c, weights, gradient, tn_unfinished, input_gradient);
    tn_gradient_done(network, step->input);
    if (bias)
        tn_bias_gradient(network, gradient, (size_t)c->window.channels_in,
                         (size_t)c->window.in[0] * (size_t)c->window.in[1], bias->gradient);
}

const struct tn_step_ops tn_conv_transpose_ops = {
    .weights = 1u << 1 | 1u << 2,
    .constants = 1u << 1 | 1u << 2,
    .name = "ConvTranspose",
    .relu_fuses = true,
    .ceiling_fuses = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
