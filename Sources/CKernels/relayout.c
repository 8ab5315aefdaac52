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
