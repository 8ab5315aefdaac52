// Exponential and activations as straight-line float32 code, so that loops over them become vector code.
// The polynomials are least-maximum fits of Scripts/fit_activations.py, which prints their errors.
#pragma once
#include <stdint.h>
#include <string.h>

#define CK_INLINE static inline __attribute__((always_inline))

// e^x within 1.1 ulp for x in [-87, 88]; 0 below, e^88 above, NaN for NaN.
CK_INLINE float ck_exp(float x) {
  float bounded = x > 88.0f ? 88.0f : x;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  float shifted = bounded * 1.44269504f + 12582912.0f;
  float n = shifted - 12582912.0f;
  // ln 2 in two parts, the first short enough for n times it to be exact.
  float r = bounded - n * 0.693145751953125f;
  r = r - n * 1.42860677e-6f;
  float p = 0.0013813144760206342f;
  p = p * r + 0.008369418792426586f;
  p = p * r + 0.04166845604777336f;
  p = p * r + 0.16666515171527863f;
  p = p * r + 0.4999999403953552f;
  p = p * (r * r) + r;
  p = p + 1.0f;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  uint32_t power = (bits + 127u) << 23;
  float scale;
  memcpy(&scale, &power, sizeof scale);
  return bounded < -87.0f ? 0.0f : p * scale;
}

// x Φ(x) within 1.2e-7 |x|: max(x, 0) - |x|/2 · erfc(|x|/√2), where -ln erfc(a/√2) is a polynomial on [0, 9].
// Beyond 9 the second term is below 1e-18 of the first.
CK_INLINE float ck_gelu_of(float x) {
  float magnitude = __builtin_fabsf(x);
  float a = magnitude > 9.0f ? 9.0f : magnitude;
  float q = -1.0436326247642569e-09f;
  q = q * a + 4.584666513096636e-08f;
  q = q * a + -8.65329980115348e-07f;
  q = q * a + 9.154181498161051e-06f;
  q = q * a + -5.83436012675520e-05f;
  q = q * a + 0.0002049820323009044f;
  q = q * a + -1.326598612649832e-05f;
  q = q * a + -0.004807509481906891f;
  q = q * a + 0.03634854033589363f;
  q = q * a + 0.31830692291259766f;
  q = q * a + 0.7978847622871399f;
  float tail = 0.5f * magnitude * ck_exp(-(q * a));
  return (x < 0.0f ? 0.0f : x) - tail;
}

// The same to the precision that rounding to bfloat16 leaves of them.

// 2^t within 7.5e-5 of itself for t in [-120, 127], by a cubic on |f| <= 1/2; the ends' values beyond, NaN for NaN.
CK_INLINE float ck_exp2_bf16(float t) {
  float bounded = t > 127.0f ? 127.0f : t < -120.0f ? -120.0f : t;
  float shifted = bounded + 12582912.0f;
  float f = bounded - (shifted - 12582912.0f);
  float p = 0.05517167f;
  p = p * f + 0.24261113f;
  p = p * f + 0.69326097f;
  p = p * f + 0.99992806f;
  uint32_t bits, power;
  memcpy(&power, &shifted, sizeof power);
  memcpy(&bits, &p, sizeof bits);
  bits += power << 23;
  memcpy(&p, &bits, sizeof p);
  return p;
}

CK_INLINE float ck_exp_bf16(float x) { return ck_exp2_bf16(x * 1.44269504f); }

// x Φ(x) within 3e-5 |x|, as ck_gelu_of but with Q on [0, 6]; beyond, the second term is below 1e-9 of the first.
CK_INLINE float ck_gelu_of_bf16(float x) {
  float magnitude = __builtin_fabsf(x);
  float a = magnitude > 6.0f ? 6.0f : magnitude;
  float q = 0.00030025942f;
  q = q * a + -0.0048296107f;
  q = q * a + 0.035956781f;
  q = q * a + 0.31861088f;
  q = q * a + 0.79782838f;
  float tail = 0.5f * magnitude * ck_exp_bf16(-(q * a));
  return (x < 0.0f ? 0.0f : x) - tail;
}
