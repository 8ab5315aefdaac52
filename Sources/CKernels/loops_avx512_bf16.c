#if defined(__x86_64__)
#include "loops.h"
#include <string.h>
#define CK_LOOPS ck_loops_avx512_bf16
#define CK_HAS_F16C
#define CK_HAS_BF16
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,movbe,avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512bf16"))), apply_to = function)
#include "loops_body.h"
#pragma clang attribute pop
#endif
