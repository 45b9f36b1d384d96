/* Commands that train. */
#include "core/memory.h"
#include "engine/train.h"
#include "model/initialise.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/training.h"
#include <string.h>

struct training {
    struct tn_session *session;
    json_t *epochs;
    int64_t test_images;
};

static bool epoch_done(void *context, const struct tn_epoch *epoch, const struct tn_graph *graph,
                       struct tn_error *error)
{
    struct training *training = context;
    json_array_append_new(training->epochs, tn_json_epoch(epoch));
    return tn_session_epoch(training->session, epoch, graph, training->test_images, error);
}

/* Why it stopped, and what stands now. */
static bool explain_stop(int finished, int epochs, struct tn_error *error)
{
    if (!error || finished == 0)
        return false;
    size_t used = strlen(error->text);
    struct tn_error more;
    tn_fail(&more, error->kind, "; the network stands as after epoch %d of %d (undo goes back)",
            finished, epochs);
    size_t room = sizeof error->text - used - 1;
    memcpy(error->text + used, more.text, strnlen(more.text, room) + 1);
    error->text[sizeof error->text - 1] = '\0';
    return false;
}

static bool train(struct tn_session *session, struct tn_dataset *dataset, struct tn_graph *graph,
                  const struct tn_train_options *options, const struct tn_progress *progress,
                  json_t *result, struct tn_error *error)
{
    int64_t test = (int64_t)tn_dataset_count(dataset, TN_TEST);
    if (options->test_limit && options->test_limit < test)
        test = options->test_limit;
    struct training training = {session, json_array(), test};
    tn_put(result, "epochs", training.epochs);
    if (session->changed)
        session->changed(session->changed_context);
    if (tn_train(graph, dataset, options, epoch_done, &training, progress, error))
        return true;
    return explain_stop(session->running->epoch_count, options->epochs, error);
}

/* The network as it was opened, to teach the one that was pruned since. */
static const struct tn_graph *find_teacher(struct tn_session *session, struct tn_error *error)
{
    const struct tn_model *opened = tn_session_opened(session, error);
    return opened ? opened->graph : NULL;
}

static bool train_from(struct tn_session *session, const struct tn_command_line *line, bool fresh,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct tn_train_options options;
    bool distill;
    if (!tn_read_training(line, &options, &distill, error))
        return false;
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    if (!dataset)
        return false;
    if (tn_dataset_count(dataset, TN_TRAIN) == 0)
        return tn_fail(error, TN_ERROR_USE, "%s has no training images", tn_dataset_name(dataset));
    if (distill && !(options.teacher = find_teacher(session, error)))
        return false;
    struct tn_graph *graph = tn_graph_clone(session->state->model->graph, error);
    bool fine = graph && tn_graph_unshare_vectors(graph, error) &&
                (!fresh || tn_graph_initialise(graph, options.seed, error)) &&
                train(session, dataset, graph, &options, progress, result, error);
    tn_graph_free(graph);
    return fine;
}

static bool run_finetune(struct tn_session *session, const struct tn_command_line *line,
                         const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    return train_from(session, line, false, progress, result, error);
}

static bool run_train(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    return train_from(session, line, true, progress, result, error);
}

#define TRAINING_OPTIONS(epochs, lr)                                                               \
    {                                                                                              \
        {"epochs", TN_WORD_NUMBER, epochs, NULL, "passes over the training images"},               \
            {"lr", TN_WORD_NUMBER, lr, NULL, "learning rate at the start"},                        \
            {"schedule", TN_WORD_NAME, "cosine", "constant|step|cosine|linear",                    \
             "learning rate over the run"},                                                        \
            {"warmup", TN_WORD_NUMBER, "0", NULL, "epochs in which it rises to lr"},               \
            {"steps", TN_WORD_NAME, NULL, NULL, "step: epochs after which it falls; 1/2, 3/4"},    \
            {"gamma", TN_WORD_NUMBER, "0.1", NULL, "step: what it is multiplied by"},              \
            {"batch", TN_WORD_NUMBER, "128", NULL, "images in one step"},                          \
            {"momentum", TN_WORD_NUMBER, "0.9", NULL, "momentum of SGD"},                          \
            {"decay", TN_WORD_NUMBER, "5e-4", NULL, "weight decay"},                               \
            {"smooth", TN_WORD_NUMBER, "0", NULL, "label smoothing, 0 to 1"},                      \
            {"distill", TN_WORD_NAME, "off", "on|off", "learn from the network as opened too"},    \
            {"temperature", TN_WORD_NUMBER, "4", NULL, "distill: softens what it says"},           \
            {"weight", TN_WORD_NUMBER, "0.7", NULL, "distill: of what it says, 0 to 1"},           \
            {"limit", TN_WORD_NUMBER, NULL, NULL, "training images of an epoch"},                  \
            {"test-limit", TN_WORD_NUMBER, NULL, NULL, "test images after an epoch"},              \
            {"augment", TN_WORD_NAME, "flip", "none|flip|crop-flip",                               \
             "random changes of the images"},                                                      \
            {"seed", TN_WORD_NUMBER, "1", NULL, "start of the random numbers"},                    \
    }

const struct tn_command tn_commands_train[] = {
    {"finetune",
     "train the network as it stands",
     "SGD with momentum and weight decay. Each finished epoch is kept in the session; stopping "
     "early leaves the "
     "network as of the last one.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {{0}},
     TRAINING_OPTIONS("1", "0.01"),
     run_finetune},
    {"train",
     "train the network's structure from fresh weights",
     "As finetune, after drawing all weights anew.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG,
     {{0}},
     TRAINING_OPTIONS("10", "0.05"),
     run_train},
    {0},
};
