// The C loops at random extents, in buffers of exactly the size that they may touch.
#include "CKernels.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const uint8_t *data;
  size_t size, next;
} input;

static uint8_t byte(input *in) { return in->next < in->size ? in->data[in->next++] : 0; }
static size_t extent(input *in, size_t most) { return 1 + byte(in) % most; }
static size_t width(ck_type type) { return type == CK_F32 ? 4 : 2; }

// A buffer of exactly `bytes`, filled from the input.
static void *buffer(input *in, size_t bytes) {
  uint8_t *memory = malloc(bytes ? bytes : 1);
  for (size_t i = 0; i < bytes; i++) memory[i] = (uint8_t)(byte(in) + 31 * i);
  return memory;
}

static ck_type activations(input *in) { return byte(in) % 2 ? CK_BF16 : CK_F32; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size, 0};
  ck_type type = activations(&in);
  size_t w = width(type);
  switch (byte(&in) % 9) {
  case 0: {
    ck_type from = byte(&in) % 3, to = activations(&in);
    size_t count = byte(&in);
    void *source = buffer(&in, count * width(from)), *out = malloc(count * width(to) + 1);
    ck_convert(from, source, to, out, count);
    free(source), free(out);
    break;
  }
  case 1: {
    size_t filters = extent(&in, 9), channels = extent(&in, 40), taps = extent(&in, 9), element = byte(&in) % 2 ? 2 : 4;
    size_t bytes = filters * channels * taps * element;
    void *source = buffer(&in, bytes), *out = malloc(bytes);
    ck_relayout_filters(source, out, filters, channels, taps, element);
    free(source), free(out);
    break;
  }
  case 2: {
    size_t filters = extent(&in, 9), channels = extent(&in, 40), stride = filters * 4 * channels;
    float *source = buffer(&in, filters * 9 * channels * 4), *out = malloc(4 * stride * 4);
    ck_fold_upsampling(source, out, stride, filters, channels);
    free(source), free(out);
    break;
  }
  case 3: {
    ck_patches p = {.kernel = 1 + byte(&in) % 3, .stride = 1 + byte(&in) % 2};
    p.height = (int32_t)extent(&in, 12), p.width = (int32_t)extent(&in, 12), p.channels = (int32_t)extent(&in, 20);
    p.pad_top = byte(&in) % p.kernel, p.pad_left = byte(&in) % p.kernel;
    p.out_height = (p.height + p.pad_top) / p.stride, p.out_width = (p.width + p.pad_left) / p.stride;
    size_t outputs = (size_t)p.out_height * p.out_width, patch = (size_t)p.kernel * p.kernel * p.channels;
    if (outputs == 0) break;
    size_t row = byte(&in) % outputs, rows = 1 + byte(&in) % (outputs - row);
    size_t first = byte(&in) % patch, count = 1 + byte(&in) % (patch - first);
    void *x = buffer(&in, (size_t)p.height * p.width * p.channels * w), *out = malloc(rows * count * w);
    ck_gather_patches(x, w, &p, row, rows, first, count, out);
    free(x), free(out);
    break;
  }
  case 4: {
    size_t count = byte(&in);
    void *a = buffer(&in, count * w), *b = buffer(&in, count * w), *out = malloc(count * w + 1);
    ck_activate(type, byte(&in) % 4, a, out, count);
    ck_gated_gelu(type, a, b, out, count);
    ck_add(type, a, b, out, count);
    volatile int32_t finite = ck_is_finite(type, a, count);
    (void)finite;
    free(a), free(b), free(out);
    break;
  }
  case 5: {
    size_t rows = extent(&in, 9), columns = extent(&in, 70), pad = byte(&in) % 5, stride = columns + pad;
    float *sums = buffer(&in, (rows * stride - pad) * 4), *bias = buffer(&in, columns * 4);
    void *residual = buffer(&in, (rows * stride - pad) * w), *out = malloc((rows * stride - pad) * w);
    ck_epilogue_terms terms = {byte(&in) % 2 ? bias : NULL, byte(&in) % 4, byte(&in) % 2 ? residual : NULL};
    ck_epilogue(type, sums, stride, rows, columns, &terms, out, stride);
    const float *gate_bias = byte(&in) % 2 ? bias : NULL;
    ck_gate(type, sums, sums, stride, rows, columns, gate_bias, gate_bias, out, stride);
    free(sums), free(bias), free(residual), free(out);
    break;
  }
  case 6: {
    size_t groups = extent(&in, 8), channels = groups * extent(&in, 12), rows = extent(&in, 20);
    void *x = buffer(&in, rows * channels * w), *out = malloc(rows * channels * w);
    double *workspace = malloc(2 * channels * 8), *sums = malloc(2 * groups * 8);
    float *vector = buffer(&in, channels * 4);
    ck_group_sums(type, x, rows, channels, groups, workspace, sums);
    ck_normalize_channels(type, x, rows, channels, vector, vector, vector, byte(&in) % 4, out);
    ck_layer_norm(type, x, rows, channels, vector, vector, 1e-5f, out);
    free(x), free(out), free(workspace), free(sums), free(vector);
    break;
  }
  case 7: {
    size_t rows = extent(&in, 9), keys = extent(&in, 70), features = extent(&in, 40);
    ptrdiff_t causal = (ptrdiff_t)(byte(&in) % 2 ? keys : (size_t)byte(&in) % (keys + 1));
    float *scores = buffer(&in, rows * keys * 4), *maxima = buffer(&in, rows * 4), *sums = buffer(&in, rows * 4);
    float *out = buffer(&in, rows * features * 4);
    void *weights = type == CK_F32 ? scores : malloc(rows * keys * w), *divided = malloc(rows * features * w);
    ck_softmax_tile(
        type, scores, keys, rows, keys, causal, 0.125f, maxima, sums, weights, keys, out, features, features,
        byte(&in) % 2);
    ck_divide_rows(type, out, features, rows, features, sums, divided, features);
    if (weights != scores) free(weights);
    free(scores), free(maxima), free(sums), free(out), free(divided);
    break;
  }
  default: {
    ck_pool *pool = ck_pool_create(1 + byte(&in) % 3, NULL, NULL);
    void *memory = ck_pool_scratch(pool, byte(&in) % 2 ? -1 : 0, (size_t)byte(&in) * 16);
    if (memory) memset(memory, 1, 1);
    ck_pool_destroy(pool);
  }
  }
  return 0;
}
