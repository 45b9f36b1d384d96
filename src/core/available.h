/* Memory of the system and of this process. */
#ifndef TN_CORE_AVAILABLE_H
#define TN_CORE_AVAILABLE_H

#include <stddef.h>

/* Bytes that can be taken without the system running short: what it says is available, less a
 * reserve of a sixteenth; no more than is left of the group's limit where there is one. SIZE_MAX
 * where nothing is known. */
size_t tn_memory_available(void);

/* The most this process has held in memory so far, bytes. */
size_t tn_memory_peak(void);

/* "1.25 GB" */
struct tn_size_text {
    char text[32];
};
struct tn_size_text tn_size_text(double bytes);

#endif
