#pragma once
#include <stdbool.h>

// The signals that matter while a prompt waits, as events of a pipe that can be polled beside the keyboard.
// libedit's own handling (EL_SIGNAL) is not used: it sends every signal again to the whole process group.

// Takes over the signals. False with errno set when there is no pipe to be had.
bool prompt_signals_begin(void);
// The descriptor to poll.
int prompt_signals_descriptor(void);
// The next signal that arrived, or 0.
int prompt_signals_next(void);
// Lets the process be stopped by SIGTSTP; returns when it goes on.
void prompt_signals_suspend(void);
// Puts the caller's handlers back.
void prompt_signals_end(void);
