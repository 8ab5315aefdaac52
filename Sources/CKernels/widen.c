#include "CKernels.h"
#include "simd.h"
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

// The processors that have this instruction have the vectors for it; those without take the plain loop below.
__attribute__((target("avx,f16c"))) static void widen_f16_f16c(const char *bytes, float *out, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    __m128i low = _mm_loadu_si128((const __m128i *)(bytes + 2 * i));
    __m128i high = _mm_loadu_si128((const __m128i *)(bytes + 2 * i + 16));
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(low));
    _mm256_storeu_ps(out + i + 8, _mm256_cvtph_ps(high));
  }
  for (; i < count; i++) {
    uint16_t half;
    memcpy(&half, bytes + 2 * i, sizeof half);
    out[i] = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
  }
}

static int has_f16c(void) { return __builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx"); }
#endif

static void widen_f16_plain(const char *bytes, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t half;
    memcpy(&half, bytes + 2 * i, sizeof half);
    // The exponent's bias differs by 112, which a product with 2^112 repairs for subnormal numbers too.
    uint32_t word = (uint32_t)(half & 0x7fff) << 13;
    float magnitude;
    memcpy(&magnitude, &word, sizeof magnitude);
    magnitude *= 0x1p112f;
    memcpy(&word, &magnitude, sizeof word);
    word |= (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
    word |= (uint32_t)(half & 0x8000) << 16;
    memcpy(out + i, &word, sizeof word);
  }
}

void ck_widen_f16(const void *source, float *out, size_t count) {
#if defined(__x86_64__)
  if (has_f16c()) {
    widen_f16_f16c(source, out, count);
    return;
  }
#endif
  widen_f16_plain(source, out, count);
}

void ck_widen_f16_plain(const void *source, float *out, size_t count) { widen_f16_plain(source, out, count); }

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
