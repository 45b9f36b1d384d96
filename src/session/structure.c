#include "session/structure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    const struct tn_model *model;
    const char *pattern;
    int group; /* next to look at */
    int place; /* how many were matched */
};

/* The next group that can be pruned, or -1. */
static int next_group(const struct walk *walk)
{
    for (int g = walk->group; g < walk->model->groups.count; g++) {
        if (walk->model->groups.group[g].prunable)
            return g;
    }
    return -1;
}

static void kind_of(const struct tn_layer *layer, char *text, size_t size)
{
    bool dense = layer->op == TN_OP_GEMM || layer->op == TN_OP_MATMUL;
    if (dense)
        snprintf(text, size, "fc");
    else
        snprintf(text, size, "%s%dx%d", layer->op == TN_OP_CONV ? "conv" : "deconv",
                 layer->kernel[0], layer->kernel[1]);
}

static bool match_kind(struct walk *walk, const char *kind, size_t length, struct tn_error *error)
{
    int g = next_group(walk);
    if (g < 0)
        return tn_fail(error, TN_ERROR_USE,
                       "expected a network whose layers that can be pruned are %.120s; this one "
                       "has only %d",
                       walk->pattern, walk->place);
    const struct tn_layer *layer = &walk->model->layers.layer[tn_model_leader(walk->model, g)];
    char text[48];
    kind_of(layer, text, sizeof text);
    if (strlen(text) != length || memcmp(text, kind, length) != 0)
        return tn_fail(error, TN_ERROR_USE,
                       "expected a network whose layers that can be pruned are %.120s; number %d "
                       "is %s, '%.80s'",
                       walk->pattern, walk->place + 1, text, layer->name);
    walk->group = g + 1;
    walk->place++;
    return true;
}

static bool bad_pattern(const struct walk *walk, const char *at, struct tn_error *error)
{
    return tn_fail(error, TN_ERROR_USE,
                   "expect=%.120s is not understood at '%.40s': expected kinds as in "
                   "conv7x7,(conv1x1,conv3x3)*16,fc*2,...",
                   walk->pattern, at);
}

/* KIND, KIND, ... from `at` to `end`. */
static bool match_kinds(struct walk *walk, const char *at, const char *end, struct tn_error *error)
{
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t length = (size_t)((comma ? comma : end) - at);
        if (length == 0)
            return bad_pattern(walk, at, error);
        if (!match_kind(walk, at, length, error))
            return false;
        at += length;
        if (at + 1 == end) /* a comma with nothing behind it */
            return bad_pattern(walk, at, error);
        at += at < end;
    }
    return true;
}

/* KIND or (KIND,...), perhaps with *N behind it. */
static bool match_item(struct walk *walk, const char **at, struct tn_error *error)
{
    bool many = **at == '(';
    const char *begin = *at + many;
    const char *end = begin + strcspn(begin, many ? ")" : ",*()");
    if (end == begin || (many && *end != ')'))
        return bad_pattern(walk, *at, error);
    long times = 1;
    char *after = (char *)end + many;
    if (*after == '*') {
        const char *number = after + 1;
        times = strtol(number, &after, 10);
        if (after == number || times < 1 || times > 10000)
            return bad_pattern(walk, number, error);
    }
    for (long i = 0; i < times; i++) {
        if (!match_kinds(walk, begin, end, error))
            return false;
    }
    *at = after;
    return true;
}

bool tn_structure_check(const struct tn_model *model, const char *pattern, struct tn_error *error)
{
    struct walk walk = {.model = model, .pattern = pattern};
    const char *at = pattern;
    for (bool more = true; more; at += more) {
        if (strcmp(at, "...") == 0)
            return true;
        if (!match_item(&walk, &at, error))
            return false;
        more = *at == ',';
    }
    if (*at)
        return bad_pattern(&walk, at, error);
    int g = next_group(&walk);
    return g < 0 || tn_fail(error, TN_ERROR_USE,
                            "expected a network whose layers that can be pruned are %.120s; this "
                            "one has more, '%.80s' first",
                            pattern, model->groups.group[g].name);
}
