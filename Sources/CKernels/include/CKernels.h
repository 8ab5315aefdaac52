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
// What ck_widen_f16 does where the processor has no instruction for it.
void ck_widen_f16_plain(const void *source, float *out, size_t count);

// Convolution weights [filters, channels, taps] -> [filters, taps, channels] (relayout.c); elements of 2 or 4 bytes.
void ck_relayout_filters(const void *source, void *out, size_t filters, size_t channels, size_t taps, size_t width);

// The patches that a square convolution's output positions see, channels last (gather.c).
typedef struct {
  int32_t height, width, channels;  // Of the input.
  int32_t out_height, out_width;
  int32_t kernel, stride, pad_before;
} ck_patches;

// out[r, k] = element first + k of the patch of output position row + r; a patch is [kernel, kernel, channels].
void ck_gather_patches(
    const float *x, const ck_patches *patches, size_t row, size_t rows, size_t first, size_t count, float *out);

// Elementwise (elementwise.c); `out` may be an input.
typedef enum { CK_IDENTITY, CK_SILU, CK_GELU, CK_QUICK_GELU } ck_activation;
void ck_silu(const float *x, float *out, size_t count);
void ck_gelu(const float *x, float *out, size_t count);
void ck_quick_gelu(const float *x, float *out, size_t count);
void ck_activate(ck_activation function, const float *x, float *out, size_t count);
// out = x · GELU(gate).
void ck_gated_gelu(const float *x, const float *gate, float *out, size_t count);
void ck_add(const float *a, const float *b, float *out, size_t count);
void ck_copy(const float *x, float *out, size_t count);

// What follows a matrix product, in this order; NULL for none.
typedef struct {
  const float *bias;         // [row_stride]
  const float *per_channel;  // [pictures, row_stride]
  size_t rows_per_picture;
  ck_activation activation;
  const float *residual;  // As the output.
} ck_epilogue_terms;

// Applies `terms` to a tile of the output, [.., row_stride].
void ck_epilogue(
    float *out, size_t row_stride, size_t row, size_t rows, size_t column, size_t columns,
    const ck_epilogue_terms *terms);

// Normalisation (norms.c).
// group_sums[g] = (Σ x, Σ x²) over the rows and the channels of group g; workspace: 2 * channels.
void ck_group_sums(
    const float *x, size_t rows, size_t channels, size_t groups, double *workspace, double *group_sums);
// out[r, c] = activation((x[r, c] - mean[c]) · scale[c] + shift[c]).
void ck_normalize_channels(
    const float *x, size_t rows, size_t channels, const float *mean, const float *scale, const float *shift,
    ck_activation activation, float *out);
void ck_layer_norm(
    const float *x, size_t rows, size_t features, const float *gamma, const float *beta, float epsilon, float *out);

// Attention's softmax (softmax.c), a tile of keys at a time (Milakov & Gimelshein 2018).
// Turns scores[r, s] into e^(score - maximum of all up to now), 0 for keys that row r does not see: it sees the first
// causal_keys + r of the tile. Keeps each row's maximum and sum, and scales the rows of `out` to the new maximum.
void ck_softmax_tile(
    float *scores, size_t row_stride, size_t rows, size_t keys, ptrdiff_t causal_keys, float *maxima, float *sums,
    float *out, size_t out_stride, size_t features, int32_t is_first);
// out[r] /= sums[r].
void ck_divide_rows(float *out, size_t out_stride, size_t rows, size_t features, const float *sums);

#ifdef __cplusplus
}
#endif
