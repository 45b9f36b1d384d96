/* Commands that train. */
#include "core/available.h"
#include "core/memory.h"
#include "engine/evaluate.h"
#include "engine/train.h"
#include "engine/train_memory.h"
#include "model/initialise.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/results.h"
#include "session/training.h"
#include <string.h>

struct training {
    struct tn_session *session;
    struct tn_run run;
    json_t *epochs;
};

static bool epoch_done(void *context, const struct tn_epoch *epoch, const struct tn_graph *graph,
                       const struct tn_checkpoint *checkpoint, struct tn_error *error)
{
    struct training *training = context;
    json_array_append_new(training->epochs, tn_json_epoch(epoch));
    return tn_session_epoch(training->session, &training->run, epoch, graph, checkpoint, error);
}

/* Why it stopped, and what stands now. */
static bool explain_stop(const struct tn_entry *entry, int epochs, struct tn_error *error)
{
    if (!error || entry->epoch_count == 0)
        return false;
    size_t used = strlen(error->text);
    struct tn_error more;
    tn_fail(&more, error->kind,
            "; the network stands as after epoch %d of %d (undo goes back, finetune resume goes "
            "on)",
            entry->epochs[entry->epoch_count - 1].epoch, epochs);
    size_t room = sizeof error->text - used - 1;
    memcpy(error->text + used, more.text, strnlen(more.text, room) + 1);
    error->text[sizeof error->text - 1] = '\0';
    return false;
}

static bool finish_run(struct training *training, const struct tn_train_options *options,
                       json_t *result, struct tn_error *error)
{
    if (training->run.best)
        tn_put_integer(result, "best_epoch", training->run.best_epoch.epoch);
    return tn_session_end_run(training->session, &training->run, options->keep_best, error);
}

/* What it will take, before it is taken. */
static bool say_memory(const struct tn_graph *graph, const struct tn_dataset *dataset,
                       const struct tn_train_options *options, json_t *result,
                       struct tn_error *error)
{
    struct tn_training_memory memory;
    if (!tn_evaluate_fits(graph, dataset, error) ||
        !tn_training_memory(graph, dataset, options, &memory, error))
        return false;
    tn_put_integer(result, "memory_bytes", (int64_t)(memory.weights + memory.bytes));
    tn_put_integer(result, "memory_needed", (int64_t)memory.bytes);
    tn_put_integer(result, "memory_available", (int64_t)memory.available);
    tn_put_integer(result, "pieces", (options->batch + memory.piece - 1) / memory.piece);
    tn_put_bool(result, "recomputes", memory.segments > 1);
    return true;
}

/* `command` is the line that began it; `from` the run it goes on with, or NULL. */
static bool train(struct tn_session *session, const char *command, struct tn_dataset *dataset,
                  struct tn_graph *graph, const struct tn_train_options *options, enum tn_keep keep,
                  const struct tn_unfinished *from, const struct tn_progress *progress,
                  json_t *result, struct tn_error *error)
{
    int64_t test = (int64_t)tn_dataset_count(dataset, TN_TEST);
    if (options->test_limit && options->test_limit < test)
        test = options->test_limit;
    struct training training = {.session = session, .epochs = json_array()};
    training.run.command = command;
    training.run.test_images = test;
    training.run.keep = keep;
    if (from) {
        training.run.best = tn_model_ref(from->best);
        training.run.best_epoch = from->checkpoint.best;
        tn_put_integer(result, "resumed", from->checkpoint.epoch);
    }
    tn_put(result, "epochs", training.epochs);
    if (session->changed)
        session->changed(session->changed_context);
    bool fine = say_memory(graph, dataset, options, result, error) &&
                        tn_train(graph, dataset, options, epoch_done, &training, progress, error)
                    ? finish_run(&training, options, result, error)
                    : explain_stop(session->running, options->epochs, error);
    tn_put_integer(result, "memory_peak", (int64_t)tn_memory_peak());
    tn_model_unref(training.run.best);
    return fine;
}

/* The network as it was opened, to teach the one that was pruned since. */
static bool find_teacher(struct tn_session *session, struct tn_train_options *options,
                         struct tn_error *error)
{
    const struct tn_model *opened = tn_session_opened(session, error);
    options->teacher = opened ? opened->graph : NULL;
    return opened;
}

static bool count_held(const struct tn_dataset *dataset, struct tn_training *training,
                       struct tn_error *error)
{
    double all = (double)tn_dataset_count(dataset, TN_TRAIN), holdout = training->holdout;
    training->options.held = (int64_t)(holdout < 1 ? holdout * all : holdout);
    return training->options.held > 0 || holdout <= 0 ||
           tn_fail(error, TN_ERROR_USE, "holdout=%g: that is not one of %.0f training images",
                   holdout, all);
}

/* Train as the line says, from the start or from where `from` stands. */
static bool train_by(struct tn_session *session, const struct tn_command_line *line,
                     const struct tn_unfinished *from, bool fresh,
                     const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    struct tn_training training;
    struct tn_train_options *options = &training.options;
    if (!tn_read_training(line, &training, error))
        return false;
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    if (!dataset)
        return false;
    if (tn_dataset_count(dataset, TN_TRAIN) == 0)
        return tn_fail(error, TN_ERROR_USE, "%s has no training images", tn_dataset_name(dataset));
    if (!count_held(dataset, &training, error) ||
        (training.distill && !find_teacher(session, options, error)))
        return false;
    if (from) {
        options->resume = &from->checkpoint;
        options->best = from->best ? from->best->graph : NULL;
    }
    struct tn_graph *graph = tn_graph_clone(session->state->model->graph, error);
    bool fine = graph && tn_graph_unshare_vectors(graph, error) &&
                (!fresh || from || tn_graph_initialise(graph, options->seed, error)) &&
                train(session, line->text, dataset, graph, options, training.keep, from, progress,
                      result, error);
    tn_graph_free(graph);
    return fine;
}

/* The line comes from a file: it must be one that trains. */
static bool check_beginning(struct tn_command_line *line, struct tn_error *error)
{
    const char *name = line->name.text ? line->name.text : "";
    bool trains = strcmp(name, "finetune") == 0 || strcmp(name, "train") == 0;
    if (!trains || line->word_count > 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "the session file is damaged: '%.40s' is no training to resume", name);
    return tn_line_check(line, error);
}

static bool resume(struct tn_session *session, const struct tn_command_line *line,
                   const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    if (line->pair_count > 0)
        return tn_fail(error, TN_ERROR_USE,
                       "resume goes on with the options that the run began with; %s= is not taken",
                       line->pairs[0].key);
    if (!session->state->unfinished)
        return tn_fail(error, TN_ERROR_USE,
                       "there is nothing to resume: no training was cut short after an epoch here");
    struct tn_unfinished *from = tn_unfinished_ref(session->state->unfinished);
    struct tn_command_line began;
    bool fine = tn_line_parse(from->command, &began, error);
    fine = fine && check_beginning(&began, error) &&
           train_by(session, &began, from, false, progress, result, error);
    tn_line_free(&began);
    tn_unfinished_unref(from);
    return fine;
}

static bool run_finetune(struct tn_session *session, const struct tn_command_line *line,
                         const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    if (tn_line_word(line, 0))
        return resume(session, line, progress, result, error);
    return train_by(session, line, NULL, false, progress, result, error);
}

static bool run_train(struct tn_session *session, const struct tn_command_line *line,
                      const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    if (tn_line_word(line, 0))
        return resume(session, line, progress, result, error);
    return train_by(session, line, NULL, true, progress, result, error);
}

#define RESUME                                                                                     \
    {                                                                                              \
        {                                                                                          \
            TN_WORD_NAME, "resume", true, "resume"                                                 \
        }                                                                                          \
    }
#define TRAINING_OPTIONS(epochs, lr)                                                               \
    {                                                                                              \
        {"epochs", TN_WORD_NUMBER, epochs, NULL, "passes over the training images"},               \
            {"lr", TN_WORD_NUMBER, lr, NULL, "greatest learning rate"},                            \
            {"schedule", TN_WORD_NAME, "cosine", "constant|step|cosine|linear",                    \
             "learning rate over the run"},                                                        \
            {"warmup", TN_WORD_NUMBER, "0", NULL, "epochs in which it rises to lr"},               \
            {"steps", TN_WORD_NAME, NULL, NULL, "step: epochs after which it falls; 1/2, 3/4"},    \
            {"gamma", TN_WORD_NUMBER, "0.1", NULL, "step: what it is multiplied by"},              \
            {"batch", TN_WORD_NUMBER, "128", NULL, "images in one step"},                          \
            {"momentum", TN_WORD_NUMBER, "0.9", NULL, "momentum of SGD"},                          \
            {"nesterov", TN_WORD_NAME, "off", "on|off", "Nesterov's form of momentum"},            \
            {"decay", TN_WORD_NUMBER, "5e-4", NULL, "weight decay"},                               \
            {"decay-bn", TN_WORD_NAME, "on", "on|off", "of BatchNorm and biases too"},             \
            {"clip", TN_WORD_NUMBER, NULL, NULL, "greatest norm of the gradient"},                 \
            {"smooth", TN_WORD_NUMBER, "0", NULL, "label smoothing, 0 to 1"},                      \
            {"distill", TN_WORD_NAME, "off", "on|off", "learn from the network as opened too"},    \
            {"temperature", TN_WORD_NUMBER, "4", NULL, "distill: softens what it says"},           \
            {"weight", TN_WORD_NUMBER, "0.7", NULL, "distill: of what it says, 0 to 1"},           \
            {"holdout", TN_WORD_NUMBER, "0", NULL, "training images kept to judge epochs by"},     \
            {"patience", TN_WORD_NUMBER, NULL, NULL, "epochs to wait for a better one"},           \
            {"best", TN_WORD_NAME, "on", "on|off", "holdout: keep the best epoch"},                \
            {"keep", TN_WORD_NAME, NULL, "result|best|all",                                        \
             "networks that stay; best with holdout, else result"},                                \
            {"limit", TN_WORD_NUMBER, NULL, NULL, "training images of an epoch"},                  \
            {"test-limit", TN_WORD_NUMBER, NULL, NULL, "test images after an epoch"},              \
            {"memory", TN_WORD_NUMBER, NULL, NULL, "GB that it may take; what the system has"},    \
            {"augment", TN_WORD_NAME, "flip", "none|flip|crop-flip",                               \
             "random changes of the images"},                                                      \
            {"seed", TN_WORD_NUMBER, "1", NULL, "start of the random numbers"},                    \
    }

const struct tn_command tn_commands_train[] = {
    {"finetune", "train the network as it stands",
     "SGD with momentum and weight decay. Each finished epoch is kept in the session; stopping "
     "early leaves the "
     "network as of the last one, and the word resume goes on from there with the same options, to "
     "the same result. "
     "holdout (a fraction, or how many) keeps training images back: the epoch that does best on "
     "them is the "
     "result, and with patience training stops when none got better for so many. The test images "
     "choose nothing. Of a run that has come to its end the result's network stays, with holdout "
     "also those of the best epoch and of the last, and with keep=all those of all, for the "
     "command "
     "epoch. It says first how much memory it "
     "needs. Where that is more than memory=, a "
     "network without BatchNorm is trained in pieces of the batch, whose gradients are added; of "
     "one "
     "with BatchNorm, activations are made again in the backward pass instead of kept. Either "
     "gives "
     "the same result.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG, RESUME,
     TRAINING_OPTIONS("1", "0.01"), run_finetune},
    {"train", "train the network's structure from fresh weights",
     "As finetune, after drawing all weights anew.",
     TN_COMMAND_JOURNALED | TN_COMMAND_CHANGES | TN_COMMAND_LONG, RESUME,
     TRAINING_OPTIONS("10", "0.05"), run_train},
    {0},
};
