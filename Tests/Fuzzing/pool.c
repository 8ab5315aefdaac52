// The thread pool under ThreadSanitizer: many short runs, cancelled, stopped and whole.
#include "CKernels.h"
#include <stdio.h>
#include <stdlib.h>

enum { most = 257 };
typedef struct {
  ck_pool *pool;
  int32_t seen[most];
  int32_t stop_at;
} work;

static void task(void *context, int32_t index, int32_t thread) {
  work *w = context;
  w->seen[index]++;
  char *memory = ck_pool_scratch(w->pool, thread, 64 + (size_t)index);
  memory[index % 64] = (char)index;
  if (index == w->stop_at) ck_pool_stop(w->pool);
}

int main(int argc, char **argv) {
  int runs = argc > 1 ? atoi(argv[1]) : 20000;
  for (int32_t threads = 1; threads <= 4; threads++) {
    int32_t cancel = 0;
    ck_pool *pool = ck_pool_create(threads, &cancel, NULL);
    for (int run = 0; run < runs; run++) {
      work w = {.pool = pool, .stop_at = run % 3 == 0 ? run % most : -1};
      int32_t count = run % most;
      __atomic_store_n(&cancel, run % 7 == 0, __ATOMIC_RELAXED);
      int32_t whole = ck_pool_run(pool, count, &w, task);
      int32_t done = 0;
      for (int32_t i = 0; i < count; i++) {
        if (w.seen[i] > 1) return printf("task %d ran %d times\n", i, w.seen[i]), 1;
        done += w.seen[i];
      }
      if (whole != (done == count)) return printf("%d of %d tasks, said to be %d\n", done, count, whole), 1;
    }
    ck_pool_destroy(pool);
  }
  puts("the thread pool is clean");
  return 0;
}
