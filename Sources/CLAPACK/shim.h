#pragma once
#include <stddef.h>

// OpenBLAS's LAPACK, as gfortran compiles it: everything by reference, and behind all arguments the
// lengths of those that are text. Matrices are column by column. The library is loaded when it is
// first needed, see LinearAlgebraLibrary.swift; so these are types, not declarations.

typedef void (*stade_dpotrf)(const char *uplo, const int *n, double *a, const int *lda, int *info,
                             size_t);

typedef void (*stade_dpotri)(const char *uplo, const int *n, double *a, const int *lda, int *info,
                             size_t);

typedef void (*stade_dpotrs)(const char *uplo, const int *n, const int *nrhs, const double *a,
                             const int *lda, double *b, const int *ldb, int *info, size_t);

typedef void (*stade_dgemm)(const char *transa, const char *transb, const int *m, const int *n,
                            const int *k, const double *alpha, const double *a, const int *lda,
                            const double *b, const int *ldb, const double *beta, double *c,
                            const int *ldc, size_t, size_t);

typedef void (*stade_ssyevd)(const char *jobz, const char *uplo, const int *n, float *a,
                             const int *lda, float *w, float *work, const int *lwork, int *iwork,
                             const int *liwork, int *info, size_t, size_t);

typedef void (*stade_set_num_threads)(int threads);

// 0: built without threads, and in Debian without the locks that calls from several threads need.
typedef int (*stade_get_parallel)(void);
