/* What decides the bits of a result besides model, data, seed and commands: --verify compares bit
 * for bit where all of it is as it was. */
#ifndef TN_ENGINE_MACHINE_H
#define TN_ENGINE_MACHINE_H

struct tn_machine {
    const char *program;  /* "thinet-tui 0.1.0" */
    const char *compiler; /* "gcc 12.2.0" */
    const char *flags;    /* those that change arithmetic: "-O3" */
    const char *kernels;  /* the set of loops chosen for this processor: "avx512" */
    const char *openblas; /* "0.3.21 Haswell": version and the core it chose */
    const char *libc;     /* "glibc 2.36": exp, log and the like */
};

/* This build on this machine. Strings live as long as the program; call it from one thread. */
const struct tn_machine *tn_machine(void);

#endif
