#include "engine/train.h"

#include "core/available.h"
#include "core/clock.h"
#include "core/memory.h"
#include "data/loader.h"
#include "engine/evaluate.h"
#include "engine/holdout.h"
#include "engine/loss.h"
#include "engine/network.h"
#include "engine/teacher.h"
#include "engine/train_memory.h"
#include "engine/trial.h"
#include "model/logits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    CROP_PAD_DIVISOR = 8
}; /* crop augmentation shifts by an eighth of the width: 4 of 32, as He et al. 2015 */

/* Streams of the seed: one for the order of images in each epoch, the loader's own for each image.
 */
enum { ORDER_STREAM = 1 << 20 };

void tn_train_defaults(struct tn_train_options *options)
{
    *options =
        (struct tn_train_options){.epochs = 1,
                                  .batch = 128,
                                  .rates = {.schedule = TN_COSINE, .rate = 0.01, .gamma = 0.1},
                                  .momentum = 0.9f,
                                  .decay = 5e-4f,
                                  .teacher_weight = 0.7,
                                  .temperature = 4,
                                  .augmentation = TN_AUGMENT_FLIP,
                                  .seed = 1};
}

struct run {
    const struct tn_train_options *options;
    struct tn_dataset *dataset;
    struct tn_network *network;
    struct tn_training_memory memory;
    struct tn_teacher *teacher; /* or NULL */
    const struct tn_progress *progress;
    uint32_t *images;  /* all training images: first those to train on, then those held out */
    size_t pool;       /* of the first kind */
    uint32_t *order;   /* the first kind, shuffled anew each epoch */
    size_t count;      /* images an epoch */
    size_t iterations; /* an epoch */
    size_t image;      /* numbers of one */
    float *gradient;   /* [batch, outputs] of a piece of the batch */
    int epoch;         /* 1 .. epochs */
    struct tn_epoch best;
    struct tn_graph *best_graph; /* NULL: no epoch was the best yet */
};

static double rate_at(const struct run *run, size_t step)
{
    return tn_rate_at(&run->options->rates, run->options->epochs, run->iterations, step);
}

static void shuffle(struct run *run)
{
    struct tn_random random;
    memcpy(run->order, run->images, run->pool * sizeof *run->order);
    tn_random_seed(&random, run->options->seed, ORDER_STREAM + (uint64_t)run->epoch);
    tn_random_shuffle(&random, run->order, run->pool);
}

static struct tn_loader *open_loader(const struct run *run, struct tn_error *error)
{
    int chw[3];
    const struct tn_train_options *options = run->options;
    tn_dataset_shape(run->dataset, chw);
    struct tn_augment augment = {
        .flip = true,
        .crop_pad = options->augmentation == TN_AUGMENT_CROP_FLIP ? chw[2] / CROP_PAD_DIVISOR : 0,
        .seed = options->seed,
        .epoch = (uint64_t)run->epoch};
    return tn_loader_new(run->dataset, TN_TRAIN, run->order, run->count, (size_t)options->batch,
                         options->augmentation == TN_AUGMENT_NONE ? NULL : &augment, error);
}

/* Forward and backward of `count` images of a batch from `first` on: their part of the gradient of
 * the batch's mean loss. */
static bool train_piece(struct run *run, const struct tn_batch *batch, size_t first, size_t count,
                        struct tn_targets targets, size_t step, struct tn_loss *loss,
                        struct tn_error *error)
{
    const float *logits;
    size_t outputs = (size_t)tn_network_outputs(run->network);
    if (!tn_network_forward_piece(run->network, batch->images + first * run->image, (int)first,
                                  (int)count, &logits, error))
        return false;
    if (targets.teacher)
        targets.teacher += first * outputs;
    tn_target_loss((int)count, (int)outputs, logits, batch->labels + first, &targets, run->gradient,
                   loss);
    if (loss->bad > 0 || !isfinite(loss->sum)) {
        const char *where = tn_network_first_bad(run->network);
        return tn_fail(error, TN_ERROR_USE,
                       "NaN or infinity at epoch %d, step %zu, first in '%s': a smaller lr may "
                       "help; the network is "
                       "as after the last finished epoch",
                       run->epoch, step % run->iterations + 1, where ? where : "the loss");
    }
    for (size_t i = 0; count < batch->count && i < count * outputs; i++)
        run->gradient[i] *= (float)count / (float)batch->count;
    return tn_network_backward(run->network, run->gradient, error);
}

static bool train_batch(struct run *run, const struct tn_batch *batch, size_t step,
                        struct tn_loss *loss, struct tn_error *error)
{
    struct tn_targets targets = {.smoothing = run->options->smoothing,
                                 .weight = run->options->teacher_weight,
                                 .temperature = run->options->temperature};
    if (run->teacher &&
        !tn_teacher_ask(run->teacher, batch->images, (int)batch->count, &targets.teacher, error))
        return false;
    size_t piece = (size_t)run->memory.piece;
    for (size_t first = 0; first < batch->count; first += piece) {
        size_t count = batch->count - first < piece ? batch->count - first : piece;
        if (!train_piece(run, batch, first, count, targets, step, loss, error))
            return false;
    }
    struct tn_sgd sgd = {.learning_rate = (float)rate_at(run, step),
                         .momentum = run->options->momentum,
                         .decay = run->options->decay,
                         .nesterov = run->options->nesterov,
                         .spare_vectors = run->options->spare_vectors,
                         .clip = run->options->clip};
    tn_network_update(run->network, &sgd);
    return true;
}

/* What the memory does to the run, to be read while the first batch is trained. */
static void describe_memory(const struct run *run, char *text, size_t size)
{
    const struct tn_training_memory *memory = &run->memory;
    int batch = run->options->batch, pieces = (batch + memory->piece - 1) / memory->piece;
    int used = snprintf(text, size, "needs %s of %s", tn_size_text((double)memory->bytes).text,
                        tn_size_text((double)memory->available).text);
    if (pieces > 1)
        used += snprintf(text + used, size - (size_t)used, ", batches in %d pieces", pieces);
    if (memory->segments > 1)
        snprintf(text + used, size - (size_t)used, ", activations made again");
}

static bool train_epoch(struct run *run, struct tn_epoch *epoch, struct tn_error *error)
{
    struct tn_loss loss = {0};
    struct tn_batch batch;
    char stage[64], detail[128] = "";
    size_t seen = 0, step = (size_t)(run->epoch - 1) * run->iterations;
    double start = tn_clock_seconds();
    snprintf(stage, sizeof stage, "epoch %d/%d", run->epoch, run->options->epochs);
    shuffle(run);
    epoch->learning_rate = rate_at(run, step);
    struct tn_loader *loader = open_loader(run, error);
    bool ok = loader;
    if (ok)
        tn_loader_watch(loader, run->progress);
    while (ok) {
        if (seen == 0 && run->epoch == 1)
            describe_memory(run, detail, sizeof detail);
        if (seen > 0)
            snprintf(detail, sizeof detail, "loss %.4f  train top-1 %.2f%%",
                     loss.sum / (double)seen, 100.0 * (double)loss.top1 / (double)seen);
        double done = (double)(run->epoch - 1) * (double)run->count + (double)seen;
        ok = tn_progress_step(run->progress, stage, done,
                              (double)run->options->epochs * (double)run->count, "images", detail,
                              error) &&
             tn_loader_next(loader, &batch, error);
        if (!ok || batch.count == 0)
            break;
        ok = train_batch(run, &batch, step++, &loss, error);
        seen += batch.count;
    }
    tn_loader_free(loader);
    if (ok && seen == 0)
        return tn_fail(error, TN_ERROR_INPUT, "no training image could be read");
    epoch->epoch = run->epoch;
    epoch->seconds = tn_clock_seconds() - start;
    epoch->loss = loss.sum / (double)(seen ? seen : 1);
    epoch->train_top1 = (double)loss.top1 / (double)(seen ? seen : 1);
    epoch->images_per_second = (double)seen / epoch->seconds;
    return ok;
}

/* Share the constants of a graph of the same structure. */
static void take_constants(const struct tn_graph *from, struct tn_graph *to)
{
    for (int v = 0; v < from->value_count; v++)
        if (from->values[v].constant)
            tn_graph_set_constant(to, v, tn_tensor_ref(from->values[v].constant));
}

/* What the images held out and the test images say of an epoch's network. */
static bool judge(const struct run *run, const struct tn_graph *trained, struct tn_epoch *epoch,
                  struct tn_error *error)
{
    const struct tn_epoch *best = &run->best;
    struct tn_evaluation test = {0}, held = {0};
    epoch->held = run->options->held;
    if (epoch->held > 0 &&
        !tn_evaluate_images(trained, run->dataset, TN_TRAIN, run->images + run->pool,
                            (size_t)epoch->held, run->progress, &held, error))
        return false;
    if (tn_dataset_count(run->dataset, TN_TEST) > 0 &&
        !tn_evaluate(trained, run->dataset, TN_TEST, run->options->test_limit, 0, run->progress,
                     &test, error))
        return false;
    epoch->test_top1 = test.top1;
    epoch->test_top5 = test.top5;
    epoch->held_top1 = held.top1;
    epoch->held_loss = held.loss;
    epoch->best =
        epoch->held > 0 && (!best->epoch || held.top1 > best->held_top1 ||
                            (held.top1 >= best->held_top1 && held.loss < best->held_loss));
    return true;
}

static bool remember_best(struct run *run, const struct tn_epoch *epoch,
                          const struct tn_graph *graph, struct tn_error *error)
{
    if (!epoch->best)
        return true;
    struct tn_graph *copy = tn_graph_clone(graph, error);
    if (!copy)
        return false;
    tn_graph_free(run->best_graph);
    run->best_graph = copy;
    run->best = *epoch;
    return true;
}

static bool report(const struct run *run, const struct tn_epoch *epoch,
                   const struct tn_graph *graph, tn_epoch_done epoch_done, void *context,
                   struct tn_error *error)
{
    struct tn_checkpoint checkpoint = {.epoch = run->epoch,
                                       .steps = tn_network_steps(run->network),
                                       .momentum = tn_network_momentum(run->network, error),
                                       .best = run->best};
    bool ok = checkpoint.momentum && epoch_done(context, epoch, graph, &checkpoint, error);
    tn_tensor_unref(checkpoint.momentum);
    return ok;
}

/* Only a whole epoch, evaluated, counts as finished. */
static bool finish_epoch(struct run *run, struct tn_graph *graph, struct tn_epoch *epoch,
                         struct tn_error *error)
{
    struct tn_graph *trained = tn_graph_clone(graph, error);
    tn_network_rest(run->network); /* others have the memory meanwhile */
    bool ok = trained && tn_network_store(run->network, trained, error) &&
              judge(run, trained, epoch, error) && remember_best(run, epoch, trained, error);
    if (ok)
        take_constants(trained, graph);
    tn_graph_free(trained);
    return ok;
}

static bool out_of_patience(const struct run *run)
{
    return run->options->patience > 0 && run->best.epoch > 0 &&
           run->epoch - run->best.epoch >= run->options->patience;
}

static bool run_epochs(struct run *run, struct tn_graph *graph, tn_epoch_done epoch_done,
                       void *context, struct tn_error *error)
{
    while (run->epoch < run->options->epochs && !out_of_patience(run)) {
        struct tn_epoch epoch = {0};
        run->epoch++;
        if (!train_epoch(run, &epoch, error) || !finish_epoch(run, graph, &epoch, error) ||
            (epoch_done && !report(run, &epoch, graph, epoch_done, context, error)))
            return false;
    }
    if (run->options->keep_best && run->best_graph)
        take_constants(run->best_graph, graph);
    return true;
}

static bool check_options(const struct tn_train_options *options, const struct tn_dataset *dataset,
                          struct tn_error *error)
{
    if (options->epochs < 1 || options->batch < 2)
        return tn_fail(error, TN_ERROR_USE,
                       "training takes at least 1 epoch and 2 images a batch, got %d and %d",
                       options->epochs, options->batch);
    if (!(options->momentum >= 0 && options->momentum < 1) || !(options->decay >= 0))
        return tn_fail(error, TN_ERROR_USE, "momentum must be in 0..1 and decay not negative");
    if (!tn_rates_check(&options->rates, options->epochs, error))
        return false;
    if (!(options->smoothing >= 0 && options->smoothing <= 1))
        return tn_fail(error, TN_ERROR_USE, "smooth must be in 0..1");
    if (options->teacher && (!(options->teacher_weight >= 0 && options->teacher_weight <= 1) ||
                             !(options->temperature > 0)))
        return tn_fail(error, TN_ERROR_USE, "weight must be in 0..1 and temperature above 0");
    size_t all = tn_dataset_count(dataset, TN_TRAIN);
    if (all == 0)
        return tn_fail(error, TN_ERROR_USE, "the data has no training images");
    if (options->held < 0 || (options->held > 0 && (uint64_t)options->held + 2 > all))
        return tn_fail(error, TN_ERROR_USE,
                       "%lld of %zu training images held out: at least 2 must be left to train on",
                       (long long)options->held, all);
    if (options->patience > 0 && !options->held)
        return tn_fail(error, TN_ERROR_USE,
                       "patience needs images that are held out to judge by: holdout=0.1");
    if (!(options->clip >= 0))
        return tn_fail(error, TN_ERROR_USE, "clip must not be negative");
    return true;
}

static bool prepare(struct run *run, const struct tn_graph *graph, struct tn_error *error)
{
    const struct tn_train_options *options = run->options;
    size_t all = tn_dataset_count(run->dataset, TN_TRAIN), batch = (size_t)options->batch;
    size_t pool = all - (size_t)options->held, limit = (size_t)options->limit;
    run->pool = pool;
    run->count = options->limit > 0 && limit < pool ? limit : pool;
    run->iterations = (run->count + batch - 1) / batch;
    if (!tn_input_size(graph, &run->image, error) ||
        !tn_training_memory(graph, run->dataset, options, &run->memory, error))
        return false;
    struct tn_network_options plan = {.max_batch = run->memory.piece,
                                      .mode = TN_TRAINING,
                                      .most_bytes = run->memory.network_most,
                                      .pieces = run->memory.piece < options->batch,
                                      .progress = run->progress};
    struct tn_graph *logits = tn_graph_logits(graph, error);
    run->network = logits ? tn_network_new_with(logits, &plan, error) : NULL;
    tn_graph_free(logits);
    if (!run->network)
        return false;
    tn_network_seed(run->network, options->seed);
    int outputs = tn_network_outputs(run->network);
    if (options->teacher && !(run->teacher = tn_teacher_new(options->teacher, options->batch,
                                                            outputs, run->progress, error)))
        return false;
    run->images = tn_alloc(all, sizeof *run->images);
    run->order = tn_alloc(all, sizeof *run->order);
    run->gradient = tn_alloc(batch * (size_t)outputs, sizeof *run->gradient);
    if (!run->images || !run->order || !run->gradient)
        return tn_fail_memory(error, "training", all * sizeof *run->order);
    return tn_holdout_draw(all, (size_t)options->held, options->seed, run->images, error);
}

/* Stand where an earlier run stopped. */
static bool take_up(struct run *run, struct tn_error *error)
{
    const struct tn_checkpoint *from = run->options->resume;
    if (!from)
        return true;
    run->epoch = from->epoch;
    run->best = from->best;
    if (run->options->best && !(run->best_graph = tn_graph_clone(run->options->best, error)))
        return false;
    return tn_network_resume(run->network, from->momentum, from->steps, error);
}

bool tn_train(struct tn_graph *graph, struct tn_dataset *dataset,
              const struct tn_train_options *options, tn_epoch_done epoch_done, void *context,
              const struct tn_progress *progress, struct tn_error *error)
{
    struct run run = {.options = options, .dataset = dataset, .progress = progress};
    if (!check_options(options, dataset, error) || !tn_evaluate_fits(graph, dataset, error) ||
        (options->teacher && !tn_evaluate_fits(options->teacher, dataset, error)))
        return false;
    bool ok = prepare(&run, graph, error) && take_up(&run, error) &&
              run_epochs(&run, graph, epoch_done, context, error);
    tn_graph_free(run.best_graph);
    tn_free(run.images);
    tn_free(run.order);
    tn_free(run.gradient);
    tn_teacher_free(run.teacher);
    tn_network_free(run.network);
    return ok;
}
