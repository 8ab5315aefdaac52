// The loops of one instruction set: each loops_*.c compiles the same source for its own and fills in this table.
#pragma once
#include "CKernels.h"

typedef struct {
  void (*convert)(ck_type from, const void *source, ck_type to, void *out, size_t count);
  void (*activate)(ck_type type, ck_activation function, const void *x, void *out, size_t count);
  void (*gated_gelu)(ck_type type, const void *x, const void *gate, void *out, size_t count);
  void (*add)(ck_type type, const void *a, const void *b, void *out, size_t count);
  int32_t (*is_finite)(ck_type type, const void *x, size_t count);
  void (*epilogue)(
      ck_type type, const float *sums, size_t sums_stride, size_t rows, size_t columns, const ck_epilogue_terms *terms,
      void *out, size_t out_stride);
  void (*gate)(
      ck_type type, const float *values, const float *gates, size_t sums_stride, size_t rows, size_t columns,
      const float *value_bias, const float *gate_bias, void *out, size_t out_stride);
  void (*group_sums)(
      ck_type type, const void *x, size_t rows, size_t channels, size_t groups, double *workspace, double *group_sums);
  void (*normalize_channels)(
      ck_type type, const void *x, size_t rows, size_t channels, const float *mean, const float *scale,
      const float *shift, ck_activation activation, void *out);
  void (*layer_norm)(
      ck_type type, const void *x, size_t rows, size_t features, const float *gamma, const float *beta, float epsilon,
      void *out);
  void (*softmax_tile)(
      ck_type type, const float *scores, size_t scores_stride, size_t rows, size_t keys, ptrdiff_t causal_keys,
      float scale, float *maxima, float *sums, void *weights, size_t weights_stride, float *out, size_t out_stride,
      size_t features, int32_t is_first);
  void (*divide_rows)(
      ck_type type, const float *x, size_t x_stride, size_t rows, size_t features, const float *sums, void *out,
      size_t out_stride);
} ck_loops;

extern const ck_loops ck_loops_baseline;
#if defined(__x86_64__)
extern const ck_loops ck_loops_avx2, ck_loops_avx512, ck_loops_avx512_bf16;
#endif
