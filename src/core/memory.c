#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool tn_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* Large memory in large pages where the system has them: fewer are missed by the processor's tables
 * and zeroed one by one, and what lies side by side does so in the caches too. */
static void *alloc_large(size_t bytes)
{
    enum { LARGE_PAGE = 2 << 20 };
    void *memory = aligned_alloc(LARGE_PAGE, (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE);
#ifdef MADV_HUGEPAGE
    if (memory)
        (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void *tn_alloc(size_t count, size_t size)
{
    enum { LARGE = 4 << 20 };
    size_t bytes;
    if (!tn_mul(count, size, &bytes) || bytes > SIZE_MAX - 2 * TN_ALIGNMENT)
        return NULL;
    bytes = (bytes + TN_ALIGNMENT - 1) / TN_ALIGNMENT * TN_ALIGNMENT;
    if (bytes >= LARGE && bytes <= SIZE_MAX / 2)
        return alloc_large(bytes);
    return aligned_alloc(TN_ALIGNMENT, bytes ? bytes : TN_ALIGNMENT);
}

void *tn_calloc(size_t count, size_t size)
{
    void *memory = tn_alloc(count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void *tn_realloc(void *old, size_t old_count, size_t new_count, size_t size)
{
    void *memory = tn_alloc(new_count, size);
    if (!memory)
        return NULL;
    if (old) {
        size_t count = old_count < new_count ? old_count : new_count;
        memcpy(memory, old, count * size);
        free(old);
    }
    return memory;
}

void tn_free(void *memory)
{
    free(memory);
}

char *tn_strdup(const char *text)
{
    return text ? strdup(text) : NULL;
}

char *tn_sprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = tn_alloc((size_t)length + 1, 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
