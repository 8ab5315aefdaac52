#include "loops.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Chosen once, before the first loop runs, and never changed.
static pthread_once_t once = PTHREAD_ONCE_INIT;
static ck_level level;
static const ck_loops *loops = &ck_loops_baseline;

static const char *const names[] = {"baseline", "avx2", "avx512", "avx512_bf16"};

const char *ck_simd_name(ck_level level) { return names[level]; }

static ck_level best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c") ||
      !__builtin_cpu_supports("bmi2"))
    return CK_BASELINE;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512cd"))
    return CK_AVX2;
  return __builtin_cpu_supports("avx512bf16") ? CK_AVX512_BF16 : CK_AVX512;
#else
  return CK_BASELINE;
#endif
}

static void choose(void) {
  level = best_level();
  const char *wanted = getenv("SSD1B_SIMD");
  for (int i = CK_BASELINE; wanted && i < (int)level; i++)
    if (strcmp(wanted, names[i]) == 0) level = (ck_level)i;
#if defined(__x86_64__)
  const ck_loops *const all[] = {&ck_loops_baseline, &ck_loops_avx2, &ck_loops_avx512, &ck_loops_avx512_bf16};
  loops = all[level];
#endif
}

static const ck_loops *chosen(void) {
  pthread_once(&once, choose);
  return loops;
}

ck_level ck_simd_level(void) {
  chosen();
  return level;
}

void ck_convert(ck_type from, const void *source, ck_type to, void *out, size_t count) {
  chosen()->convert(from, source, to, out, count);
}

void ck_activate(ck_type type, ck_activation function, const void *x, void *out, size_t count) {
  chosen()->activate(type, function, x, out, count);
}

void ck_gated_gelu(ck_type type, const void *x, const void *gate, void *out, size_t count) {
  chosen()->gated_gelu(type, x, gate, out, count);
}

void ck_add(ck_type type, const void *a, const void *b, void *out, size_t count) {
  chosen()->add(type, a, b, out, count);
}

int32_t ck_is_finite(ck_type type, const void *x, size_t count) { return chosen()->is_finite(type, x, count); }

void ck_epilogue(
    ck_type type, const float *sums, size_t sums_stride, size_t rows, size_t columns, const ck_epilogue_terms *terms,
    void *out, size_t out_stride) {
  chosen()->epilogue(type, sums, sums_stride, rows, columns, terms, out, out_stride);
}

void ck_gate(
    ck_type type, const float *values, const float *gates, size_t sums_stride, size_t rows, size_t columns,
    const float *value_bias, const float *gate_bias, void *out, size_t out_stride) {
  chosen()->gate(type, values, gates, sums_stride, rows, columns, value_bias, gate_bias, out, out_stride);
}

void ck_group_sums(
    ck_type type, const void *x, size_t rows, size_t channels, size_t groups, double *workspace, double *group_sums) {
  chosen()->group_sums(type, x, rows, channels, groups, workspace, group_sums);
}

void ck_normalize_channels(
    ck_type type, const void *x, size_t rows, size_t channels, const float *mean, const float *scale,
    const float *shift, ck_activation activation, void *out) {
  chosen()->normalize_channels(type, x, rows, channels, mean, scale, shift, activation, out);
}

void ck_layer_norm(
    ck_type type, const void *x, size_t rows, size_t features, const float *gamma, const float *beta, float epsilon,
    void *out) {
  chosen()->layer_norm(type, x, rows, features, gamma, beta, epsilon, out);
}

void ck_softmax_tile(
    ck_type type, const float *scores, size_t scores_stride, size_t rows, size_t keys, ptrdiff_t causal_keys,
    float scale, float *maxima, float *sums, void *weights, size_t weights_stride, float *out, size_t out_stride,
    size_t features, int32_t is_first) {
  chosen()->softmax_tile(
      type, scores, scores_stride, rows, keys, causal_keys, scale, maxima, sums, weights, weights_stride, out,
      out_stride, features, is_first);
}

void ck_divide_rows(
    ck_type type, const float *x, size_t x_stride, size_t rows, size_t features, const float *sums, void *out,
    size_t out_stride) {
  chosen()->divide_rows(type, x, x_stride, rows, features, sums, out, out_stride);
}
