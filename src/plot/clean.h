/* Texts from models and command lines are any bytes; cairo and file formats want UTF-8. */
#ifndef TN_PLOT_CLEAN_H
#define TN_PLOT_CLEAN_H

#include <stddef.h>

/* `text` as valid UTF-8 of less than `room` bytes (at least 8), '?' for what is not and for control
 * characters. Returns `out`. */
const char *tn_plot_clean(const char *text, char *out, size_t room);

#endif
