#include "CKernels.h"
#include "simd.h"
#include "vector_math.h"

CK_SIMD void ck_silu(const float *x, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = ck_silu_of(x[i]);
}

CK_SIMD void ck_gelu(const float *x, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = ck_gelu_of(x[i]);
}

CK_SIMD void ck_quick_gelu(const float *x, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = ck_quick_gelu_of(x[i]);
}

void ck_activate(ck_activation function, const float *x, float *out, size_t count) {
  switch (function) {
  case CK_SILU: ck_silu(x, out, count); break;
  case CK_GELU: ck_gelu(x, out, count); break;
  case CK_QUICK_GELU: ck_quick_gelu(x, out, count); break;
  case CK_IDENTITY:
    if (x != out) ck_copy(x, out, count);
    break;
  }
}

CK_SIMD void ck_gated_gelu(const float *x, const float *gate, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = x[i] * ck_gelu_of(gate[i]);
}

CK_SIMD void ck_add(const float *a, const float *b, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}

void ck_copy(const float *x, float *out, size_t count) { __builtin_memcpy(out, x, count * sizeof *out); }

void ck_epilogue(
    float *out, size_t row_stride, size_t row, size_t rows, size_t column, size_t columns, const ck_epilogue_terms *e) {
  for (size_t r = row; r < row + rows; r++) {
    float *line = out + r * row_stride + column;
    if (e->bias) ck_add(line, e->bias + column, line, columns);
    if (e->per_channel)
      ck_add(line, e->per_channel + r / e->rows_per_picture * row_stride + column, line, columns);
    if (e->activation != CK_IDENTITY) ck_activate(e->activation, line, line, columns);
    if (e->residual) ck_add(line, e->residual + r * row_stride + column, line, columns);
  }
}
