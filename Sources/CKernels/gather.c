#include "CKernels.h"
#include <string.h>

void ck_gather_patches(
    const float *x, const ck_patches *p, size_t row, size_t rows, size_t first, size_t count, float *out) {
  const ptrdiff_t channels = p->channels, width = p->width, run = p->kernel * channels;
  size_t positions = (size_t)p->out_height * (size_t)p->out_width;
  for (size_t r = row; r < row + rows; r++) {
    size_t picture = r / positions, position = r % positions;
    ptrdiff_t y0 = (ptrdiff_t)(position / (size_t)p->out_width) * p->stride - p->pad_before;
    ptrdiff_t x0 = (ptrdiff_t)(position % (size_t)p->out_width) * p->stride - p->pad_before;
    // Within a kernel row the taps lie side by side in memory; those from `low` to `high` are inside the picture.
    ptrdiff_t low = x0 < 0 ? -x0 * channels : 0;
    ptrdiff_t high = (width - x0) * channels;
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
        memset(out, 0, (size_t)(to - from) * sizeof *out);
      } else {
        const float *line = x + ((ptrdiff_t)picture * p->height + y) * width * channels + x0 * channels;
        memset(out, 0, (size_t)(a - from) * sizeof *out);
        memcpy(out + (a - from), line + a, (size_t)(b - a) * sizeof *out);
        memset(out + (b - from), 0, (size_t)(to - b) * sizeof *out);
      }
      out += to - from;
      k += to - from;
    }
  }
}
