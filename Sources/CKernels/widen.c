#include "CKernels.h"
#include "simd.h"
#include <string.h>

CK_SIMD void ck_widen_f16(const void *source, float *out, size_t count) {
  const char *bytes = source;
  for (size_t i = 0; i < count; i++) {
    _Float16 half;
    memcpy(&half, bytes + 2 * i, sizeof half);
    out[i] = (float)half;
  }
}

CK_SIMD void ck_widen_bf16(const void *source, float *out, size_t count) {
  const char *bytes = source;
  for (size_t i = 0; i < count; i++) {
    uint16_t half;
    memcpy(&half, bytes + 2 * i, sizeof half);
    uint32_t word = (uint32_t)half << 16;
    memcpy(out + i, &word, sizeof word);
  }
}

void ck_widen_f32(const void *source, float *out, size_t count) { memcpy(out, source, count * sizeof *out); }
