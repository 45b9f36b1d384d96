/* States held against each other: settings, network, statistics. */
#include "core/memory.h"
#include "model/onnx.h"
#include "session/store.h"
#include "session/verify_compare.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where a tensor of another machine may be: its distance relative to its length. */
static const double TENSOR_TOLERANCE = 0.01;

static bool same_shape(const struct tn_tensor *a, const struct tn_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static double number_at(const struct tn_tensor *tensor, size_t i)
{
    const float *f = tn_tensor_floats(tensor);
    return f ? (double)f[i] : tn_tensor_doubles(tensor)[i];
}

/* |a - b| / |a| */
static double distance(const struct tn_tensor *a, const struct tn_tensor *b)
{
    double apart = 0, length = 0;
    for (size_t i = 0; i < a->count; i++) {
        double x = number_at(a, i), y = number_at(b, i);
        apart += (x - y) * (x - y);
        length += x * x;
    }
    return sqrt(apart) / (length > 0 ? sqrt(length) : 1);
}

/* Both are there. */
static bool compare_tensors(struct tn_match *match, const char *field, struct tn_tensor *recorded,
                            struct tn_tensor *now)
{
    char was[TN_DIGEST_HEX + 16], is[TN_DIGEST_HEX + 16], hex[TN_DIGEST_HEX];
    if (tn_digest_equal(tn_tensor_digest(recorded), tn_tensor_digest(now)))
        return true;
    bool shaped = same_shape(recorded, now);
    bool numbers = shaped && recorded->dtype != TN_INT64;
    match->exact = false;
    if (!match->strict && numbers &&
        (match->trained || distance(recorded, now) <= TENSOR_TOLERANCE))
        return true;
    tn_digest_hex(tn_tensor_digest(recorded), hex);
    snprintf(was, sizeof was, "digest %.16s", hex);
    tn_digest_hex(tn_tensor_digest(now), hex);
    if (numbers)
        snprintf(is, sizeof is, "digest %.16s, %.2g away", hex, distance(recorded, now));
    else
        snprintf(is, sizeof is, "digest %.16s, %s", hex,
                 shaped ? "of integers" : "of another shape");
    return tn_differs(match, field, was, is);
}

static bool compare_constants(struct tn_match *match, const struct tn_graph *recorded,
                              const struct tn_graph *now)
{
    char field[160];
    for (int v = 0; v < recorded->value_count; v++) {
        const struct tn_value *a = &recorded->values[v], *b = &now->values[v];
        snprintf(field, sizeof field, "network: %.100s", a->name ? a->name : "");
        if (!a->constant != !b->constant ||
            strcmp(a->name ? a->name : "", b->name ? b->name : "") != 0)
            return tn_differs(match, "network", "", "another structure");
        if (a->constant && !compare_tensors(match, field, a->constant, b->constant))
            return false;
    }
    return true;
}

static bool encode(const struct tn_model *model, struct tn_digest *digest, struct tn_error *error)
{
    uint8_t *bytes;
    size_t size;
    if (!tn_onnx_encode(model->graph, false, &bytes, &size, error))
        return false;
    tn_digest_of(digest, bytes, size);
    tn_free(bytes);
    return true;
}

static bool compare_networks(struct tn_match *match, const struct tn_model *recorded,
                             const struct tn_model *now, bool *failed, struct tn_error *error)
{
    struct tn_digest was, is;
    if (!recorded || !now)
        return recorded == now ||
               tn_differs(match, "network", recorded ? "there" : "none", now ? "there" : "none");
    *failed = !encode(recorded, &was, error) || !encode(now, &is, error);
    if (*failed)
        return false;
    if (tn_digest_equal(&was, &is))
        return true;
    char nodes[64], here[64];
    snprintf(nodes, sizeof nodes, "%d nodes, %d values", recorded->graph->node_count,
             recorded->graph->value_count);
    snprintf(here, sizeof here, "%d nodes, %d values", now->graph->node_count,
             now->graph->value_count);
    if (strcmp(nodes, here) != 0)
        return tn_differs(match, "network", nodes, here);
    if (!compare_constants(match, recorded->graph, now->graph))
        return false;
    /* The weights are the same: something else in the graph is not. */
    return !match->exact || tn_differs(match, "network", nodes, "another structure");
}

static bool compare_optional(struct tn_match *match, const char *layer, const char *what,
                             struct tn_tensor *recorded, struct tn_tensor *now)
{
    char field[160];
    snprintf(field, sizeof field, "statistic of %.80s: %s", layer, what);
    /* Gradients may have come to a statistic later, or been there earlier. */
    return !recorded || !now || compare_tensors(match, field, recorded, now);
}

static bool compare_statistics(struct tn_match *match, const char *layer,
                               const struct tn_statistic *recorded, const struct tn_statistic *now)
{
    char field[160], was[48], is[48];
    snprintf(field, sizeof field, "statistic of %.80s: samples", layer);
    snprintf(was, sizeof was, "%lld", recorded ? (long long)recorded->gram.samples : 0LL);
    snprintf(is, sizeof is, "%lld", now ? (long long)now->gram.samples : 0LL);
    if (strcmp(was, is) != 0)
        return tn_differs(match, field, was, is);
    return !recorded || !now ||
           (compare_optional(match, layer, "Gram matrix", recorded->gram.matrix,
                             now->gram.matrix) &&
            compare_optional(match, layer, "target", recorded->gram.target, now->gram.target) &&
            compare_optional(match, layer, "activations", recorded->activity.magnitudes,
                             now->activity.magnitudes) &&
            compare_optional(match, layer, "gradients", recorded->activity.gradients,
                             now->activity.gradients));
}

static bool compare_settings(struct tn_match *match, const struct tn_state *recorded,
                             const struct tn_state *now, bool *failed, struct tn_error *error)
{
    json_t *was = tn_state_to_json(recorded), *is = tn_state_to_json(now);
    *failed = !was || !is;
    /* A folder's name, and the images may be elsewhere now. */
    json_object_del(json_object_get(was, "data"), "name");
    bool same = was && is && tn_compare_json(match, was, is);
    if (*failed)
        tn_fail_memory(error, "settings", 1);
    json_decref(was);
    json_decref(is);
    return same;
}

bool tn_compare_states(struct tn_match *match, const struct tn_state *recorded,
                       const struct tn_state *now, bool *failed, struct tn_error *error)
{
    *failed = false;
    if (!compare_networks(match, recorded->model, now->model, failed, error))
        return false;
    int count = recorded->model ? recorded->model->groups.count : 0;
    for (int g = 0; g < count; g++) {
        if (!compare_statistics(match, recorded->model->groups.group[g].name,
                                recorded->settings[g].statistic, now->settings[g].statistic))
            return false;
    }
    return compare_settings(match, recorded, now, failed, error);
}
