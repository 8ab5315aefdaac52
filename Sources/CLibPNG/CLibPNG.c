#include "CLibPNG.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// A hostile file can inflate a few bytes to a large text. One chunk's memory and the number of chunks kept
// are bounded, so that all texts together stay under 256 MiB. ComfyUI's workflows, the longest texts in use,
// take about 1 MiB.
enum { MAX_CHUNK_BYTES = 8 << 20, MAX_CHUNKS = 32 };

// One thread, Zen 4, 1024x1024, milliseconds and bytes (a photograph | the same with grain | random bytes):
//   Paeth, level 6          320 ms 1,471,784 | 157 ms 1,890,309 | 93 ms 3,152,388    libpng's own is 343 ms
//   Paeth, level 1           59 ms 1,641,456 |  73 ms 2,100,578 | 88 ms 3,152,383
//   Sub, level 1             53 ms 1,853,536 |  62 ms 2,204,710 | 69 ms 3,152,383
//   Paeth, level 1, Z_RLE    50 ms 1,481,470 |  49 ms 1,889,038 | 43 ms 3,152,388    chosen
//   Average, level 1, Z_RLE  39 ms 1,753,467 |  35 ms 1,969,789 | 25 ms 3,152,388
// Residuals of a picture repeat nowhere but in runs, so looking for longer matches costs time and saves
// nothing. (Only drawn gradients pay for it: 110 KB against 41 KB at level 6.)
enum { LEVEL = 1, STRATEGY = Z_RLE, FILTER = PNG_FILTER_PAETH };

// What a libpng structure reports to: its error, and the warning before it.
typedef struct {
  clibpng_message error, warning;
} reports;

static void copy_message(clibpng_message *message, const char *text) {
  strncpy(message->text, text, sizeof message->text - 1);
  message->text[sizeof message->text - 1] = 0;
}

static void keep_error(png_structp png, png_const_charp text) {
  reports *r = png_get_error_ptr(png);
  // This one text libpng explains in a warning: too large, or which field is wrong.
  bool explained = strcmp(text, "Invalid IHDR data") == 0 && r->warning.text[0];
  copy_message(&r->error, explained ? r->warning.text : text);
  png_longjmp(png, 1);
}

// Otherwise a warning is about something that can be done without, such as a text chunk whose checksum is
// wrong.
static void keep_warning(png_structp png, png_const_charp text) {
  reports *r = png_get_error_ptr(png);
  copy_message(&r->warning, text);
}

// Writing

typedef struct {
  png_structp png;
  png_infop info;
  png_text *texts;
  uint8_t *bytes;
  size_t size, capacity;
  reports reports;
} writer;

static void append(png_structp png, png_bytep bytes, png_size_t count) {
  writer *w = png_get_io_ptr(png);
  if (count > w->capacity - w->size) {
    size_t capacity = w->capacity * 2 > w->size + count ? w->capacity * 2 : w->size + count;
    uint8_t *grown = realloc(w->bytes, capacity);
    if (!grown) png_error(png, "");
    w->bytes = grown;
    w->capacity = capacity;
  }
  memcpy(w->bytes + w->size, bytes, count);
  w->size += count;
}

static void check_stop(png_structp png, const int32_t *stop) {
  if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED) != 0) png_error(png, "interrupted");
}

static void flush_nothing(png_structp png) { (void)png; }

// All state is behind `w`: a local that changes between setjmp and longjmp would be indeterminate afterwards.
static bool encode(
  writer *w, const uint8_t *rgb, uint32_t width, uint32_t height, const clibpng_text *texts, int count,
  const int32_t *stop) {
  if (setjmp(png_jmpbuf(w->png))) return false;
  png_set_write_fn(w->png, w, append, flush_nothing);
  png_set_user_limits(w->png, CLIBPNG_MAX_SIDE, CLIBPNG_MAX_SIDE);
  png_set_compression_level(w->png, LEVEL);
  png_set_compression_strategy(w->png, STRATEGY);
  png_set_filter(w->png, PNG_FILTER_TYPE_BASE, FILTER);
  png_set_IHDR(
    w->png, w->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
    PNG_FILTER_TYPE_DEFAULT);
  for (int i = 0; i < count; i++) {
    // libpng copies the words and never writes to them; its struct just does not say const.
    w->texts[i].compression = texts[i].is_utf8 ? PNG_ITXT_COMPRESSION_NONE : PNG_TEXT_COMPRESSION_NONE;
    w->texts[i].key = (png_charp)texts[i].keyword;
    w->texts[i].text = (png_charp)texts[i].text;
    w->texts[i].text_length = texts[i].length;
  }
  if (count > 0) png_set_text(w->png, w->info, w->texts, count);
  png_write_info(w->png, w->info);
  for (uint32_t y = 0; y < height; y++) {
    check_stop(w->png, stop);
    png_write_row(w->png, rgb + (size_t)y * width * 3);
  }
  png_write_end(w->png, NULL);
  return true;
}

bool clibpng_encode(
  const uint8_t *rgb, uint32_t width, uint32_t height, const clibpng_text *texts, int count, uint8_t **bytes,
  size_t *size, const int32_t *stop, clibpng_message *message) {
  writer w = {.capacity = (size_t)width * height + 4096};
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w.reports, keep_error, keep_warning);
  if (w.png) w.info = png_create_info_struct(w.png);
  w.texts = calloc((size_t)count + 1, sizeof *w.texts);
  w.bytes = malloc(w.capacity);
  bool done = w.info && w.texts && w.bytes && encode(&w, rgb, width, height, texts, count, stop);
  png_destroy_write_struct(&w.png, &w.info);
  free(w.texts);
  if (!done) {
    *message = w.reports.error;
    free(w.bytes);
    return false;
  }
  *bytes = w.bytes;
  *size = w.size;
  return true;
}

// Reading

struct clibpng_reader {
  png_structp png;
  png_infop info, after;  // the chunks before the pixels, and those after them
  const uint8_t *bytes;
  size_t size, position;
  uint8_t *row;  // where rows go that nobody wants
  reports reports;
};

static void take(png_structp png, png_bytep bytes, png_size_t count) {
  clibpng_reader *reader = png_get_io_ptr(png);
  if (count > reader->size - reader->position) png_error(png, "the file ends too early");
  memcpy(bytes, reader->bytes + reader->position, count);
  reader->position += count;
}

clibpng_reader *clibpng_reader_create(const uint8_t *bytes, size_t size) {
  clibpng_reader *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->bytes = bytes;
  reader->size = size;
  reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader->reports, keep_error, keep_warning);
  if (reader->png) reader->info = png_create_info_struct(reader->png);
  if (reader->png) reader->after = png_create_info_struct(reader->png);
  if (reader->info && reader->after) return reader;
  clibpng_reader_destroy(reader);
  return NULL;
}

void clibpng_reader_destroy(clibpng_reader *reader) {
  png_destroy_read_struct(&reader->png, &reader->info, &reader->after);
  free(reader->row);
  free(reader);
}

bool clibpng_read_header(clibpng_reader *reader, uint32_t *width, uint32_t *height) {
  png_structp png = reader->png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_read_fn(png, reader, take);
  png_set_user_limits(png, CLIBPNG_MAX_SIDE, CLIBPNG_MAX_SIDE);
  png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
  png_set_chunk_cache_max(png, MAX_CHUNKS);
  png_read_info(png, reader->info);
  *width = png_get_image_width(png, reader->info);
  *height = png_get_image_height(png, reader->info);
  return true;
}

bool clibpng_read_pixels(clibpng_reader *reader, uint8_t *rgb, const int32_t *stop) {
  png_structp png = reader->png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_expand(png);    // palettes to RGB, 1, 2 and 4 bits to 8, a transparent colour to alpha
  png_set_scale_16(png);  // 16 bits to 8, rounded, as the PNG specification recommends
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, reader->info);
  size_t stride = png_get_rowbytes(png, reader->info);
  uint32_t height = png_get_image_height(png, reader->info);
  if (stride != (size_t)png_get_image_width(png, reader->info) * 3) png_error(png, "unknown pixel layout");
  if (!rgb && !(reader->row = malloc(stride))) png_error(png, "");
  for (int pass = 0; pass < passes; pass++)
    for (uint32_t y = 0; y < height; y++) {
      check_stop(png, stop);
      png_read_row(png, rgb ? rgb + y * stride : reader->row, NULL);
    }
  png_read_end(png, reader->after);
  return true;
}

int clibpng_text_count(const clibpng_reader *reader) {
  png_textp texts;
  int before = 0, after = 0;
  png_get_text(reader->png, reader->info, &texts, &before);
  png_get_text(reader->png, reader->after, &texts, &after);
  return before + after;
}

clibpng_text clibpng_text_at(const clibpng_reader *reader, int index) {
  png_textp texts;
  int before = 0, after = 0;
  png_get_text(reader->png, reader->info, &texts, &before);
  if (index >= before) png_get_text(reader->png, reader->after, &texts, &after);
  const png_text *text = &texts[index < before ? index : index - before];
  bool is_utf8 = text->compression >= PNG_ITXT_COMPRESSION_NONE;  // the only two above tEXt's and zTXt's
  return (clibpng_text){text->key, text->text, is_utf8 ? text->itxt_length : text->text_length, is_utf8};
}

const char *clibpng_reader_message(const clibpng_reader *reader) { return reader->reports.error.text; }
