/* A figure as a file: PNG, PDF or SVG, that says what made it. */
#ifndef TN_PLOT_WRITE_H
#define TN_PLOT_WRITE_H

#include "core/error.h"
#include "plot/figure.h"
#include <stdbool.h>

enum tn_plot_format { TN_PLOT_PNG, TN_PLOT_PDF, TN_PLOT_SVG };

/* Where a figure comes from, kept in the file: of PNG as text chunks of these names, of PDF as its
 * document information, of SVG as title and description. */
struct tn_provenance {
    const char *software; /* name and version */
    const char *title;
    const char *source;  /* session and network */
    const char *comment; /* the command that drew it, and its entry in the journal */
    const char *created; /* 2026-11-24T13:05:12+01:00 */
};

/* By the file's ending; the error names those there are. */
bool tn_plot_format_of(const char *path, enum tn_plot_format *format, struct tn_error *error);
const char *tn_plot_format_name(enum tn_plot_format format);

/* Pixels of a PNG at so many dots an inch. */
void tn_figure_pixels(const struct tn_figure *figure, double dpi, int *width, int *height);

/* The file is there as a whole, or left as it was. `dpi` is for PNG. */
bool tn_figure_write(const struct tn_figure *figure, const char *path, enum tn_plot_format format,
                     double dpi, const struct tn_provenance *provenance, struct tn_error *error);

#endif
