/* Commands that write files. */
#include "data/npy.h"
#include "model/onnx.h"
#include "session/commands.h"
#include "session/inside.h"
#include "session/origin.h"
#include "session/results.h"
#include "session/selection.h"
#include <math.h>

static bool run_export(struct tn_session *session, const struct tn_command_line *line,
                       const struct tn_progress *progress, json_t *result, struct tn_error *error)
{
    (void)progress;
    const char *file = tn_line_word(line, 0);
    if (!tn_session_need_model(session, error) ||
        !tn_onnx_write(session->state->model->graph, file, error))
        return false;
    tn_put_text(result, "file", file);
    tn_put_integer(result, "params", session->state->model->cost.params);
    tn_put_integer(result, "flops", session->state->model->cost.flops);
    return true;
}

static bool need_statistic(const struct tn_session *session, const struct tn_command_line *line,
                           int *group, struct tn_error *error)
{
    if (!tn_session_need_model(session, error) ||
        !tn_select_one(session->state, tn_line_word(line, 0), group, error))
        return false;
    const char *name = session->state->model->groups.group[*group].name;
    return session->state->settings[*group].statistic ||
           tn_fail(error, TN_ERROR_USE, "layer '%s' is not sampled yet: sample %s first", name,
                   name);
}

static bool write_matrix(const struct tn_session *session, const char *file, int group,
                         const struct tn_tensor *matrix, json_t *result, struct tn_error *error)
{
    if (!tn_npy_write(file, matrix, error))
        return false;
    tn_put_text(result, "file", file);
    tn_put_text(result, "layer", session->state->model->groups.group[group].name);
    tn_put(result, "shape",
           json_pack("[I,I]", (json_int_t)matrix->dims[0], (json_int_t)matrix->dims[1]));
    tn_put_bool(result, "stale", session->state->settings[group].stale);
    return true;
}

static bool run_export_samples(struct tn_session *session, const struct tn_command_line *line,
                               const struct tn_progress *progress, json_t *result,
                               struct tn_error *error)
{
    int group;
    if (!need_statistic(session, line, &group, error))
        return false;
    struct tn_dataset *dataset = tn_session_need_both(session, progress, error);
    const struct tn_model *model = session->state->model;
    const struct tn_statistic *statistic = session->state->settings[group].statistic;
    const char *target_file = tn_line_option(line, "target");
    bool original = target_file && statistic->gram.target;
    struct tn_origin origin = {0};
    struct tn_tensor *rows = NULL, *target = NULL;
    if (dataset && (!original || tn_origin_of(session, &origin, error)))
        rows = tn_sample_rows(model->graph, &model->groups, group, dataset, &statistic->sampling,
                              original ? &origin.origin : NULL, progress,
                              target_file ? &target : NULL, error);
    bool fine = rows && write_matrix(session, tn_line_word(line, 1), group, rows, result, error) &&
                (!target || tn_npy_write(target_file, target, error));
    tn_origin_free(&origin);
    tn_tensor_unref(target);
    tn_tensor_unref(rows);
    return fine;
}

static bool run_export_gram(struct tn_session *session, const struct tn_command_line *line,
                            const struct tn_progress *progress, json_t *result,
                            struct tn_error *error)
{
    (void)progress;
    int group;
    if (!need_statistic(session, line, &group, error))
        return false;
    return write_matrix(session, tn_line_word(line, 1), group,
                        session->state->settings[group].statistic->gram.matrix, result, error);
}

/* [3,C], the third row NAN where no gradients were collected. */
static struct tn_tensor *activity_rows(const struct tn_activity *activity, struct tn_error *error)
{
    int64_t channels = activity->channels;
    struct tn_tensor *rows = tn_tensor_new(TN_DOUBLE, 2, (int64_t[]){3, channels}, error);
    const double *of[] = {activity->zeros, activity->mean, activity->taylor};
    for (int64_t i = 0; rows && i < 3 * channels; i++)
        tn_tensor_doubles(rows)[i] = of[i / channels] ? of[i / channels][i % channels] : NAN;
    return rows;
}

static bool run_export_activity(struct tn_session *session, const struct tn_command_line *line,
                                const struct tn_progress *progress, json_t *result,
                                struct tn_error *error)
{
    (void)progress;
    int group;
    if (!need_statistic(session, line, &group, error))
        return false;
    const struct tn_activity *activity = &session->state->settings[group].statistic->activity;
    if (activity->channels == 0)
        return tn_fail(error, TN_ERROR_USE,
                       "layer '%s' was sampled by a version that did not collect activations: "
                       "sample it again",
                       session->state->model->groups.group[group].name);
    struct tn_tensor *rows = activity_rows(activity, error);
    bool fine = rows && write_matrix(session, tn_line_word(line, 1), group, rows, result, error);
    tn_tensor_unref(rows);
    return fine;
}

const struct tn_command tn_commands_export[] = {
    {"export",
     "write the network as it stands as an ONNX file",
     "Names, opset, element types and metadata are kept. Pending ratios are not in it before "
     "`prune`. Above 2 GB the weights go to FILE.onnx.data beside it.",
     TN_COMMAND_JOURNALED,
     {{TN_WORD_FILE, "FILE.onnx", false, NULL}},
     {{0}},
     run_export},
    {"export-samples",
     "write the sampled contributions of a layer's channels",
     "X [m,C] in double precision, a row a location, for checking the selection elsewhere: the "
     "removal order is that "
     "of the rule in Luo et al. 2017 on these rows.",
     TN_COMMAND_JOURNALED | TN_COMMAND_LONG,
     {{TN_WORD_LAYER, "LAYER", false, NULL}, {TN_WORD_FILE, "X.npy", false, NULL}},
     {{"target", TN_WORD_FILE, NULL, NULL,
       "Y.npy [m]: also write the outputs that are to be kept at these places"}},
     run_export_samples},
    {"export-gram",
     "write the statistic of a layer",
     "G [C,C] in double precision: X transposed times X.",
     TN_COMMAND_JOURNALED,
     {{TN_WORD_LAYER, "LAYER", false, NULL}, {TN_WORD_FILE, "G.npy", false, NULL}},
     {{0}},
     run_export_gram},
    {"export-activity",
     "write what the filters of a layer do over the sampled images",
     "[3,C] in double precision: the fraction of activations that are 0, the mean |activation|, "
     "and the mean over images of |mean over positions of activation x gradient of the loss| (nan "
     "before method taylor or sample gradients=on). The activation is taken behind BatchNorm and "
     "ReLU, before pooling.",
     TN_COMMAND_JOURNALED,
     {{TN_WORD_LAYER, "LAYER", false, NULL}, {TN_WORD_FILE, "A.npy", false, NULL}},
     {{0}},
     run_export_activity},
    {0},
};
