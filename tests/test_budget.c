/* budget: the widths of least error within a cost, against trying all and against equal ratios. */
#include "prune/budget.h"
#include "prune/latency.h"

#include "core/clock.h"
#include "core/memory.h"
#include "core/random.h"
#include "model/zoo.h"
#include "small_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_GROUPS = 64 };

/* A network and made-up curves of its groups. */
struct problem {
    struct tn_graph *graph;
    struct small_groups of;
    struct tn_widths widths;
    struct tn_budget_group groups[MOST_GROUPS];
    double *curves[MOST_GROUPS]; /* [channels+1], NULL where nothing can be pruned */
    struct tn_budget budget;
};

/* Errors as ThiNet's curves have them, or falling by steps of all sizes, or with noise on top. */
enum shape { SMOOTH, STEPS, NOISY };

static void draw_curve(struct tn_random *random, enum shape shape, int channels, double *curve)
{
    double scale = 0.3 + tn_random_uniform(random), power = 1 + 3 * tn_random_uniform(random);
    double sum = 0;
    for (int k = channels; k >= 0; k--) {
        double step = tn_random_uniform(random);
        curve[k] = scale * pow((double)(channels - k) / channels, power);
        if (shape == STEPS)
            curve[k] = sum / channels;
        if (shape == NOISY && k < channels)
            curve[k] = fabs(curve[k] + 0.05 * tn_random_normal(random));
        sum += step * step * step;
    }
}

static void problem_begin(struct problem *p, struct tn_graph *graph, enum tn_scope scope,
                          enum shape shape, uint64_t seed)
{
    struct tn_error error = {0};
    struct tn_random random;
    memset(p, 0, sizeof *p);
    p->graph = graph;
    small_groups_of(graph, scope, &p->of);
    assert_true(p->of.groups.count <= MOST_GROUPS);
    if (!tn_widths_of(graph, &p->of.layers, &p->of.groups, &p->widths, &error))
        fail_msg("%s", error.text);
    tn_random_seed(&random, seed, 1);
    for (int g = 0; g < p->of.groups.count; g++) {
        const struct tn_group *group = &p->of.groups.group[g];
        p->groups[g].least = p->groups[g].most = group->channels;
        if (!group->prunable)
            continue;
        p->curves[g] = tn_calloc((size_t)group->channels + 1, sizeof **p->curves);
        assert_non_null(p->curves[g]);
        p->groups[g].least = tn_group_fewest(group);
        draw_curve(&random, shape, group->channels, p->curves[g]);
        p->groups[g].curve = p->curves[g];
    }
    p->budget = (struct tn_budget){.widths = &p->widths, .groups = p->groups};
}

static void problem_end(struct problem *p)
{
    for (int g = 0; g < p->of.groups.count; g++)
        tn_free(p->curves[g]);
    tn_widths_free(&p->widths);
    small_groups_free(&p->of);
    tn_graph_free(p->graph);
}

static struct tn_budget_answer solve(const struct problem *p)
{
    struct tn_error error = {0};
    struct tn_budget_answer answer;
    if (!tn_budget_solve(&p->budget, &answer, &error))
        fail_msg("%s", error.text);
    return answer;
}

static double measured(const struct problem *p, struct tn_width_cost cost)
{
    return tn_width_measured(cost, p->budget.measure);
}

/* Cost and error of some widths. */
static double cost_of(const struct problem *p, const int *kept, double *error)
{
    struct tn_width_plan plan;
    assert_true(tn_width_plan_new(&p->widths, kept, NULL, &plan, NULL));
    double cost = measured(p, plan.total);
    tn_width_plan_free(&plan);
    *error = 0;
    for (int g = 0; g < p->of.groups.count; g++)
        *error += p->groups[g].curve ? p->groups[g].curve[kept[g]] : 0;
    return cost;
}

static void assert_sound(const struct problem *p, const struct tn_budget_answer *answer)
{
    double error, cost = cost_of(p, answer->kept, &error);
    assert_float_equal(cost, measured(p, answer->cost), 0.001);
    assert_float_equal(error, answer->error, 1e-9);
    for (int g = 0; g < p->of.groups.count; g++)
        assert_in_range(answer->kept[g], p->groups[g].least, p->groups[g].most);
    if (!answer->over)
        assert_true(cost <= p->budget.fraction * measured(p, answer->today) + 0.001);
}

/* The least error within the budget, of all widths there are; infinite where none is. */
static double best_of_all(const struct problem *p, double limit)
{
    int kept[MOST_GROUPS];
    double best = HUGE_VAL;
    for (int g = 0; g < p->of.groups.count; g++)
        kept[g] = p->groups[g].least;
    for (int g = 0; g < p->of.groups.count;) {
        double error, cost = cost_of(p, kept, &error);
        if (cost <= limit && error < best)
            best = error;
        for (g = 0; g < p->of.groups.count && kept[g] == p->groups[g].most; g++)
            kept[g] = p->groups[g].least;
        if (g < p->of.groups.count)
            kept[g]++;
    }
    return best;
}

/* How much worse the answers are than the best: the mean, and the worst. */
struct gaps {
    int count, exact;
    double sum, worst;
};

static void add_gap(struct gaps *gaps, double error, double best)
{
    double gap = best > 0 ? error / best - 1 : error;
    assert_true(gap > -1e-9);
    gaps->count++;
    gaps->exact += gap < 1e-9;
    gaps->sum += gap;
    gaps->worst = fmax(gaps->worst, gap);
}

static void try_all(struct tn_graph *graph, enum tn_scope scope, enum shape shape, uint64_t seed,
                    struct gaps *gaps)
{
    struct problem p;
    problem_begin(&p, graph, scope, shape, seed);
    for (int m = 0; m < 2; m++) {
        p.budget.measure = (enum tn_measure)m;
        for (int tenths = 1; tenths < 10; tenths += 2) {
            p.budget.fraction = tenths / 10.0;
            struct tn_budget_answer answer = solve(&p);
            double limit = p.budget.fraction * measured(&p, answer.today);
            double best = best_of_all(&p, limit);
            assert_int_equal(answer.over, best == HUGE_VAL);
            assert_sound(&p, &answer);
            if (!answer.over)
                add_gap(gaps, answer.error, best);
            tn_free(answer.kept);
        }
    }
    problem_end(&p);
}

static void small_networks_get_the_best_there_is(void **state)
{
    (void)state;
    struct gaps gaps = {0};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        for (int shape = SMOOTH; shape <= STEPS; shape++) {
            try_all(chain_net(1), TN_SCOPE_INNER, (enum shape)shape, seed, &gaps);
            try_all(flatten_net(1), TN_SCOPE_INNER, (enum shape)shape, seed, &gaps);
            try_all(residual_net(1), TN_SCOPE_ALL, (enum shape)shape, seed, &gaps);
            try_all(depthwise_net(1), TN_SCOPE_INNER, (enum shape)shape, seed, &gaps);
        }
    }
    print_message("%d budgets, %d exact, mean gap %.5f, worst %.5f\n", gaps.count, gaps.exact,
                  gaps.sum / gaps.count, gaps.worst);
    assert_true(gaps.exact >= 0.95 * gaps.count);
    assert_true(gaps.sum / gaps.count < 0.005);
    assert_true(gaps.worst < 0.3);
}

/* Every group at the same fraction of its channels, as wide as the budget allows. */
static double error_of_equal_ratios(const struct problem *p, double limit)
{
    double best = HUGE_VAL;
    for (int permille = 1; permille <= 1000; permille++) {
        int kept[MOST_GROUPS];
        for (int g = 0; g < p->of.groups.count; g++) {
            int k = (int)floor(permille / 1000.0 * p->of.groups.group[g].channels + 1e-9);
            kept[g] = k < p->groups[g].least ? p->groups[g].least : k;
            kept[g] = kept[g] > p->groups[g].most ? p->groups[g].most : kept[g];
        }
        double error, cost = cost_of(p, kept, &error);
        if (cost <= limit)
            best = error;
    }
    return best;
}

static struct tn_graph *built_in(const char *name)
{
    struct tn_error error = {0};
    struct tn_graph *graph = tn_zoo_build(name, &(struct tn_zoo_options){.seed = 1}, &error);
    if (!graph)
        fail_msg("%s", error.text);
    return graph;
}

static struct tn_graph *fashion_vgg(void)
{
    return built_in("fashion-vgg");
}

static void real_networks_come_within_a_per_cent_and_beat_equal_ratios(void **state)
{
    (void)state;
    for (int shape = SMOOTH; shape <= NOISY; shape++) {
        struct problem p;
        problem_begin(&p, fashion_vgg(), TN_SCOPE_INNER, (enum shape)shape, 7);
        for (int m = 0; m < 2; m++) {
            p.budget.measure = (enum tn_measure)m;
            for (int tenths = 1; tenths < 10; tenths++) {
                p.budget.fraction = tenths / 10.0;
                struct tn_budget_answer answer = solve(&p);
                double limit = p.budget.fraction * measured(&p, answer.today);
                assert_sound(&p, &answer);
                assert_false(answer.over || answer.under);
                assert_true(measured(&p, answer.cost) >= 0.99 * limit);
                assert_true(answer.error <= error_of_equal_ratios(&p, limit));
                tn_free(answer.kept);
            }
        }
        problem_end(&p);
    }
}

static void resnet50_in_both_scopes(void **state)
{
    (void)state;
    double slowest = 0;
    for (int scope = TN_SCOPE_INNER; scope <= TN_SCOPE_ALL; scope++) {
        struct problem p;
        problem_begin(&p, built_in("resnet50"), (enum tn_scope)scope, SMOOTH, 13);
        for (int tenths = 3; tenths < 9; tenths += 2) {
            p.budget.fraction = tenths / 10.0;
            double begun = tn_clock_seconds();
            struct tn_budget_answer answer = solve(&p);
            slowest = fmax(slowest, tn_clock_seconds() - begun);
            double limit = p.budget.fraction * answer.today.flops;
            assert_sound(&p, &answer);
            assert_true(answer.cost.flops >= 0.99 * limit);
            assert_true(answer.error <= error_of_equal_ratios(&p, limit));
            tn_free(answer.kept);
        }
        problem_end(&p);
    }
    print_message("slowest answer: %.3f s\n", slowest);
}

static void floors_and_ceilings_hold(void **state)
{
    (void)state;
    struct problem p;
    problem_begin(&p, fashion_vgg(), TN_SCOPE_INNER, SMOOTH, 8);
    int first = -1, last = -1;
    for (int g = 0; g < p.of.groups.count; g++) {
        if (!p.groups[g].curve)
            continue;
        first = first < 0 ? g : first;
        last = g;
    }
    int channels = p.of.groups.group[first].channels;
    p.groups[first].least = channels - 2;
    p.groups[last].most = 3;
    p.groups[last - 1].curve = NULL;
    p.budget.fraction = 0.3;
    struct tn_budget_answer answer = solve(&p);
    assert_sound(&p, &answer);
    assert_false(answer.over || answer.under);
    assert_in_range(answer.kept[first], channels - 2, channels);
    assert_in_range(answer.kept[last], 1, 3);
    assert_int_equal(answer.kept[last - 1], p.of.groups.group[last - 1].channels);
    tn_free(answer.kept);
    problem_end(&p);
}

static void a_budget_out_of_reach_is_said_to_be(void **state)
{
    (void)state;
    struct problem p;
    problem_begin(&p, fashion_vgg(), TN_SCOPE_INNER, SMOOTH, 9);
    for (int g = 0; g < p.of.groups.count; g++)
        p.groups[g].least = p.groups[g].most / 2 + 1;
    p.budget.fraction = 0.1;
    struct tn_budget_answer answer = solve(&p);
    assert_true(answer.over && !answer.under);
    for (int g = 0; g < p.of.groups.count; g++)
        assert_int_equal(answer.kept[g], p.groups[g].curve ? p.groups[g].least : p.groups[g].most);
    tn_free(answer.kept);
    for (int g = 0; g < p.of.groups.count; g++) {
        if (p.groups[g].curve)
            p.groups[g].most = p.groups[g].least;
    }
    p.budget.fraction = 0.9;
    answer = solve(&p);
    assert_true(answer.under && !answer.over);
    assert_sound(&p, &answer);
    tn_free(answer.kept);
    problem_end(&p);
}

/* Dead filters cost nothing to remove; what the budget leaves is spread. */
static void curves_without_any_error_still_meet_the_budget(void **state)
{
    (void)state;
    struct problem p;
    problem_begin(&p, fashion_vgg(), TN_SCOPE_INNER, SMOOTH, 10);
    for (int g = 0; g < p.of.groups.count; g++) {
        for (int k = 0; p.curves[g] && k <= p.of.groups.group[g].channels; k++)
            p.curves[g][k] = 0;
    }
    p.budget.fraction = 0.5;
    struct tn_budget_answer answer = solve(&p);
    assert_sound(&p, &answer);
    assert_true(answer.error == 0);
    assert_true(answer.cost.flops >= 0.99 * 0.5 * answer.today.flops);
    for (int g = 0; g < p.of.groups.count; g++)
        assert_true(answer.kept[g] > p.groups[g].most / 4);
    tn_free(answer.kept);
    problem_end(&p);
}

static void everything_stays_where_everything_may(void **state)
{
    (void)state;
    struct problem p;
    problem_begin(&p, residual_net(1), TN_SCOPE_ALL, STEPS, 11);
    p.budget.fraction = 1;
    struct tn_budget_answer answer = solve(&p);
    assert_false(answer.over || answer.under);
    assert_true(answer.error == 0);
    assert_true(answer.cost.flops == answer.today.flops);
    tn_free(answer.kept);
    problem_end(&p);
}

/* Times in proportion to FLOPs, and one that no width changes: the budget of time is that of FLOPs.
 */
static void time_is_a_cost_like_another(void **state)
{
    (void)state;
    struct problem p;
    problem_begin(&p, fashion_vgg(), TN_SCOPE_INNER, SMOOTH, 14);
    static const double RATE = 3e-11;
    for (int u = 0; u < p.widths.use_count; u++)
        p.widths.uses[u].time = RATE * p.widths.uses[u].flops;
    p.budget.fraction = 0.4;
    struct tn_budget_answer by_flops = solve(&p);
    double today = by_flops.today.flops;
    p.widths.fixed_time = RATE * today;
    p.budget.measure = TN_LATENCY;
    p.budget.fraction = 0.7; /* half of it is fixed */
    struct tn_budget_answer by_time = solve(&p);
    assert_float_equal(by_time.today.time, 2 * RATE * today, 1e-9 * RATE * today);
    assert_float_equal(by_time.cost.time, RATE * (today + by_time.cost.flops), 1e-9 * RATE * today);
    assert_true(by_time.cost.time <= 0.7 * by_time.today.time * (1 + 1e-9));
    assert_true(by_time.cost.time >= 0.99 * 0.7 * by_time.today.time);
    assert_true(by_time.error <= 1.02 * by_flops.error);
    tn_free(by_flops.kept);
    tn_free(by_time.kept);
    p.budget.fraction = 0.4; /* less than what is fixed */
    by_time = solve(&p);
    assert_true(by_time.over);
    tn_free(by_time.kept);
    problem_end(&p);
}

static void times_are_fitted_without_going_below_zero(void **state)
{
    (void)state;
    const double flops[] = {8, 4, 2, 1}, line[] = {17, 9, 5, 3}, steep[] = {8, 3, 1, 0.1},
                 falling[] = {1, 2, 3, 4}, same[] = {5, 5, 5, 5};
    double fixed, rate;
    tn_latency_fit(4, flops, line, &fixed, &rate);
    assert_float_equal(fixed, 1, 1e-12);
    assert_float_equal(rate, 2, 1e-12);
    tn_latency_fit(4, flops, steep, &fixed, &rate);
    assert_true(fixed == 0);
    assert_float_equal(rate, (64 + 12 + 2 + 0.1) / (64 + 16 + 4 + 1), 1e-12);
    tn_latency_fit(4, flops, falling, &fixed, &rate);
    assert_float_equal(fixed, 2.5, 1e-12);
    assert_true(rate == 0);
    tn_latency_fit(4, same, line, &fixed, &rate);
    assert_float_equal(fixed, 8.5, 1e-12);
    assert_true(rate == 0);
    tn_latency_fit(0, flops, line, &fixed, &rate);
    assert_true(fixed == 0 && rate == 0);
}

/* A layer's time is counted with what follows it, and the parts make the whole. */
static void a_stopwatch_splits_the_time_among_the_layers(void **state)
{
    (void)state;
    struct tn_error error = {0};
    struct problem p;
    problem_begin(&p, fashion_vgg(), TN_SCOPE_INNER, SMOOTH, 15);
    struct tn_stopwatch *watch = tn_stopwatch_new(p.graph, 4, NULL, &error);
    if (!watch)
        fail_msg("%s", error.text);
    assert_true(isnan(tn_stopwatch_total(watch)));
    assert_true(tn_stopwatch_pass(watch, &error)); /* warms up */
    assert_true(isnan(tn_stopwatch_total(watch)));
    assert_true(tn_stopwatch_pass(watch, &error));
    double sum = 0;
    for (int l = 0; l < p.of.layers.count; l++) {
        assert_true(tn_stopwatch_layer(watch, l) > 0);
        sum += tn_stopwatch_layer(watch, l);
    }
    assert_float_equal(sum, tn_stopwatch_total(watch), 1e-3 * sum);
    tn_stopwatch_free(watch);
    struct tn_widths widths;
    assert_true(tn_latency_widths(p.graph, &p.of.layers, &p.of.groups, 4, NULL, &widths, &error));
    assert_true(widths.fixed_time >= 0);
    double rates = 0;
    for (int u = 0; u < widths.use_count; u++) {
        assert_true(widths.uses[u].time >= 0);
        rates += widths.uses[u].time;
    }
    assert_true(rates > 0);
    tn_widths_free(&widths);
    problem_end(&p);
}

static void curves_that_are_none_are_refused(void **state)
{
    (void)state;
    struct problem p;
    struct tn_budget_answer answer;
    struct tn_error error = {0};
    problem_begin(&p, chain_net(1), TN_SCOPE_INNER, SMOOTH, 12);
    p.budget.fraction = 0.5;
    p.curves[0][2] = NAN;
    assert_false(tn_budget_solve(&p.budget, &answer, &error));
    assert_string_equal(error.text, "the error with 2 of 6 channels is not finite");
    p.curves[0][2] = 0.5;
    p.groups[0].least = 7;
    assert_false(tn_budget_solve(&p.budget, &answer, &error));
    assert_string_equal(error.text, "of 6 channels 7 to 6 cannot be kept");
    problem_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_networks_get_the_best_there_is),
        cmocka_unit_test(real_networks_come_within_a_per_cent_and_beat_equal_ratios),
        cmocka_unit_test(resnet50_in_both_scopes),
        cmocka_unit_test(floors_and_ceilings_hold),
        cmocka_unit_test(a_budget_out_of_reach_is_said_to_be),
        cmocka_unit_test(curves_without_any_error_still_meet_the_budget),
        cmocka_unit_test(everything_stays_where_everything_may),
        cmocka_unit_test(time_is_a_cost_like_another),
        cmocka_unit_test(times_are_fitted_without_going_below_zero),
        cmocka_unit_test(a_stopwatch_splits_the_time_among_the_layers),
        cmocka_unit_test(curves_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
