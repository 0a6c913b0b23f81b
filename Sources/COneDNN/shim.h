#pragma once
#include <dnnl.h>

// From libgomp, which Debian's oneDNN is linked with: bounds the threads of the calling thread's own
// parallel regions, omp_set_num_threads(3).
void omp_set_num_threads(int threads);
