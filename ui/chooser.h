/* The list that `m` opens: which method ranks the filters of the selected layer, or of all layers.
 */
#ifndef UI_CHOOSER_H
#define UI_CHOOSER_H

#include "state.h"

/* Open it at the method in use; says why where there is nothing to choose for. */
void chooser_open(struct screen *screen, bool all);

#endif
