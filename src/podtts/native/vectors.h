// What sixteen float32 numbers go through: exponentials, and the forms numbers are kept in.

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

// Four bytes in every lane.
INLINE __m512i spread(const void *four) {
    int32_t bytes;
    memcpy(&bytes, four, sizeof bytes);
    return _mm512_set1_epi32(bytes);
}

// Two vectors as bfloat16, the first in front.
INLINE __m512i narrow(__m512 first, __m512 second) {
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
}

// Four products of unsigned and signed bytes more in every lane. As an intrinsic, arrays of sums do
// not stay in registers (GCC 12): for six rows of 64 outputs that takes twice as long.
INLINE void add_products(__m512i *sums, __m512i weights, __m512i four) {
    asm("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(weights), "v"(four));
}

// e to the x, for x of at most 88, to about a millionth.
INLINE __m512 exponential(__m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(-104.0f), x);  // where one is NaN, this is the second
    __m512 whole = _mm512_roundscale_ps(
        _mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT
    );
    // The remainder by the logarithm of 2 in two parts, of which the first has few bits.
    __m512 rest = _mm512_fnmadd_ps(whole, _mm512_set1_ps(0.693359375f), x);
    rest = _mm512_fnmadd_ps(whole, _mm512_set1_ps(-2.12194440e-4f), rest);
    __m512 sum = _mm512_set1_ps(1.0f / 720);  // of its Taylor series: |rest| is below 0.35
    const float factors[] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    for (int power = 0; power < 6; power++) {
        sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(factors[power]));
    }
    return _mm512_scalef_ps(sum, whole);
}
