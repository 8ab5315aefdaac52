#define _GNU_SOURCE
#include "CKernels.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Workers sleep on a condition variable between runs, after spinning a while, since ops follow each other closely.
//
// A run does not wait for workers that have not joined it: one that the system has given no processor, because another
// process has it, would hold up every call by a time slice. The gate counts those that have: its upper half is the run's
// number, its lower half the workers inside, and a bit between says that no more may enter.
enum { SPINS = 20000 };
#define CLOSED ((uint64_t)1 << 31)
#define INSIDE (CLOSED - 1)

typedef struct {
  void *memory;
  size_t bytes;
} scratch_t;

typedef struct {
  ck_pool *pool;
  int32_t index;
  pthread_t thread;
} worker_t;

struct ck_pool {
  int32_t threads;
  const int32_t *cancel;
  worker_t *workers;
  scratch_t *scratch;
  int32_t (*may_take)(size_t bytes);
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  int stopping;
  _Atomic uint64_t gate;  // Of the present run; a worker that sees its number change may join.
  _Atomic int32_t next;   // The next task to hand out.
  _Atomic int32_t stopped;  // Whether the tasks left of this run are passed over.
  _Atomic int32_t missed;   // Whether any was.
  int32_t count;
  void *context;
  ck_task run;
};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int32_t ck_pool_is_cancelled(const ck_pool *pool) {
  return pool->cancel ? __atomic_load_n(pool->cancel, __ATOMIC_RELAXED) : 0;
}

static void take_tasks(ck_pool *pool, int32_t thread) {
  for (;;) {
    int32_t task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (task >= pool->count) return;
    if (ck_pool_is_cancelled(pool) || atomic_load_explicit(&pool->stopped, memory_order_relaxed))
      atomic_store_explicit(&pool->missed, 1, memory_order_relaxed);
    else
      pool->run(pool->context, task, thread);
  }
}

static inline uint32_t run_number(ck_pool *pool) {
  return (uint32_t)(atomic_load_explicit(&pool->gate, memory_order_acquire) >> 32);
}

static void *work(void *argument) {
  worker_t *worker = argument;
  ck_pool *pool = worker->pool;
  uint32_t seen = 0;
  for (;;) {
    for (int spin = 0; spin < SPINS && run_number(pool) == seen; spin++) relax();
    if (run_number(pool) == seen) {
      pthread_mutex_lock(&pool->mutex);
      while (run_number(pool) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
      pthread_mutex_unlock(&pool->mutex);
    }
    uint64_t gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
    seen = (uint32_t)(gate >> 32);
    if (pool->stopping) return NULL;
    while ((uint32_t)(gate >> 32) == seen && !(gate & CLOSED)) {
      if (!atomic_compare_exchange_weak_explicit(
              &pool->gate, &gate, gate + 1, memory_order_acquire, memory_order_acquire))
        continue;
      take_tasks(pool, worker->index);
      atomic_fetch_sub_explicit(&pool->gate, 1, memory_order_release);
      break;
    }
  }
}

// Opens the gate of the next run. Nobody is inside the last one.
static void start_run(ck_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  uint64_t next = (uint64_t)(run_number(pool) + 1) << 32;
  atomic_store_explicit(&pool->gate, next, memory_order_release);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
}

ck_pool *ck_pool_create(int32_t threads, const int32_t *cancel, int32_t (*may_take)(size_t bytes)) {
  ck_pool *pool = calloc(1, sizeof *pool);
  if (!pool) abort();
  pool->cancel = cancel;
  pool->may_take = may_take;
  pool->workers = calloc((size_t)threads, sizeof *pool->workers);
  // One more for the caller of a run.
  pool->scratch = calloc((size_t)threads + 1, sizeof *pool->scratch);
  if (!pool->workers || !pool->scratch) abort();
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  // No run yet: number 0, which every worker has seen, and closed.
  atomic_store_explicit(&pool->gate, CLOSED, memory_order_release);
  pool->threads = 1;
  for (int32_t i = 1; i < threads; i++) {
    worker_t *worker = &pool->workers[i];
    *worker = (worker_t){.pool = pool, .index = i};
    // A system that refuses threads gets what it allows: results do not depend on how many there are.
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) break;
    pool->threads++;
  }
  return pool;
}

void ck_pool_destroy(ck_pool *pool) {
  pool->stopping = 1;
  start_run(pool);
  for (int32_t i = 1; i < pool->threads; i++) pthread_join(pool->workers[i].thread, NULL);
  for (int32_t i = 0; i <= pool->threads; i++) free(pool->scratch[i].memory);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool->workers);
  free(pool->scratch);
  free(pool);
}

void ck_pool_stop(ck_pool *pool) { atomic_store_explicit(&pool->stopped, 1, memory_order_relaxed); }

int32_t ck_pool_run(ck_pool *pool, int32_t count, void *context, ck_task run) {
  pool->count = count;
  pool->context = context;
  pool->run = run;
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->stopped, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->missed, 0, memory_order_relaxed);
  if (count <= 1 || pool->threads == 1) {
    take_tasks(pool, 0);
    return !atomic_load_explicit(&pool->missed, memory_order_relaxed);
  }
  start_run(pool);
  take_tasks(pool, 0);
  // All tasks are taken: who has not come in stays out, and who has finishes what it took.
  atomic_fetch_or_explicit(&pool->gate, CLOSED, memory_order_acq_rel);
  for (int spin = 0; (atomic_load_explicit(&pool->gate, memory_order_acquire) & INSIDE) != 0; spin++) {
    if (spin < SPINS) relax();
    else sched_yield();
  }
  return !atomic_load_explicit(&pool->missed, memory_order_relaxed);
}

void *ck_pool_scratch(ck_pool *pool, int32_t thread, size_t bytes) {
  scratch_t *scratch = &pool->scratch[thread < 0 ? pool->threads : thread];
  if (scratch->bytes < bytes) {
    free(scratch->memory);
    scratch->memory = NULL;
    scratch->bytes = 0;
    size_t rounded = (bytes + 4095) & ~(size_t)4095;
    if (pool->may_take && !pool->may_take(rounded)) return NULL;
    scratch->memory = aligned_alloc(64, rounded);
    if (scratch->memory) scratch->bytes = rounded;
  }
  return scratch->memory;
}

int ck_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int32_t ck_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int32_t)count : 1;
}
