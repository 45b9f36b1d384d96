#include "config.h"

#include "engine/machine.h"

#include "engine/kernels.h"
#include <cblas.h>
#include <stdio.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#if defined __clang__
#define COMPILER "clang " __clang_version__
#elif defined __GNUC__
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "another compiler"
#endif

/* "OpenBLAS 0.3.21 NO_LAPACKE ..." -> "0.3.21 Haswell" */
static const char *describe_openblas(void)
{
    static char text[96];
    char name[32] = "", version[32] = "";
    if (sscanf(openblas_get_config(), "%31s %31s", name, version) != 2)
        snprintf(version, sizeof version, "?");
    snprintf(text, sizeof text, "%s %.60s", version, openblas_get_corename());
    return text;
}

static const char *describe_libc(void)
{
#ifdef __GLIBC__
    static char text[64];
    snprintf(text, sizeof text, "glibc %.40s", gnu_get_libc_version());
    return text;
#else
    return "another C library";
#endif
}

const struct tn_machine *tn_machine(void)
{
    static struct tn_machine machine;
    if (!machine.program)
        machine = (struct tn_machine){.program = PACKAGE_STRING,
                                      .compiler = COMPILER,
                                      .flags = TN_FLAGS,
                                      .kernels = tn_kernels()->name,
                                      .openblas = describe_openblas(),
                                      .libc = describe_libc()};
    return &machine;
}
