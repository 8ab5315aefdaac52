// OpenBLAS, loaded when first asked for and not at link time, so that its kernels can be chosen before it starts.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Loads the library, once; NULL, or why it cannot be loaded. It is made to compute on the calling thread only.
// Call it before other threads use the environment: it may set OPENBLAS_CORETYPE.
const char *cob_load(void);

// Makes the library allocate the buffers of this many threads now: when it cannot allocate one later, it retries for ever.
// 0 when memory is short; `may_take` is asked before each buffer. Call it from one thread at a time.
int cob_reserve(int threads, int (*may_take)(size_t bytes));
// How many threads' buffers it has.
int cob_reserved(void);
// Bytes of one such buffer.
size_t cob_buffer_bytes(void);

// c[m, n] = alpha a[m, k] b + beta c, row-major, leading extents in elements; b is [k, n], or [n, k] if `b_transposed`.
// c is not read when beta is 0. After a successful cob_load only; any number of threads may call it at once.
void cob_sgemm(
    int b_transposed, int32_t m, int32_t n, int32_t k, float alpha, const float *a, int32_t lda, const float *b,
    int32_t ldb, float beta, float *c, int32_t ldc);

// The kernels in use (`SkylakeX`) and the build's version and options; "" before a successful cob_load.
const char *cob_core_name(void);
const char *cob_config(void);

#ifdef __cplusplus
}
#endif
