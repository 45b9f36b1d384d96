/* What a choice of widths costs and loses, layer by layer, computed at once from the snapshot: the
 * numbers of the view Ratios follow a key before the worker has answered. */
#ifndef UI_RATIOS_FIGURES_H
#define UI_RATIOS_FIGURES_H

#include "state.h"
#include <stdbool.h>

/* Of a group of layers whose filters go together, at the index of the layer it is named by (its
 * leader), or of a layer that cannot be pruned at its own; or the sums over all. */
struct ratio_figures {
    int filters, kept;      /* of what can be pruned */
    double flops, params;   /* of all its layers */
    double ms;              /* of them in a forward pass: estimated from what `time` measured; NAN
                               before that */
    double error, error_ls; /* NAN where it is not sampled */
    double lost;            /* of top-1, cut alone: between the points that `sensitivity`
                               measured; NAN without any */
};

struct ratios {
    int count;
    struct ratio_figures *each; /* [count] by layer; zeros where another layer leads */
    struct ratio_figures all;
};

/* With the ratios as they are set, and as the user asked since. False: out of memory. */
bool ratios_set(const struct screen *screen, struct ratios *ratios);
/* As the snapshot's proposal has it. */
bool ratios_proposed(const struct screen *screen, struct ratios *ratios);
void ratios_free(struct ratios *ratios);

/* Forward milliseconds of a batch with nothing cut; NAN before it is measured. */
double ratios_ms_now(const struct tn_snapshot *snapshot);

#endif
