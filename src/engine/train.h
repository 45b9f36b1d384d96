/* Training and fine-tuning by SGD. */
#ifndef TN_ENGINE_TRAIN_H
#define TN_ENGINE_TRAIN_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "engine/schedule.h"
#include "model/graph.h"

enum tn_augmentation { TN_AUGMENT_NONE, TN_AUGMENT_FLIP, TN_AUGMENT_CROP_FLIP };

struct tn_epoch {
    int epoch; /* 1 .. epochs */
    double learning_rate, loss, train_top1, test_top1, test_top5;
    double images_per_second, seconds; /* of the training part */
    int64_t held;                      /* images held out; 0: none, and what follows is not set */
    double held_top1, held_loss;
    bool best; /* of the run so far: by held_top1, then by held_loss, then the earlier one */
};

/* Where a run stands after an epoch, besides the network itself: enough to go on to the same bits.
 */
struct tn_checkpoint {
    int epoch;                  /* the last finished one */
    int64_t steps;              /* of SGD */
    struct tn_tensor *momentum; /* of all trained weights, in the network's order */
    struct tn_epoch best;       /* with images held out: the best epoch */
};

struct tn_train_options {
    int epochs;
    int batch;
    struct tn_rates rates;
    float momentum, decay;
    bool nesterov;
    bool spare_vectors; /* no decay for BatchNorm's scale and shift and for biases */
    double clip;        /* greatest norm of the gradient of a step, 0: any */
    double smoothing;   /* of labels, 0 .. 1 */
    /* The network whose answers are taught beside the labels, or NULL; as many classes. */
    const struct tn_graph *teacher;
    double teacher_weight, temperature; /* A and T of tn_target_loss */
    enum tn_augmentation augmentation;
    int64_t held;       /* training images that are not trained on but judge the epochs, 0: none */
    int patience;       /* stop after so many epochs without a better one, 0: never */
    bool keep_best;     /* the network of the best epoch, not of the last, is the result */
    int64_t limit;      /* training images an epoch, 0: all */
    int64_t test_limit; /* test images after each epoch, 0: all */
    size_t memory;      /* bytes that training may take, 0: what the system has */
    uint64_t seed;
    const struct tn_checkpoint *resume; /* go on with this run, or NULL; then also: */
    const struct tn_graph *best;        /* the network of resume->best, or NULL */
};

/* epochs 1, batch 128, lr 0.01, cosine without warm-up, momentum 0.9, decay 5e-4, labels alone,
 * flip, seed 1 */
void tn_train_defaults(struct tn_train_options *options);

/* Called after each epoch with the network as it then is, and the run; false stops with `error`. */
typedef bool (*tn_epoch_done)(void *context, const struct tn_epoch *epoch,
                              const struct tn_graph *graph, const struct tn_checkpoint *checkpoint,
                              struct tn_error *error);

/* Train `graph` in place (its tensors are replaced, never written). Test images are only reported
 * on: nothing is chosen by them. When it stops early (cancelled, NaN: the error says step and
 * layer) the graph is as after the last finished epoch. To resume, `graph` is the network of the
 * checkpoint's epoch and the options are the run's. Where a batch does not fit into memory, see
 * train_memory.h for what is done. */
bool tn_train(struct tn_graph *graph, struct tn_dataset *dataset,
              const struct tn_train_options *options, tn_epoch_done epoch_done, void *context,
              const struct tn_progress *progress, struct tn_error *error);

#endif
