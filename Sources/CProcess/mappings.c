#define _GNU_SOURCE
#include "CProcess.h"
#include "flags.h"
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// The table is read by a signal handler on any thread, so that its fields are atomic: `begin` is written last and cleared
// first. More files than a sharded model has.
enum { capacity = 4096 };
typedef struct {
  uintptr_t begin, end;
  int32_t is_taken, is_lost, is_reported;
} mapping;
static mapping mappings[capacity];
static int32_t used;

static struct sigaction previous;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define LOAD(place) __atomic_load_n(&(place), __ATOMIC_SEQ_CST)
#define STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_SEQ_CST)

static void handle(int signal, siginfo_t *info, void *context) {
  uintptr_t address = (uintptr_t)info->si_addr;
  int32_t count = LOAD(used);
  for (int32_t i = 0; i < count; i++) {
    uintptr_t begin = LOAD(mappings[i].begin), end = LOAD(mappings[i].end);
    if (begin == 0 || address < begin || address >= end) continue;
    // Zeros from the faulting page on: what follows in a truncated file is gone too.
    uintptr_t page = address & ~((uintptr_t)getpagesize() - 1);
    void *zeros =
        mmap((void *)page, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED) break;
    STORE(mappings[i].is_reported, 0);
    STORE(mappings[i].is_lost, 1);
    flags_stop();
    return;
  }
  // Not ours: what was there before decides.
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    sigaction(signal, &previous, NULL); // The access is made again, and ends the process.
  }
}

static void install(void) {
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

int32_t cprocess_watch_mapping(const void *address, size_t bytes) {
  pthread_once(&once, install);
  for (int32_t i = 0; i < capacity; i++) {
    int32_t is_free = 0;
    if (!__atomic_compare_exchange_n(
            &mappings[i].is_taken, &is_free, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
      continue;
    STORE(mappings[i].is_lost, 0);
    STORE(mappings[i].is_reported, 0);
    STORE(mappings[i].end, (uintptr_t)address + bytes);
    STORE(mappings[i].begin, (uintptr_t)address);
    int32_t count = LOAD(used);
    while (count <= i &&
           !__atomic_compare_exchange_n(&used, &count, i + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    return i;
  }
  return -1;
}

void cprocess_unwatch_mapping(int32_t slot) {
  if (slot < 0) return;
  STORE(mappings[slot].begin, 0);
  STORE(mappings[slot].is_lost, 0);
  STORE(mappings[slot].is_taken, 0);
}

bool cprocess_mapping_is_lost(int32_t slot) { return slot >= 0 && LOAD(mappings[slot].is_lost) != 0; }

static int32_t unreported(void) {
  int32_t count = LOAD(used);
  for (int32_t i = 0; i < count; i++) {
    if (LOAD(mappings[i].begin) != 0 && LOAD(mappings[i].is_lost) && !LOAD(mappings[i].is_reported)) return i;
  }
  return -1;
}

bool mapping_loss_is_pending(void) { return unreported() >= 0; }

int32_t cprocess_take_lost_mapping(void) {
  int32_t slot = unreported();
  if (slot >= 0) STORE(mappings[slot].is_reported, 1);
  flags_settle();
  return slot;
}

void cprocess_save_address_space(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) mallopt(M_ARENA_MAX, 1);
}

bool cprocess_can_map(size_t bytes) {
  void *probe = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, bytes);
  return true;
}
