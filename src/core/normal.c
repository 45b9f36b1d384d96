/* The ziggurat (Marsaglia, Tsang 2000) in Doornik's form (2005): the half of the density is covered
 * by LAYERS boxes of one area, the lowest with the tail. A number falls into a box at random and is
 * taken at once where the box lies wholly under the curve, 99 times in a hundred. */
#include "core/normal.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>

enum { LAYERS = 128 };

static const double tail_start = 3.442619855899; /* where the lowest box ends and the tail begins */
static const double box_area = 9.91256303526217e-3;

static double edge[LAYERS + 1]; /* right edges of the boxes, falling to 0 */
static float step[LAYERS];      /* edge[i] in units of the 25 bits with sign that choose in a box */
static int32_t under[LAYERS];   /* below this a box is under the curve, in the same units */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const double units = 0x1p24;

static void make_table(void)
{
    double height = exp(-0.5 * tail_start * tail_start);
    edge[0] = box_area / height;
    edge[1] = tail_start;
    for (int i = 2; i < LAYERS; i++) {
        edge[i] = sqrt(-2.0 * log(box_area / edge[i - 1] + height));
        height = exp(-0.5 * edge[i] * edge[i]);
    }
    edge[LAYERS] = 0;
    for (int i = 0; i < LAYERS; i++) {
        step[i] = (float)(edge[i] / units);
        under[i] = (int32_t)(edge[i + 1] / edge[i] * units);
    }
}

static double positive_uniform(struct tn_random *random)
{
    return 1.0 - tn_random_uniform(random);
}

static double tail(struct tn_random *random)
{
    double x, y;
    do {
        x = -log(positive_uniform(random)) / tail_start;
        y = -log(positive_uniform(random));
    } while (2 * y < x * x);
    return tail_start + x;
}

/* The number that these 32 bits fall on, with help of more where they fall on a box's rim. */
static float slow_normal(struct tn_random *random, uint32_t bits)
{
    while (true) {
        int layer = (int)(bits % LAYERS);
        int32_t place = (int32_t)bits >> 7;
        double x = place * (edge[layer] / units);
        if (place > -under[layer] && place < under[layer])
            return (float)x;
        if (layer == 0)
            return (float)(place < 0 ? -tail(random) : tail(random));
        double top = exp(-0.5 * (edge[layer] * edge[layer] - x * x));
        double bottom = exp(-0.5 * (edge[layer + 1] * edge[layer + 1] - x * x));
        if (bottom + tn_random_uniform(random) * (top - bottom) < 1)
            return (float)x;
        bits = (uint32_t)(tn_random_u64(random) >> 32);
    }
}

static float normal(struct tn_random *random, uint32_t bits)
{
    int layer = (int)(bits % LAYERS);
    int32_t place = (int32_t)bits >> 7;
    if (place > -under[layer] && place < under[layer])
        return (float)place * step[layer];
    return slow_normal(random, bits);
}

void tn_random_normals(struct tn_random *random, double deviation, size_t count, float *numbers)
{
    pthread_once(&once, make_table);
    float scale = (float)deviation;
    for (size_t i = 0; i < count; i += 2) {
        uint64_t bits = tn_random_u64(random);
        numbers[i] = scale * normal(random, (uint32_t)bits);
        if (i + 1 < count)
            numbers[i + 1] = scale * normal(random, (uint32_t)(bits >> 32));
    }
}
