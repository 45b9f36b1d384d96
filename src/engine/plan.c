#include "engine/plan.h"

#include "core/memory.h"

static const struct tn_step_ops *const ops_of[TN_OP_COUNT] = {
    [TN_OP_CONV] = &tn_conv_ops,
    [TN_OP_BATCH_NORM] = &tn_norm_ops,
    [TN_OP_RELU] = &tn_relu_ops,
    [TN_OP_MAX_POOL] = &tn_max_pool_ops,
    [TN_OP_AVERAGE_POOL] = &tn_average_pool_ops,
    [TN_OP_GLOBAL_AVERAGE_POOL] = &tn_global_pool_ops,
    [TN_OP_GEMM] = &tn_gemm_ops,
    [TN_OP_ADD] = &tn_add_ops,
    [TN_OP_DROPOUT] = &tn_dropout_ops,
    [TN_OP_SLICE] = &tn_slice_ops,
    [TN_OP_PAD] = &tn_pad_ops,
    [TN_OP_SOFTMAX] = &tn_softmax_ops,
};

static bool is_view(const struct tn_network *network, const struct tn_node *node)
{
    return node->op == TN_OP_FLATTEN || node->op == TN_OP_IDENTITY || node->op == TN_OP_RESHAPE ||
           node->op == TN_OP_SQUEEZE || node->op == TN_OP_UNSQUEEZE ||
           (node->op == TN_OP_DROPOUT && network->mode == TN_INFER);
}

/* Floats an image, or an error when the value is no batch of known shape. */
static bool value_size(const struct tn_network *network, const char *node, int index, size_t *size,
                       struct tn_error *error)
{
    const struct tn_value *value = &network->graph->values[index];
    if (!value->has_shape || value->rank < 1 || value->dims[0] != TN_BATCH)
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': '%s' is no batch of known shape and cannot be run", node,
                       value->name);
    *size = 1;
    for (int i = 1; i < value->rank; i++)
        if (value->dims[i] < 1 || !tn_mul(*size, (size_t)value->dims[i], size))
            return tn_fail(error, TN_ERROR_INPUT, "node '%s': '%s' has no size that can be run",
                           node, value->name);
    return true;
}

static int new_blob(struct tn_network *network, int value, size_t size)
{
    network->blobs[network->blob_count] = (struct tn_blob){.size = size};
    network->blob_of[value] = network->blob_count;
    return network->blob_count++;
}

/* A parameter of the network for constant `value`; copied when it will be trained. One that several
 * nodes read is there once, and its gradient is the sum over them. */
static bool add_param(struct tn_network *network, const struct tn_node *node, int value,
                      bool trainable, struct tn_error *error)
{
    const struct tn_tensor *tensor = network->graph->values[value].constant;
    if (network->param_of[value] >= 0) {
        network->params[network->param_of[value]].uses++;
        return true;
    }
    if (!tn_tensor_floats(tensor))
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': '%s' is not float32", node->name,
                       network->graph->values[value].name);
    struct tn_param *param = &network->params[network->param_count];
    *param = (struct tn_param){
        .value = value, .count = tensor->count, .data = tn_tensor_floats(tensor), .uses = 1};
    network->param_of[value] = network->param_count++;
    if (network->mode == TN_INFER)
        return true;
    param->trainable = trainable;
    param->data = tn_alloc(param->count, sizeof(float));
    param->gradient = tn_calloc(param->count, sizeof(float));
    param->velocity = tn_calloc(param->count, sizeof(float));
    if (!param->data || !param->gradient || !param->velocity)
        return tn_fail_memory(error, node->name, 3 * param->count * sizeof(float));
    for (size_t i = 0; i < param->count; i++)
        param->data[i] = tn_tensor_floats(tensor)[i];
    return true;
}

static bool add_params(struct tn_network *network, const struct tn_step *step,
                       struct tn_error *error)
{
    const struct tn_node *node = &network->graph->nodes[step->node];
    for (int i = 0; i < node->input_count && i < 32; i++) {
        int value = node->inputs[i];
        bool weight = step->ops->weights >> i & 1, statistic = step->ops->statistics >> i & 1;
        if (value == TN_NO_VALUE || !network->graph->values[value].constant ||
            !(weight || statistic))
            continue;
        if (!add_param(network, node, value, weight, error))
            return false;
    }
    return true;
}

static bool is_output(const struct tn_graph *graph, int value)
{
    for (int i = 0; i < graph->output_count; i++)
        if (graph->outputs[i] == value)
            return true;
    return false;
}

/* The step that made `value` and in which it still ends, when nothing but one node reads it; else
 * NULL. */
static struct tn_step *sole_source(struct tn_network *network, const int *ends_in, int value)
{
    int reader[2];
    int blob = network->blob_of[value];
    if (blob < 0 || ends_in[blob] != value || is_output(network->graph, value) ||
        tn_graph_consumers(network->graph, value, 2, reader) != 1)
        return NULL;
    for (int s = network->step_count - 1; s >= 0; s--)
        if (network->steps[s].output == blob)
            return &network->steps[s];
    return NULL;
}

/* True when the node was taken into the step before it. */
static bool fuse(struct tn_network *network, int *ends_in, const struct tn_node *node, bool *failed,
                 struct tn_error *error)
{
    struct tn_step *source = sole_source(network, ends_in, node->inputs[0]);
    if (!source || source->relu)
        return false;
    if (node->op == TN_OP_RELU && source->ops->relu_fuses) {
        source->relu = true;
    } else if (node->op == TN_OP_BATCH_NORM && network->mode == TN_INFER &&
               source->ops == &tn_conv_ops &&
               ends_in[source->output] == network->graph->nodes[source->node].outputs[0]) {
        *failed = !tn_conv_fold_norm(network, source, node, error);
    } else {
        return false;
    }
    network->blob_of[node->outputs[0]] = source->output;
    ends_in[source->output] = node->outputs[0];
    return true;
}

/* The blobs of the node's inputs; the first activation among them is the step's own input. */
static bool find_inputs(const struct tn_network *network, const struct tn_node *node,
                        struct tn_step *step, struct tn_error *error)
{
    step->inputs = tn_alloc((size_t)node->input_count + 1, sizeof *step->inputs);
    if (!step->inputs)
        return tn_fail_memory(error, node->name, (size_t)node->input_count * sizeof(int));
    step->input_count = node->input_count;
    step->input = -1;
    for (int i = 0; i < node->input_count; i++) {
        int value = node->inputs[i];
        bool constant = value == TN_NO_VALUE || network->graph->values[value].constant;
        step->inputs[i] = constant ? -1 : network->blob_of[value];
        if (!constant && step->inputs[i] < 0)
            return tn_fail(error, TN_ERROR_INPUT, "node '%s': its input '%s' cannot be computed",
                           node->name, network->graph->values[value].name);
        if (step->input < 0)
            step->input = step->inputs[i];
    }
    return step->input >= 0 ||
           tn_fail(error, TN_ERROR_INPUT, "node '%s': %s of constants alone cannot be run",
                   node->name, node->op_type);
}

/* Outputs that nobody reads get no blob, but for the first. */
static bool make_outputs(struct tn_network *network, int *ends_in, const struct tn_node *node,
                         struct tn_step *step, struct tn_error *error)
{
    step->outputs = tn_alloc((size_t)node->output_count + 1, sizeof *step->outputs);
    if (!step->outputs)
        return tn_fail_memory(error, node->name, (size_t)node->output_count * sizeof(int));
    step->output_count = node->output_count;
    for (int i = 0; i < node->output_count; i++) {
        int value = node->outputs[i], reader;
        size_t size;
        step->outputs[i] = -1;
        if (i > 0 &&
            (value == TN_NO_VALUE || (tn_graph_consumers(network->graph, value, 1, &reader) == 0 &&
                                      !is_output(network->graph, value))))
            continue;
        if (!value_size(network, node->name, value, &size, error))
            return false;
        step->outputs[i] = new_blob(network, value, size);
        ends_in[step->outputs[i]] = value;
    }
    step->output = step->outputs[0];
    return true;
}

static bool add_step(struct tn_network *network, int *ends_in, int index, struct tn_error *error)
{
    const struct tn_node *node = &network->graph->nodes[index];
    struct tn_step *step = &network->steps[network->step_count];
    *step = (struct tn_step){.ops = ops_of[node->op], .node = index};
    if (!step->ops)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': operator %s cannot be run", node->name,
                       node->op_type);
    if (network->mode == TN_TRAINING && !step->ops->backward)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': operator %s cannot be trained",
                       node->name, node->op_type);
    network->step_count++; /* now, so that a failed step is released */
    return find_inputs(network, node, step, error) && add_params(network, step, error) &&
           make_outputs(network, ends_in, node, step, error) &&
           step->ops->prepare(network, step, error);
}

static bool add_node(struct tn_network *network, int *ends_in, int index, struct tn_error *error)
{
    const struct tn_node *node = &network->graph->nodes[index];
    int first = node->input_count > 0 ? node->inputs[0] : TN_NO_VALUE;
    bool failed = false, read = first != TN_NO_VALUE && network->blob_of[first] >= 0;
    if (read && is_view(network, node)) {
        network->blob_of[node->outputs[0]] = network->blob_of[first];
        return true;
    }
    if (read && fuse(network, ends_in, node, &failed, error))
        return !failed;
    return add_step(network, ends_in, index, error);
}

static bool allocate_tables(struct tn_network *network, struct tn_error *error)
{
    size_t values = (size_t)network->graph->value_count, nodes = (size_t)network->graph->node_count;
    network->blob_of = tn_alloc(values, sizeof *network->blob_of);
    network->param_of = tn_alloc(values, sizeof *network->param_of);
    network->steps = tn_calloc(nodes + 1, sizeof *network->steps);
    network->blobs = tn_calloc(values + 1, sizeof *network->blobs);
    network->params = tn_calloc(values + 1, sizeof *network->params);
    network->slots = tn_calloc(2 * values + 2, sizeof *network->slots);
    if (!network->blob_of || !network->param_of || !network->steps || !network->blobs ||
        !network->params || !network->slots)
        return tn_fail_memory(error, "a network's plan", (values + nodes) * sizeof *network->steps);
    for (size_t v = 0; v < values; v++)
        network->blob_of[v] = network->param_of[v] = -1;
    return true;
}

bool tn_plan_steps(struct tn_network *network, struct tn_error *error)
{
    const struct tn_graph *graph = network->graph;
    size_t size;
    if (!allocate_tables(network, error))
        return false;
    if (graph->input_count != 1 || graph->output_count < 1)
        return tn_fail(error, TN_ERROR_INPUT,
                       "the network has %d inputs and %d outputs, expected one of each",
                       graph->input_count, graph->output_count);
    if (!value_size(network, "input", graph->inputs[0], &size, error))
        return false;
    network->input_blob = new_blob(network, graph->inputs[0], size);
    int *ends_in = tn_calloc((size_t)graph->node_count + 1, sizeof *ends_in);
    if (!ends_in)
        return tn_fail_memory(error, "a network's plan",
                              (size_t)graph->node_count * sizeof *ends_in);
    ends_in[network->input_blob] = TN_NO_VALUE;
    bool ok = true;
    for (int i = 0; ok && i < graph->node_count; i++)
        ok = add_node(network, ends_in, i, error);
    tn_free(ends_in);
    if (ok)
        network->output_blob = network->blob_of[graph->outputs[0]];
    if (ok && (network->output_blob < 0 || network->output_blob == network->input_blob))
        return tn_fail(error, TN_ERROR_INPUT,
                       "the network's output '%s' depends on no node that can be run",
                       graph->values[graph->outputs[0]].name);
    return ok;
}

/* --- memory --- */

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

static bool reads(const struct tn_step *step, int blob)
{
    for (int i = 0; i < step->input_count; i++)
        if (step->inputs[i] == blob)
            return true;
    return false;
}

static int last_use(const struct tn_network *network, int blob)
{
    if (blob == network->output_blob)
        return network->step_count;
    for (int s = network->step_count - 1; s >= 0; s--)
        if (reads(&network->steps[s], blob))
            return s;
    return -1; /* made but never read */
}

/* Free the memory of what step `s` was the last to read, and of its outputs that nobody reads. */
static void release_after(struct tn_network *network, const int *slot_of, int s)
{
    const struct tn_step *step = &network->steps[s];
    for (int i = 0; i < step->input_count; i++) {
        int blob = step->inputs[i];
        bool handed_on = blob >= 0 && slot_of[blob] == slot_of[step->output];
        if (blob >= 0 && slot_of[blob] >= 0 && !handed_on && last_use(network, blob) == s)
            network->slots[slot_of[blob]].taken = false;
    }
    for (int i = 1; i < step->output_count; i++)
        if (step->outputs[i] >= 0 && last_use(network, step->outputs[i]) < 0)
            network->slots[slot_of[step->outputs[i]]].taken = false;
}

/* May the output take its first input's memory? */
static bool in_place(const struct tn_network *network, const int *slot_of, int s)
{
    const struct tn_step *step = &network->steps[s];
    return step->ops->in_place_forward && slot_of[step->input] >= 0 &&
           network->blobs[step->input].size == network->blobs[step->output].size &&
           last_use(network, step->input) == s;
}

bool tn_plan_memory(struct tn_network *network, struct tn_error *error)
{
    int *slot_of = tn_alloc((size_t)network->blob_count, sizeof *slot_of);
    if (!slot_of)
        return tn_fail_memory(error, "a network's plan",
                              (size_t)network->blob_count * sizeof *slot_of);
    slot_of[network->input_blob] = -1; /* the caller's memory */
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        bool reuse = network->mode == TN_INFER;
        if (reuse && in_place(network, slot_of, s))
            slot_of[step->output] = slot_of[step->input];
        else
            slot_of[step->output] = take_slot(network, network->blobs[step->output].size);
        for (int i = 1; i < step->output_count; i++)
            if (step->outputs[i] >= 0)
                slot_of[step->outputs[i]] =
                    take_slot(network, network->blobs[step->outputs[i]].size);
        if (reuse)
            release_after(network, slot_of, s);
    }
    bool ok = allocate_slots(network, 0, error);
    for (int b = 0; ok && b < network->blob_count; b++)
        network->blobs[b].data = slot_of[b] < 0 ? NULL : network->slots[slot_of[b]].memory;
    tn_free(slot_of);
    return ok;
}

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

static void mark_wanted(struct tn_network *network)
{
    network->blobs[network->input_blob].wants_gradient = network->wants_input_gradient;
    for (int s = 0; s < network->step_count; s++) {
        const struct tn_step *step = &network->steps[s];
        bool wanted = wants_any(network, step);
        for (int i = 0; i < step->output_count; i++)
            if (step->outputs[i] >= 0)
                network->blobs[step->outputs[i]].wants_gradient = wanted;
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

bool tn_plan_gradients(struct tn_network *network, struct tn_error *error)
{
    int first = network->slot_count;
    int *slot_of = tn_alloc((size_t)network->blob_count, sizeof *slot_of);
    if (!slot_of)
        return tn_fail_memory(error, "a network's plan",
                              (size_t)network->blob_count * sizeof *slot_of);
    for (int b = 0; b < network->blob_count; b++)
        slot_of[b] = -1;
    mark_wanted(network);
    give_gradient_slot(network, slot_of, network->output_blob);
    for (int s = network->step_count - 1; s >= 0; s--)
        plan_step_gradients(network, slot_of, &network->steps[s]);
    bool ok = allocate_slots(network, first, error);
    for (int b = 0; ok && b < network->blob_count; b++)
        network->blobs[b].gradient = slot_of[b] < 0 ? NULL : network->slots[slot_of[b]].memory;
    tn_free(slot_of);
    size_t count = network->accumulate_floats * (size_t)network->max_batch;
    if (ok && count > 0 && !(network->accumulate = tn_calloc(count, sizeof(float))))
        return tn_fail_memory(error, "gradients", count * sizeof(float));
    return ok;
}
