// Kernels that neither OpenBLAS nor Swift's optimiser gives: a thread pool, widening, gathering, norms, activations.
// All tensors are float32, row-major, channels last. Sizes are in elements.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Thread pool (threads.c).
typedef struct ck_pool ck_pool;
typedef void (*ck_task)(void *context, int32_t task, int32_t thread);

// `threads` compute, the caller included; a non-zero *cancel (may be NULL) makes tasks not yet begun be passed over.
ck_pool *ck_pool_create(int32_t threads, const int32_t *cancel);
void ck_pool_destroy(ck_pool *pool);
int32_t ck_pool_is_cancelled(const ck_pool *pool);
// Calls run(context, i, thread) for i in 0..<count; returns when all are done.
void ck_pool_run(ck_pool *pool, int32_t count, void *context, ck_task run);
// At least `bytes`, 64-byte aligned, owned by `thread`; NULL when memory is out.
void *ck_pool_scratch(ck_pool *pool, int32_t thread, size_t bytes);
int32_t ck_processor_count(void);

// Widening to float32 (widen.c); the source need not be aligned.
void ck_widen_f16(const void *source, float *out, size_t count);
void ck_widen_bf16(const void *source, float *out, size_t count);
void ck_widen_f32(const void *source, float *out, size_t count);

#ifdef __cplusplus
}
#endif
