/* The data of a state: described always, opened when needed. */
#include "core/memory.h"
#include "session/state.h"
#include <string.h>

struct tn_data_spec *tn_data_spec_new(const struct tn_data_options *options, const char *preset,
                                      struct tn_error *error)
{
    struct tn_data_spec *spec = tn_calloc(1, sizeof *spec);
    if (!spec) {
        tn_fail_memory(error, "the data's description", sizeof *spec);
        return NULL;
    }
    spec->refs = 1;
    spec->options = *options;
    spec->path = tn_strdup(options->path);
    spec->preset = tn_strdup(preset);
    spec->options.path = spec->path;
    if (!spec->path || !spec->preset) {
        tn_data_spec_unref(spec);
        tn_fail_memory(error, "the data's description", strlen(options->path));
        return NULL;
    }
    return spec;
}

struct tn_data_spec *tn_data_spec_ref(struct tn_data_spec *spec)
{
    if (spec)
        spec->refs++;
    return spec;
}

void tn_data_spec_unref(struct tn_data_spec *spec)
{
    if (!spec || --spec->refs > 0)
        return;
    tn_dataset_unref(spec->dataset);
    tn_free(spec->path);
    tn_free(spec->preset);
    tn_free(spec->name);
    tn_free(spec);
}

struct tn_dataset *tn_data_spec_open(struct tn_data_spec *spec, const struct tn_progress *progress,
                                     struct tn_error *error)
{
    if (spec->dataset)
        return spec->dataset;
    struct tn_dataset *dataset = tn_dataset_open(&spec->options, progress, error);
    if (!dataset)
        return NULL;
    char *name = tn_strdup(tn_dataset_name(dataset));
    if (!name) {
        tn_dataset_unref(dataset);
        tn_fail_memory(error, "the data's name", 1);
        return NULL;
    }
    tn_free(spec->name);
    spec->name = name;
    spec->train = (int64_t)tn_dataset_count(dataset, TN_TRAIN);
    spec->test = (int64_t)tn_dataset_count(dataset, TN_TEST);
    spec->classes = tn_dataset_classes(dataset);
    tn_dataset_shape(dataset, spec->shape);
    spec->dataset = dataset;
    return dataset;
}

static bool same_floats(const float *a, int a_count, const float *b, int b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, (size_t)a_count * sizeof *a) == 0);
}

bool tn_data_spec_same(const struct tn_data_spec *a, const struct tn_data_spec *b)
{
    const struct tn_data_options *x = &a->options, *y = &b->options;
    return strcmp(a->path, b->path) == 0 && x->format == y->format && x->channels == y->channels &&
           x->scale == y->scale && x->resize == y->resize && x->crop == y->crop &&
           same_floats(x->mean, x->mean_count, y->mean, y->mean_count) &&
           same_floats(x->std, x->std_count, y->std, y->std_count);
}
