#pragma once
#include <stddef.h>

// OpenBLAS's LAPACK, as gfortran compiles it: everything by reference, and behind all arguments the
// lengths of those that are text. Matrices are column by column. Its headers come with other packages.

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);

void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);

void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda,
             double *b, const int *ldb, int *info, size_t);

void dgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
            const double *beta, double *c, const int *ldc, size_t, size_t);

void ssyevd_(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w,
             float *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t,
             size_t);

void openblas_set_num_threads(int threads);

// 0: built without threads, and in Debian without the locks that calls from several threads need.
int openblas_get_parallel(void);
