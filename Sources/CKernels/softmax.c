#include "CKernels.h"
#include "simd.h"
#include "vector_math.h"

// A NaN among the scores may not be the maximum, but it then stays in its own term and in the sum.
CK_SIMD static float maximum(const float *x, size_t count, float start) {
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

CK_SIMD static float exponentials(float *x, size_t count, float maximum) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (size_t i = 0; i < count; i++) {
    float value = ck_exp(x[i] - maximum);
    x[i] = value;
    sum += value;
  }
  return sum;
}

CK_SIMD static void multiply(float *x, size_t count, float factor) {
  for (size_t i = 0; i < count; i++) x[i] *= factor;
}

void ck_softmax_tile(
    float *scores, size_t row_stride, size_t rows, size_t keys, ptrdiff_t causal_keys, float *maxima, float *sums,
    float *out, size_t out_stride, size_t features, int32_t is_first) {
  for (size_t r = 0; r < rows; r++) {
    float *line = scores + r * row_stride;
    ptrdiff_t seen = causal_keys + (ptrdiff_t)r;
    size_t visible = seen < 0 ? 0 : seen < (ptrdiff_t)keys ? (size_t)seen : keys;
    for (size_t i = visible; i < keys; i++) line[i] = 0;
    // The first tile of keys has one that each row sees, so that later tiles may be hidden from a row but never all.
    if (visible == 0) continue;
    float before = is_first ? -__builtin_inff() : maxima[r];
    float now = maximum(line, visible, before);
    float sum = exponentials(line, visible, now);
    if (is_first) {
      sums[r] = sum;
    } else {
      float factor = ck_exp(before - now);
      if (factor != 1.0f) multiply(out + r * out_stride, features, factor);
      sums[r] = sums[r] * factor + sum;
    }
    maxima[r] = now;
  }
}

void ck_divide_rows(float *out, size_t out_stride, size_t rows, size_t features, const float *sums) {
  for (size_t r = 0; r < rows; r++) multiply(out + r * out_stride, features, 1.0f / sums[r]);
}
