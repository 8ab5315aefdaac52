#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// PNG pictures in memory, by libpng. libpng reports errors by longjmp, which must not cross Swift frames:
// every jump starts and ends inside one of these functions, and what reaches the caller is `false` and a
// message.

// The largest width and height that is read or written. It bounds the pixels in memory at 768 MiB.
enum { CLIBPNG_MAX_SIDE = 16384 };

// One text chunk. `keyword` is Latin-1 and ends with a zero byte; `text` has `length` bytes, in UTF-8 where
// `is_utf8` (iTXt) and in Latin-1 otherwise (tEXt, and zTXt when reading).
typedef struct {
  const char *keyword;
  const char *text;
  size_t length;
  bool is_utf8;
} clibpng_text;

// libpng's own words for what went wrong; empty where memory ran out.
typedef struct {
  char text[128];
} clibpng_message;

// Encodes `width` x `height` RGB pixels of 8 bits, rows without padding, and `count` texts. On success
// `*bytes` is owned by the caller, who frees it with `free`. Fails between two rows once `*stop` (which may be NULL) is not 0.
bool clibpng_encode(
  const uint8_t *rgb, uint32_t width, uint32_t height, const clibpng_text *texts, int count, uint8_t **bytes,
  size_t *size, const int32_t *stop, clibpng_message *message);

typedef struct clibpng_reader clibpng_reader;

// A reader over `bytes`, which must outlive it. Null where memory ran out.
clibpng_reader *clibpng_reader_create(const uint8_t *bytes, size_t size);
void clibpng_reader_destroy(clibpng_reader *reader);

// First: everything before the pixels.
bool clibpng_read_header(clibpng_reader *reader, uint32_t *width, uint32_t *height);
// Second: the pixels as RGB of 8 bits, whatever the file holds, and the chunks after them. Alpha is dropped,
// no colour is managed. `rgb` has width * height * 3 bytes, or is null where only the texts matter.
// Fails between two rows once `*stop` (which may be NULL) is not 0.
bool clibpng_read_pixels(clibpng_reader *reader, uint8_t *rgb, const int32_t *stop);

// Third: the texts, in the file's order; they belong to the reader.
int clibpng_text_count(const clibpng_reader *reader);
clibpng_text clibpng_text_at(const clibpng_reader *reader, int index);

// What the last failing call met. Belongs to the reader.
const char *clibpng_reader_message(const clibpng_reader *reader);
