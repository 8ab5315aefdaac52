#if defined(__x86_64__)
#include "loops.h"
#include <string.h>
#define CK_LOOPS ck_loops_avx2
#define CK_HAS_F16C
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,movbe"))), apply_to = function)
#include "loops_body.h"
#pragma clang attribute pop
#endif
