#define _GNU_SOURCE
#include "PromptSignals.h"
#include "CProcess.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGWINCH, SIGTSTP, SIGCONT, SIGTERM, SIGHUP, SIGQUIT};
enum { signal_count = sizeof signals / sizeof signals[0] };

// A handler can reach nothing but static storage. The pipe is made once and stays open.
static int pipe_ends[2] = {-1, -1};
static struct sigaction previous[signal_count];
// Signals that ask the process to end and have not been taken off the pipe: the editor may be busy completing a word.
static int32_t waiting;

static bool ends(int signal) { return signal == SIGTERM || signal == SIGQUIT; }

static void handle(int signal) {
  int saved = errno;
  if (ends(signal) && __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST) > 0) cprocess_end_soon(signal);
  unsigned char byte = (unsigned char)signal;
  // A full pipe means thousands of signals are waiting already.
  ssize_t written = write(pipe_ends[1], &byte, 1);
  (void)written;
  errno = saved;
}

static void take(int signal, struct sigaction *before) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, before);
}

bool prompt_signals_begin(void) {
  if (pipe_ends[0] < 0 && pipe2(pipe_ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
  for (int i = 0; i < signal_count; i++) take(signals[i], &previous[i]);
  return true;
}

int prompt_signals_descriptor(void) { return pipe_ends[0]; }

int prompt_signals_next(void) {
  unsigned char byte = 0;
  if (read(pipe_ends[0], &byte, 1) != 1) return 0;
  if (ends(byte)) __atomic_fetch_sub(&waiting, 1, __ATOMIC_SEQ_CST);
  return byte;
}

void prompt_signals_suspend(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTSTP, &action, NULL);
  kill(getpid(), SIGTSTP);
  take(SIGTSTP, NULL);
}

void prompt_signals_end(void) {
  for (int i = 0; i < signal_count; i++) sigaction(signals[i], &previous[i], NULL);
}
