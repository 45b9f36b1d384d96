#include "session/training.h"

#include <stdio.h>
#include <string.h>

/* "30,60": epochs. */
static bool read_steps(const char *text, struct tn_rates *rates, struct tn_error *error)
{
    while (text && *text) {
        char part[40];
        size_t length = strcspn(text, ",");
        if (rates->step_count == TN_MAX_STEPS || length == 0 || length >= sizeof part)
            return tn_fail(error, TN_ERROR_USE, "steps: expected 1 to %d epochs, as in 30,60",
                           TN_MAX_STEPS);
        snprintf(part, sizeof part, "%.*s", (int)length, text);
        if (!tn_parse_real("steps", part, 0, 100000, &rates->steps[rates->step_count++], error))
            return false;
        text += length;
        text += *text == ',';
    }
    return true;
}

static bool read_rates(const struct tn_command_line *line, struct tn_rates *rates,
                       struct tn_error *error)
{
    const char *schedule = tn_line_option(line, "schedule");
    rates->schedule = *schedule == 's'                  ? TN_STEP
                      : *schedule == 'l'                ? TN_LINEAR
                      : strcmp(schedule, "cosine") == 0 ? TN_COSINE
                                                        : TN_CONSTANT;
    bool stepping = tn_line_given(line, "steps") || tn_line_given(line, "gamma");
    if (stepping && rates->schedule != TN_STEP)
        return tn_fail(error, TN_ERROR_USE, "steps= and gamma= go with schedule=step");
    return tn_line_real(line, "lr", 0, 1e6, &rates->rate, error) &&
           tn_line_real(line, "warmup", 0, 100000, &rates->warmup, error) &&
           tn_line_real(line, "gamma", 0, 1, &rates->gamma, error) &&
           read_steps(tn_line_option(line, "steps"), rates, error);
}

static bool is_on(const struct tn_command_line *line, const char *key)
{
    return strcmp(tn_line_option(line, key), "on") == 0;
}

static bool read_targets(const struct tn_command_line *line, struct tn_training *training,
                         struct tn_error *error)
{
    struct tn_train_options *options = &training->options;
    training->distill = is_on(line, "distill");
    bool tuned = tn_line_given(line, "weight") || tn_line_given(line, "temperature");
    if (tuned && !training->distill)
        return tn_fail(error, TN_ERROR_USE, "weight= and temperature= go with distill=on");
    return tn_line_real(line, "smooth", 0, 1, &options->smoothing, error) &&
           tn_line_real(line, "weight", 0, 1, &options->teacher_weight, error) &&
           tn_line_real(line, "temperature", 0.01, 1000, &options->temperature, error);
}

static bool read_sgd(const struct tn_command_line *line, struct tn_train_options *options,
                     struct tn_error *error)
{
    double momentum = 0, decay = 0;
    if (!tn_line_real(line, "momentum", 0, 0.9999999, &momentum, error) ||
        !tn_line_real(line, "decay", 0, 1e6, &decay, error) ||
        !tn_line_real(line, "clip", 1e-9, 1e9, &options->clip, error))
        return false;
    options->momentum = (float)momentum;
    options->decay = (float)decay;
    options->nesterov = is_on(line, "nesterov");
    options->spare_vectors = !is_on(line, "decay-bn");
    return true;
}

static bool read_judging(const struct tn_command_line *line, struct tn_training *training,
                         struct tn_error *error)
{
    int64_t patience = 0;
    if (!tn_line_real(line, "holdout", 0, 1e9, &training->holdout, error) ||
        !tn_line_integer(line, "patience", 1, 100000, &patience, error))
        return false;
    training->options.patience = (int)patience;
    training->options.keep_best = is_on(line, "best");
    const char *keep = tn_line_option(line, "keep");
    if (!keep)
        keep = training->holdout > 0 ? "best" : "result";
    training->keep = *keep == 'r' ? TN_KEEP_RESULT : *keep == 'b' ? TN_KEEP_BEST : TN_KEEP_ALL;
    if (training->keep == TN_KEEP_BEST && training->holdout <= 0)
        return tn_fail(error, TN_ERROR_USE,
                       "keep=best needs training images to judge by: holdout=0.1; keep=all takes "
                       "every epoch");
    bool judged = patience > 0 || tn_line_given(line, "best");
    if (judged && training->holdout <= 0)
        return tn_fail(error, TN_ERROR_USE,
                       "patience= and best= need training images to judge by: holdout=0.1");
    return true;
}

static bool read_images(const struct tn_command_line *line, struct tn_train_options *options,
                        struct tn_error *error)
{
    int64_t epochs = 1, batch = 128, seed = 1;
    double gigabytes = 0;
    const char *augment = tn_line_option(line, "augment");
    if (!tn_line_integer(line, "epochs", 1, 100000, &epochs, error) ||
        !tn_line_integer(line, "batch", 1, 65536, &batch, error) ||
        !tn_line_integer(line, "limit", 1, INT64_MAX, &options->limit, error) ||
        !tn_line_integer(line, "test-limit", 1, INT64_MAX, &options->test_limit, error) ||
        !tn_line_real(line, "memory", 1e-6, 1e6, &gigabytes, error) ||
        !tn_line_integer(line, "seed", 0, INT64_MAX, &seed, error))
        return false;
    options->epochs = (int)epochs;
    options->batch = (int)batch;
    options->seed = (uint64_t)seed;
    options->memory = (size_t)(gigabytes * 1e9);
    options->augmentation = *augment == 'n'   ? TN_AUGMENT_NONE
                            : *augment == 'f' ? TN_AUGMENT_FLIP
                                              : TN_AUGMENT_CROP_FLIP;
    return true;
}

bool tn_read_training(const struct tn_command_line *line, struct tn_training *training,
                      struct tn_error *error)
{
    struct tn_train_options *options = &training->options;
    *training = (struct tn_training){0};
    tn_train_defaults(options);
    return read_images(line, options, error) && read_rates(line, &options->rates, error) &&
           read_sgd(line, options, error) && read_targets(line, training, error) &&
           read_judging(line, training, error);
}
