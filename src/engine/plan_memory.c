/* Memory of activations and gradients: those that are not alive together share it. */
#include "core/memory.h"
#include "engine/plan.h"

/* The free slot that fits best, grown if it must be; a new one when none is free. */
static int take_slot(struct tn_network *network, size_t size)
{
    int best = -1;
    for (int s = 0; s < network->slot_count; s++) {
        const struct tn_slot *slot = &network->slots[s];
        const struct tn_slot *chosen = best < 0 ? NULL : &network->slots[best];
        if (slot->taken)
            continue;
        bool fits = slot->size >= size, chosen_fits = chosen && chosen->size >= size;
        if (!chosen || (fits && (!chosen_fits || slot->size < chosen->size)) ||
            (!fits && !chosen_fits && slot->size > chosen->size))
            best = s;
    }
    if (best < 0)
        best = network->slot_count++;
    struct tn_slot *slot = &network->slots[best];
    slot->taken = true;
    slot->size = slot->size > size ? slot->size : size;
    return best;
}

static bool allocate_slots(struct tn_network *network, int first, struct tn_error *error)
{
    for (int s = first; s < network->slot_count; s++) {
        size_t count;
        if (!tn_mul(network->slots[s].size, (size_t)network->max_batch, &count) ||
            !(network->slots[s].memory = tn_calloc(count, sizeof(float))))
            return tn_fail_memory(error, "activations; a smaller batch needs less",
                                  network->slots[s].size * (size_t)network->max_batch *
                                      sizeof(float));
    }
    return true;
}

static int *new_table(const struct tn_network *network, struct tn_error *error)
{
    int *table = tn_alloc((size_t)network->blob_count, sizeof *table);
    if (!table)
        tn_fail_memory(error, "a network's plan", (size_t)network->blob_count * sizeof *table);
    for (int b = 0; table && b < network->blob_count; b++)
        table[b] = -1;
    return table;
}

/* --- activations --- */

/* last[blob]: the last step that reads it, one past all steps for the network's output, -1 where
 * nothing does. */
static void find_last_uses(const struct tn_network *network, int *last)
{
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        for (int i = 0; i < step->input_count; i++)
            if (step->inputs[i] >= 0)
                last[step->inputs[i]] = s;
    }
    last[network->output_blob] = network->step_count;
}

/* Free the memory of what step `s` was the last to read, and of its outputs that nobody reads. */
static void release_after(struct tn_network *network, const int *slot_of, const int *last, int s)
{
    const struct tn_step *step = &network->steps[s];
    for (int i = 0; i < step->input_count; i++) {
        int blob = step->inputs[i];
        bool handed_on = blob >= 0 && slot_of[blob] == slot_of[step->output];
        if (blob >= 0 && slot_of[blob] >= 0 && !handed_on && last[blob] == s)
            network->slots[slot_of[blob]].taken = false;
    }
    for (int i = 0; i < step->output_count; i++)
        if (step->outputs[i] >= 0 && last[step->outputs[i]] < 0)
            network->slots[slot_of[step->outputs[i]]].taken = false;
}

/* May the output take its first input's memory? */
static bool in_place(const struct tn_network *network, const int *slot_of, const int *last, int s)
{
    const struct tn_step *step = &network->steps[s];
    return step->ops->in_place_forward && slot_of[step->input] >= 0 &&
           network->blobs[step->input].size == network->blobs[step->output].size &&
           last[step->input] == s;
}

static void plan_activations(struct tn_network *network, int *slot_of, const int *last)
{
    bool reuse = network->mode == TN_INFER; /* backward reads them all again */
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        bool over = reuse && in_place(network, slot_of, last, s);
        if (over)
            slot_of[step->output] = slot_of[step->input];
        for (int i = over ? 1 : 0; i < step->output_count; i++)
            if (step->outputs[i] >= 0)
                slot_of[step->outputs[i]] =
                    take_slot(network, network->blobs[step->outputs[i]].size);
        if (reuse)
            release_after(network, slot_of, last, s);
    }
}

bool tn_plan_memory(struct tn_network *network, struct tn_error *error)
{
    int *slot_of = new_table(network, error); /* the input is in the caller's memory */
    int *last = slot_of ? new_table(network, error) : NULL;
    bool ok = slot_of && last;
    if (ok) {
        find_last_uses(network, last);
        plan_activations(network, slot_of, last);
        ok = allocate_slots(network, 0, error);
    }
    for (int b = 0; ok && b < network->blob_count; b++)
        network->blobs[b].data = slot_of[b] < 0 ? NULL : network->slots[slot_of[b]].memory;
    tn_free(slot_of);
    tn_free(last);
    return ok;
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

static void give_gradient_slot(struct tn_network *network, int *slot_of, int blob)
{
    if (blob < 0 || !network->blobs[blob].wants_gradient)
        return;
    if (slot_of[blob] < 0) {
        slot_of[blob] = take_slot(network, network->blobs[blob].size);
    } else if (network->blobs[blob].size > network->accumulate_floats) {
        network->accumulate_floats =
            network->blobs[blob].size; /* a second contribution is added from there */
    }
}

/* An output that nobody reads has no gradient of its own yet: it stays zero. */
static void give_unread_outputs(struct tn_network *network, int *slot_of,
                                const struct tn_step *step)
{
    for (int i = 0; i < step->output_count; i++)
        if (step->outputs[i] >= 0 && slot_of[step->outputs[i]] < 0)
            give_gradient_slot(network, slot_of, step->outputs[i]);
}

static void plan_step_gradients(struct tn_network *network, int *slot_of,
                                const struct tn_step *step)
{
    if (!network->blobs[step->output].wants_gradient)
        return;
    give_unread_outputs(network, slot_of, step);
    for (int i = 0; i < step->input_count; i++)
        if (step->inputs[i] != step->input)
            give_gradient_slot(network, slot_of, step->inputs[i]);
    int out = slot_of[step->output], times = 0;
    for (int i = 0; i < step->input_count; i++)
        times += step->inputs[i] == step->input;
    bool in_place = step->ops->in_place_backward && slot_of[step->input] < 0 && times == 1 &&
                    network->blobs[step->input].wants_gradient &&
                    network->blobs[step->input].size == network->blobs[step->output].size;
    for (int i = 0; i < step->input_count; i++)
        if (step->inputs[i] == step->input && !in_place)
            give_gradient_slot(network, slot_of, step->input);
    if (in_place)
        slot_of[step->input] = out;
    for (int i = in_place ? 1 : 0; i < step->output_count; i++)
        if (step->outputs[i] >= 0)
            network->slots[slot_of[step->outputs[i]]].taken = false;
}

static bool allocate_gradients(struct tn_network *network, int first, struct tn_error *error)
{
    if (!allocate_slots(network, first, error))
        return false;
    size_t count = network->accumulate_floats * (size_t)network->max_batch;
    if (count > 0 && !(network->accumulate = tn_calloc(count, sizeof(float))))
        return tn_fail_memory(error, "gradients", count * sizeof(float));
    return true;
}

static void drop_slots(struct tn_network *network, int first)
{
    for (int s = first; s < network->slot_count; s++) {
        tn_free(network->slots[s].memory);
        network->slots[s] = (struct tn_slot){0};
    }
    network->slot_count = first;
}

bool tn_plan_gradients(struct tn_network *network, struct tn_error *error)
{
    int first = network->slot_count;
    int *slot_of = new_table(network, error);
    int *leads = slot_of ? new_table(network, error) : NULL;
    bool ok = slot_of && leads;
    if (ok) {
        mark_wanted(network, leads);
        give_gradient_slot(network, slot_of, network->output_blob);
        for (int s = network->step_count - 1; s >= 0; s--)
            plan_step_gradients(network, slot_of, &network->steps[s]);
        ok = allocate_gradients(network, first, error);
    }
    for (int b = 0; ok && b < network->blob_count; b++)
        network->blobs[b].gradient = slot_of[b] < 0 ? NULL : network->slots[slot_of[b]].memory;
    if (!ok)
        drop_slots(network, first);
    tn_free(slot_of);
    tn_free(leads);
    return ok;
}
