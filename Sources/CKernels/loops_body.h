// Compiled once for each instruction set by the loops_*.c: fills in the table CK_LOOPS.
#include "loops.h"
#include "vector_math.h"

// A loop whose turns do not depend on each other, though its output may be its input.
#define CK_PARALLEL _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

static inline __attribute__((always_inline)) float from_bf16(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// To nearest, ties to even; a NaN stays one.
static inline __attribute__((always_inline)) uint16_t to_bf16(float x) {
#ifdef CK_HAS_BF16
  __bf16 half = (__bf16)x;
  uint16_t result;
  memcpy(&result, &half, sizeof result);
  return result;
#else
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return (uint16_t)(x != x ? (bits >> 16 | 0x40u) : rounded);
#endif
}

static inline __attribute__((always_inline)) float from_f16(uint16_t half) {
#ifdef CK_HAS_F16C
  _Float16 x;
  memcpy(&x, &half, sizeof x);
  return (float)x;
#else
  // The exponent's bias differs by 112, which a product with 2^112 repairs for subnormal numbers too.
  uint32_t word = (uint32_t)(half & 0x7fff) << 13;
  float magnitude;
  memcpy(&magnitude, &word, sizeof magnitude);
  magnitude *= 0x1p112f;
  memcpy(&word, &magnitude, sizeof word);
  word |= (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  word |= (uint32_t)(half & 0x8000) << 16;
  memcpy(&magnitude, &word, sizeof magnitude);
  return magnitude;
#endif
}

typedef uint16_t __attribute__((aligned(1), may_alias)) unaligned_half;
typedef float __attribute__((aligned(1), may_alias)) unaligned_float;

static void f16_to_f32(const unaligned_half *x, unaligned_float *out, size_t count) {
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) out[i] = from_f16(x[i]);
}

static void f16_to_bf16(const unaligned_half *x, unaligned_half *out, size_t count) {
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) out[i] = to_bf16(from_f16(x[i]));
}

static void bf16_to_f32(const unaligned_half *x, unaligned_float *out, size_t count) {
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) out[i] = from_bf16(x[i]);
}

static void f32_to_bf16(const unaligned_float *x, unaligned_half *out, size_t count) {
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) out[i] = to_bf16(x[i]);
}

static void convert(ck_type from, const void *source, ck_type to, void *out, size_t count) {
  if (from == to) memcpy(out, source, count * (to == CK_F32 ? 4 : 2));
  else if (from == CK_F16 && to == CK_F32) f16_to_f32(source, out, count);
  else if (from == CK_F16) f16_to_bf16(source, out, count);
  else if (from == CK_BF16) bf16_to_f32(source, out, count);
  else f32_to_bf16(source, out, count);
}

// A NaN among the scores may not be the maximum, but it then stays in its own term and in the sum.
static float maximum(const float *x, size_t count, float start) {
#pragma clang fp reassociate(on)
  float best[16];
  for (size_t lane = 0; lane < 16; lane++) best[lane] = start;
  size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (size_t lane = 0; lane < 16; lane++) best[lane] = x[i + lane] > best[lane] ? x[i + lane] : best[lane];
  for (; i < count; i++) best[0] = x[i] > best[0] ? x[i] : best[0];
  for (size_t lane = 1; lane < 16; lane++) best[0] = best[lane] > best[0] ? best[lane] : best[0];
  return best[0];
}

static void multiply(float *x, size_t count, float factor) {
  for (size_t i = 0; i < count; i++) x[i] *= factor;
}

// Rows whose sums stay in registers.
enum { BLOCK = 8 };

#define ELEMENT float
#define LOAD(x) (x)
#define SAVE(x) (x)
#define EXP ck_exp
#define EXP_SCALED(x, maximum, scale) ck_exp(((x) - (maximum)) * (scale))
#define GELU_OF ck_gelu_of
#define NAME(name) name##_f32
#include "typed_loops.h"

#define ELEMENT uint16_t
#define LOAD(x) from_bf16(x)
#define SAVE(x) to_bf16(x)
#define EXP ck_exp_bf16
// One multiply-add for difference, scale and the change of base.
#define EXP_SCALED(x, maximum, scale) ck_exp2_bf16((x) * ((scale) * 1.44269504f) - (maximum) * ((scale) * 1.44269504f))
#define GELU_OF ck_gelu_of_bf16
#define NAME(name) name##_bf16
#include "typed_loops.h"

static void activate(ck_type type, ck_activation function, const void *x, void *out, size_t count) {
  if (type == CK_F32) activate_f32(function, x, out, count);
  else activate_bf16(function, x, out, count);
}

static void gated_gelu(ck_type type, const void *x, const void *gate, void *out, size_t count) {
  if (type == CK_F32) gated_gelu_f32(x, gate, out, count);
  else gated_gelu_bf16(x, gate, out, count);
}

static void add(ck_type type, const void *a, const void *b, void *out, size_t count) {
  if (type == CK_F32) add_f32(a, b, out, count);
  else add_bf16(a, b, out, count);
}

static int32_t is_finite(ck_type type, const void *x, size_t count) {
  return type == CK_F32 ? is_finite_f32(x, count) : is_finite_bf16(x, count);
}

static void epilogue(
    ck_type type, const float *sums, size_t sums_stride, size_t rows, size_t columns, const ck_epilogue_terms *terms,
    void *out, size_t out_stride) {
  if (type == CK_F32) epilogue_f32(sums, sums_stride, rows, columns, terms, out, out_stride);
  else epilogue_bf16(sums, sums_stride, rows, columns, terms, out, out_stride);
}

static void gate(
    ck_type type, const float *values, const float *gates, size_t sums_stride, size_t rows, size_t columns,
    const float *value_bias, const float *gate_bias, void *out, size_t out_stride) {
  if (type == CK_F32) gate_f32(values, gates, sums_stride, rows, columns, value_bias, gate_bias, out, out_stride);
  else gate_bf16(values, gates, sums_stride, rows, columns, value_bias, gate_bias, out, out_stride);
}

static void group_sums(
    ck_type type, const void *x, size_t rows, size_t channels, size_t groups, double *workspace, double *sums) {
  double *channel_sums = workspace, *squares = workspace + channels;
  for (size_t c = 0; c < 2 * channels; c++) workspace[c] = 0;
  if (type == CK_F32) channel_sums_f32(x, rows, channels, channel_sums, squares);
  else channel_sums_bf16(x, rows, channels, channel_sums, squares);
  size_t width = channels / groups;
  for (size_t g = 0; g < groups; g++) {
    double sum = 0, square = 0;
    for (size_t c = g * width; c < (g + 1) * width; c++) {
      sum += channel_sums[c];
      square += squares[c];
    }
    sums[2 * g] = sum;
    sums[2 * g + 1] = square;
  }
}

static void normalize_channels(
    ck_type type, const void *x, size_t rows, size_t channels, const float *mean, const float *scale,
    const float *shift, ck_activation activation, void *out) {
  if (type == CK_F32) normalize_channels_f32(x, rows, channels, mean, scale, shift, activation, out);
  else normalize_channels_bf16(x, rows, channels, mean, scale, shift, activation, out);
}

static void layer_norm(
    ck_type type, const void *x, size_t rows, size_t features, const float *gamma, const float *beta, float epsilon,
    void *out) {
  if (type == CK_F32) layer_norm_f32(x, rows, features, gamma, beta, epsilon, out);
  else layer_norm_bf16(x, rows, features, gamma, beta, epsilon, out);
}

static void softmax_tile(
    ck_type type, const float *scores, size_t scores_stride, size_t rows, size_t keys, ptrdiff_t causal_keys,
    float scale, float *maxima, float *sums, void *weights, size_t weights_stride, float *out, size_t out_stride,
    size_t features, int32_t is_first) {
  for (size_t r = 0; r < rows; r++) {
    ptrdiff_t seen = causal_keys + (ptrdiff_t)r;
    size_t visible = seen < 0 ? 0 : seen < (ptrdiff_t)keys ? (size_t)seen : keys;
    const float *line = scores + r * scores_stride;
    size_t element = type == CK_F32 ? 4 : 2;
    char *target = (char *)weights + r * weights_stride * element;
    float before = is_first ? -__builtin_inff() : maxima[r];
    float now = maximum(line, visible, before);
    // The first tile of keys has one that each row sees, so that later tiles may be hidden from a row but never all.
    if (visible > 0) {
      float sum = type == CK_F32 ? exponentials_f32(line, visible, now, scale, (float *)target)
                                 : exponentials_bf16(line, visible, now, scale, (uint16_t *)target);
      if (is_first) {
        sums[r] = sum;
      } else {
        float factor = ck_exp(scale * (before - now));
        if (factor != 1.0f) multiply(out + r * out_stride, features, factor);
        sums[r] = sums[r] * factor + sum;
      }
      maxima[r] = now;
    }
    memset(target + visible * element, 0, (keys - visible) * element);
  }
}

static void divide_rows(
    ck_type type, const float *x, size_t x_stride, size_t rows, size_t features, const float *sums, void *out,
    size_t out_stride) {
  for (size_t r = 0; r < rows; r++) {
    float factor = 1.0f / sums[r];
    if (type == CK_F32) scaled_f32(x + r * x_stride, features, factor, (float *)out + r * out_stride);
    else scaled_bf16(x + r * x_stride, features, factor, (uint16_t *)out + r * out_stride);
  }
}

const ck_loops CK_LOOPS = {
    .convert = convert,
    .activate = activate,
    .gated_gelu = gated_gelu,
    .add = add,
    .is_finite = is_finite,
    .epilogue = epilogue,
    .gate = gate,
    .group_sums = group_sums,
    .normalize_channels = normalize_channels,
    .layer_norm = layer_norm,
    .softmax_tile = softmax_tile,
    .divide_rows = divide_rows,
};
