#include "CKernels.h"
#include <string.h>

void ck_gather_patches(
    const void *x, size_t width, const ck_patches *p, size_t row, size_t rows, size_t first, size_t count,
    void *out) {
  const ptrdiff_t channels = p->channels, line_length = p->width, run = p->kernel * channels;
  const char *source = x;
  char *target = out;
  size_t positions = (size_t)p->out_height * (size_t)p->out_width;
  for (size_t r = row; r < row + rows; r++) {
    size_t picture = r / positions, position = r % positions;
    ptrdiff_t y0 = (ptrdiff_t)(position / (size_t)p->out_width) * p->stride - p->pad_top;
    ptrdiff_t x0 = (ptrdiff_t)(position % (size_t)p->out_width) * p->stride - p->pad_left;
    // Within a kernel row the taps lie side by side in memory; those from `low` to `high` are inside the picture.
    ptrdiff_t low = x0 < 0 ? -x0 * channels : 0;
    ptrdiff_t high = (line_length - x0) * channels;
    if (high > run) high = run;
    if (low > run) low = run;
    if (high < low) high = low;
    ptrdiff_t k = (ptrdiff_t)first, end = (ptrdiff_t)(first + count);
    while (k < end) {
      ptrdiff_t tap_row = k / run, from = k % run;
      ptrdiff_t to = from + (end - k) < run ? from + (end - k) : run;
      ptrdiff_t y = y0 + tap_row;
      ptrdiff_t a = from > low ? from : low, b = to < high ? to : high;
      if (y < 0 || y >= p->height || a >= b) {
        memset(target, 0, (size_t)(to - from) * width);
      } else {
        ptrdiff_t line = (((ptrdiff_t)picture * p->height + y) * line_length + x0) * channels;
        memset(target, 0, (size_t)(a - from) * width);
        memcpy(target + (size_t)(a - from) * width, source + (line + a) * (ptrdiff_t)width, (size_t)(b - a) * width);
        memset(target + (size_t)(b - from) * width, 0, (size_t)(to - b) * width);
      }
      target += (size_t)(to - from) * width;
      k += to - from;
    }
  }
}
