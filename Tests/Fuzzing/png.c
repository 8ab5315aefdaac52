// Any bytes as a PNG file: refused or read, with nothing touched beside the buffers.
#include "CLibPNG.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  clibpng_reader *reader = clibpng_reader_create(data, size);
  if (!reader) return 0;
  uint32_t width = 0, height = 0;
  if (clibpng_read_header(reader, &width, &height)) {
    size_t bytes = (size_t)width * height * 3;
    uint8_t *pixels = bytes <= 1 << 24 ? malloc(bytes) : NULL;
    if (clibpng_read_pixels(reader, pixels, NULL)) {
      volatile size_t sum = 0;
      for (int i = 0; i < clibpng_text_count(reader); i++) {
        clibpng_text text = clibpng_text_at(reader, i);
        sum += strlen(text.keyword);
        for (size_t k = 0; k < text.length; k++) sum += (uint8_t)text.text[k];
      }
      // What was read can be written.
      if (pixels && width > 0 && height > 0) {
        clibpng_text text = {.keyword = "k", .text = "t", .length = 1};
        uint8_t *written = NULL;
        size_t count = 0;
        clibpng_message message = {0};
        if (clibpng_encode(pixels, width, height, &text, 1, &written, &count, NULL, &message)) free(written);
      }
    }
    free(pixels);
  }
  (void)clibpng_reader_message(reader);
  clibpng_reader_destroy(reader);
  return 0;
}
