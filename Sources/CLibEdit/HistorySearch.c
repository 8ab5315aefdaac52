#include "Editor.h"
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text, size_t length) {
  char *made = malloc(length + 1);
  if (made == NULL) return NULL;
  memcpy(made, text, length);
  made[length] = '\0';
  return made;
}

static void replace_line(EditLine *edit_line, const char *text) {
  const LineInfo *info = el_line(edit_line);
  const char *rest = info->cursor;
  // Code points after the cursor, which el_deletestr does not reach.
  size_t after = 0;
  for (const char *at = rest; at < info->lastchar; at++) after += ((unsigned char)*at & 0xC0) != 0x80;
  size_t all = after;
  for (const char *at = info->buffer; at < rest; at++) all += ((unsigned char)*at & 0xC0) != 0x80;
  el_cursor(edit_line, (int)after);
  if (all > 0) el_deletestr(edit_line, (int)all);
  if (*text != '\0') el_insertstr(edit_line, text);
}

// Goes to the next older (`step` 1) or newer (-1) entry that begins with what stood before the cursor when the search began.
static unsigned char search_history(EditLine *edit_line, int step) {
  clibedit_editor *editor = editor_of(edit_line);
  const LineInfo *info = el_line(edit_line);
  size_t length = (size_t)(info->lastchar - info->buffer);
  bool goes_on = editor->search_shown != NULL && strlen(editor->search_shown) == length &&
                 memcmp(editor->search_shown, info->buffer, length) == 0;
  if (!goes_on) {
    if (step < 0) return CC_ERROR;
    free(editor->search_prefix);
    free(editor->search_line);
    free(editor->search_shown);
    editor->search_prefix = copy(info->buffer, (size_t)(info->cursor - info->buffer));
    editor->search_line = copy(info->buffer, length);
    editor->search_shown = copy(info->buffer, length);
    editor->search_depth = -1;
    if (editor->search_prefix == NULL || editor->search_line == NULL || editor->search_shown == NULL) {
      return CC_ERROR;
    }
  }
  size_t prefix = strlen(editor->search_prefix);
  HistEvent event;
  const char *found = NULL;
  int found_depth = -1;
  int depth = 0;
  for (int status = history(editor->history, &event, H_FIRST); status == 0;
       status = history(editor->history, &event, H_NEXT), depth++) {
    if (step < 0 && depth >= editor->search_depth) break;
    if (step > 0 && depth <= editor->search_depth) continue;
    if (strncmp(event.str, editor->search_prefix, prefix) != 0) continue;
    if (strcmp(event.str, editor->search_shown) == 0) continue;
    found = event.str;
    found_depth = depth;
    if (step > 0) break;
  }
  if (found == NULL) {
    if (step > 0 || editor->search_depth < 0) return CC_ERROR;
    // Past the newest one comes what was being typed.
    found = editor->search_line;
  }
  char *shown = copy(found, strlen(found));
  if (shown == NULL) return CC_ERROR;
  free(editor->search_shown);
  editor->search_shown = shown;
  editor->search_depth = found_depth;
  replace_line(edit_line, shown);
  return CC_REFRESH;
}

unsigned char editor_older_key(EditLine *edit_line, int key) {
  (void)key;
  return search_history(edit_line, 1);
}

unsigned char editor_newer_key(EditLine *edit_line, int key) {
  (void)key;
  return search_history(edit_line, -1);
}
