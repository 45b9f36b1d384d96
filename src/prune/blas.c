#include "prune/blas.h"

#include <cblas.h>
#include <pthread.h>

/* OpenBLAS without LAPACKE still exports LAPACK's Fortran entries; its headers do not declare them.
 */
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

static void use_one_thread(void)
{
    openblas_set_num_threads(1);
}

void tn_blas_serial(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, use_one_thread);
}

bool tn_cholesky(int n, double *matrix)
{
    return tn_cholesky_part(n, matrix, n);
}

bool tn_cholesky_part(int n, double *matrix, int stride)
{
    int info = 0;
    tn_blas_serial();
    dpotrf_("L", &n, matrix, &stride, &info);
    return info == 0;
}
