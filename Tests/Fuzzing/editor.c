// Any bytes typed at the line editor, on a pseudo-terminal: it goes on to the end of input.
#include "CLibEdit.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static clibedit_editor *editor;

static void complete(void *context) {
  (void)context;
  int length, cursor;
  const char *line = clibedit_line(editor, &length, &cursor);
  // Reads what it was told is there.
  volatile int sum = 0;
  for (int i = 0; i < length; i++) sum += line[i];
  clibedit_replace(editor, cursor > 0 ? 1 : 0, "generate ");
  if (length % 3 == 0) clibedit_print_below(editor, 1, "generate  get\n");
}

// The keyboard, and a reader so that the program's output never fills the terminal.
typedef struct {
  int control;
  const uint8_t *bytes;
  size_t size;
} keyboard;

static void *type(void *argument) {
  keyboard *keys = argument;
  size_t sent = 0;
  char sink[4096];
  for (;;) {
    struct pollfd wait = {keys->control, POLLIN | POLLOUT, 0};
    if (poll(&wait, 1, 1000) <= 0) break;
    if (wait.revents & POLLIN && read(keys->control, sink, sizeof sink) <= 0) break;
    if (wait.revents & (POLLHUP | POLLERR) && !(wait.revents & POLLIN)) break;
    if (wait.revents & POLLOUT) {
      if (sent < keys->size) {
        ssize_t count = write(keys->control, keys->bytes + sent, keys->size - sent > 64 ? 64 : keys->size - sent);
        if (count > 0) sent += (size_t)count;
      } else {
        // Ends an answer, a paste and the line, and then the input; again while it has not ended.
        static const char end[] = "\033\\\033[201~\r\004";
        (void)!write(keys->control, end, sizeof end - 1);
        usleep(200);
      }
    }
  }
  return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 2000) return 0;
  int control, device;
  struct winsize window = {.ws_row = 24, .ws_col = 1 + (size > 0 ? data[0] % 100 : 79)};
  if (openpty(&control, &device, NULL, NULL, &window) != 0) return 0;
  // Signals that its keys stand for would be this process's, and Ctrl-S would stop it as it stops any program.
  struct termios modes;
  tcgetattr(device, &modes);
  modes.c_lflag &= ~(tcflag_t)ISIG;
  modes.c_iflag &= ~(tcflag_t)IXON;
  tcsetattr(device, TCSANOW, &modes);
  editor = clibedit_open("fuzz", "/dev/null", device, device, 50, complete, NULL);
  if (editor) {
    keyboard keys = {control, data, size};
    pthread_t thread;
    pthread_create(&thread, NULL, type, &keys);
    if (size > 1 && data[1] & 1) clibedit_await_answers(editor, "\033_G", size > 2 ? data[2] % 4 : 0);
    const char *line;
    int length;
    while (clibedit_read(editor, "\1\033[36m\1> ", &line, &length) == clibedit_text) {
      char *entry = malloc((size_t)length + 1);
      memcpy(entry, line, (size_t)length);
      entry[length] = 0;
      clibedit_remember(editor, entry);
      free(entry);
    }
    clibedit_close(editor);
    close(device);
    pthread_join(thread, NULL);
  } else {
    close(device);
  }
  close(control);
  return 0;
}
