// One body compiled for several instruction sets, the best chosen when the program is loaded.
#pragma once

#if defined(__x86_64__) && defined(__linux__)
#define CK_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CK_SIMD
#endif
