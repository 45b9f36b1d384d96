/* Conv with constant weights, by the first path that fits (conv_path.h). */
#include "core/memory.h"
#include "engine/correlation.h"

#include <math.h>

static const struct tn_conv_path *const paths[] = {&tn_winograd_path, &tn_pointwise_path,
                                                   &tn_unfolded_path, &tn_depthwise_path,
                                                   &tn_correlation_path};

struct conv {
    struct tn_window window;
    const struct tn_conv_path *path;
    void *path_state;
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
    struct tn_finish finish = tn_finish_of(step, conv->folded_bias ? conv->folded_bias
                                                 : bias            ? bias->data
                                                                   : NULL);
    if (step->addend >= 0)
        finish.addend = network->blobs[step->addend].data;
    return finish;
}

static void release(struct tn_step *step)
{
    struct conv *conv = step->state;
    if (!conv)
        return;
    if (conv->path)
        conv->path->release(conv->path_state);
    tn_free(conv->folded);
    tn_free(conv->folded_bias);
    tn_free(conv);
    step->state = NULL;
}

static const struct tn_conv_path *choose_path(const struct tn_network *network,
                                              const struct tn_window *window)
{
    size_t last = sizeof paths / sizeof *paths - 1; /* fits all */
    for (size_t i = 0; i < last; i++)
        if (paths[i]->fits(network, window))
            return paths[i];
    return paths[last];
}

static bool prepare(struct tn_network *network, struct tn_step *step, struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    int passes = network->mode == TN_TRAINING ? TN_PASS_FORWARD | TN_PASS_BACK | TN_PASS_WEIGHTS
                                              : TN_PASS_FORWARD;
    struct conv *conv = step->state = tn_calloc(1, sizeof *conv);
    if (!conv)
        return tn_fail_memory(error, node->name, sizeof *conv);
    if (!tn_window_of(network->graph, node, &conv->window, error))
        return false;
    conv->path = choose_path(network, &conv->window);
    conv->path_state = conv->path->prepare(network, &conv->window, passes, node->name, error);
    return conv->path_state != NULL;
}

bool tn_conv_fold_norm(struct tn_network *network, struct tn_step *step, const struct tn_node *norm,
                       struct tn_error *error)
{
    struct conv *conv = step->state;
    const struct tn_window *w = &conv->window;
    size_t filters = (size_t)w->channels_out;
    size_t depth =
        (size_t)(w->channels_in / w->groups) * (size_t)w->kernel[0] * (size_t)w->kernel[1];
    const float *part[4]; /* scale, shift, mean, variance */
    for (int i = 0; i < 4; i++)
        part[i] = tn_tensor_floats(tn_node_constant(network->graph, norm, i + 1));
    const float *weights = weights_of(network, step), *bias = finish_of(network, step).bias;
    float epsilon = tn_node_float(norm, "epsilon", 1e-5f);
    float *folded = tn_want_memory(network, filters * depth, sizeof(float)),
          *folded_bias = tn_want_memory(network, filters, sizeof(float));
    for (size_t f = 0; !network->sizes_only && folded && folded_bias && f < filters; f++) {
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

const char *tn_conv_path_name(const struct tn_step *step)
{
    const struct conv *conv = step->state;
    return step->ops == &tn_conv_ops && conv ? conv->path->name : NULL;
}

static void forward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    conv->path->forward(network, conv->path_state, weights_of(network, step),
                        network->blobs[step->input].data, finish_of(network, step),
                        network->blobs[step->output].data);
}

static void backward(struct tn_network *network, struct tn_step *step)
{
    struct conv *conv = step->state;
    const float *gradient = network->blobs[step->output].gradient;
    struct tn_param *bias = tn_step_param(network, step, 2);
    conv->path->backward(network, conv->path_state, weights_of(network, step),
                         network->blobs[step->input].data, gradient,
                         tn_step_param(network, step, 1)->gradient,
                         tn_gradient_begin(network, step->input));
    tn_gradient_done(network, step->input);
    if (bias)
        tn_bias_gradient(network, gradient, (size_t)conv->window.channels_out,
                         (size_t)conv->window.out[0] * (size_t)conv->window.out[1], bias->gradient);
}

const struct tn_step_ops tn_conv_ops = {
    .weights = 1u << 1 | 1u << 2,
    .constants = 1u << 1 | 1u << 2,
    .name = "Conv",
    .relu_fuses = true,
    .ceiling_fuses = true,
    .add_fuses = true,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .release = release,
};
