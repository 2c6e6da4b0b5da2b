// Vectors of float32 numbers (vec) and of as many words of four bytes (veci), for the instruction
// set that the compiler may use. One file for each set has the operations; all other files are
// written once, with them.
//
// Every multiplication that is fused with an addition is written as such: the compiler may fuse no
// others (-ffp-contract=off), so the bits of a result depend on neither the compiler nor inlining.
//
// What a set gives, beside what names say:
//   VECTOR, REGISTERS    numbers of a vector (a divisor of 16); registers for vectors
//   vec_fma, vec_fnma    a * b + c and c - a * b, rounded once
//   vec_max, vec_min     where b is NaN, NaN
//   vec_scale            x * 2^exponent for a whole exponent from -252 to 127
//   vec_select_at_least  a >= b ? then : otherwise
//   vec_reduce_add_2     the sums of two vectors; two take hardly longer than one
//   vec_load_float16, vec_load_bfloat16, vec_store_bfloat16
//                        widen, or round to the nearest; all sets give the same bits
//   veci_load            from an address that is aligned to the vector
//   veci_of, vec_of      convert to whole numbers, rounded to the nearest, and back
//   veci_store_int8      as bytes with saturation
//   veci_low_nibbles, veci_high_nibbles  half of the bits of each byte
//   dot_int8             sums += in each lane a dot product of four weights (plus INT8_ZERO_POINT)
//                        and four signed bytes of -127 to 127, exact
//   dot_int8_fast        the same with FAST_ZERO_POINT, and bytes of -FAST_LEVELS to FAST_LEVELS
//   start_int4, dot_int4, finish_int4
//                        compensation + the same with weights of 0 to 15 for at most 32 inputs
//   HAS_BFLOAT16         is defined where the set multiplies bfloat16: see halves.h

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#include "vectors_avx512.h"
#elif defined(__AVX2__)
#include "vectors_avx2.h"
#else
#include "vectors_neon.h"
#endif

#ifndef HAS_FAST_INT8
enum { FAST_LEVELS = 127, FAST_ZERO_POINT = INT8_ZERO_POINT };

INLINE void dot_int8_fast(veci *sums, veci weights, veci x) { dot_int8(sums, weights, x); }
#endif

enum { VECTOR_BYTES = 4 * VECTOR };

INLINE vec vec_zero(void) { return vec_set(0.0f); }

// Four bytes, in each lane.
INLINE veci broadcast_word(const void *word) {
    int32_t bytes;
    memcpy(&bytes, word, sizeof bytes);
    return veci_set(bytes);
}

// e^x for x of at most 88, with a relative error of about 1e-6.
// Source: the range reduction of Cephes' expf: Cody and Waite's log 2 in two parts.
INLINE vec exp_vector(vec x) {
    x = vec_max(vec_set(-104.0f), x);  // NaN stays NaN: it is the second operand
    vec exponent = vec_round(vec_mul(x, vec_set(1.44269504f)));
    // The first part of log 2 has few bits, so that its product is exact.
    vec rest = vec_fnma(exponent, vec_set(0.693359375f), x);
    rest = vec_fnma(exponent, vec_set(-2.12194440e-4f), rest);
    // Taylor series of e^rest, highest power first; |rest| is below 0.35.
    const float coefficients[] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    vec sum = vec_set(1.0f / 720);
    for (int i = 0; i < 6; i++) {
        sum = vec_fma(sum, rest, vec_set(coefficients[i]));
    }
    return vec_scale(sum, exponent);
}

// Quantize x [size, a multiple of 16] symmetrically to whole numbers from -levels to levels, at
// most 127, with one scale: x = quantized * scale. Returns the sum of the quantized numbers.
INLINE int32_t quantize_symmetric(
    const float *x, int size, int levels, int8_t *quantized, float *scale
) {
    vec largest = vec_zero(), zero = vec_zero();
    for (int i = 0; i < size; i += VECTOR) {
        vec v = vec_load(x + i);
        largest = vec_max(largest, vec_abs(v));
        zero = vec_add(zero, vec_sub(v, v));
    }
    // Rounding would hide NaN and infinity: a scale of NaN passes them on.
    bool finite = !vec_any_nan(zero);
    float range = vec_reduce_max(largest);
    vec factor = vec_set(range > 0 ? (float)levels / range : 0.0f);
    veci sum = veci_set(0);
    for (int i = 0; i < size; i += VECTOR) {
        veci rounded = veci_of(vec_mul(vec_load(x + i), factor));
        sum = veci_add(sum, rounded);
        veci_store_int8(quantized + i, rounded);
    }
    *scale = finite ? range / (float)levels : __builtin_nanf("");
    return finite ? veci_reduce_add(sum) : 0;  // what is not finite rounds to any number
}
