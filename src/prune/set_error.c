#include "prune/set_error.h"

#include <math.h>

/* Sum of G over the channels whose kept[c] is as asked, both ways. */
static double block_sum(const struct tn_gram *gram, const bool *kept, bool asked)
{
    const double *g = tn_tensor_doubles(gram->matrix);
    size_t n = (size_t)gram->channels;
    double sum = 0;
    for (size_t r = 0; r < n; r++) {
        double row = 0;
        for (size_t c = 0; kept[r] == asked && c < n; c++)
            row += kept[c] == asked ? g[r * n + c] : 0;
        sum += row;
    }
    return sum;
}

double tn_set_error(const struct tn_gram *gram, const bool *kept)
{
    double energy = tn_gram_energy(gram);
    if (!(energy > 0))
        return 0;
    if (!gram->target) /* y = X 1: what is missing is X_T 1 */
        return fmax(block_sum(gram, kept, false), 0) / energy;
    const double *b = tn_tensor_doubles(gram->target);
    double sum = b[gram->channels] + block_sum(gram, kept, true);
    for (int c = 0; c < gram->channels; c++)
        sum -= kept[c] ? 2 * b[c] : 0;
    return fmax(sum, 0) / energy;
}
