/* Training and fine-tuning by SGD. */
#ifndef TN_ENGINE_TRAIN_H
#define TN_ENGINE_TRAIN_H

#include "core/error.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "engine/schedule.h"
#include "model/graph.h"

enum tn_augmentation { TN_AUGMENT_NONE, TN_AUGMENT_FLIP, TN_AUGMENT_CROP_FLIP };

struct tn_train_options {
    int epochs;
    int batch;
    struct tn_rates rates;
    float momentum, decay;
    double smoothing; /* of labels, 0 .. 1 */
    /* The network whose answers are taught beside the labels, or NULL; as many classes. */
    const struct tn_graph *teacher;
    double teacher_weight, temperature; /* A and T of tn_target_loss */
    enum tn_augmentation augmentation;
    int64_t limit;      /* training images an epoch, 0: all */
    int64_t test_limit; /* test images after each epoch, 0: all */
    uint64_t seed;
};

/* epochs 1, batch 128, lr 0.01, cosine without warm-up, momentum 0.9, decay 5e-4, labels alone,
 * flip, seed 1 */
void tn_train_defaults(struct tn_train_options *options);

struct tn_epoch {
    int epoch; /* 1 .. epochs */
    double learning_rate, loss, train_top1, test_top1, test_top5;
    double images_per_second, seconds; /* of the training part */
};

/* Called after each epoch with the network as it then is; false stops with `error`. */
typedef bool (*tn_epoch_done)(void *context, const struct tn_epoch *epoch,
                              const struct tn_graph *graph, struct tn_error *error);

/* Train `graph` in place (its tensors are replaced, never written). When it stops early (cancelled,
 * NaN: the error says step and layer) the graph is as after the last finished epoch. */
bool tn_train(struct tn_graph *graph, struct tn_dataset *dataset,
              const struct tn_train_options *options, tn_epoch_done epoch_done, void *context,
              const struct tn_progress *progress, struct tn_error *error);

#endif
