#include "Editor.h"
#include <poll.h>
#include <string.h>
#include <time.h>

// A terminal that is far away may answer a question after the program stopped waiting. Its answers are no keys.

// A line that breaks in the middle of an answer is waited for so long.
enum { escape = 0x1B, within_ms = 100, rest_within_ms = 3000, string_limit = 4096 };

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void editor_unread_byte(clibedit_editor *editor, char byte) {
  if (editor->unread_count < (int)sizeof editor->unread) editor->unread[editor->unread_count++] = byte;
}

// The next byte if it comes at once, as those of one sequence do.
static bool next_byte(EditLine *edit_line, char *byte) {
  clibedit_editor *editor = editor_of(edit_line);
  if (editor->unread_count == 0) {
    struct pollfd wait = {.fd = fileno(editor->input), .events = POLLIN};
    if (poll(&wait, 1, within_ms) <= 0) return false;
  }
  return editor_read_byte(edit_line, byte) == 1;
}

// Of a string ( _ or P ): up to ESC and backslash, as far as they have come.
static void skip_string(EditLine *edit_line) {
  clibedit_editor *editor = editor_of(edit_line);
  char byte, before = 0;
  editor->unfinished_since = 0;
  for (int count = 0; count < string_limit; count++) {
    if (!next_byte(edit_line, &byte)) {
      editor->unfinished_since = now_ms();
      return;
    }
    if (before == escape && byte == '\\') return;
    before = byte;
  }
}

bool editor_continues_answer(EditLine *edit_line, char byte) {
  clibedit_editor *editor = editor_of(edit_line);
  if (editor->unfinished_since == 0) return false;
  bool is_late = now_ms() - editor->unfinished_since > rest_within_ms;
  editor->unfinished_since = 0;
  if (is_late) return false;
  editor_unread_byte(editor, byte);
  skip_string(edit_line);
  return true;
}

bool editor_skip_answer(EditLine *edit_line) {
  clibedit_editor *editor = editor_of(edit_line);
  char read[16];
  int count = 0;
  if (!next_byte(edit_line, &read[count])) return false;
  if (read[count] == '_' || read[count] == 'P') {
    skip_string(edit_line);
    return true;
  }
  if (read[count++] == '[') {
    while (count < (int)sizeof read && next_byte(edit_line, &read[count])) {
      char byte = read[count++];
      if (byte >= 0x20 && byte < 0x40) continue;
      // Attributes, which are the last answer, and the size of a cell; arrow and function keys have the same form.
      bool is_last = byte == 'c' && read[1] == '?';
      if (is_last) editor->awaits_answers = false;
      if (is_last || (byte == 't' && strncmp(read, "[6;", 3) == 0)) return true;
      break;
    }
  }
  while (count > 0) editor_unread_byte(editor, read[--count]);
  return false;
}

void clibedit_await_answers(clibedit_editor *editor, const char *begun, int count) {
  editor->awaits_answers = true;
  while (count > 0) editor_unread_byte(editor, begun[--count]);
}
