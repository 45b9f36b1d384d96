#include "prune/method.h"

#include "core/memory.h"
#include "core/random.h"
#include "prune/exchange.h"
#include "prune/lasso.h"
#include "prune/path.h"
#include "prune/pursuit.h"

#include <string.h>

static bool rank_by_score(const struct tn_method_input *input, int *order, const double *score,
                          struct tn_error *error)
{
    return tn_order_by_score(input->channels, score, input->locks, order, error);
}

/* --- from the statistics --- */

static bool thinet(const struct tn_method_input *input, int *order, double *score,
                   struct tn_error *error)
{
    /* by turn, then by channel */
    double *cost = tn_alloc((size_t)input->channels, sizeof *cost);
    if (!cost)
        return tn_fail_memory(error, "an order", (size_t)input->channels * sizeof *cost);
    bool ok = tn_path_greedy(input->gram, input->locks, order, cost, error);
    for (int i = 0; ok && i < input->channels; i++)
        score[order[i]] = cost[i];
    tn_free(cost);
    return ok;
}

static bool thinet_w(const struct tn_method_input *input, int *order, double *score,
                     struct tn_error *error)
{
    return tn_pursuit_order(input->gram, input->locks, input->progress, order, score, error);
}

static bool thinet_x(const struct tn_method_input *input, int *order, double *score,
                     struct tn_error *error)
{
    int keep = input->keep > 0 ? input->keep : (input->channels + 1) / 2;
    struct tn_exchange exchange;
    if (!tn_exchange_of(input->gram, input->locks, input->progress, &exchange, error))
        return false;
    bool ok = tn_exchange_order(input->gram, input->locks, &exchange, keep, input->progress, order,
                                score, error);
    tn_exchange_free(&exchange);
    return ok;
}

static bool lasso(const struct tn_method_input *input, int *order, double *score,
                  struct tn_error *error)
{
    return tn_lasso_order(input->gram, input->locks, input->progress, order, score, error);
}

/* --- from the weights --- */

static bool l1(const struct tn_method_input *input, int *order, double *score,
               struct tn_error *error)
{
    return tn_filter_l1(input->weights, score, error) && rank_by_score(input, order, score, error);
}

static bool l2(const struct tn_method_input *input, int *order, double *score,
               struct tn_error *error)
{
    return tn_filter_l2(input->weights, score, error) && rank_by_score(input, order, score, error);
}

static bool fpgm(const struct tn_method_input *input, int *order, double *score,
                 struct tn_error *error)
{
    return tn_filter_median(input->weights, score, error) &&
           rank_by_score(input, order, score, error);
}

static bool bn_scale(const struct tn_method_input *input, int *order, double *score,
                     struct tn_error *error)
{
    return tn_filter_scale(input->weights, score, error) &&
           rank_by_score(input, order, score, error);
}

/* --- from the activations --- */

static bool rank_by_activity(const struct tn_method_input *input, const double *values,
                             const char *what, int *order, double *score, struct tn_error *error)
{
    if (!values)
        return tn_fail(error, TN_ERROR_USE, "%s of layer '%s' were not sampled: sample %s again",
                       what, input->group, input->group);
    memcpy(score, values, (size_t)input->channels * sizeof *score);
    return rank_by_score(input, order, score, error);
}

static bool apoz(const struct tn_method_input *input, int *order, double *score,
                 struct tn_error *error)
{
    if (!rank_by_activity(input, input->activity->zeros, "the zeros", order, score, error))
        return false;
    /* The more zeros, the less important: shown as the part that is not zero. */
    for (int c = 0; c < input->channels; c++)
        score[c] = 1 - score[c];
    return rank_by_score(input, order, score, error);
}

static bool mean_activation(const struct tn_method_input *input, int *order, double *score,
                            struct tn_error *error)
{
    return rank_by_activity(input, input->activity->mean, "the activations", order, score, error);
}

static bool taylor(const struct tn_method_input *input, int *order, double *score,
                   struct tn_error *error)
{
    return rank_by_activity(input, input->activity->taylor, "the gradients", order, score, error);
}

/* --- from nothing --- */

/* FNV-1a, 64 bits: a stream of random numbers for each name. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static bool by_chance(const struct tn_method_input *input, int *order, double *score,
                      struct tn_error *error)
{
    struct tn_random random;
    tn_random_seed(&random, input->seed, hash_of(input->group));
    for (int c = 0; c < input->channels; c++)
        score[c] = tn_random_uniform(&random);
    return rank_by_score(input, order, score, error);
}

const struct tn_method tn_methods[] = {
    {"thinet", "greedy removal of what changes the next layer's input least (Luo et al. 2017)",
     TN_NEEDS_GRAM, thinet},
    {"thinet-w", "greedy selection with least-squares weights (Luo et al. 2018)", TN_NEEDS_GRAM,
     thinet_w},
    {"thinet-x",
     "from the better of both, kept and removed filters are exchanged while the least-squares "
     "error falls; made for the number kept",
     TN_NEEDS_GRAM | TN_NEEDS_KEEP, thinet_x},
    {"random", "by chance, from the seed and the layer's name", 0, by_chance},
    {"l1", "sum of absolute weights (Li et al. 2017)", TN_NEEDS_WEIGHTS, l1},
    {"l2", "Euclidean length of the weights", TN_NEEDS_WEIGHTS, l2},
    {"apoz", "part of the activations that is zero (Hu et al. 2016)", TN_NEEDS_ACTIVITY, apoz},
    {"mean-activation", "mean absolute activation", TN_NEEDS_ACTIVITY, mean_activation},
    {"taylor", "activation times gradient, first order (Molchanov et al. 2017)",
     TN_NEEDS_ACTIVITY | TN_NEEDS_GRADIENTS, taylor},
    {"bn-scale", "scale of the BatchNorm behind the filter (Liu et al. 2017)", TN_NEEDS_WEIGHTS,
     bn_scale},
    {"fpgm", "distance to the geometric median of the filters (He et al. 2019)", TN_NEEDS_WEIGHTS,
     fpgm},
    {"lasso", "order in which LASSO on the next layer's input drops channels (He et al. 2017)",
     TN_NEEDS_GRAM, lasso},
    {0},
};

const struct tn_method *tn_method_find(const char *name)
{
    for (const struct tn_method *method = tn_methods; method->name; method++) {
        if (strcmp(method->name, name) == 0)
            return method;
    }
    return NULL;
}

static bool check(const struct tn_method *method, const struct tn_method_input *input,
                  struct tn_error *error)
{
    if ((method->needs & TN_NEEDS_GRAM) && !input->gram)
        return tn_fail(error, TN_ERROR_USE,
                       "method %s needs the statistics of layer '%s': sample %s first",
                       method->name, input->group, input->group);
    if ((method->needs & TN_NEEDS_ACTIVITY) && !input->activity)
        return tn_fail(error, TN_ERROR_USE,
                       "method %s needs the activations of layer '%s': sample %s first",
                       method->name, input->group, input->group);
    if ((method->needs & TN_NEEDS_WEIGHTS) && !input->weights)
        return tn_fail(error, TN_ERROR_USE, "method %s needs the weights of layer '%s'",
                       method->name, input->group);
    int gram = input->gram ? input->gram->channels : input->channels;
    int weights = input->weights ? input->weights->channels : input->channels;
    int activity = input->activity ? input->activity->channels : input->channels;
    if (gram != input->channels || weights != input->channels || activity != input->channels)
        return tn_fail(error, TN_ERROR_USE,
                       "layer '%s' has %d filters, what is known of it has another number",
                       input->group, input->channels);
    return true;
}

bool tn_method_rank(const struct tn_method *method, const struct tn_method_input *input, int *order,
                    double *score, struct tn_error *error)
{
    if (!check(method, input, error))
        return false;
    return method->rank(input, order, score, error) || tn_fail_in(error, "method %s", method->name);
}
