// The loops over elements of one type, included by loops_body.h with ELEMENT, LOAD, SAVE, EXP, EXP_SCALED, GELU_OF and NAME
// defined.
// Results of 8 bits' precision use EXP and GELU_OF of about twice that, and are rounded once.

static inline __attribute__((always_inline)) float NAME(silu_of)(float x) { return x / (1.0f + EXP(-x)); }
static inline __attribute__((always_inline)) float NAME(quick_gelu_of)(float x) {
  return x / (1.0f + EXP(-1.702f * x));
}

static void NAME(activate)(ck_activation function, const ELEMENT *x, ELEMENT *out, size_t count) {
  switch (function) {
  case CK_SILU:
    CK_PARALLEL
    for (size_t i = 0; i < count; i++) out[i] = SAVE(NAME(silu_of)(LOAD(x[i])));
    break;
  case CK_GELU:
    CK_PARALLEL
    for (size_t i = 0; i < count; i++) out[i] = SAVE(GELU_OF(LOAD(x[i])));
    break;
  case CK_QUICK_GELU:
    CK_PARALLEL
    for (size_t i = 0; i < count; i++) out[i] = SAVE(NAME(quick_gelu_of)(LOAD(x[i])));
    break;
  case CK_IDENTITY:
    if (x != out) memcpy(out, x, count * sizeof *out);
    break;
  }
}

static void NAME(gated_gelu)(const ELEMENT *x, const ELEMENT *gate, ELEMENT *out, size_t count) {
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) out[i] = SAVE(LOAD(x[i]) * GELU_OF(LOAD(gate[i])));
}

static void NAME(add)(const ELEMENT *a, const ELEMENT *b, ELEMENT *out, size_t count) {
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) out[i] = SAVE(LOAD(a[i]) + LOAD(b[i]));
}

static int32_t NAME(is_finite)(const ELEMENT *x, size_t count) {
#pragma clang fp reassociate(on)
  // Zero times a finite number is zero, and NaN for the others; the sum of zeros is then zero or NaN.
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += LOAD(x[i]) * 0.0f;
  return sum == 0;
}

// One row; `function`, `bias` and `residual` are constants where it is inlined, so that each case is a loop of its own.
static inline __attribute__((always_inline)) void NAME(finish_row)(
    const float *sums, size_t columns, ck_activation function, const float *bias, const ELEMENT *residual,
    ELEMENT *out) {
  CK_PARALLEL
  for (size_t c = 0; c < columns; c++) {
    float x = bias ? sums[c] + bias[c] : sums[c];
    if (function == CK_SILU) x = NAME(silu_of)(x);
    if (function == CK_GELU) x = GELU_OF(x);
    if (function == CK_QUICK_GELU) x = NAME(quick_gelu_of)(x);
    if (residual) x += LOAD(residual[c]);
    out[c] = SAVE(x);
  }
}

static inline __attribute__((always_inline)) void NAME(finish_rows)(
    const float *sums, size_t sums_stride, size_t rows, size_t columns, ck_activation function, const float *bias,
    const ELEMENT *residual, ELEMENT *out, size_t out_stride) {
  for (size_t r = 0; r < rows; r++) {
    const float *line = sums + r * sums_stride;
    ELEMENT *target = out + r * out_stride;
    const ELEMENT *other = residual + r * out_stride;
    if (bias && residual) NAME(finish_row)(line, columns, function, bias, other, target);
    else if (bias) NAME(finish_row)(line, columns, function, bias, NULL, target);
    else if (residual) NAME(finish_row)(line, columns, function, NULL, other, target);
    else NAME(finish_row)(line, columns, function, NULL, NULL, target);
  }
}

static void NAME(epilogue)(
    const float *sums, size_t sums_stride, size_t rows, size_t columns, const ck_epilogue_terms *e, ELEMENT *out,
    size_t out_stride) {
#define FINISH(function) \
  NAME(finish_rows)(sums, sums_stride, rows, columns, function, e->bias, e->residual, out, out_stride)
  switch (e->activation) {
  case CK_IDENTITY: FINISH(CK_IDENTITY); break;
  case CK_SILU: FINISH(CK_SILU); break;
  case CK_GELU: FINISH(CK_GELU); break;
  case CK_QUICK_GELU: FINISH(CK_QUICK_GELU); break;
  }
#undef FINISH
}

static void NAME(gate)(
    const float *values, const float *gates, size_t sums_stride, size_t rows, size_t columns, const float *value_bias,
    const float *gate_bias, ELEMENT *out, size_t out_stride) {
  for (size_t r = 0; r < rows; r++, values += sums_stride, gates += sums_stride, out += out_stride) {
    if (value_bias) {
      CK_PARALLEL
      for (size_t c = 0; c < columns; c++)
        out[c] = SAVE((values[c] + value_bias[c]) * GELU_OF(gates[c] + gate_bias[c]));
    } else {
      CK_PARALLEL
      for (size_t c = 0; c < columns; c++) out[c] = SAVE(values[c] * GELU_OF(gates[c]));
    }
  }
}

static void NAME(channel_sums)(const ELEMENT *x, size_t rows, size_t channels, double *sums, double *squares) {
  size_t r = 0;
  for (; r + BLOCK <= rows; r += BLOCK, x += BLOCK * channels) {
    CK_PARALLEL
    for (size_t c = 0; c < channels; c++) {
      double sum = 0, square = 0;
#pragma clang loop unroll(full)
      for (size_t i = 0; i < BLOCK; i++) {
        double value = LOAD(x[i * channels + c]);
        sum += value;
        square += value * value;
      }
      sums[c] += sum;
      squares[c] += square;
    }
  }
  for (; r < rows; r++, x += channels) {
    CK_PARALLEL
    for (size_t c = 0; c < channels; c++) {
      double value = LOAD(x[c]);
      sums[c] += value;
      squares[c] += value * value;
    }
  }
}

static void NAME(normalize_channels)(
    const ELEMENT *x, size_t rows, size_t channels, const float *mean, const float *scale, const float *shift,
    ck_activation activation, ELEMENT *out) {
  for (size_t r = 0; r < rows; r++, x += channels, out += channels) {
#define NORMALIZED ((LOAD(x[c]) - mean[c]) * scale[c] + shift[c])
#define EACH(value)                                          \
  CK_PARALLEL                                                \
  for (size_t c = 0; c < channels; c++) out[c] = SAVE(value)
    switch (activation) {
    case CK_IDENTITY: EACH(NORMALIZED); break;
    case CK_SILU: EACH(NAME(silu_of)(NORMALIZED)); break;
    case CK_GELU: EACH(GELU_OF(NORMALIZED)); break;
    case CK_QUICK_GELU: EACH(NAME(quick_gelu_of)(NORMALIZED)); break;
    }
#undef EACH
#undef NORMALIZED
  }
}

// The sums need not keep their order: lanes of a vector each take a part, which is more accurate than one running sum.
static float NAME(sum_of)(const ELEMENT *x, size_t count) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += LOAD(x[i]);
  return sum;
}

static float NAME(squared_distance)(const ELEMENT *x, size_t count, float from) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += (LOAD(x[i]) - from) * (LOAD(x[i]) - from);
  return sum;
}

static void NAME(layer_norm)(
    const ELEMENT *x, size_t rows, size_t features, const float *gamma, const float *beta, float epsilon,
    ELEMENT *out) {
  for (size_t r = 0; r < rows; r++, x += features, out += features) {
    float mean = NAME(sum_of)(x, features) / (float)features;
    float variance = NAME(squared_distance)(x, features, mean) / (float)features;
    float inverse = 1.0f / __builtin_sqrtf(variance + epsilon);
    CK_PARALLEL
    for (size_t i = 0; i < features; i++) out[i] = SAVE((LOAD(x[i]) - mean) * inverse * gamma[i] + beta[i]);
  }
}

static float NAME(exponentials)(const float *x, size_t count, float maximum, float scale, ELEMENT *out) {
#pragma clang fp reassociate(on)
  float sum = 0;
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) {
    float value = EXP_SCALED(x[i], maximum, scale);
    out[i] = SAVE(value);
    sum += value;
  }
  return sum;
}

static void NAME(scaled)(const float *x, size_t count, float factor, ELEMENT *out) {
  CK_PARALLEL
  for (size_t i = 0; i < count; i++) out[i] = SAVE(x[i] * factor);
}

#undef ELEMENT
#undef LOAD
#undef SAVE
#undef EXP
#undef EXP_SCALED
#undef GELU_OF
#undef NAME
