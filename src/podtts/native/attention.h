// One query's attention over the keys of its head, with a softmax in float32.

#pragma once

#include <stdbool.h>

#include "vectors.h"

// Sixteen kept numbers, float32 or bfloat16.
INLINE __m512 kept(const void *from, size_t place, bool halved) {
    if (!halved) {
        return _mm512_loadu_ps((const float *)from + place);
    }
    __m256i some = _mm256_loadu_si256((const void *)((const uint16_t *)from + place));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(some), 16));
}

// Keep sixteen numbers, rounded to the nearest.
INLINE void keep(void *to, size_t place, bool halved, __m512 x) {
    if (!halved) {
        _mm512_storeu_ps((float *)to + place, x);
        return;
    }
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m256i some = _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16));
    _mm256_storeu_si256((void *)((uint16_t *)to + place), some);
}

// query, out: float32 [16 * vectors]. keys, values: [count, 16 * vectors]. scores: [count + 15].
INLINE void attend_sized(
    const float *query, const void *keys, const void *values, int count, int vectors, bool halved,
    float *scores, float *out
) {
    const size_t size = 16 * vectors;
    __m512 q[16], sums[16];
    for (int vector = 0; vector < vectors; vector++) {
        q[vector] = _mm512_loadu_ps(query + 16 * vector);
        sums[vector] = _mm512_setzero_ps();
    }
    for (int key = 0; key < count; key++) {
        __m512 dot = _mm512_setzero_ps();
        for (int vector = 0; vector < vectors; vector++) {
            dot = _mm512_fmadd_ps(q[vector], kept(keys, key * size + 16 * vector, halved), dot);
        }
        scores[key] = _mm512_reduce_add_ps(dot);
    }
    for (int beyond = count; beyond % 16 != 0; beyond++) {
        scores[beyond] = -__builtin_inff();
    }
    __m512 most = _mm512_set1_ps(-__builtin_inff());
    for (int key = 0; key < count; key += 16) {
        most = _mm512_max_ps(most, _mm512_loadu_ps(scores + key));
    }
    __m512 highest = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    __m512 total = _mm512_setzero_ps();
    for (int key = 0; key < count; key += 16) {
        __m512 share = exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + key), highest));
        total = _mm512_add_ps(total, share);
        _mm512_storeu_ps(scores + key, share);
    }
    for (int key = 0; key < count; key++) {
        __m512 share = _mm512_set1_ps(scores[key]);
        for (int vector = 0; vector < vectors; vector++) {
            __m512 value = kept(values, key * size + 16 * vector, halved);
            sums[vector] = _mm512_fmadd_ps(share, value, sums[vector]);
        }
    }
    __m512 factor = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(total));
    for (int vector = 0; vector < vectors; vector++) {
        _mm512_storeu_ps(out + 16 * vector, _mm512_mul_ps(sums[vector], factor));
    }
}

#define ATTEND(VECTORS)                                                                           \
    if (halved) {                                                                                 \
        attend_sized(query, keys, values, count, VECTORS, true, scores, out);                     \
    } else {                                                                                      \
        attend_sized(query, keys, values, count, VECTORS, false, scores, out);                    \
    }

// As attend_sized; size: 16, 32, 64, 128 or 256.
static void attend(
    const float *query, const void *keys, const void *values, int count, int size, bool halved,
    float *scores, float *out
) {
    switch (size) {
        case 16: ATTEND(1) break;
        case 32: ATTEND(2) break;
        case 64: ATTEND(4) break;
        case 128: ATTEND(8) break;
        default: ATTEND(16) break;
    }
}
