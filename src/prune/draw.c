#include "prune/draw.h"

#include "core/memory.h"
#include "data/choice.h"
#include "engine/evaluate.h"
#include "model/layers.h"

enum { GREATEST_BATCH = 50 };
/* FLOPs of a forward pass between two looks at the wish to stop: well under 200 ms for a single
 * node. */
static const double BATCH_FLOPS = 1e11;

static bool check_options(const struct tn_sampling_options *options, struct tn_error *error)
{
    if (options->images_per_class < 1 || options->images_per_class > 1000000)
        return tn_fail(error, TN_ERROR_USE, "images=%d: 1 to 1000000 a class expected",
                       options->images_per_class);
    if (options->locations < 1 || options->locations > 10000)
        return tn_fail(error, TN_ERROR_USE, "locations=%d: 1 to 10000 an image expected",
                       options->locations);
    return true;
}

static bool check_images(const struct tn_graph *graph, const struct tn_dataset *dataset,
                         struct tn_error *error)
{
    if (tn_dataset_count(dataset, TN_TRAIN) == 0)
        return tn_fail(error, TN_ERROR_USE, "%s has no training images to sample",
                       tn_dataset_name(dataset));
    return tn_evaluate_fits(graph, dataset, error);
}

/* The batch depends on the network alone: sums are the same whatever else is asked. */
static bool choose_batch(const struct tn_graph *graph, struct tn_draw *drawn,
                         struct tn_error *error)
{
    struct tn_cost cost;
    if (!tn_cost_of(graph, &cost, error))
        return false;
    double images = cost.flops > 0 ? BATCH_FLOPS / (double)cost.flops : GREATEST_BATCH;
    drawn->batch = images < 1 ? 1 : images > GREATEST_BATCH ? GREATEST_BATCH : (int)images;
    return true;
}

bool tn_draw_images(const struct tn_graph *graph, const struct tn_dataset *dataset,
                    const struct tn_sampling_options *options, struct tn_draw *drawn,
                    struct tn_error *error)
{
    *drawn = (struct tn_draw){0};
    if (check_options(options, error) && check_images(graph, dataset, error) &&
        tn_choose_images(dataset, options->images_per_class, options->seed, &drawn->images,
                         &drawn->count, error) &&
        choose_batch(graph, drawn, error))
        return true;
    tn_draw_free(drawn);
    return false;
}

void tn_draw_free(struct tn_draw *drawn)
{
    tn_free(drawn->images);
    *drawn = (struct tn_draw){0};
}
