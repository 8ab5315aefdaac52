#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a process has only one of: its signal handlers, its controlling terminal, its address space.

// MARK: Signals

// Handlers for SIGINT, SIGTERM, SIGHUP and SIGQUIT that only set flags; SIGXFSZ and SIGPIPE are ignored, so that the write
// that caused them fails with an error instead. A signal the process was started with ignored stays ignored.
//
// A second SIGTERM or SIGQUIT, of either kind, ends the process within half a second, whatever it is doing.
void cprocess_install_signals(void);
// Puts back what was there before cprocess_install_signals.
void cprocess_restore_signals(void);

// Non-zero when the running command should stop. Any thread may read it with a relaxed atomic load.
const int32_t *cprocess_stop_flag(void);
bool cprocess_should_stop(void);
// How often SIGINT arrived since the last clear.
int cprocess_interrupt_count(void);
// The first signal that asked the process to end, or 0.
int cprocess_termination(void);
// Sets the flag as SIGINT would.
void cprocess_raise_interrupt(void);
// Forgets an interruption, and a termination only when told to.
void cprocess_clear_interrupt(bool also_termination);
// Ends the process half a second from now, with the terminal put back; for a signal handler.
void cprocess_end_soon(int signal);

// MARK: Terminal

// What cprocess_end_soon puts back: the modes of the terminal at `input` as they are now, bracketed paste off. -1 for none.
void cprocess_keep_terminal(int input, int output);

// Stops the terminal at `descriptor` from echoing what is typed, until cprocess_show_typing or the end of the process.
// Stopping the process with SIGTSTP meanwhile gives the terminal back as it was found. No effect off a terminal.
void cprocess_hide_typing(int descriptor);
void cprocess_show_typing(void);

// MARK: Mapped files

// Watches a mapping of a file: when its pages can no longer be read because the file was truncated (SIGBUS), zeros take
// their place and the stop flag is raised. Returns a slot, or -1 when all are taken.
int32_t cprocess_watch_mapping(const void *address, size_t bytes);
// Call before unmapping.
void cprocess_unwatch_mapping(int32_t slot);
// Whether pages of this mapping were lost.
bool cprocess_mapping_is_lost(int32_t slot);
// A slot whose mapping lost pages since the last call, or -1. Lowers the stop flag unless something else raised it too.
int32_t cprocess_take_lost_mapping(void);

// MARK: Memory

// Whether the process may map this many more bytes; nothing is kept.
bool cprocess_can_map(size_t bytes);
// Where the address space is limited (ulimit -v), keeps malloc from setting some 100 MB of it aside for each thread. For the
// start of the process.
void cprocess_save_address_space(void);
