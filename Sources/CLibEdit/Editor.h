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
  // A byte read too far, after a sequence that was no UTF-8.
  char unread;
  bool has_unread;
};

clibedit_editor *editor_of(EditLine *edit_line);

// Waits for one byte of the keyboard: 1, or 0 at the end of input, or -1 when a signal ends the line.
int editor_read_byte(EditLine *edit_line, char *byte);

// Keys: an older and a newer entry that begins as what stands before the cursor, and the beginning of a paste.
unsigned char editor_older_key(EditLine *edit_line, int key);
unsigned char editor_newer_key(EditLine *edit_line, int key);
unsigned char editor_paste_key(EditLine *edit_line, int key);
