#include "engine/train_memory.h"

#include "core/available.h"
#include "data/loader.h"
#include "engine/evaluate.h"
#include "engine/network.h"
#include "engine/trial.h"
#include "model/logits.h"

struct question {
    const struct tn_graph *graph; /* up to the logits */
    const struct tn_train_options *options;
    size_t image;   /* bytes of one */
    size_t weights; /* bytes of all constants */
    size_t teacher; /* bytes, without what depends on the batch */
    size_t judging; /* of evaluating an epoch's network, besides the resting one */
    size_t available;
};

static size_t above_zero(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

static bool inference_bytes(const struct tn_graph *graph, size_t count, size_t *bytes,
                            struct tn_error *error)
{
    size_t batch = (size_t)tn_evaluate_batch(graph);
    struct tn_network_options options = {.mode = TN_INFER,
                                         .max_batch = (int)(count < batch ? count : batch)};
    struct tn_needs needs = {0};
    bool fine = options.max_batch < 1 || tn_network_needs(graph, &options, &needs, error);
    *bytes = needs.bytes;
    return fine;
}

static bool teacher_bytes(struct question *ask, struct tn_error *error)
{
    if (!ask->options->teacher)
        return true;
    struct tn_graph *logits = tn_graph_logits(ask->options->teacher, error);
    bool fine =
        logits && inference_bytes(logits, (size_t)ask->options->batch, &ask->teacher, error);
    tn_graph_free(logits);
    return fine;
}

/* The weights of the epoch's network and of the best so far, and what evaluating it takes. */
static bool judging_bytes(struct question *ask, const struct tn_dataset *dataset,
                          struct tn_error *error)
{
    size_t test = tn_dataset_count(dataset, TN_TEST), held = (size_t)ask->options->held;
    size_t count = test > held ? test : held, batch = (size_t)tn_evaluate_batch(ask->graph);
    size_t network;
    if (!inference_bytes(ask->graph, count, &network, error))
        return false;
    batch = batch < count ? batch : count;
    ask->judging =
        (network > ask->weights ? network : ask->weights) + /* then all velocities are copied */
        ask->weights * (held > 0 ? 2 : 1) + TN_LOADER_BATCHES * batch * ask->image;
    return true;
}

/* What grows with the batch besides the network: images that are loaded ahead, logits. */
static size_t beside(const struct question *ask, int batch)
{
    return ask->teacher + (size_t)batch * TN_LOADER_BATCHES * ask->image;
}

/* The network with so many images in one pass, of a batch. */
static bool ask_network(const struct question *ask, int batch, int piece, size_t most,
                        struct tn_needs *needs, struct tn_error *error)
{
    struct tn_network_options options = {
        .max_batch = piece, .mode = TN_TRAINING, .most_bytes = most, .pieces = piece < batch};
    return tn_network_needs(ask->graph, &options, needs, error);
}

static void answer(const struct question *ask, int batch, int piece, const struct tn_needs *needs,
                   struct tn_training_memory *memory)
{
    size_t training = needs->bytes + beside(ask, batch);
    size_t judging = needs->resting + ask->teacher + ask->judging;
    *memory =
        (struct tn_training_memory){.bytes = training > judging ? training : judging,
                                    .weights = ask->weights,
                                    .available = ask->available,
                                    .network_most = above_zero(ask->available, beside(ask, batch)),
                                    .piece = piece,
                                    .segments = needs->segments};
    if (memory->network_most == 0)
        memory->network_most = 1; /* 0 would be any */
}

/* As little as needed to fit, if that can be. */
static bool fit(const struct question *ask, int batch, struct tn_training_memory *memory,
                struct tn_error *error)
{
    struct tn_needs needs;
    size_t most = above_zero(ask->available, beside(ask, batch));
    int piece = batch;
    if (!ask_network(ask, batch, batch, 0, &needs, error))
        return false;
    for (int pieces = 2; needs.splits && needs.bytes > most && piece > 1; pieces++) {
        int next = (batch + pieces - 1) / pieces;
        if (next < piece && !ask_network(ask, batch, piece = next, 0, &needs, error))
            return false;
    }
    if (needs.bytes > most && !ask_network(ask, batch, piece, most > 0 ? most : 1, &needs, error))
        return false;
    answer(ask, batch, piece, &needs, memory);
    return true;
}

/* The greatest batch that fits, 0: not even two images. */
static bool greatest_batch(const struct question *ask, int *batch, struct tn_error *error)
{
    int fits = 1, fails = ask->options->batch;
    while (fails - fits > 1) {
        struct tn_training_memory memory;
        int middle = fits + (fails - fits) / 2;
        if (!fit(ask, middle, &memory, error))
            return false;
        if (memory.bytes <= ask->available)
            fits = middle;
        else
            fails = middle;
    }
    *batch = fits > 1 ? fits : 0;
    return true;
}

static bool fail_short(const struct question *ask, const struct tn_training_memory *memory,
                       struct tn_error *error)
{
    int batch;
    if (!greatest_batch(ask, &batch, error))
        return false;
    struct tn_size_text needs = tn_size_text((double)memory->bytes),
                        has = tn_size_text((double)memory->available);
    if (batch > 0)
        return tn_fail(error, TN_ERROR_USE,
                       "training with batch=%d needs %s (%zu bytes) of memory and there are %s "
                       "(%zu): batch=%d is the largest that fits",
                       ask->options->batch, needs.text, memory->bytes, has.text, memory->available,
                       batch);
    return tn_fail(error, TN_ERROR_USE,
                   "training needs %s (%zu bytes) of memory and there are %s (%zu): no batch fits",
                   needs.text, memory->bytes, has.text, memory->available);
}

static bool find(struct question *ask, const struct tn_dataset *dataset,
                 struct tn_training_memory *memory, struct tn_error *error)
{
    size_t floats;
    if (!tn_input_size(ask->graph, &floats, error))
        return false;
    ask->image = floats * sizeof(float);
    ask->weights = tn_weights_bytes(ask->graph);
    if (!teacher_bytes(ask, error) || !judging_bytes(ask, dataset, error) ||
        !fit(ask, ask->options->batch, memory, error))
        return false;
    return memory->bytes <= memory->available || fail_short(ask, memory, error);
}

bool tn_training_memory(const struct tn_graph *graph, const struct tn_dataset *dataset,
                        const struct tn_train_options *options, struct tn_training_memory *memory,
                        struct tn_error *error)
{
    struct tn_graph *logits = tn_graph_logits(graph, error);
    struct question ask = {.graph = logits,
                           .options = options,
                           .available = options->memory ? options->memory : tn_memory_available()};
    bool fine = logits && find(&ask, dataset, memory, error);
    tn_graph_free(logits);
    return fine;
}
