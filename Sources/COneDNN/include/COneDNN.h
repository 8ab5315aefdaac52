// Matrix products by oneDNN, one at a time on the calling thread, loaded when first asked for and not at link time.
//
// Written against API 2 (Debian 12) and API 3. Where the headers were absent when this was compiled, cod_load says so.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Loads the library, once; NULL, or why it cannot be used.
const char *cod_load(void);
// "2.6.3"; "" before a successful cod_load.
const char *cod_version(void);

typedef enum { COD_F32, COD_BF16 } cod_type;

// The layout that the library wants of a right-hand operand [depth, columns].
typedef struct cod_layout cod_layout;
// NULL where the library has none. Layouts and products live until destroyed and may be used by any thread.
cod_layout *cod_layout_create(cod_type type, int64_t depth, int64_t columns);
void cod_layout_destroy(cod_layout *layout);
// Bytes of an operand in this layout, for memory aligned to 64.
size_t cod_layout_bytes(const cod_layout *layout);

// Brings operands of one kind of strides, in elements, into a layout.
typedef struct cod_packing cod_packing;
cod_packing *cod_packing_create(
    const cod_layout *layout, cod_type source_type, int64_t depth_stride, int64_t column_stride, int32_t threads);
void cod_packing_destroy(cod_packing *packing);
// `thread` is below the `threads` given, and no two calls at once share one. False when the library failed.
int32_t cod_pack(cod_packing *packing, const void *source, void *packed, int32_t thread);

// c[rows, columns] = a[rows, depth] · packed, or += with `accumulates`: `a` is of the layout's type, c of float32, both
// dense and row-major.
typedef struct cod_product cod_product;
cod_product *cod_product_create(const cod_layout *layout, int64_t rows, int32_t accumulates, int32_t threads);
void cod_product_destroy(cod_product *product);
// The library's name for what it runs: "brg:avx512_core_bf16".
const char *cod_product_implementation(const cod_product *product);
// Scratch memory that a call needs, aligned to 64.
size_t cod_product_scratch_bytes(const cod_product *product);
int32_t cod_multiply(
    cod_product *product, const void *a, const void *packed, float *c, void *scratch, int32_t thread);

#ifdef __cplusplus
}
#endif
