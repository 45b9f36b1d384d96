/* The pixels of a cairo surface as a PNG file. */
#ifndef TN_PLOT_WRITE_PNG_H
#define TN_PLOT_WRITE_PNG_H

#include "core/file.h"
#include "plot/write.h"
#include <cairo.h>

/* surface: an image in CAIRO_FORMAT_RGB24. What goes wrong with the file is told by tn_file_end. */
bool tn_png_write(cairo_surface_t *surface, double dpi, const struct tn_provenance *provenance,
                  struct tn_file_draft *draft, struct tn_error *error);

#endif
