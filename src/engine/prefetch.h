/* Telling the processor what is wanted soon. Long rows it finds out by itself; short ones that lie
 * far apart, as the channels of an image do, it meets each time anew. */
#ifndef TN_ENGINE_PREFETCH_H
#define TN_ENGINE_PREFETCH_H

#include <stddef.h>

enum { TN_LINE_FLOATS = 16 }; /* of a line of the cache */

static inline void tn_expect_reads(const float *from, size_t count)
{
    for (size_t i = 0; i < count; i += TN_LINE_FLOATS)
        __builtin_prefetch(from + i);
}

static inline void tn_expect_writes(const float *to, size_t count)
{
    for (size_t i = 0; i < count; i += TN_LINE_FLOATS)
        __builtin_prefetch(to + i, 1);
}

#endif
