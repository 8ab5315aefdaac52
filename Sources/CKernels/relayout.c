#include "CKernels.h"
#include <string.h>

// [channels, taps] -> [taps, channels] for each filter. With `width` and the taps of a 3x3 kernel known, it is
// straight-line code; it runs at the speed of memory then.
static inline __attribute__((always_inline)) void relayout(
    const char *source, char *out, size_t filters, size_t channels, size_t taps, size_t width) {
  for (size_t o = 0; o < filters; o++) {
    const char *from = source + o * channels * taps * width;
    char *to = out + o * channels * taps * width;
    for (size_t t = 0; t < taps; t++)
      for (size_t c = 0; c < channels; c++)
        memcpy(to + (t * channels + c) * width, from + (c * taps + t) * width, width);
  }
}

void ck_relayout_filters(
    const void *source, void *out, size_t filters, size_t channels, size_t taps, size_t width) {
  if (width == 2 && taps == 9) relayout(source, out, filters, channels, 9, 2);
  else if (width == 2) relayout(source, out, filters, channels, taps, 2);
  else if (taps == 9) relayout(source, out, filters, channels, 9, 4);
  else relayout(source, out, filters, channels, taps, 4);
}

// Row y of a doubled picture is row ⌊y/2⌋ of the source: of the three rows that an output sees, two are the same one.
void ck_fold_upsampling(const float *source, float *out, size_t phase_stride, size_t filters, size_t channels) {
  for (size_t phase = 0; phase < 4; phase++) {
    size_t odd_row = phase / 2, odd_column = phase % 2;
    for (size_t o = 0; o < filters; o++) {
      float *filter = out + phase * phase_stride + o * 4 * channels;
      memset(filter, 0, 4 * channels * sizeof *filter);
      for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
          // Even outputs see source rows (y - 1, y, y) and odd ones (y, y, y + 1), counted from the first of the two.
          size_t row = (i + 1 + odd_row) / 2 - odd_row, column = (j + 1 + odd_column) / 2 - odd_column;
          const float *from = source + ((o * 3 + i) * 3 + j) * channels;
          float *to = filter + (row * 2 + column) * channels;
          for (size_t c = 0; c < channels; c++) to[c] += from[c];
        }
    }
  }
}
