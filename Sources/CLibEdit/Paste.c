#include "Editor.h"
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

// What a terminal sends around a pasted text, between ESC [ 200 ~ and this.
static const char paste_end[] = "\033[201~";
enum { paste_limit = 1 << 20 };

// A pasted text as it may stand in a line: carriage returns are line breaks, tabs blanks, other control characters nothing,
// and bytes that are no UTF-8 U+FFFD; no line breaks at its end. NULL when there is no memory.
static char *cleaned(const char *text, size_t size) {
  // One byte may become the three of U+FFFD.
  char *made = malloc(3 * size + 1);
  if (made == NULL) return NULL;
  size_t kept = 0;
  for (size_t i = 0; i < size;) {
    mbstate_t state;
    memset(&state, 0, sizeof state);
    wchar_t character = 0;
    size_t used = mbrtowc(&character, text + i, size - i, &state);
    if (used == (size_t)-1 || used == (size_t)-2) {
      memcpy(made + kept, "\xEF\xBF\xBD", 3);
      kept += 3;
      i++;
      continue;
    }
    if (used == 0) used = 1;
    if (character == '\r' || character == '\n') {
      if (character == '\r' && i + 1 < size && text[i + 1] == '\n') i++;
      made[kept++] = '\n';
    } else if (character == '\t') {
      made[kept++] = ' ';
    } else if (character >= 0x20 && character != 0x7F && !(character >= 0x80 && character < 0xA0)) {
      memcpy(made + kept, text + i, used);
      kept += used;
    }
    i += used;
  }
  while (kept > 0 && made[kept - 1] == '\n') kept--;
  made[kept] = '\0';
  return made;
}

// Takes a pasted text in as it is: its lines become one input, and nothing in it is a key.
unsigned char editor_paste_key(EditLine *edit_line, int key) {
  (void)key;
  size_t size = 0, room = 4096, matched = 0;
  const size_t end = sizeof paste_end - 1;
  char *text = malloc(room);
  if (text == NULL) return CC_ERROR;
  while (matched < end) {
    char byte;
    if (editor_read_byte(edit_line, &byte) != 1) {
      // A signal or the end of input ends the line, as it does anywhere in it.
      free(text);
      return CC_EOF;
    }
    // No proper beginning of the end is also an end of one, but for its first byte.
    matched = byte == paste_end[matched] ? matched + 1 : byte == paste_end[0] ? 1 : 0;
    if (size + 1 >= room && room < paste_limit) {
      char *more = realloc(text, room * 2);
      if (more == NULL) {
        free(text);
        return CC_ERROR;
      }
      text = more;
      room *= 2;
    }
    // Past the limit the rest is let go; its end must still be found.
    if (size + 1 < room) text[size++] = byte;
  }
  if (size >= end && memcmp(text + size - end, paste_end, end) == 0) size -= end;
  char *clean = cleaned(text, size);
  free(text);
  if (clean == NULL) return CC_ERROR;
  int status = *clean == '\0' ? 0 : el_insertstr(edit_line, clean);
  free(clean);
  return status == 0 ? CC_REFRESH : CC_ERROR;
}
