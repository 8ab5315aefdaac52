#define _GNU_SOURCE
#include "CLibEdit.h"
#include "PromptSignals.h"
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

struct clibedit_editor {
  EditLine *edit_line;
  History *history;
  FILE *input;
  FILE *output;
  const char *prompt;
  clibedit_complete complete;
  void *context;
  // The signal that ended the line being read: SIGINT, or one to raise again; 0 when none did.
  int ended_by;
  // What the arrow keys look for: what stood before the cursor when the first of them was pressed, the whole line then,
  // and how many entries back the one is that is shown; its text tells whether another key was pressed since.
  char *search_prefix;
  char *search_line;
  char *search_shown;
  int search_depth;
  // Whether the terminal is to say where a paste begins and ends.
  bool has_brackets;
  // A byte read too far, after a sequence that was no UTF-8.
  char unread;
  bool has_unread;
};

static clibedit_editor *editor_of(EditLine *edit_line) {
  void *editor = NULL;
  el_get(edit_line, EL_CLIENTDATA, &editor);
  return editor;
}

static char *prompt_of(EditLine *edit_line) { return (char *)editor_of(edit_line)->prompt; }

// Bracketed paste, which terminals without it ignore.
static void set_brackets(EditLine *edit_line, bool on) {
  clibedit_editor *editor = editor_of(edit_line);
  if (!editor->has_brackets) return;
  fputs(on ? "\033[?2004h" : "\033[?2004l", editor->output);
  fflush(editor->output);
}

// Draws prompt and line again from the left edge of the cursor's row.
static void redraw(EditLine *edit_line) {
  fputs("\r", editor_of(edit_line)->output);
  el_resize(edit_line);
  el_set(edit_line, EL_REFRESH);
}

// Handles what prompt_signals gathered. False when the line is to be given up.
static bool handle_signals(EditLine *edit_line) {
  for (int number; (number = prompt_signals_next()) != 0;) {
    switch (number) {
    case SIGWINCH:
      redraw(edit_line);
      break;
    case SIGTSTP:
      set_brackets(edit_line, false);
      el_set(edit_line, EL_PREP_TERM, 0);
      // Returns at once in an orphaned process group, which the kernel does not stop.
      prompt_signals_suspend();
      // fallthrough
    case SIGCONT:
      // The shell may have changed the terminal's modes meanwhile.
      el_set(edit_line, EL_PREP_TERM, 0);
      el_set(edit_line, EL_PREP_TERM, 1);
      set_brackets(edit_line, true);
      redraw(edit_line);
      break;
    default:
      editor_of(edit_line)->ended_by = number;
      return false;
    }
  }
  return true;
}

// Waits for one byte of the keyboard: 1, or 0 at the end of input, or -1 when a signal ends the line.
static int read_byte(EditLine *edit_line, char *byte) {
  int input = fileno(editor_of(edit_line)->input);
  for (;;) {
    struct pollfd waits[2] = {{.fd = input, .events = POLLIN},
                              {.fd = prompt_signals_descriptor(), .events = POLLIN}};
    if (poll(waits, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    if (waits[1].revents != 0 && !handle_signals(edit_line)) return -1;
    if (waits[0].revents == 0) continue;
    ssize_t count = read(input, byte, 1);
    if (count >= 0) return (int)count;
    if (errno == EIO) return 0; // the terminal is gone
    if (errno != EINTR && errno != EAGAIN) return -1;
  }
}

// libedit's own reader knows neither our pipe nor what to do with bytes that are no UTF-8: they become
// U+FFFD.
static int read_character(EditLine *edit_line, wchar_t *character) {
  clibedit_editor *editor = editor_of(edit_line);
  fflush(editor->output);
  mbstate_t state;
  memset(&state, 0, sizeof state);
  for (bool is_first = true;; is_first = false) {
    char byte = editor->unread;
    if (editor->has_unread) {
      editor->has_unread = false;
    } else {
      int count = read_byte(edit_line, &byte);
      if (count != 1) return count;
    }
    size_t used = mbrtowc(character, &byte, 1, &state);
    if (used == (size_t)-2) continue;
    if (used == (size_t)-1) {
      *character = 0xFFFD;
      // A byte that cannot go on with the sequence may begin the next character.
      editor->has_unread = !is_first;
      editor->unread = byte;
    }
    return 1;
  }
}

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

static unsigned char older_key(EditLine *edit_line, int key) {
  (void)key;
  return search_history(edit_line, 1);
}

static unsigned char newer_key(EditLine *edit_line, int key) {
  (void)key;
  return search_history(edit_line, -1);
}

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
static unsigned char paste_key(EditLine *edit_line, int key) {
  (void)key;
  size_t size = 0, room = 4096, matched = 0;
  const size_t end = sizeof paste_end - 1;
  char *text = malloc(room);
  if (text == NULL) return CC_ERROR;
  while (matched < end) {
    char byte;
    if (read_byte(edit_line, &byte) != 1) {
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

static unsigned char complete_key(EditLine *edit_line, int key) {
  (void)key;
  clibedit_editor *editor = editor_of(edit_line);
  editor->complete(editor->context);
  return CC_REFRESH;
}

// What is bound beyond libedit's Emacs keys: completion, search, and where most people's fingers expect
// something else than libedit does (Ctrl-U to the line's start, Ctrl-W one word), and the keys of today's
// keyboards.
static void bind_keys(EditLine *edit_line) {
  static const char *const keys[][2] = {
      {"^I", "ssd1b-complete"},        {"^R", "em-inc-search-prev"},      {"^U", "vi-kill-line-prev"},
      {"^W", "ed-delete-prev-word"},   {"\\e[H", "ed-move-to-beg"},       {"\\eOH", "ed-move-to-beg"},
      {"\\e[1~", "ed-move-to-beg"},    {"\\e[F", "ed-move-to-end"},       {"\\eOF", "ed-move-to-end"},
      {"\\e[4~", "ed-move-to-end"},    {"\\e[3~", "ed-delete-next-char"}, {"\\e[1;5C", "em-next-word"},
      {"\\e[1;5D", "ed-prev-word"},
      {"\\e[A", "ssd1b-older"},        {"\\eOA", "ssd1b-older"},         {"\\e[B", "ssd1b-newer"},
      {"\\eOB", "ssd1b-newer"},        {"\\e[200~", "ssd1b-paste"},
  };
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    el_set(edit_line, EL_BIND, keys[i][0], keys[i][1], NULL);
  }
}

bool clibedit_use_utf8(void) {
  if (setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0) return true;
  return setlocale(LC_CTYPE, "C.UTF-8") != NULL;
}

static FILE *stream(int descriptor, const char *mode) {
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return NULL;
  FILE *file = fdopen(copy, mode);
  if (file == NULL) close(copy);
  return file;
}

clibedit_editor *clibedit_open(const char *name, const char *settings, int input, int output,
                               int history_size, clibedit_complete complete, void *context) {
  clibedit_editor *editor = calloc(1, sizeof *editor);
  if (editor == NULL) return NULL;
  editor->prompt = "";
  editor->complete = complete;
  editor->context = context;
  editor->input = stream(input, "r");
  editor->output = stream(output, "w");
  editor->history = history_init();
  if (editor->input != NULL && editor->output != NULL) {
    editor->edit_line = el_init(name, editor->input, editor->output, stderr);
  }
  if (editor->edit_line == NULL || editor->history == NULL) {
    int reason = errno == 0 ? ENOMEM : errno;
    clibedit_close(editor);
    errno = reason;
    return NULL;
  }

  HistEvent event;
  history(editor->history, &event, H_SETSIZE, history_size);
  history(editor->history, &event, H_SETUNIQUE, 1);

  EditLine *edit_line = editor->edit_line;
  el_set(edit_line, EL_CLIENTDATA, editor);
  el_set(edit_line, EL_PROMPT_ESC, prompt_of, '\1');
  el_set(edit_line, EL_EDITOR, "emacs");
  el_set(edit_line, EL_HIST, history, editor->history);
  el_wset(edit_line, EL_GETCFN, read_character);
  el_set(edit_line, EL_ADDFN, "ssd1b-complete", "Complete the word before the cursor", complete_key);
  el_set(edit_line, EL_ADDFN, "ssd1b-older", "The older entry that begins so", older_key);
  el_set(edit_line, EL_ADDFN, "ssd1b-newer", "The newer entry that begins so", newer_key);
  el_set(edit_line, EL_ADDFN, "ssd1b-paste", "Take a pasted text in", paste_key);
  bind_keys(edit_line);
  el_source(edit_line, settings);
  const char *style = NULL;
  el_get(edit_line, EL_EDITOR, &style);
  // `bind -v` in the settings starts from an empty map: Tab must still complete. Escape must stay a key of its own there, so
  // that no sequence can begin with it, and a paste is what it was before there were brackets: lines typed fast.
  const char *terminal = getenv("TERM");
  editor->has_brackets =
      (style == NULL || strcmp(style, "vi") != 0) && terminal != NULL && strcmp(terminal, "dumb") != 0;
  if (style != NULL && strcmp(style, "vi") == 0) {
    el_set(edit_line, EL_BIND, "^I", "ssd1b-complete", NULL);
  }
  return editor;
}

void clibedit_close(clibedit_editor *editor) {
  if (editor->edit_line != NULL) el_end(editor->edit_line);
  if (editor->history != NULL) history_end(editor->history);
  if (editor->input != NULL) fclose(editor->input);
  if (editor->output != NULL) fclose(editor->output);
  free(editor->search_prefix);
  free(editor->search_line);
  free(editor->search_shown);
  free(editor);
}

enum clibedit_status clibedit_read(clibedit_editor *editor, const char *prompt, const char **line,
                                   int *length) {
  editor->prompt = prompt;
  editor->ended_by = 0;
  *line = "";
  *length = 0;
  if (!prompt_signals_begin()) return clibedit_end_of_input;
  // libedit itself shows the prompt first: a control key pressed at once would be the terminal's.
  el_set(editor->edit_line, EL_PREP_TERM, 1);
  free(editor->search_shown);
  editor->search_shown = NULL;
  set_brackets(editor->edit_line, true);
  int count = 0;
  const char *text = el_gets(editor->edit_line, &count);
  editor->prompt = "";
  set_brackets(editor->edit_line, false);
  if (text == NULL || count <= 0) {
    fputs(editor->ended_by == SIGINT ? "^C\n" : "\n", editor->output);
  }
  fflush(editor->output);
  prompt_signals_end();
  // One that arrived after the line was complete still counts, under the caller's handlers.
  for (int number; (number = prompt_signals_next()) != 0;) {
    if (editor->ended_by == 0 && number != SIGWINCH && number != SIGCONT) kill(getpid(), number);
  }
  if (editor->ended_by == SIGINT) return clibedit_interrupted;
  // To the process, not this thread, which may have it blocked.
  if (editor->ended_by != 0) kill(getpid(), editor->ended_by);
  if (text == NULL || count <= 0) return clibedit_end_of_input;
  if (text[count - 1] == '\n' || text[count - 1] == '\r') count--;
  *line = text;
  *length = count;
  return clibedit_text;
}

void clibedit_remember(clibedit_editor *editor, const char *entry) {
  HistEvent event;
  history(editor->history, &event, H_ENTER, entry);
}

void clibedit_type_ahead(clibedit_editor *editor, const char *text) { el_push(editor->edit_line, text); }

const char *clibedit_line(clibedit_editor *editor, int *length, int *cursor) {
  const LineInfo *info = el_line(editor->edit_line);
  *length = (int)(info->lastchar - info->buffer);
  *cursor = (int)(info->cursor - info->buffer);
  return info->buffer;
}

void clibedit_replace(clibedit_editor *editor, int characters, const char *text) {
  if (characters > 0) el_deletestr(editor->edit_line, characters);
  if (*text != '\0') el_insertstr(editor->edit_line, text);
}

void clibedit_print_below(clibedit_editor *editor, int rows_down, const char *text) {
  for (int row = 0; row < rows_down; row++) fputc('\n', editor->output);
  fputs("\r", editor->output);
  fputs(text, editor->output);
  // The display that libedit remembers is above now; it starts a new one where the cursor stands.
  el_set(editor->edit_line, EL_REFRESH);
}

int clibedit_columns(int descriptor) {
  struct winsize size;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int clibedit_rows(int descriptor) {
  struct winsize size;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}
