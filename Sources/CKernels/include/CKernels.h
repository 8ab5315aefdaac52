// Kernels that neither a BLAS nor Swift's optimiser gives: a thread pool, conversion, gathering, norms, activations.
// Tensors are row-major, channels last. Sizes and strides are in elements; sums are float32.
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
// `may_take` (may be NULL) is asked by any thread before scratch memory grows.
ck_pool *ck_pool_create(int32_t threads, const int32_t *cancel, int32_t (*may_take)(size_t bytes));
void ck_pool_destroy(ck_pool *pool);
int32_t ck_pool_is_cancelled(const ck_pool *pool);
// Calls run(context, i, thread) for i in 0..<count and returns when all are done: 1, or 0 when some were passed over, because
// *cancel was raised or ck_pool_stop called meanwhile.
int32_t ck_pool_run(ck_pool *pool, int32_t count, void *context, ck_task run);
// Has the tasks of the present run that have not begun be passed over; for a task that failed.
void ck_pool_stop(ck_pool *pool);
// At least `bytes`, 64-byte aligned, that belong to `thread`, or with -1 to whoever calls ck_pool_run; NULL when memory
// is out.
void *ck_pool_scratch(ck_pool *pool, int32_t thread, size_t bytes);
int32_t ck_processor_count(void);

// A file that is in memory alone and gone with its last descriptor and mapping; -1 with errno where there are none.
int ck_memory_file(const char *name);

// Element types. Activations are the first two; the third is found in checkpoints only.
typedef enum { CK_F32, CK_BF16, CK_F16 } ck_type;

// Which instructions the loops use (dispatch.c): the best that the processor has, or what SSD1B_SIMD names if that is less.
typedef enum { CK_BASELINE, CK_AVX2, CK_AVX512, CK_AVX512_BF16 } ck_level;
ck_level ck_simd_level(void);
const char *ck_simd_name(ck_level level);

// Converts to CK_F32 or CK_BF16, rounding to nearest even; neither side need be aligned.
void ck_convert(ck_type from, const void *source, ck_type to, void *out, size_t count);

// Convolution weights [filters, channels, taps] -> [filters, taps, channels] (relayout.c); elements of 2 or 4 bytes.
void ck_relayout_filters(const void *source, void *out, size_t filters, size_t channels, size_t taps, size_t width);
// The 3x3 weights [filters, 3, 3, channels], float32, of a convolution after a doubling by nearest neighbour, as four
// 2x2 ones, [4, .., 2, 2, channels]: phase 2 i + j, at out + (2 i + j) * phase_stride, gives the outputs of odd rows if
// i, of odd columns if j.
void ck_fold_upsampling(const float *source, float *out, size_t phase_stride, size_t filters, size_t channels);

// The patches that a convolution's output positions see, channels last (gather.c).
typedef struct {
  int32_t height, width, channels;  // Of the input.
  int32_t out_height, out_width;
  int32_t kernel, stride;
  int32_t pad_top, pad_left;
} ck_patches;

// out[r, k] = element first + k of the patch of output position row + r; a patch is [kernel, kernel, channels].
// Elements are of `width` bytes, 2 or 4.
void ck_gather_patches(
    const void *x, size_t width, const ck_patches *patches, size_t row, size_t rows, size_t first, size_t count,
    void *out);

// Elementwise; `out` may be an input.
typedef enum { CK_IDENTITY, CK_SILU, CK_GELU, CK_QUICK_GELU } ck_activation;
void ck_activate(ck_type type, ck_activation function, const void *x, void *out, size_t count);
// out = x · GELU(gate).
void ck_gated_gelu(ck_type type, const void *x, const void *gate, void *out, size_t count);
void ck_add(ck_type type, const void *a, const void *b, void *out, size_t count);
// 0 when an element is infinite or NaN.
int32_t ck_is_finite(ck_type type, const void *x, size_t count);

// What follows a matrix product, in this order; NULL for none.
typedef struct {
  const float *bias;  // [columns]
  ck_activation activation;
  const void *residual;  // As the output, with its stride.
} ck_epilogue_terms;

// out[r, c] = activation(sums[r, c] + bias[c]) + residual[r, c]; `out` may be `sums` when both are float32.
void ck_epilogue(
    ck_type type, const float *sums, size_t sums_stride, size_t rows, size_t columns, const ck_epilogue_terms *terms,
    void *out, size_t out_stride);
// out[r, c] = (values[r, c] + value_bias[c]) · GELU(gates[r, c] + gate_bias[c]); the biases are both given or both NULL.
void ck_gate(
    ck_type type, const float *values, const float *gates, size_t sums_stride, size_t rows, size_t columns,
    const float *value_bias, const float *gate_bias, void *out, size_t out_stride);

// Normalisation.
// group_sums[g] = (Σ x, Σ x²) over the rows and the channels of group g; workspace: 2 * channels.
void ck_group_sums(
    ck_type type, const void *x, size_t rows, size_t channels, size_t groups, double *workspace, double *group_sums);
// out[r, c] = activation((x[r, c] - mean[c]) · scale[c] + shift[c]).
void ck_normalize_channels(
    ck_type type, const void *x, size_t rows, size_t channels, const float *mean, const float *scale,
    const float *shift, ck_activation activation, void *out);
void ck_layer_norm(
    ck_type type, const void *x, size_t rows, size_t features, const float *gamma, const float *beta, float epsilon,
    void *out);

// Attention's softmax, a tile of keys at a time (Milakov & Gimelshein 2018).
// weights[r, s] = e^(scale · (scores[r, s] - maximum of all up to now)), 0 for keys that row r does not see: it sees the
// first causal_keys + r of the tile. Keeps each row's maximum and sum, and scales the rows of `out` to the new maximum.
// float32 weights may be the scores themselves.
void ck_softmax_tile(
    ck_type type, const float *scores, size_t scores_stride, size_t rows, size_t keys, ptrdiff_t causal_keys,
    float scale, float *maxima, float *sums, void *weights, size_t weights_stride, float *out, size_t out_stride,
    size_t features, int32_t is_first);
// out[r] = x[r] / sums[r].
void ck_divide_rows(
    ck_type type, const float *x, size_t x_stride, size_t rows, size_t features, const float *sums, void *out,
    size_t out_stride);

#ifdef __cplusplus
}
#endif
