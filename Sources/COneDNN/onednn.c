#define _GNU_SOURCE
#include "COneDNN.h"

#if defined(__has_include)
#if __has_include(<oneapi/dnnl/dnnl.h>)
#define HAS_ONEDNN 1
#endif
#endif

#ifndef HAS_ONEDNN

const char *cod_load(void) { return "this program was built without oneDNN's headers"; }
const char *cod_version(void) { return ""; }
cod_layout *cod_layout_create(cod_type type, int64_t depth, int64_t columns) { return NULL; }
void cod_layout_destroy(cod_layout *layout) {}
size_t cod_layout_bytes(const cod_layout *layout) { return 0; }
cod_packing *cod_packing_create(
    const cod_layout *layout, cod_type source_type, int64_t depth_stride, int64_t column_stride, int32_t threads) {
  return NULL;
}
void cod_packing_destroy(cod_packing *packing) {}
int32_t cod_pack(cod_packing *packing, const void *source, void *packed, int32_t thread) { return 0; }
cod_product *cod_product_create(const cod_layout *layout, int64_t rows, int32_t accumulates, int32_t threads) {
  return NULL;
}
void cod_product_destroy(cod_product *product) {}
const char *cod_product_implementation(const cod_product *product) { return ""; }
size_t cod_product_scratch_bytes(const cod_product *product) { return 0; }
int32_t cod_multiply(
    cod_product *product, const void *a, const void *packed, float *c, void *scratch, int32_t thread) {
  return 0;
}

#else

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define IS_3 (DNNL_VERSION_MAJOR >= 3)

// What is used of the library; each becomes a pointer that `load` fills in.
#define COMMON_FUNCTIONS(F)                                                                                          \
  F(dnnl_version) F(dnnl_engine_create) F(dnnl_stream_create) F(dnnl_stream_destroy) F(dnnl_memory_create)           \
  F(dnnl_memory_destroy) F(dnnl_memory_set_data_handle) F(dnnl_memory_desc_get_size) F(dnnl_primitive_create)        \
  F(dnnl_primitive_destroy) F(dnnl_primitive_desc_destroy) F(dnnl_primitive_desc_query)                              \
  F(dnnl_primitive_desc_query_md) F(dnnl_primitive_execute) F(dnnl_reorder_primitive_desc_create)                    \
  F(dnnl_primitive_attr_create) F(dnnl_primitive_attr_destroy) F(dnnl_primitive_attr_set_scratchpad_mode)            \
  F(dnnl_primitive_attr_set_post_ops) F(dnnl_post_ops_create) F(dnnl_post_ops_destroy) F(dnnl_post_ops_append_sum)
#if IS_3
#define FUNCTIONS(F)                                                                                                 \
  COMMON_FUNCTIONS(F) F(dnnl_memory_desc_create_with_strides) F(dnnl_memory_desc_create_with_tag)                    \
  F(dnnl_memory_desc_clone) F(dnnl_memory_desc_destroy) F(dnnl_matmul_primitive_desc_create)
typedef dnnl_memory_desc_t description;
#else
#define FUNCTIONS(F)                                                                                                 \
  COMMON_FUNCTIONS(F) F(dnnl_memory_desc_init_by_strides) F(dnnl_memory_desc_init_by_tag) F(dnnl_matmul_desc_init)   \
  F(dnnl_primitive_desc_create)
typedef dnnl_memory_desc_t description;
#endif

#define DECLARE(name) static __typeof__(&name) p_##name;
FUNCTIONS(DECLARE)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[512];
static char version_text[32];
static dnnl_engine_t engine;
static void (*set_threads)(int);

static void load(void) {
  char name[32];
  snprintf(name, sizeof name, "libdnnl.so.%d", DNNL_VERSION_MAJOR);
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(failure, sizeof failure, "%s", reason ? reason : "it cannot be loaded");
    return;
  }
#define FIND(function)                                                                      \
  p_##function = (__typeof__(p_##function))dlsym(library, #function);                       \
  if (!p_##function) {                                                                      \
    snprintf(failure, sizeof failure, "%s lacks the function %s", name, #function);         \
    return;                                                                                 \
  }
  FUNCTIONS(FIND)
  if (p_dnnl_version()->major != DNNL_VERSION_MAJOR) {
    snprintf(failure, sizeof failure, "%s is of another version than the headers this was built with", name);
    return;
  }
  // Absent in a build without OpenMP, which has no threads of its own then or takes them from elsewhere.
  set_threads = (void (*)(int))dlsym(library, "omp_set_num_threads");
  if (p_dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) {
    snprintf(failure, sizeof failure, "%s offers no CPU engine", name);
    engine = NULL;
    return;
  }
  const dnnl_version_t *v = p_dnnl_version();
  snprintf(version_text, sizeof version_text, "%d.%d.%d", v->major, v->minor, v->patch);
}

const char *cod_load(void) {
  pthread_once(&once, load);
  return engine ? NULL : failure;
}

const char *cod_version(void) { return version_text; }

// The library shall compute on the thread that calls it: the work is divided among threads before it gets there.
static void become_single(void) {
  static __thread int is_single;
  if (is_single) return;
  if (set_threads) set_threads(1);
  is_single = 1;
}

// The differences between the two interfaces.

static dnnl_data_type_t data_type(cod_type type) { return type == COD_BF16 ? dnnl_bf16 : dnnl_f32; }

static int describe_strides(description *d, dnnl_dim_t rows, dnnl_dim_t columns, cod_type type, dnnl_dim_t a, dnnl_dim_t b) {
  dnnl_dims_t extents = {rows, columns}, strides = {a, b};
#if IS_3
  return p_dnnl_memory_desc_create_with_strides(d, 2, extents, data_type(type), strides) == dnnl_success;
#else
  return p_dnnl_memory_desc_init_by_strides(d, 2, extents, data_type(type), strides) == dnnl_success;
#endif
}

static int describe_any(description *d, dnnl_dim_t rows, dnnl_dim_t columns, cod_type type) {
  dnnl_dims_t extents = {rows, columns};
#if IS_3
  return p_dnnl_memory_desc_create_with_tag(d, 2, extents, data_type(type), dnnl_format_tag_any) == dnnl_success;
#else
  return p_dnnl_memory_desc_init_by_tag(d, 2, extents, data_type(type), dnnl_format_tag_any) == dnnl_success;
#endif
}

static void forget(description *d) {
#if IS_3
  if (*d) p_dnnl_memory_desc_destroy(*d);
#endif
}

#if IS_3
#define ADDRESS(d) (*(d))
#else
#define ADDRESS(d) (d)
#endif

static int copy_queried(description *d, const_dnnl_primitive_desc_t pd, dnnl_query_t what) {
#if IS_3
  const_dnnl_memory_desc_t found = p_dnnl_primitive_desc_query_md(pd, what, 0);
  return found && p_dnnl_memory_desc_clone(d, found) == dnnl_success;
#else
  const dnnl_memory_desc_t *found = p_dnnl_primitive_desc_query_md(pd, what, 0);
  if (found) *d = *found;
  return found != NULL;
#endif
}

static dnnl_primitive_desc_t matmul(const description *a, const description *b, const description *c, int accumulates) {
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t post = NULL;
  int ok = p_dnnl_primitive_attr_create(&attributes) == dnnl_success &&
           p_dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success;
  if (ok && accumulates) {
    ok = p_dnnl_post_ops_create(&post) == dnnl_success;
#if IS_3
    ok = ok && p_dnnl_post_ops_append_sum(post, 1.0f, 0, dnnl_data_type_undef) == dnnl_success;
#else
    ok = ok && p_dnnl_post_ops_append_sum(post, 1.0f) == dnnl_success;
#endif
    ok = ok && p_dnnl_primitive_attr_set_post_ops(attributes, post) == dnnl_success;
  }
  if (ok) {
#if IS_3
    ok = p_dnnl_matmul_primitive_desc_create(&pd, engine, *a, *b, NULL, *c, attributes) == dnnl_success;
#else
    dnnl_matmul_desc_t operation;
    ok = p_dnnl_matmul_desc_init(&operation, a, b, NULL, c) == dnnl_success &&
         p_dnnl_primitive_desc_create(&pd, &operation, attributes, engine, NULL) == dnnl_success;
#endif
  }
  if (post) p_dnnl_post_ops_destroy(post);
  if (attributes) p_dnnl_primitive_attr_destroy(attributes);
  return ok ? pd : NULL;
}

// Layouts.

struct cod_layout {
  cod_type type;
  dnnl_dim_t depth, columns;
  description packed;
};

cod_layout *cod_layout_create(cod_type type, int64_t depth, int64_t columns) {
  become_single();
  cod_layout *layout = calloc(1, sizeof *layout);
  if (!layout) return NULL;
  *layout = (cod_layout){.type = type, .depth = depth, .columns = columns};
  // As many rows as a tile has: what the library wants for few rows may serve many badly.
  const dnnl_dim_t rows = 128;
  description a = {0}, b = {0}, c = {0};
  dnnl_primitive_desc_t pd = NULL;
  if (describe_strides(&a, rows, depth, type, depth, 1) && describe_any(&b, depth, columns, type) &&
      describe_strides(&c, rows, columns, COD_F32, columns, 1))
    pd = matmul(&a, &b, &c, 0);
  int ok = pd && copy_queried(&layout->packed, pd, dnnl_query_weights_md);
  if (pd) p_dnnl_primitive_desc_destroy(pd);
  forget(&a);
  forget(&b);
  forget(&c);
  if (ok) return layout;
  free(layout);
  return NULL;
}

void cod_layout_destroy(cod_layout *layout) {
  if (!layout) return;
  forget(&layout->packed);
  free(layout);
}

size_t cod_layout_bytes(const cod_layout *layout) { return p_dnnl_memory_desc_get_size(ADDRESS(&layout->packed)); }

// What a thread hands to the library: a stream, and memory objects whose addresses change from call to call.
enum { MEMORIES = 4 };
typedef struct {
  dnnl_stream_t stream;
  dnnl_memory_t memories[MEMORIES];
} hands;

static int open_hands(hands *h, const description *const *descriptions, int count) {
  if (h->stream) return 1;
  become_single();
  for (int i = 0; i < count; i++)
    if (!h->memories[i] &&
        p_dnnl_memory_create(&h->memories[i], ADDRESS(descriptions[i]), engine, DNNL_MEMORY_NONE) != dnnl_success)
      return 0;
  return p_dnnl_stream_create(&h->stream, engine, dnnl_stream_default_flags) == dnnl_success;
}

static void close_hands(hands *all, int threads) {
  if (!all) return;
  for (int t = 0; t < threads; t++) {
    for (int i = 0; i < MEMORIES; i++)
      if (all[t].memories[i]) p_dnnl_memory_destroy(all[t].memories[i]);
    if (all[t].stream) p_dnnl_stream_destroy(all[t].stream);
  }
  free(all);
}

static int point(hands *h, int index, const void *address) {
  return p_dnnl_memory_set_data_handle(h->memories[index], (void *)address) == dnnl_success;
}

// Packing.

struct cod_packing {
  description source, packed;
  dnnl_primitive_t primitive;
  int threads;
  hands *hands;
};

cod_packing *cod_packing_create(
    const cod_layout *layout, cod_type source_type, int64_t depth_stride, int64_t column_stride, int32_t threads) {
  become_single();
  cod_packing *packing = calloc(1, sizeof *packing);
  if (!packing) return NULL;
  packing->threads = threads;
  packing->hands = calloc((size_t)threads, sizeof *packing->hands);
  dnnl_primitive_desc_t pd = NULL;
  int ok = packing->hands &&
           describe_strides(
               &packing->source, layout->depth, layout->columns, source_type, depth_stride, column_stride) &&
           p_dnnl_reorder_primitive_desc_create(
               &pd, ADDRESS(&packing->source), engine, ADDRESS(&layout->packed), engine, NULL) == dnnl_success &&
           copy_queried(&packing->packed, pd, dnnl_query_dst_md) &&
           p_dnnl_primitive_create(&packing->primitive, pd) == dnnl_success;
  if (pd) p_dnnl_primitive_desc_destroy(pd);
  if (ok) return packing;
  cod_packing_destroy(packing);
  return NULL;
}

void cod_packing_destroy(cod_packing *packing) {
  if (!packing) return;
  close_hands(packing->hands, packing->threads);
  if (packing->primitive) p_dnnl_primitive_destroy(packing->primitive);
  forget(&packing->source);
  forget(&packing->packed);
  free(packing);
}

int32_t cod_pack(cod_packing *packing, const void *source, void *packed, int32_t thread) {
  hands *h = &packing->hands[thread];
  const description *const descriptions[] = {&packing->source, &packing->packed};
  if (!open_hands(h, descriptions, 2) || !point(h, 0, source) || !point(h, 1, packed)) return 0;
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, h->memories[0]}, {DNNL_ARG_TO, h->memories[1]}};
  return p_dnnl_primitive_execute(packing->primitive, h->stream, 2, arguments) == dnnl_success;
}

// Products.

struct cod_product {
  description a, packed, c, scratch;
  dnnl_primitive_t primitive;
  char implementation[64];
  int threads;
  hands *hands;
};

cod_product *cod_product_create(const cod_layout *layout, int64_t rows, int32_t accumulates, int32_t threads) {
  become_single();
  cod_product *product = calloc(1, sizeof *product);
  if (!product) return NULL;
  product->threads = threads;
  product->hands = calloc((size_t)threads, sizeof *product->hands);
  dnnl_primitive_desc_t pd = NULL;
  int ok = product->hands &&
           describe_strides(&product->a, rows, layout->depth, layout->type, layout->depth, 1) &&
           describe_strides(&product->c, rows, layout->columns, COD_F32, layout->columns, 1);
  if (ok) pd = matmul(&product->a, &layout->packed, &product->c, accumulates);
  ok = ok && pd && copy_queried(&product->packed, pd, dnnl_query_weights_md) &&
       copy_queried(&product->scratch, pd, dnnl_query_scratchpad_md) &&
       p_dnnl_primitive_create(&product->primitive, pd) == dnnl_success;
  if (ok) {
    const char *name = "";
    p_dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    snprintf(product->implementation, sizeof product->implementation, "%s", name);
  }
  if (pd) p_dnnl_primitive_desc_destroy(pd);
  if (ok) return product;
  cod_product_destroy(product);
  return NULL;
}

void cod_product_destroy(cod_product *product) {
  if (!product) return;
  close_hands(product->hands, product->threads);
  if (product->primitive) p_dnnl_primitive_destroy(product->primitive);
  forget(&product->a);
  forget(&product->packed);
  forget(&product->c);
  forget(&product->scratch);
  free(product);
}

const char *cod_product_implementation(const cod_product *product) { return product->implementation; }

size_t cod_product_scratch_bytes(const cod_product *product) {
  return p_dnnl_memory_desc_get_size(ADDRESS(&product->scratch));
}

int32_t cod_multiply(
    cod_product *product, const void *a, const void *packed, float *c, void *scratch, int32_t thread) {
  hands *h = &product->hands[thread];
  const description *const descriptions[] = {&product->a, &product->packed, &product->c, &product->scratch};
  if (!open_hands(h, descriptions, MEMORIES) || !point(h, 0, a) || !point(h, 1, packed) || !point(h, 2, c) ||
      !point(h, 3, scratch))
    return 0;
  dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_SRC, h->memories[0]},
      {DNNL_ARG_WEIGHTS, h->memories[1]},
      {DNNL_ARG_DST, h->memories[2]},
      {DNNL_ARG_SCRATCHPAD, h->memories[3]},
  };
  return p_dnnl_primitive_execute(product->primitive, h->stream, MEMORIES, arguments) == dnnl_success;
}

#endif
