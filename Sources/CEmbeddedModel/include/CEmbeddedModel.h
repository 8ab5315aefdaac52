// A small trained pipeline in the diffusers layout, inside the program.
#pragma once
#include <stddef.h>

typedef struct {
  const char *path;  // Such as "unet/config.json".
  const unsigned char *bytes;
  size_t count;
} embedded_file;

size_t embedded_file_count(void);
const embedded_file *embedded_file_at(size_t index);
