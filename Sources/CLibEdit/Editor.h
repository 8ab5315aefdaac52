#pragma once
#include "CLibEdit.h"
#include <histedit.h>
#include <stdio.h>

// What the files of this shim share; nothing outside it includes this.

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
  // Bytes to be read again before those of the keyboard, the next one last.
  char unread[64];
  int unread_count;
  // Whether the terminal has yet to answer a question it was asked while no line was read.
  bool awaits_answers;
  // When, in milliseconds, the last byte came of an answer that has not come to its end; 0 when there is none.
  int64_t unfinished_since;
};

clibedit_editor *editor_of(EditLine *edit_line);

// Waits for one byte of the keyboard: 1, or 0 at the end of input, or -1 when a signal ends the line.
int editor_read_byte(EditLine *edit_line, char *byte);

// Puts a byte back, to be read next.
void editor_unread_byte(clibedit_editor *editor, char byte);
// Whether a byte belongs to an answer that had begun before.
bool editor_continues_answer(EditLine *edit_line, char byte);
// After an escape was read while answers are due: takes the rest of an answer away and returns true, or puts back what it read.
bool editor_skip_answer(EditLine *edit_line);

// Keys: an older and a newer entry that begins as what stands before the cursor, and the beginning of a paste.
unsigned char editor_older_key(EditLine *edit_line, int key);
unsigned char editor_newer_key(EditLine *edit_line, int key);
unsigned char editor_paste_key(EditLine *edit_line, int key);
