/* Which steps run for a portion of the batch at a time. The activations of large images leave the
 * caches before the next step reads them, unless a few images go through these steps first. That is
 * worth it where little is computed with each number, as in depthwise and narrow 1x1 convolutions;
 * small images are better taken all at once, since threads then have more to share. */
#include "engine/plan.h"

enum {
    LARGE_FLOATS = 1 << 19,  /* of an image that a step reads and writes */
    CACHED_FLOATS = 1 << 21, /* of a portion: 8 MiB, a part of a usual last-level cache */
    LIGHT_WEIGHTS = 1 << 13, /* more compute so much with each number that memory keeps up */
};

static size_t moved_by(const struct tn_network *network, const struct tn_step *step)
{
    size_t size = 0;
    for (int i = 0; i < step->input_count; i++)
        size += step->inputs[i] >= 0 ? network->blobs[step->inputs[i]].size : 0;
    for (int i = 0; i < step->output_count; i++)
        size += step->outputs[i] >= 0 ? network->blobs[step->outputs[i]].size : 0;
    return size;
}

static size_t weights_of(const struct tn_network *network, const struct tn_step *step)
{
    size_t count = 0;
    for (int i = 0; i < step->input_count; i++) {
        const struct tn_param *param = tn_step_param(network, step, i);
        count += param ? param->count : 0;
    }
    return count;
}

void tn_plan_portions(struct tn_network *network)
{
    size_t largest = 1;
    network->portion_steps = 0;
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        size_t moved = moved_by(network, step);
        if (weights_of(network, step) > LIGHT_WEIGHTS)
            break;
        largest = moved > largest ? moved : largest;
        if (moved >= LARGE_FLOATS)
            network->portion_steps = s + 1;
    }
    size_t portion = CACHED_FLOATS / largest;
    network->portion = portion < 1 ? 1 : (int)portion;
    if (portion >= (size_t)network->max_batch || network->portion_steps < 2)
        network->portion_steps = 0;
}
