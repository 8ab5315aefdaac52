#include "CLibEdit.h"
#include <signal.h>
#include <stddef.h>

// A signal handler can reach nothing but static storage, so these are static; all access is atomic.
static int32_t interrupted;
static int32_t terminated;

static struct sigaction previous_interrupt, previous_terminate;
static bool installed;

static void handle(int signal) {
  if (signal == SIGTERM) __atomic_store_n(&terminated, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
}

static void replace(int signal, struct sigaction *previous) {
  // Without SA_RESTART: a batch that waits for its next line in read(2) must wake up and end.
  struct sigaction action = {.sa_handler = handle};
  sigemptyset(&action.sa_mask);
  sigaction(signal, NULL, previous);
  if (previous->sa_handler != SIG_IGN) sigaction(signal, &action, NULL);
}

void clibedit_install_signal_flags(void) {
  if (installed) return;
  replace(SIGINT, &previous_interrupt);
  replace(SIGTERM, &previous_terminate);
  installed = true;
}

void clibedit_restore_signals(void) {
  if (!installed) return;
  sigaction(SIGINT, &previous_interrupt, NULL);
  sigaction(SIGTERM, &previous_terminate, NULL);
  installed = false;
}

const int32_t *clibedit_interrupt_flag(void) { return &interrupted; }
bool clibedit_is_interrupted(void) { return __atomic_load_n(&interrupted, __ATOMIC_RELAXED) != 0; }
int clibedit_interrupt_count(void) { return __atomic_load_n(&interrupted, __ATOMIC_RELAXED); }
bool clibedit_is_terminated(void) { return __atomic_load_n(&terminated, __ATOMIC_RELAXED) != 0; }
void clibedit_raise_interrupt(void) { __atomic_store_n(&interrupted, 1, __ATOMIC_RELAXED); }

void clibedit_clear_interrupt(bool also_termination) {
  if (also_termination) __atomic_store_n(&terminated, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&interrupted, 0, __ATOMIC_RELAXED);
  // A termination that arrived before or between the two stores must still stop the next run.
  if (clibedit_is_terminated()) __atomic_store_n(&interrupted, 1, __ATOMIC_RELAXED);
}
