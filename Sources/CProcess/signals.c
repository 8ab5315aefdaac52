#define _GNU_SOURCE
#include "CProcess.h"
#include "flags.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

// A signal handler can reach nothing but static storage, so these are static; all access is atomic.
static int32_t stop;
static int32_t interrupts;
static int32_t termination;
// How often SIGTERM and SIGQUIT arrived.
static int32_t demands;

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGXFSZ, SIGPIPE};
enum { handled_count = sizeof handled / sizeof handled[0] };
static struct sigaction previous[handled_count];
static bool installed;

static int32_t load(const int32_t *value) { return __atomic_load_n(value, __ATOMIC_SEQ_CST); }
static void store(int32_t *value, int32_t new) { __atomic_store_n(value, new, __ATOMIC_SEQ_CST); }

void flags_stop(void) { store(&stop, 1); }

void flags_settle(void) {
  store(&stop, 0);
  // What arrived before or between must still stop the next run.
  if (load(&interrupts) != 0 || load(&termination) != 0 || mapping_loss_is_pending()) store(&stop, 1);
}

static void give_back_terminal(void);

static void handle(int signal) {
  int saved = errno;
  if (signal == SIGALRM) {
    give_back_terminal();
    _exit(128 + load(&termination));
  }
  if (signal == SIGINT) {
    __atomic_add_fetch(&interrupts, 1, __ATOMIC_SEQ_CST);
  } else {
    int32_t none = 0;
    __atomic_compare_exchange_n(&termination, &none, signal, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    // A dropped connection may send SIGHUP twice, or SIGTERM with it; it gets the time that the first one gets.
    if (signal != SIGHUP && __atomic_fetch_add(&demands, 1, __ATOMIC_SEQ_CST) > 0) cprocess_end_soon(signal);
  }
  store(&stop, 1);
  errno = saved;
}

void cprocess_end_soon(int signal) {
  int32_t none = 0;
  __atomic_compare_exchange_n(&termination, &none, signal, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  // The first deadline holds, however many follow.
  static int32_t is_set;
  if (__atomic_exchange_n(&is_set, 1, __ATOMIC_SEQ_CST)) return;
  struct itimerval soon = {.it_value = {.tv_usec = 500000}};
  setitimer(ITIMER_REAL, &soon, NULL);
}

void cprocess_install_signals(void) {
  if (installed) return;
  // They may be blocked in the process that started this one, and would be here too.
  sigset_t all;
  sigemptyset(&all);
  for (int i = 0; i < handled_count; i++) {
    sigaddset(&all, handled[i]);
    // Without SA_RESTART: a batch that waits for its next line in read(2) must wake up and end.
    bool is_ignored = handled[i] == SIGXFSZ || handled[i] == SIGPIPE;
    struct sigaction action = {.sa_handler = is_ignored ? SIG_IGN : handle};
    sigemptyset(&action.sa_mask);
    sigaction(handled[i], NULL, &previous[i]);
    if (previous[i].sa_handler != SIG_IGN || handled[i] == SIGALRM) sigaction(handled[i], &action, NULL);
  }
  pthread_sigmask(SIG_UNBLOCK, &all, NULL);
  installed = true;
}

void cprocess_restore_signals(void) {
  if (!installed) return;
  for (int i = 0; i < handled_count; i++) sigaction(handled[i], &previous[i], NULL);
  installed = false;
}

const int32_t *cprocess_stop_flag(void) { return &stop; }
bool cprocess_should_stop(void) { return __atomic_load_n(&stop, __ATOMIC_RELAXED) != 0; }
int cprocess_interrupt_count(void) { return load(&interrupts); }
int cprocess_termination(void) { return load(&termination); }

void cprocess_raise_interrupt(void) {
  __atomic_add_fetch(&interrupts, 1, __ATOMIC_SEQ_CST);
  store(&stop, 1);
}

void cprocess_clear_interrupt(bool also_termination) {
  if (also_termination) {
    store(&termination, 0);
    store(&demands, 0);
  }
  store(&interrupts, 0);
  flags_settle();
}

// The terminal.

// While a line is edited, and while a command runs.
static int edited_input = -1, edited_output = -1;
static struct termios edited;
static int quiet_terminal = -1;
static struct termios shown, hidden;

// A process in the background is stopped when it changes the terminal's modes, and they are the shell's then anyway.
static bool is_in_foreground(int descriptor) { return tcgetpgrp(descriptor) == getpgrp(); }

void cprocess_keep_terminal(int input, int output) {
  store(&edited_input, -1);
  if (input < 0 || tcgetattr(input, &edited) != 0) return;
  edited_output = output;
  store(&edited_input, input);
}

static void give_back_terminal(void) {
  static const char paste_off[] = "\033[?2004l\n";
  int descriptor = load(&edited_input);
  if (descriptor >= 0 && is_in_foreground(descriptor)) {
    tcsetattr(descriptor, TCSANOW, &edited);
    (void)!write(edited_output, paste_off, sizeof paste_off - 1);
  }
  cprocess_show_typing();
}

static void stop_process(int signal) {
  int saved = errno;
  int descriptor = load(&quiet_terminal);
  if (descriptor >= 0 && is_in_foreground(descriptor)) tcsetattr(descriptor, TCSANOW, &shown);
  struct sigaction standard = {.sa_handler = SIG_DFL}, before;
  sigemptyset(&standard.sa_mask);
  sigaction(signal, &standard, &before);
  sigset_t this, mask;
  sigemptyset(&this);
  sigaddset(&this, signal);
  kill(getpid(), signal);
  // The process stops inside this call, and continues from it.
  pthread_sigmask(SIG_UNBLOCK, &this, &mask);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  sigaction(signal, &before, NULL);
  if (descriptor >= 0 && is_in_foreground(descriptor)) tcsetattr(descriptor, TCSANOW, &hidden);
  errno = saved;
}

void cprocess_hide_typing(int descriptor) {
  static bool is_registered;
  if (load(&quiet_terminal) >= 0 || tcgetattr(descriptor, &shown) != 0 || !is_in_foreground(descriptor)) return;
  if (!is_registered) atexit(cprocess_show_typing);
  is_registered = true;
  hidden = shown;
  hidden.c_lflag &= ~(tcflag_t)ECHO;
  if (tcsetattr(descriptor, TCSANOW, &hidden) != 0) return;
  store(&quiet_terminal, descriptor);
  struct sigaction action = {.sa_handler = stop_process, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTSTP, &action, NULL);
}

void cprocess_show_typing(void) {
  int descriptor = load(&quiet_terminal);
  if (descriptor < 0) return;
  store(&quiet_terminal, -1);
  if (is_in_foreground(descriptor)) tcsetattr(descriptor, TCSANOW, &shown);
  struct sigaction standard = {.sa_handler = SIG_DFL};
  sigemptyset(&standard.sa_mask);
  sigaction(SIGTSTP, &standard, NULL);
}
