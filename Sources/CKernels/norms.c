#include "CKernels.h"
#include "simd.h"
#include "vector_math.h"

// Rows whose sums stay in registers.
enum { BLOCK = 8 };

CK_SIMD static void add_block(const float *x, size_t channels, double *sums, double *squares) {
  for (size_t c = 0; c < channels; c++) {
    double sum = 0, square = 0;
#pragma clang loop unroll(full)
    for (size_t r = 0; r < BLOCK; r++) {
      double value = x[r * channels + c];
      sum += value;
      square += value * value;
    }
    sums[c] += sum;
    squares[c] += square;
  }
}

CK_SIMD static void add_row(const float *x, size_t channels, double *sums, double *squares) {
  for (size_t c = 0; c < channels; c++) {
    double value = x[c];
    sums[c] += value;
    squares[c] += value * value;
  }
}

void ck_group_sums(
    const float *x, size_t rows, size_t channels, size_t groups, double *workspace, double *group_sums) {
  double *sums = workspace, *squares = workspace + channels;
  for (size_t c = 0; c < 2 * channels; c++) workspace[c] = 0;
  size_t r = 0;
  for (; r + BLOCK <= rows; r += BLOCK) add_block(x + r * channels, channels, sums, squares);
  for (; r < rows; r++) add_row(x + r * channels, channels, sums, squares);
  size_t width = channels / groups;
  for (size_t g = 0; g < groups; g++) {
    double sum = 0, square = 0;
    for (size_t c = g * width; c < (g + 1) * width; c++) {
      sum += sums[c];
      square += squares[c];
    }
    group_sums[2 * g] = sum;
    group_sums[2 * g + 1] = square;
  }
}

CK_SIMD static void normalize(
    const float *x, size_t channels, const float *mean, const float *scale, const float *shift, float *out) {
  for (size_t c = 0; c < channels; c++) out[c] = (x[c] - mean[c]) * scale[c] + shift[c];
}

CK_SIMD static void normalize_silu(
    const float *x, size_t channels, const float *mean, const float *scale, const float *shift, float *out) {
  for (size_t c = 0; c < channels; c++) out[c] = ck_silu_of((x[c] - mean[c]) * scale[c] + shift[c]);
}

void ck_normalize_channels(
    const float *x, size_t rows, size_t channels, const float *mean, const float *scale, const float *shift,
    ck_activation activation, float *out) {
  for (size_t r = 0; r < rows; r++, x += channels, out += channels) {
    if (activation == CK_SILU) {
      normalize_silu(x, channels, mean, scale, shift, out);
    } else {
      normalize(x, channels, mean, scale, shift, out);
      ck_activate(activation, out, out, channels);
    }
  }
}

// The sums need not keep their order: lanes of a vector each take a part, which is more accurate than one running sum.
CK_SIMD static float sum_of(const float *x, size_t count) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += x[i];
  return sum;
}

CK_SIMD static float squared_distance(const float *x, size_t count, float from) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += (x[i] - from) * (x[i] - from);
  return sum;
}

CK_SIMD static void normalize_row(
    const float *x, size_t count, float mean, float inverse, const float *gamma, const float *beta, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = (x[i] - mean) * inverse * gamma[i] + beta[i];
}

void ck_layer_norm(
    const float *x, size_t rows, size_t features, const float *gamma, const float *beta, float epsilon, float *out) {
  for (size_t r = 0; r < rows; r++, x += features, out += features) {
    float mean = sum_of(x, features) / (float)features;
    float variance = squared_distance(x, features, mean) / (float)features;
    normalize_row(x, features, mean, 1.0f / __builtin_sqrtf(variance + epsilon), gamma, beta, out);
  }
}
