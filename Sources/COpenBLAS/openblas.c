#define _GNU_SOURCE
#include "COpenBLAS.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// cblas.h's numbers: they are the interface's and do not change.
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };

typedef void (*sgemm_t)(
    int order, int transpose_a, int transpose_b, int32_t m, int32_t n, int32_t k, float alpha, const float *a,
    int32_t lda, const float *b, int32_t ldb, float beta, float *c, int32_t ldc);
typedef const char *(*text_t)(void);
typedef void (*set_threads_t)(int);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[512];
typedef void *(*take_buffer_t)(int);
typedef void (*return_buffer_t)(void *);

static sgemm_t sgemm;
static take_buffer_t take_buffer;
static return_buffer_t return_buffer;
static text_t core_name, config;

// OpenBLAS 0.3.21 knows no processor newer than itself and gives those its SSE kernels, a fifth of the speed.
static void choose_kernels(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    setenv("OPENBLAS_CORETYPE", "Haswell", 0);
#endif
}

static void load(void) {
  int chosen_by_user = getenv("OPENBLAS_CORETYPE") != NULL;
  if (!chosen_by_user) choose_kernels();
  // Its own threads would only be started to sleep.
  int threads_by_user = getenv("OPENBLAS_NUM_THREADS") != NULL;
  if (!threads_by_user) setenv("OPENBLAS_NUM_THREADS", "1", 0);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(failure, sizeof failure, "%s", reason ? reason : "libopenblas.so.0 cannot be loaded");
    library = dlopen("libopenblas.so", RTLD_NOW | RTLD_LOCAL);
  }
  // The choices are this library's alone; programs started from here make their own.
  if (!chosen_by_user) unsetenv("OPENBLAS_CORETYPE");
  if (!threads_by_user) unsetenv("OPENBLAS_NUM_THREADS");
  if (!library) return;

  sgemm = (sgemm_t)dlsym(library, "cblas_sgemm");
  // Not part of the interface; without them a buffer's size is asked for and the library trusted to find it.
  take_buffer = (take_buffer_t)dlsym(library, "blas_memory_alloc");
  return_buffer = (return_buffer_t)dlsym(library, "blas_memory_free");
  core_name = (text_t)dlsym(library, "openblas_get_corename");
  config = (text_t)dlsym(library, "openblas_get_config");
  set_threads_t set_threads = (set_threads_t)dlsym(library, "openblas_set_num_threads");
  if (!sgemm || !core_name || !config || !set_threads) {
    snprintf(failure, sizeof failure, "libopenblas.so lacks cblas_sgemm or one of openblas_get_corename, "
                                      "openblas_get_config, openblas_set_num_threads");
    sgemm = NULL;
    return;
  }
  failure[0] = 0;
  set_threads(1);
}

const char *cob_load(void) {
  pthread_once(&once, load);
  return sgemm ? NULL : failure;
}

// What OpenBLAS maps for a thread (BUFFER_SIZE of its common_x86_64.h and most others).
size_t cob_buffer_bytes(void) { return (size_t)128 << 20; }

static int reserved_buffers;

int cob_reserved(void) { return __atomic_load_n(&reserved_buffers, __ATOMIC_SEQ_CST); }

int cob_reserve(int threads, int (*may_take)(size_t bytes)) {
  int reserved = cob_reserved();
  if (threads <= reserved) return 1;
  if (!take_buffer || !return_buffer) {
    if (!may_take((size_t)(threads - reserved) * cob_buffer_bytes())) return 0;
    __atomic_store_n(&reserved_buffers, threads, __ATOMIC_SEQ_CST);
    return 1;
  }
  // All at once, as the threads will have them.
  enum { most = 1024 };
  void *buffers[most];
  int count = 0;
  while (count < threads && count < most) {
    if (count >= reserved && !may_take(cob_buffer_bytes())) break;
    buffers[count++] = take_buffer(0);
  }
  for (int i = 0; i < count; i++) return_buffer(buffers[i]);
  if (count > reserved) __atomic_store_n(&reserved_buffers, count, __ATOMIC_SEQ_CST);
  return count == threads;
}

void cob_sgemm(
    int b_transposed, int32_t m, int32_t n, int32_t k, float alpha, const float *a, int32_t lda, const float *b,
    int32_t ldb, float beta, float *c, int32_t ldc) {
  sgemm(ROW_MAJOR, NO_TRANSPOSE, b_transposed ? TRANSPOSE : NO_TRANSPOSE, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

const char *cob_core_name(void) { return sgemm ? core_name() : ""; }
const char *cob_config(void) { return sgemm ? config() : ""; }
