#pragma once
#include <stdbool.h>
#include <stdint.h>

// A shim over libedit's histedit.h, whose el_set and history are variadic and cannot be called from Swift.

// MARK: Line editing

typedef struct clibedit_editor clibedit_editor;

// Called when Tab is pressed; `context` is what clibedit_open was given.
typedef void (*clibedit_complete)(void *context);

enum clibedit_status {
  clibedit_text = 0,         // a line was entered
  clibedit_interrupted = 1,  // Ctrl-C
  clibedit_end_of_input = 2, // Ctrl-D on an empty line, a closed terminal, or a signal that asks to end
};

// Makes LC_CTYPE that of the environment, or C.UTF-8 where that is no UTF-8. False when neither can be had.
bool clibedit_use_utf8(void);

// An editor named `name` (as ~/.editrc knows it) on two open descriptors of one terminal, which it
// duplicates. `settings` is the file of key bindings, NULL being $EDITRC or ~/.editrc. NULL with errno set on
// failure.
clibedit_editor *clibedit_open(const char *name, const char *settings, int input, int output,
                               int history_size, clibedit_complete complete, void *context);
void clibedit_close(clibedit_editor *editor);

// Reads one line. `prompt` is UTF-8; what stands between two \1 takes no columns. On clibedit_text, `line` is
// valid until the next call and `length` is its bytes without the newline. A signal that would end the
// process (HUP, QUIT, TERM) first gives the terminal back and is then raised again under the caller's own
// handlers.
enum clibedit_status clibedit_read(clibedit_editor *editor, const char *prompt, const char **line,
                                   int *length);

// Adds an entry for the arrow keys and the search; one equal to the newest is not added again.
void clibedit_remember(clibedit_editor *editor, const char *entry);

// Has the next clibedit_read begin with `text`, as if it had been typed.
void clibedit_type_ahead(clibedit_editor *editor, const char *text);

// Says that the terminal has yet to answer a question: answers that come while a line is read are discarded. `begun` is
// the part of an answer that has come already.
void clibedit_await_answers(clibedit_editor *editor, const char *begun, int count);

// While completing: the line as UTF-8 (not terminated), its bytes, and the cursor's byte offset.
const char *clibedit_line(clibedit_editor *editor, int *length, int *cursor);
// While completing: deletes `characters` code points before the cursor, then inserts `text` there.
void clibedit_replace(clibedit_editor *editor, int characters, const char *text);
// While completing: writes `text`, which ends in a newline, `rows_down` rows below the cursor's, and shows
// prompt and line again below it.
void clibedit_print_below(clibedit_editor *editor, int rows_down, const char *text);

// MARK: Terminal

// Columns of the terminal at `descriptor`, or 0 when it is none or does not know.
int clibedit_columns(int descriptor);
// Rows, in the same way.
int clibedit_rows(int descriptor);
