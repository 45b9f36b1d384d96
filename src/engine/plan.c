#include "engine/plan.h"

#include "core/memory.h"
#include "model/axes.h"

#include <math.h>

static const struct tn_step_ops *const ops_of[TN_OP_COUNT] = {
    [TN_OP_CONV] = &tn_conv_ops,
    [TN_OP_CONV_TRANSPOSE] = &tn_conv_transpose_ops,
    [TN_OP_BATCH_NORM] = &tn_norm_ops,
    [TN_OP_INSTANCE_NORM] = &tn_instance_norm_ops,
    [TN_OP_LAYER_NORM] = &tn_layer_norm_ops,
    [TN_OP_LRN] = &tn_lrn_ops,
    [TN_OP_RELU] = &tn_unary_ops,
    [TN_OP_LEAKY_RELU] = &tn_unary_ops,
    [TN_OP_ELU] = &tn_unary_ops,
    [TN_OP_SELU] = &tn_unary_ops,
    [TN_OP_CELU] = &tn_unary_ops,
    [TN_OP_CLIP] = &tn_unary_ops,
    [TN_OP_SIGMOID] = &tn_unary_ops,
    [TN_OP_HARD_SIGMOID] = &tn_unary_ops,
    [TN_OP_HARD_SWISH] = &tn_unary_ops,
    [TN_OP_MISH] = &tn_unary_ops,
    [TN_OP_GELU] = &tn_unary_ops,
    [TN_OP_SOFTPLUS] = &tn_unary_ops,
    [TN_OP_SOFTSIGN] = &tn_unary_ops,
    [TN_OP_TANH] = &tn_unary_ops,
    [TN_OP_ERF] = &tn_unary_ops,
    [TN_OP_EXP] = &tn_unary_ops,
    [TN_OP_LOG] = &tn_unary_ops,
    [TN_OP_SQRT] = &tn_unary_ops,
    [TN_OP_RECIPROCAL] = &tn_unary_ops,
    [TN_OP_ABS] = &tn_unary_ops,
    [TN_OP_NEG] = &tn_unary_ops,
    [TN_OP_PRELU] = &tn_prelu_ops,
    [TN_OP_CAST] = &tn_cast_ops,
    [TN_OP_MAX_POOL] = &tn_max_pool_ops,
    [TN_OP_AVERAGE_POOL] = &tn_average_pool_ops,
    [TN_OP_GLOBAL_AVERAGE_POOL] = &tn_global_pool_ops,
    [TN_OP_GLOBAL_MAX_POOL] = &tn_global_max_pool_ops,
    [TN_OP_GEMM] = &tn_gemm_ops,
    [TN_OP_MATMUL] = &tn_matmul_ops,
    [TN_OP_ADD] = &tn_add_ops,
    [TN_OP_SUB] = &tn_arithmetic_ops,
    [TN_OP_MUL] = &tn_arithmetic_ops,
    [TN_OP_DIV] = &tn_arithmetic_ops,
    [TN_OP_MIN] = &tn_arithmetic_ops,
    [TN_OP_MAX] = &tn_arithmetic_ops,
    [TN_OP_SUM] = &tn_arithmetic_ops,
    [TN_OP_MEAN] = &tn_arithmetic_ops,
    [TN_OP_POW] = &tn_power_ops,
    [TN_OP_REDUCE_MEAN] = &tn_reduce_ops,
    [TN_OP_REDUCE_SUM] = &tn_reduce_ops,
    [TN_OP_REDUCE_MAX] = &tn_reduce_ops,
    [TN_OP_DROPOUT] = &tn_dropout_ops,
    [TN_OP_SOFTMAX] = &tn_softmax_ops,
    [TN_OP_LOG_SOFTMAX] = &tn_softmax_ops,
    [TN_OP_SLICE] = &tn_slice_ops,
    [TN_OP_PAD] = &tn_pad_ops,
    [TN_OP_SPLIT] = &tn_split_ops,
    [TN_OP_CONCAT] = &tn_concat_ops,
    [TN_OP_GATHER] = &tn_gather_ops,
    [TN_OP_EXPAND] = &tn_expand_ops,
    [TN_OP_TRANSPOSE] = &tn_transpose_ops,
    [TN_OP_RESIZE] = &tn_resize_ops,
    [TN_OP_UPSAMPLE] = &tn_resize_ops,
    [TN_OP_DEPTH_TO_SPACE] = &tn_depth_to_space_ops,
    [TN_OP_SPACE_TO_DEPTH] = &tn_space_to_depth_ops,
};

/* What planning asks of the graph again and again. */
struct plan {
    struct tn_network *network;
    int *readers; /* [values] inputs and captures of nodes that are this value, and the graph's
                     outputs that are */
    int *ends_in; /* [blobs] the value a blob holds once its step has run: fusing moves it on */
    int *step_of; /* [blobs] the step whose first output it is, or -1 */
};

static bool is_view(const struct tn_network *network, const struct tn_node *node)
{
    return node->op == TN_OP_FLATTEN || node->op == TN_OP_IDENTITY || node->op == TN_OP_RESHAPE ||
           node->op == TN_OP_SQUEEZE || node->op == TN_OP_UNSQUEEZE ||
           tn_is_float_cast(network->graph, node) ||
           (node->op == TN_OP_DROPOUT && network->mode == TN_INFER);
}

/* Floats an image, or an error when the value is no batch of known shape. */
static bool value_size(const struct tn_network *network, const char *node, int index, size_t *size,
                       struct tn_error *error)
{
    if (index == TN_NO_VALUE)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': it has no output", node);
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

static int new_blob(struct plan *plan, int value, size_t size, int step)
{
    struct tn_network *network = plan->network;
    int blob = network->blob_count++;
    network->blobs[blob] = (struct tn_blob){.size = size};
    network->blob_of[value] = blob;
    plan->ends_in[blob] = value;
    plan->step_of[blob] = step;
    return blob;
}

/* A parameter that is there already. While training it must have one meaning in one step. */
static bool share_param(struct tn_network *network, const struct tn_node *node, int value,
                        bool trainable, struct tn_error *error)
{
    struct tn_param *param = &network->params[network->param_of[value]];
    int times = 0;
    for (int i = 0; i < node->input_count; i++)
        times += node->inputs[i] == value;
    if (network->mode == TN_TRAINING && (times > 1 || param->trainable != trainable))
        return tn_fail(error, TN_ERROR_INPUT,
                       "node '%s': '%s' is used in two ways and cannot be trained", node->name,
                       network->graph->values[value].name);
    param->uses++;
    return true;
}

/* An exponent may be written in whole numbers: it becomes floats in the network's own graph. */
static bool make_exponent(struct tn_network *network, const struct tn_node *node,
                          struct tn_error *error)
{
    const struct tn_tensor *old = tn_node_constant(network->graph, node, 1);
    if (node->op != TN_OP_POW || !old || !tn_tensor_ints(old))
        return true;
    struct tn_tensor *floats = tn_tensor_new(TN_FLOAT32, old->rank, old->dims, error);
    for (size_t i = 0; floats && i < old->count; i++)
        tn_tensor_floats(floats)[i] = (float)tn_tensor_ints(old)[i];
    if (floats)
        tn_graph_set_constant(network->graph, node->inputs[1], floats);
    return floats != NULL;
}

/* A parameter of the network for constant `value`; copied when it will be trained. One that several
 * nodes read is there once, and its gradient is the sum over them. */
static bool add_param(struct tn_network *network, const struct tn_node *node, int value,
                      bool trainable, struct tn_error *error)
{
    if (network->param_of[value] >= 0)
        return share_param(network, node, value, trainable, error);
    const struct tn_tensor *tensor = network->graph->values[value].constant;
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
    param->data = tn_want_copy(network, tn_tensor_floats(tensor), param->count);
    param->gradient = tn_want_memory(network, trainable ? param->count : 0, sizeof(float));
    param->velocity = tn_want_memory(network, trainable ? param->count : 0, sizeof(float));
    if (!param->data || !param->gradient || !param->velocity)
        return tn_fail_memory(error, node->name, 3 * param->count * sizeof(float));
    return true;
}

/* Does something to train lead to the step? */
static bool is_behind_weights(const struct tn_network *network, const struct tn_step *step)
{
    for (int i = 0; i < step->input_count; i++) {
        const struct tn_param *param = tn_step_param(network, step, i);
        if ((param && param->trainable) ||
            (step->inputs[i] >= 0 && network->blobs[step->inputs[i]].behind_weights))
            return true;
    }
    return false;
}

/* May the constant be a parameter, where that depends on its place? */
static bool may_follow(const struct tn_network *network, const struct tn_step *step, int value)
{
    return !step->ops->weights_follow ||
           (network->mode == TN_TRAINING && network->graph->values[value].constant->count > 1 &&
            is_behind_weights(network, step));
}

static bool add_params(struct tn_network *network, const struct tn_step *step,
                       struct tn_error *error)
{
    const struct tn_node *node = &network->graph->nodes[step->node];
    for (int i = 0; i < node->input_count && i < 32; i++) {
        int value = node->inputs[i];
        bool weight = step->ops->weights >> i & 1, statistic = step->ops->statistics >> i & 1;
        if (value == TN_NO_VALUE || !network->graph->values[value].constant ||
            !(weight || statistic) || !may_follow(network, step, value))
            continue;
        if (!add_param(network, node, value, weight, error))
            return false;
    }
    return true;
}

/* The step that made `value` and in which it still ends, when nothing but one node reads it; else
 * NULL. */
static struct tn_step *sole_source(const struct plan *plan, int value)
{
    struct tn_network *network = plan->network;
    int blob = network->blob_of[value];
    if (blob < 0 || plan->ends_in[blob] != value || plan->readers[value] != 1 ||
        plan->step_of[blob] < 0)
        return NULL;
    return &network->steps[plan->step_of[blob]];
}

/* Can the BatchNorm disappear in the convolution `source`, which nothing has been fused into yet?
 */
static bool norm_folds(const struct plan *plan, const struct tn_step *source,
                       const struct tn_node *norm)
{
    const struct tn_graph *graph = plan->network->graph;
    if (plan->network->mode != TN_INFER || source->ops != &tn_conv_ops ||
        norm->inputs[0] != graph->nodes[source->node].outputs[0])
        return false;
    for (int i = 1; i < 5; i++) {
        const struct tn_tensor *part = tn_node_constant(graph, norm, i);
        if (!part || !tn_tensor_floats(part))
            return false;
    }
    return true;
}

/* Clip from 0 to a constant, as ReLU6 is. */
static bool ceiling_fuses(const struct plan *plan, const struct tn_step *source,
                          const struct tn_node *node, float *ceiling)
{
    float least;
    bool constant;
    return node->op == TN_OP_CLIP && plan->network->mode == TN_INFER &&
           source->ops->ceiling_fuses &&
           tn_clip_of(plan->network->graph, node, &least, ceiling, &constant, NULL) && constant &&
           least == 0 && *ceiling >= 0;
}

static bool same_shape(const struct tn_value *a, const struct tn_value *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

/* At inference a sum is made by the later of the two steps it adds, if that one can: what the
 * earlier one made is there by then. The later step, or NULL. */
static struct tn_step *adding_source(const struct plan *plan, const struct tn_node *node)
{
    const struct tn_network *network = plan->network;
    if (node->op != TN_OP_ADD || network->mode != TN_INFER || network->watched ||
        node->input_count != 2 || network->blob_of[node->inputs[0]] < 0 ||
        network->blob_of[node->inputs[1]] < 0 ||
        !same_shape(&network->graph->values[node->inputs[0]],
                    &network->graph->values[node->inputs[1]]))
        return NULL;
    int blobs[2] = {network->blob_of[node->inputs[0]], network->blob_of[node->inputs[1]]};
    int later = plan->step_of[blobs[1]] > plan->step_of[blobs[0]];
    struct tn_step *source = sole_source(plan, node->inputs[later]);
    int other = blobs[!later];
    if (plan->step_of[other] < 0 && other != network->input_blob)
        return NULL; /* one of several outputs, made who knows when */
    return source && blobs[0] != blobs[1] && source->ops->add_fuses && !source->relu &&
                   source->addend < 0
               ? source
               : NULL;
}

/* The addend is one more input, so that it stays until then. */
static bool take_addend(struct plan *plan, struct tn_step *source, const struct tn_node *node,
                        struct tn_error *error)
{
    const int *blob_of = plan->network->blob_of;
    int first = blob_of[node->inputs[0]], count = source->input_count;
    int *inputs = tn_realloc(source->inputs, (size_t)count, (size_t)count + 1, sizeof *inputs);
    if (!inputs)
        return tn_fail_memory(error, node->name, (size_t)count * sizeof *inputs);
    source->addend = first == source->output ? blob_of[node->inputs[1]] : first;
    source->inputs = inputs;
    source->inputs[source->input_count++] = source->addend;
    return true;
}

/* True when the node was taken into the step before it. */
static bool fuse(struct plan *plan, const struct tn_node *node, bool *failed,
                 struct tn_error *error)
{
    struct tn_step *adding = adding_source(plan, node);
    struct tn_step *source = adding ? adding : sole_source(plan, node->inputs[0]);
    float ceiling;
    if (!source || source->relu)
        return false;
    if (adding) {
        *failed = !take_addend(plan, source, node, error);
    } else if (node->op == TN_OP_RELU && source->ops->relu_fuses) {
        source->relu = true;
    } else if (ceiling_fuses(plan, source, node, &ceiling)) {
        source->relu = true;
        source->ceiling = ceiling;
    } else if (node->op == TN_OP_BATCH_NORM && norm_folds(plan, source, node)) {
        *failed = !tn_conv_fold_norm(plan->network, source, node, error);
    } else {
        return false;
    }
    plan->network->blob_of[node->outputs[0]] = source->output;
    plan->ends_in[source->output] = node->outputs[0];
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
static bool make_outputs(struct plan *plan, const struct tn_node *node, struct tn_step *step,
                         struct tn_error *error)
{
    step->outputs = tn_alloc((size_t)node->output_count + 1, sizeof *step->outputs);
    if (!step->outputs)
        return tn_fail_memory(error, node->name, (size_t)node->output_count * sizeof(int));
    step->output_count = node->output_count;
    int index = (int)(step - plan->network->steps);
    for (int i = 0; i < node->output_count; i++) {
        int value = node->outputs[i];
        size_t size;
        step->outputs[i] = -1;
        if (i > 0 && (value == TN_NO_VALUE || plan->readers[value] == 0))
            continue;
        if (i > 0 && !step->ops->many_outputs)
            return tn_fail(error, TN_ERROR_INPUT, "node '%s': output %d of %s, '%s', cannot be run",
                           node->name, i + 1, node->op_type,
                           plan->network->graph->values[value].name);
        if (!value_size(plan->network, node->name, value, &size, error))
            return false;
        step->outputs[i] = new_blob(plan, value, size, i == 0 ? index : -1);
        plan->network->blobs[step->outputs[i]].behind_weights =
            is_behind_weights(plan->network, step);
    }
    step->output = step->outputs[0];
    return true;
}

static bool check_constants(const struct tn_network *network, const struct tn_step *step,
                            struct tn_error *error)
{
    const struct tn_node *node = tn_step_node(network, step);
    for (int i = 0; i < step->input_count && i < 32; i++)
        if (step->ops->constants >> i & 1 && step->inputs[i] >= 0)
            return tn_fail(error, TN_ERROR_INPUT,
                           "node '%s': %s whose input %d, '%s', is computed cannot be run",
                           node->name, node->op_type, i + 1,
                           network->graph->values[node->inputs[i]].name);
    return true;
}

static bool add_step(struct plan *plan, int index, struct tn_error *error)
{
    struct tn_network *network = plan->network;
    const struct tn_node *node = &network->graph->nodes[index];
    struct tn_step *step = &network->steps[network->step_count];
    *step =
        (struct tn_step){.ops = ops_of[node->op], .node = index, .ceiling = INFINITY, .addend = -1};
    if (!step->ops)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': operator %s cannot be run", node->name,
                       node->op_type);
    if (network->mode == TN_TRAINING && !step->ops->backward)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': operator %s cannot be trained",
                       node->name, node->op_type);
    network->step_count++; /* now, so that a failed step is released */
    return find_inputs(network, node, step, error) && check_constants(network, step, error) &&
           make_exponent(network, node, error) && add_params(network, step, error) &&
           make_outputs(plan, node, step, error) && step->ops->prepare(network, step, error);
}

/* The same numbers under another shape, which must leave every image's where they are. */
static bool add_view(struct plan *plan, const struct tn_node *node, struct tn_error *error)
{
    struct tn_network *network = plan->network;
    int blob = network->blob_of[node->inputs[0]];
    size_t size;
    if (!value_size(network, node->name, node->outputs[0], &size, error))
        return false;
    if (size != network->blobs[blob].size)
        return tn_fail(error, TN_ERROR_INPUT, "node '%s': %s makes %zu numbers an image of %zu",
                       node->name, node->op_type, size, network->blobs[blob].size);
    network->blob_of[node->outputs[0]] = blob;
    return true;
}

static bool add_node(struct plan *plan, int index, struct tn_error *error)
{
    const struct tn_network *network = plan->network;
    const struct tn_node *node = &network->graph->nodes[index];
    int first = node->input_count > 0 ? node->inputs[0] : TN_NO_VALUE;
    bool failed = false, read = first != TN_NO_VALUE && network->blob_of[first] >= 0;
    if (read && is_view(network, node))
        return add_view(plan, node, error);
    if (read && fuse(plan, node, &failed, error))
        return !failed;
    return add_step(plan, index, error);
}

static bool allocate_tables(struct tn_network *network, struct tn_error *error)
{
    size_t values = (size_t)network->graph->value_count, nodes = (size_t)network->graph->node_count;
    network->blob_of = tn_alloc(values, sizeof *network->blob_of);
    network->param_of = tn_alloc(values, sizeof *network->param_of);
    network->steps = tn_calloc(nodes + 1, sizeof *network->steps);
    network->blobs = tn_calloc(values + 1, sizeof *network->blobs);
    network->params = tn_calloc(values + 1, sizeof *network->params);
    if (!network->blob_of || !network->param_of || !network->steps || !network->blobs ||
        !network->params)
        return tn_fail_memory(error, "a network's plan", (values + nodes) * sizeof *network->steps);
    for (size_t v = 0; v < values; v++)
        network->blob_of[v] = network->param_of[v] = -1;
    return true;
}

/* Errors name nodes: one without a name goes by its output's. */
static bool name_nodes(struct tn_graph *graph, struct tn_error *error)
{
    for (int i = 0; i < graph->node_count; i++) {
        struct tn_node *node = &graph->nodes[i];
        if (node->name && node->name[0])
            continue;
        char *name = tn_strdup(tn_node_label(graph, node));
        if (!name)
            return tn_fail_memory(error, "a network's plan", 1);
        tn_free(node->name);
        node->name = name;
    }
    return true;
}

static void count_readers(const struct tn_graph *graph, int *readers)
{
    for (int i = 0; i < graph->node_count; i++) {
        const struct tn_node *node = &graph->nodes[i];
        for (int j = 0; j < node->input_count; j++)
            if (node->inputs[j] != TN_NO_VALUE)
                readers[node->inputs[j]]++;
        for (int j = 0; j < node->capture_count; j++)
            readers[node->captures[j]]++;
    }
    for (int i = 0; i < graph->output_count; i++)
        readers[graph->outputs[i]]++;
}

static bool make_plan(struct plan *plan, struct tn_network *network, struct tn_error *error)
{
    size_t values = (size_t)network->graph->value_count;
    *plan = (struct plan){network, tn_calloc(values, sizeof(int)), tn_calloc(values, sizeof(int)),
                          tn_calloc(values, sizeof(int))};
    if (!plan->readers || !plan->ends_in || !plan->step_of)
        return tn_fail_memory(error, "a network's plan", values * 3 * sizeof(int));
    count_readers(network->graph, plan->readers);
    return true;
}

static bool add_nodes(struct plan *plan, struct tn_error *error)
{
    struct tn_network *network = plan->network;
    const struct tn_graph *graph = network->graph;
    size_t size;
    if (!value_size(network, "input", graph->inputs[0], &size, error))
        return false;
    network->input_blob = new_blob(plan, graph->inputs[0], size, -1);
    for (int i = 0; i < graph->node_count; i++) {
        if (tn_progress_cancelled(network->progress))
            return tn_fail(error, TN_ERROR_CANCELLED, "cancelled");
        if (!add_node(plan, i, error))
            return false;
    }
    network->output_blob = network->blob_of[graph->outputs[0]];
    if (network->output_blob < 0)
        return tn_fail(error, TN_ERROR_INPUT,
                       "the network's output '%s' depends on no node that can be run",
                       graph->values[graph->outputs[0]].name);
    return true;
}

bool tn_plan_steps(struct tn_network *network, struct tn_error *error)
{
    const struct tn_graph *graph = network->graph;
    struct plan plan;
    if (!allocate_tables(network, error) || !name_nodes(network->graph, error))
        return false;
    if (graph->input_count != 1 || graph->output_count < 1)
        return tn_fail(error, TN_ERROR_INPUT,
                       "the network has %d inputs and %d outputs, expected one of each",
                       graph->input_count, graph->output_count);
    bool ok = make_plan(&plan, network, error) && add_nodes(&plan, error);
    tn_free(plan.readers);
    tn_free(plan.ends_in);
    tn_free(plan.step_of);
    return ok;
}
