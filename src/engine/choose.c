#include "engine/kernels.h"

#include <stdbool.h>

extern const struct tn_kernels tn_kernels_generic;
#ifdef __x86_64__
extern const struct tn_kernels tn_kernels_avx2, tn_kernels_avx512;

static bool runs_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("fma");
}

static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

const struct tn_kernels *tn_kernels_at(int index)
{
    int i = 0;
#ifdef __x86_64__
    if (runs_avx512() && i++ == index)
        return &tn_kernels_avx512;
    if (runs_avx2() && i++ == index)
        return &tn_kernels_avx2;
#endif
    return i == index ? &tn_kernels_generic : NULL;
}

const struct tn_kernels *tn_kernels(void)
{
    return tn_kernels_at(0);
}
