// The instructions that the compiled code needs.

#pragma once

#include <stdbool.h>

enum { NEEDS_VNNI = 1, NEEDS_BF16 = 2 };  // beyond AVX-512 with FMA and BMI2

// Whether this CPU and its operating system have the instructions; needs: NEEDS_... joined by |.
static bool cpu_supports(int needs) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("bmi2")
        && (!(needs & NEEDS_VNNI) || __builtin_cpu_supports("avx512vnni"))
        && (!(needs & NEEDS_BF16) || __builtin_cpu_supports("avx512bf16"));
}
