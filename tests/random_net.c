#include "random_net.h"

#include "blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SIDE = 4, MOST_CHANNELS = 24, STEPS = 9, MOST_VALUES = 64 };

/* A network being drawn: `x` [N,C,SIDE,SIDE] is what the next block reads, `seen` what came before.
 */
struct draw {
    struct small_graph *s;
    struct tn_random random;
    int x, seen_count, seen[MOST_VALUES];
};

static int below(struct draw *d, int count)
{
    return (int)tn_random_below(&d->random, (uint32_t)count);
}

static int channels_of(const struct draw *d, int x)
{
    return block_dim(d->s, x, 1);
}

static int divisor_of(struct draw *d, int number)
{
    int divisor = 1 + below(d, number);
    while (number % divisor != 0)
        divisor--;
    return divisor;
}

/* An earlier value, with so many channels where `channels` is not 0: brought there by a convolution
 * if need be. */
static int earlier(struct draw *d, int channels)
{
    int x = d->seen[below(d, d->seen_count)];
    if (channels == 0 || channels_of(d, x) == channels)
        return x;
    return block_conv(d->s, x, channels, 1, 1, 1);
}

static int activation(struct draw *d, int x)
{
    static const char *const ops[] = {"Relu", "Sigmoid",  "HardSwish",
                                      "Tanh", "Softplus", "Identity"};
    return block_op(d->s, ops[below(d, 6)], x);
}

static int convolution(struct draw *d)
{
    int y = block_conv(d->s, d->x, 1 + below(d, 8), 1 + 2 * below(d, 2), 1, 1);
    return activation(d, below(d, 2) ? block_norm(d->s, y) : y);
}

static int grouped(struct draw *d)
{
    int channels = channels_of(d, d->x), groups = divisor_of(d, channels);
    int each = 1 + below(d, 3);
    if (groups * each > MOST_CHANNELS)
        each = 1;
    return activation(d, block_conv(d->s, d->x, groups * each, 3, 1, groups));
}

static int depthwise(struct draw *d)
{
    int channels = channels_of(d, d->x), each = 2 * channels <= MOST_CHANNELS ? 1 + below(d, 2) : 1;
    int y = block_conv(d->s, d->x, each * channels, 3, 1, channels);
    return block_norm(d->s, y);
}

static int sum(struct draw *d)
{
    static const char *const ops[] = {"Add", "Add", "Sub", "Max", "Mean"};
    int other = earlier(d, channels_of(d, d->x));
    return block_two(d->s, ops[below(d, 5)], d->x, other);
}

static int concat(struct draw *d)
{
    int other = earlier(d, 0), both[2] = {d->x, other};
    if (channels_of(d, d->x) + channels_of(d, other) > MOST_CHANNELS)
        return sum(d);
    if (below(d, 2)) {
        both[0] = other;
        both[1] = d->x;
    }
    return block_concat(d->s, 1, 2, both);
}

static int split(struct draw *d)
{
    int channels = channels_of(d, d->x), parts[2];
    if (channels < 2)
        return convolution(d);
    int64_t first = below(d, 2) && channels % 2 == 0 ? channels / 2 : 1 + below(d, channels - 1);
    const int64_t sizes[] = {first, channels - first};
    block_split(d->s, d->x, 1, 2, sizes, parts);
    parts[1] =
        activation(d, below(d, 2) ? block_conv(d->s, parts[1], (int)sizes[1], 3, 1, 1) : parts[1]);
    if (below(d, 3) == 0 && 2 * first == channels)
        return block_two(d->s, "Add", parts[0], parts[1]);
    return block_concat(d->s, 1, 2, parts);
}

static int shuffle(struct draw *d)
{
    return block_shuffle(d->s, d->x, divisor_of(d, channels_of(d, d->x)));
}

static int gate(struct draw *d)
{
    if (below(d, 2))
        return block_squeeze(d->s, d->x, 2);
    int factor = block_conv(d->s, earlier(d, 0), channels_of(d, d->x), 1, 1, 1);
    return block_two(d->s, "Mul", d->x, block_op(d->s, "Sigmoid", factor));
}

static int each(struct draw *d)
{
    static const char *const ops[] = {"Add", "Mul", "Sub", "Div", "PRelu", "Min"};
    int op = below(d, 6);
    return block_each(d->s, ops[op], d->x, 1, op < 3 && below(d, 2));
}

static int pad_or_cut(struct draw *d)
{
    int channels = channels_of(d, d->x), kind = below(d, 4);
    if (kind == 0 && channels < MOST_CHANNELS - 4)
        return block_pad(d->s, d->x, 1, below(d, 3), below(d, 3));
    if (kind == 1 && channels > 2)
        return block_pad(d->s, d->x, 1, -1, below(d, 2));
    if (kind == 2 && channels > 1) {
        int start = below(d, channels - 1);
        return block_slice(d->s, d->x, 1, start, start + 1 + below(d, channels - start), 1);
    }
    int64_t indices[MOST_CHANNELS];
    int count = 1 + below(d, MOST_CHANNELS - 1);
    for (int i = 0; i < count; i++)
        indices[i] = below(d, 2 * channels) - channels;
    return block_gather(d->s, d->x, 1, count, indices);
}

/* As ConvNeXt writes it: channels last, two products, a scale, back again and added. */
static int channels_last(struct draw *d)
{
    int channels = channels_of(d, d->x);
    int y = block_transpose(d->s, d->x, 4, (const int64_t[]){0, 2, 3, 1});
    if (below(d, 4) == 0)
        y = block_along(d->s, "LayerNormalization", y, 3);
    y = block_each(d->s, "Add", block_matmul(d->s, y, 5), 3, below(d, 2));
    y = block_each(d->s, "Mul", block_matmul(d->s, activation(d, y), channels), 3, false);
    y = block_transpose(d->s, y, 4, (const int64_t[]){0, 3, 1, 2});
    return below(d, 2) ? block_two(d->s, "Add", d->x, y) : y;
}

static int sequence(struct draw *d)
{
    int channels = channels_of(d, d->x), filters = 1 + below(d, 6);
    int y = block_reshape(d->s, d->x, 3, (const int64_t[]){0, channels, -1});
    if (below(d, 2))
        y = block_conv(d->s, y, filters, 3, 1, 1);
    y = activation(d, y);
    return block_reshape(
        d->s, y, 4, (const int64_t[]){0, below(d, 2) ? -1 : block_dim(d->s, y, 1), SIDE, SIDE});
}

/* Channels cut in two axes, and in parts of a row with pixels. */
static int rearrange(struct draw *d)
{
    int channels = channels_of(d, d->x), parts = divisor_of(d, channels);
    int64_t cut[] = {0, parts, channels / parts * SIDE, SIDE}, back[] = {0, channels, SIDE, SIDE};
    int y = block_reshape(d->s, d->x, 4, cut);
    if (below(d, 2))
        y = block_instance_norm(d->s, y);
    return block_reshape(d->s, activation(d, y), 4, back);
}

static int spread(struct draw *d)
{
    static const int64_t axes[] = {2, 3, 1};
    bool across = below(d, 4) == 0;
    int mean =
        block_reduce(d->s, "ReduceMean", d->x, across ? 1 : 2, across ? axes + 2 : axes, true);
    return block_two(d->s, below(d, 2) ? "Mul" : "Sub", d->x, mean);
}

static int resized(struct draw *d)
{
    int channels = channels_of(d, d->x);
    if (channels % 4 == 0 && below(d, 3) == 0) {
        int y = block_depth(d->s, "DepthToSpace", d->x, below(d, 2));
        return block_depth(d->s, "SpaceToDepth", activation(d, y), false);
    }
    int y = below(d, 2) ? block_resize(d->s, d->x, below(d, 2))
                        : block_deconv(d->s, d->x, channels_of(d, d->x),
                                       below(d, 2) ? divisor_of(d, channels_of(d, d->x)) : 1);
    return block_pool(d->s, below(d, 2) ? "MaxPool" : "AveragePool", y);
}

static int normalised(struct draw *d)
{
    switch (below(d, 4)) {
    case 0:
        return block_instance_norm(d->s, d->x);
    case 1:
        return block_along(d->s, "Softmax", d->x, 2 + below(d, 2));
    case 2:
        return block_along(d->s, "LayerNormalization", d->x, 2);
    default:
        return block_norm(d->s, d->x);
    }
}

static int stacked(struct draw *d)
{
    int other = earlier(d, channels_of(d, d->x)), halves[2];
    int y = block_concat(d->s, 2, 2, (const int[]){d->x, other});
    block_split(d->s, activation(d, y), 2, 2, NULL, halves);
    return block_two(d->s, "Mul", halves[0], block_op(d->s, "Tanh", halves[1]));
}

static int finish(struct draw *d, int x)
{
    static const int64_t axes[] = {2, 3};
    switch (below(d, 4)) {
    case 0:
        return block_gemm(d->s, block_op(d->s, "Flatten", x), 3, false);
    case 1:
        return block_matmul(d->s, block_reduce(d->s, "ReduceMean", x, 2, axes, false), 4);
    case 2: {
        int y = block_gemm(d->s, block_op(d->s, "Flatten", x), 6, true);
        return block_gemm(d->s, block_op(d->s, "Relu", y), 3, true);
    }
    default:
        return block_classify(d->s, x, 3);
    }
}

struct tn_graph *random_net(uint64_t seed)
{
    static int (*const blocks[])(struct draw *) = {
        convolution, convolution, convolution, grouped, depthwise,     sum,     sum,
        concat,      concat,      split,       shuffle, gate,          each,    pad_or_cut,
        sequence,    rearrange,   spread,      resized, channels_last, stacked, normalised,
    };
    struct small_graph s;
    struct draw d = {.s = &s};
    small_begin(&s, 3, SIDE, SIDE, seed);
    s.graph->info.opset = 17;
    tn_random_seed(&d.random, seed, 7);
    d.seen[d.seen_count++] = s.last;
    d.x = block_conv(&s, s.last, 2 + below(&d, 7), 3, 1, 1);
    for (int i = 2 + below(&d, STEPS); i > 0; i--) {
        d.seen[d.seen_count++] = d.x;
        d.x = blocks[below(&d, (int)(sizeof blocks / sizeof blocks[0]))](&d);
    }
    int outputs[3] = {finish(&d, d.x)}, count = 1;
    if (below(&d, 5) == 0)
        outputs[count++] = finish(&d, earlier(&d, 0));
    if (below(&d, 10) == 0)
        outputs[count++] = block_op(&s, "Flatten", earlier(&d, 0));
    return block_end(&s, count, outputs);
}
