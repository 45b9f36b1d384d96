/* Memory: sizes are checked for overflow, buffers for vector code are aligned. */
#ifndef TN_CORE_MEMORY_H
#define TN_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TN_ALIGNMENT = 64 }; /* bytes: a cache line and the widest vector */

/* Zeroed array of `count` elements of `size` bytes, aligned to TN_ALIGNMENT. NULL when it does not
 * fit in memory or count * size overflows. A count of 0 gives a valid pointer. Released with
 * tn_free. */
void *tn_calloc(size_t count, size_t size);

/* The same without zeroing. */
void *tn_alloc(size_t count, size_t size);

/* Grow or shrink an array from tn_alloc, tn_calloc or tn_realloc (NULL starts one); contents kept.
 * The old array stands when NULL is returned. */
void *tn_realloc(void *old, size_t old_count, size_t new_count, size_t size);

void tn_free(void *memory);

char *tn_strdup(const char *text); /* NULL gives NULL */

/* malloc'd string; NULL when out of memory. Released with tn_free. */
char *tn_sprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* a * b into *product; false on overflow. */
bool tn_mul(size_t a, size_t b, size_t *product);

#endif
