/* Memory of activations and gradients: those that are not alive together share it. Time goes on by
 * one with each step that runs: first all forward; while training then backward, segment by segment
 * from the last, each but the last being run forward once more before it where its activations were
 * not kept. What backward needs of an activation ends with the backward of the step that made it.
 */
#include "core/memory.h"
#include "engine/arena.h"
#include "engine/plan.h"

struct memory_plan {
    struct tn_network *network;
    int *again, *back; /* [steps] when it runs forward once more, and backward */
    int *maker;        /* [blobs] the step that makes it; -1: the caller */
    int *last;         /* [blobs] the last step that reads it; -1: nothing does */
    int *first_back;   /* [blobs] when its gradient is begun; -1: never */
    int *data_in;      /* [blobs] the blob in whose memory it is: its own or that of an input */
    int *gradient_in;  /* [blobs] likewise of gradients */
    int end;           /* past all steps */
    struct tn_life *data, *gradient; /* [blobs] */
    struct tn_life *second;          /* [steps] second contributions to gradients */
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

static void free_plan(struct memory_plan *plan)
{
    tn_free(plan->again);
    tn_free(plan->maker);
    tn_free(plan->data);
}

static bool make_plan(struct tn_network *network, struct memory_plan *plan, struct tn_error *error)
{
    size_t steps = (size_t)network->step_count, blobs = (size_t)network->blob_count;
    *plan = (struct memory_plan){.network = network,
                                 .again = tn_calloc(2 * steps, sizeof(int)),
                                 .maker = tn_alloc(5 * blobs, sizeof(int)),
                                 .data = tn_calloc(2 * blobs + steps, sizeof(struct tn_life))};
    if (!plan->again || !plan->maker || !plan->data) {
        free_plan(plan);
        return tn_fail_memory(error, "a network's plan",
                              (2 * blobs + steps) * sizeof(struct tn_life));
    }
    plan->back = plan->again + steps;
    plan->last = plan->maker + blobs;
    plan->first_back = plan->last + blobs;
    plan->data_in = plan->first_back + blobs;
    plan->gradient_in = plan->data_in + blobs;
    plan->gradient = plan->data + blobs;
    plan->second = plan->gradient + blobs;
    for (size_t b = 0; b < blobs; b++) {
        plan->maker[b] = plan->last[b] = plan->first_back[b] = -1;
        plan->data_in[b] = plan->gradient_in[b] = (int)b;
    }
    return true;
}

/* Who makes and who reads; one past all steps reads the network's output. */
static void find_uses(struct memory_plan *plan)
{
    const struct tn_network *network = plan->network;
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        for (int i = 0; i < step->input_count; i++)
            if (step->inputs[i] >= 0)
                plan->last[step->inputs[i]] = s;
        for (int i = 0; i < step->output_count; i++)
            if (step->outputs[i] >= 0)
                plan->maker[step->outputs[i]] = s;
    }
    plan->last[network->output_blob] = network->step_count;
}

/* --- segments --- */

static size_t made_by(const struct tn_network *network, int s)
{
    size_t size = 0;
    for (int i = 0; i < network->steps[s].output_count; i++)
        if (network->steps[s].outputs[i] >= 0)
            size += network->blobs[network->steps[s].outputs[i]].size;
    return size;
}

/* kept[s]: floats that are made before step s and read from there on. */
static void find_kept(const struct memory_plan *plan, size_t *kept)
{
    const struct tn_network *network = plan->network;
    for (int b = 0; b < network->blob_count; b++)
        for (int s = plan->maker[b] + 1;
             plan->maker[b] >= 0 && s <= plan->last[b] && s < network->step_count; s++)
            kept[s] += network->blobs[b].size;
}

/* The cuts with the least to keep among those whose segments make no more than most_inside, or are
 * a single step: cost[s] is the least of the steps before s, from[s] where the last segment of them
 * begins. */
static void find_cuts(const struct tn_network *network, const size_t *kept, size_t *cost, int *from)
{
    cost[0] = 0;
    for (int s = 1; s <= network->step_count; s++) {
        size_t inside = 0;
        cost[s] = SIZE_MAX;
        for (int begin = s - 1; begin >= 0; begin--) {
            inside += made_by(network, begin);
            if (inside > network->most_inside && begin < s - 1)
                break;
            if (cost[begin] + kept[begin] < cost[s]) {
                cost[s] = cost[begin] + kept[begin];
                from[s] = begin;
            }
        }
    }
}

static void number_segments(struct tn_network *network, const int *from)
{
    int segment = 0;
    for (int s = network->step_count; s > 0; s = from[s], segment++)
        for (int i = from[s]; i < s; i++)
            network->steps[i].segment = segment; /* from the last */
    network->segment_count = segment;
    for (int s = 0; s < network->step_count; s++)
        network->steps[s].segment = segment - 1 - network->steps[s].segment;
}

static bool make_segments(struct memory_plan *plan, struct tn_error *error)
{
    struct tn_network *network = plan->network;
    size_t count = (size_t)network->step_count + 1;
    network->segment_count = 1;
    for (int s = 0; s < network->step_count; s++)
        network->steps[s].segment = 0;
    if (network->mode != TN_TRAINING || network->most_inside == SIZE_MAX)
        return true;
    size_t *kept = tn_calloc(2 * count, sizeof *kept);
    int *from = tn_calloc(count, sizeof *from);
    if (kept && from) {
        find_kept(plan, kept);
        find_cuts(network, kept, kept + count, from);
        number_segments(network, from);
    }
    bool fine = kept && from;
    tn_free(kept);
    tn_free(from);
    return fine || tn_fail_memory(error, "a network's plan", 2 * count * sizeof *kept);
}

size_t tn_plan_made(const struct tn_network *network)
{
    size_t size = 0;
    for (int s = 0; s < network->step_count; s++)
        size += made_by(network, s);
    return size;
}

/* The gradient of the output is set at the time step_count; the passes back follow. */
static void make_timetable(struct memory_plan *plan)
{
    const struct tn_network *network = plan->network;
    int now = network->step_count + 1;
    for (int end = network->step_count, begin; end > 0; end = begin) {
        int segment = network->steps[end - 1].segment;
        for (begin = end; begin > 0 && network->steps[begin - 1].segment == segment;)
            begin--;
        for (int s = begin; segment < network->segment_count - 1 && s < end; s++)
            plan->again[s] = now++;
        for (int s = end - 1; s >= begin; s--)
            plan->back[s] = now++;
    }
    plan->end = now;
}

/* --- activations --- */

static bool stays_inside(const struct memory_plan *plan, int blob)
{
    const struct tn_network *network = plan->network;
    int segment = network->steps[plan->maker[blob]].segment, last = plan->last[blob];
    return segment < network->segment_count - 1 && last < network->step_count &&
           (last < 0 || network->steps[last].segment == segment);
}

/* What only steps that run for portions read takes the memory of one, an image's part of which is
 * rounded up. What later steps read is there from the first portion to the last. */
static void share_portions(const struct memory_plan *plan, int b, struct tn_life *life)
{
    const struct tn_network *network = plan->network;
    struct tn_blob *blob = &network->blobs[b];
    bool early = plan->maker[b] < network->portion_steps;
    blob->portioned = early && plan->last[b] < network->portion_steps;
    blob->gathered = early && !blob->portioned;
    if (blob->portioned)
        life->size = (blob->size * (size_t)network->portion + (size_t)network->max_batch - 1) /
                     (size_t)network->max_batch;
    if (blob->gathered)
        life->first[0] = 0;
}

static void give_life(struct memory_plan *plan, int blob)
{
    struct tn_life *life = &plan->data[blob];
    int made = plan->maker[blob], read = most(made, plan->last[blob]);
    bool training = plan->network->mode == TN_TRAINING;
    plan->network->blobs[blob].made_again = training && stays_inside(plan, blob);
    *life = (struct tn_life){
        .size = plan->network->blobs[blob].size, .first = {made, 0}, .last = {read, -1}};
    share_portions(plan, blob, life);
    if (plan->network->blobs[blob].made_again) {
        life->first[1] = plan->again[made];
        life->last[1] = plan->back[made];
    } else if (training) {
        life->last[0] = plan->back[made];
    }
    if (blob == plan->network->output_blob)
        life->last[0] = plan->end;
}

/* At inference: may the output take its first input's memory? */
static bool in_place(const struct memory_plan *plan, int s)
{
    const struct tn_network *network = plan->network;
    const struct tn_step *step = &network->steps[s];
    return network->mode == TN_INFER && step->ops->in_place_forward &&
           plan->maker[step->input] >= 0 && plan->last[step->input] == s &&
           network->blobs[step->input].size == network->blobs[step->output].size &&
           network->blobs[step->input].portioned == network->blobs[step->output].portioned;
}

static void plan_activations(struct memory_plan *plan)
{
    const struct tn_network *network = plan->network;
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        for (int i = 0; i < step->output_count; i++)
            if (step->outputs[i] >= 0)
                give_life(plan, step->outputs[i]);
        if (!in_place(plan, s))
            continue;
        int in = plan->data_in[step->input];
        plan->data_in[step->output] = in;
        plan->data[in].last[0] = most(plan->data[in].last[0], plan->data[step->output].last[0]);
        plan->data[step->output].size = 0;
    }
}

/* --- gradients --- */

static bool has_trainable(const struct tn_network *network, const struct tn_step *step)
{
    const struct tn_node *node = tn_step_node(network, step);
    for (int i = 0; i < node->input_count; i++) {
        const struct tn_param *param = tn_step_param(network, step, i);
        if (param && param->trainable)
            return true;
    }
    return false;
}

static bool wants_any(const struct tn_network *network, const struct tn_step *step)
{
    for (int i = 0; i < step->input_count; i++)
        if (step->inputs[i] >= 0 && network->blobs[step->inputs[i]].wants_gradient)
            return true;
    return has_trainable(network, step);
}

static void want_outputs(struct tn_network *network, const struct tn_step *step, bool wanted)
{
    for (int i = 0; i < step->output_count; i++)
        if (step->outputs[i] >= 0)
            network->blobs[step->outputs[i]].wants_gradient = wanted;
}

/* A gradient is wanted where there is something to train at or before it, and the network's output
 * after it. */
static void mark_wanted(struct tn_network *network, int *leads)
{
    network->blobs[network->input_blob].wants_gradient = network->wants_input_gradient;
    for (int s = 0; s < network->step_count; s++)
        want_outputs(network, &network->steps[s], wants_any(network, &network->steps[s]));
    leads[network->output_blob] = 1;
    for (int s = network->step_count - 1; s >= 0; s--) {
        const struct tn_step *step = &network->steps[s];
        bool any = false;
        for (int i = 0; i < step->output_count; i++)
            any |= step->outputs[i] >= 0 && leads[step->outputs[i]] == 1;
        for (int i = 0; any && i < step->input_count; i++)
            if (step->inputs[i] >= 0)
                leads[step->inputs[i]] = 1;
        if (!any)
            want_outputs(network, step, false);
    }
}

/* Its gradient is begun, or is there and gets a second contribution. */
static void contribute(struct memory_plan *plan, int s, int blob)
{
    struct tn_life *second = &plan->second[s];
    const struct tn_blob *to = &plan->network->blobs[blob];
    if (!to->wants_gradient)
        return;
    if (plan->first_back[blob] < 0) {
        plan->first_back[blob] = plan->back[s];
    } else if (to->size > second->size) {
        *second = (struct tn_life){
            .size = to->size, .first = {plan->back[s], 0}, .last = {plan->back[s], -1}};
    }
}

/* May the gradient of the first input take the memory of the output's? */
static bool in_place_back(const struct memory_plan *plan, const struct tn_step *step)
{
    const struct tn_blob *in = &plan->network->blobs[step->input],
                         *out = &plan->network->blobs[step->output];
    int times = 0;
    for (int i = 0; i < step->input_count; i++)
        times += step->inputs[i] == step->input;
    return step->ops->in_place_backward && plan->first_back[step->input] < 0 && times == 1 &&
           in->wants_gradient && in->size == out->size;
}

static void plan_step_gradients(struct memory_plan *plan, int s)
{
    const struct tn_step *step = &plan->network->steps[s];
    for (int i = 0; i < step->output_count; i++) /* what nobody reads has a gradient of zeros */
        if (step->outputs[i] >= 0 && plan->first_back[step->outputs[i]] < 0)
            contribute(plan, s, step->outputs[i]);
    if (in_place_back(plan, step))
        plan->gradient_in[step->input] = plan->gradient_in[step->output];
    for (int i = 0; i < step->input_count; i++)
        if (step->inputs[i] >= 0)
            contribute(plan, s, step->inputs[i]);
}

static void give_gradient_life(struct memory_plan *plan, int blob)
{
    struct tn_life *life = &plan->gradient[plan->gradient_in[blob]];
    int first = plan->first_back[blob];
    int last = plan->maker[blob] < 0 ? plan->end : plan->back[plan->maker[blob]];
    if (first < 0)
        return;
    if (life->size == 0)
        *life = (struct tn_life){.first = {first, 0}, .last = {last, -1}};
    life->size = plan->network->blobs[blob].size;
    life->first[0] = least(life->first[0], first);
    life->last[0] = most(life->last[0], last);
}

static bool plan_gradients(struct memory_plan *plan, struct tn_error *error)
{
    struct tn_network *network = plan->network;
    int *leads = tn_alloc((size_t)network->blob_count, sizeof *leads);
    if (!leads)
        return tn_fail_memory(error, "a network's plan",
                              (size_t)network->blob_count * sizeof *leads);
    for (int b = 0; b < network->blob_count; b++)
        leads[b] = -1;
    mark_wanted(network, leads);
    tn_free(leads);
    if (network->blobs[network->output_blob].wants_gradient)
        plan->first_back[network->output_blob] = network->step_count;
    for (int s = network->step_count - 1; s >= 0; s--)
        if (network->blobs[network->steps[s].output].wants_gradient)
            plan_step_gradients(plan, s);
    for (int b = 0; b < network->blob_count; b++)
        give_gradient_life(plan, b);
    return true;
}

/* --- all --- */

static void note_places(const struct memory_plan *plan)
{
    struct tn_network *network = plan->network;
    for (int b = 0; b < network->blob_count; b++) {
        const struct tn_life *data = &plan->data[plan->data_in[b]],
                             *gradient = &plan->gradient[plan->gradient_in[b]];
        network->blobs[b].data_at = data->size > 0 ? data->at : SIZE_MAX;
        network->blobs[b].gradient_at =
            plan->first_back[b] >= 0 && gradient->size > 0 ? gradient->at : SIZE_MAX;
    }
    for (int s = 0; s < network->step_count; s++)
        network->steps[s].second_at = plan->second[s].at;
}

bool tn_plan_memory(struct tn_network *network, struct tn_error *error)
{
    struct memory_plan plan;
    if (!make_plan(network, &plan, error))
        return false;
    find_uses(&plan);
    bool fine = make_segments(&plan, error);
    if (fine) {
        make_timetable(&plan);
        plan_activations(&plan);
        fine = network->mode == TN_INFER || plan_gradients(&plan, error);
    }
    fine = fine && tn_arena_place(plan.data, 2 * network->blob_count + network->step_count,
                                  &network->arena_floats, error);
    if (fine)
        note_places(&plan);
    free_plan(&plan);
    return fine;
}

static float *at(const struct tn_network *network, size_t place)
{
    return place == SIZE_MAX ? NULL : network->arena + place * (size_t)network->max_batch;
}

static void point_into_arena(struct tn_network *network)
{
    for (int b = 0; b < network->blob_count; b++) {
        network->blobs[b].data = at(network, network->blobs[b].data_at);
        network->blobs[b].gradient = at(network, network->blobs[b].gradient_at);
    }
}

void tn_plan_point(struct tn_network *network, int first)
{
    for (int b = 0; b < network->blob_count; b++) {
        struct tn_blob *blob = &network->blobs[b];
        if (blob->gathered)
            blob->data = at(network, blob->data_at) + (size_t)first * blob->size;
    }
}

bool tn_plan_arena(struct tn_network *network, struct tn_error *error)
{
    size_t count;
    if (network->arena)
        return true;
    if (!tn_mul(network->arena_floats, (size_t)network->max_batch, &count) ||
        !(network->arena = tn_alloc(count, sizeof(float))))
        return tn_fail_memory(error, "activations; a smaller batch needs less",
                              network->arena_floats * (size_t)network->max_batch * sizeof(float));
    point_into_arena(network);
    return true;
}
