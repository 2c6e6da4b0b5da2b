// Operations on vectors of sixteen float32 numbers.
//
// Every multiplication that is fused with an addition is written as such: the compiler may fuse no
// others (-ffp-contract=off), so the bits of a result depend on neither the compiler nor inlining.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

enum { VECTOR = 16, VECTOR_BYTES = 64 };

// Four bytes, in each of the 16 lanes.
INLINE __m512i broadcast_word(const void *word) {
    int32_t bytes;
    memcpy(&bytes, word, sizeof bytes);
    return _mm512_set1_epi32(bytes);
}

// Two vectors as bfloat16, the first in front.
INLINE __m512i to_bfloat16(__m512 first, __m512 second) {
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
}

// sums += weights * x: in each lane a dot product of four unsigned and four signed bytes. With the
// intrinsic, arrays of sums do not stay in registers (GCC 12): six rows of 64 outputs take twice as
// long.
INLINE void accumulate_int8(__m512i *sums, __m512i weights, __m512i x) {
    asm("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(weights), "v"(x));
}

// e^x for x of at most 88, with a relative error of about 1e-6.
// Source: the range reduction of Cephes' expf: Cody and Waite's log 2 in two parts.
INLINE __m512 exp_vector(__m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(-104.0f), x);  // NaN stays NaN: it is the second operand
    __m512 exponent = _mm512_roundscale_ps(
        _mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT
    );
    // The first part of log 2 has few bits, so that its product is exact.
    __m512 rest = _mm512_fnmadd_ps(exponent, _mm512_set1_ps(0.693359375f), x);
    rest = _mm512_fnmadd_ps(exponent, _mm512_set1_ps(-2.12194440e-4f), rest);
    // Taylor series of e^rest, highest power first; |rest| is below 0.35.
    const float coefficients[] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    __m512 sum = _mm512_set1_ps(1.0f / 720);
    for (int i = 0; i < 6; i++) {
        sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(coefficients[i]));
    }
    return _mm512_scalef_ps(sum, exponent);
}

// Quantize x [size, a multiple of 16] symmetrically to signed bytes with one scale:
// x = quantized * scale. Returns the sum of the quantized numbers.
INLINE int32_t quantize_symmetric(const float *x, int size, int8_t *quantized, float *scale) {
    __m512 largest = _mm512_setzero_ps(), zero = _mm512_setzero_ps();
    for (int i = 0; i < size; i += VECTOR) {
        __m512 v = _mm512_loadu_ps(x + i);
        largest = _mm512_max_ps(largest, _mm512_abs_ps(v));
        zero = _mm512_add_ps(zero, _mm512_sub_ps(v, v));
    }
    // Rounding would hide NaN and infinity: a scale of NaN passes them on.
    bool finite = _mm512_cmp_ps_mask(zero, zero, _CMP_UNORD_Q) == 0;
    float range = _mm512_reduce_max_ps(largest);
    __m512 factor = _mm512_set1_ps(range > 0 ? 127.0f / range : 0.0f);
    __m512i sum = _mm512_setzero_si512();
    for (int i = 0; i < size; i += VECTOR) {
        __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), factor));
        sum = _mm512_add_epi32(sum, rounded);
        _mm_storeu_si128((void *)(quantized + i), _mm512_cvtsepi32_epi8(rounded));
    }
    *scale = finite ? range / 127.0f : __builtin_nanf("");
    return finite ? _mm512_reduce_add_epi32(sum) : 0;  // what is not finite rounds to -2^31
}
