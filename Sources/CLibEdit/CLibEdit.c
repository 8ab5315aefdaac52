#define _GNU_SOURCE
#include "CLibEdit.h"
#include "CProcess.h"
#include "Editor.h"
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

clibedit_editor *editor_of(EditLine *edit_line) {
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

int editor_read_byte(EditLine *edit_line, char *byte) {
  clibedit_editor *editor = editor_of(edit_line);
  if (editor->unread_count > 0) {
    *byte = editor->unread[--editor->unread_count];
    return 1;
  }
  int input = fileno(editor->input);
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
  bool is_first = true;
  for (;;) {
    char byte = 0;
    int count = editor_read_byte(edit_line, &byte);
    if (count != 1) return count;
    if (is_first && editor_continues_answer(edit_line, byte)) continue;
    if (is_first && byte == '\033' && editor->awaits_answers && editor_skip_answer(edit_line)) continue;
    size_t used = mbrtowc(character, &byte, 1, &state);
    if (used == (size_t)-2) {
      is_first = false;
      continue;
    }
    if (used == (size_t)-1) {
      *character = 0xFFFD;
      // A byte that cannot go on with the sequence may begin the next character.
      if (!is_first) editor_unread_byte(editor, byte);
    }
    return 1;
  }
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
  el_set(edit_line, EL_ADDFN, "ssd1b-older", "The older entry that begins so", editor_older_key);
  el_set(edit_line, EL_ADDFN, "ssd1b-newer", "The newer entry that begins so", editor_newer_key);
  el_set(edit_line, EL_ADDFN, "ssd1b-paste", "Take a pasted text in", editor_paste_key);
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
  cprocess_show_typing();
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
  cprocess_show_typing();
  if (!prompt_signals_begin()) return clibedit_end_of_input;
  cprocess_keep_terminal(fileno(editor->input), fileno(editor->output));
  // libedit itself shows the prompt first: a control key pressed at once would be the terminal's.
  el_set(editor->edit_line, EL_PREP_TERM, 1);
  free(editor->search_shown);
  editor->search_shown = NULL;
  set_brackets(editor->edit_line, true);
  int count = 0;
  const char *text = el_gets(editor->edit_line, &count);
  prompt_signals_end();
  cprocess_keep_terminal(-1, -1);
  // Typing during the command is not echoed now; it appears at the next prompt.
  cprocess_hide_typing(fileno(editor->input));
  editor->prompt = "";
  set_brackets(editor->edit_line, false);
  if (text == NULL || count <= 0) {
    fputs(editor->ended_by == SIGINT ? "^C\n" : "\n", editor->output);
  }
  fflush(editor->output);
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
