// Queries' attention over the keys of their head, with a softmax in float32.

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

// Sums over the lanes of one or two vectors: both at once take hardly longer than one.
INLINE void add_lanes(const __m512 *x, int count, float *sums, size_t apart) {
    if (count == 1) {
        sums[0] = _mm512_reduce_add_ps(x[0]);
        return;
    }
    __m512 both = _mm512_add_ps(  // the first in the lower half, the second in the upper
        _mm512_shuffle_f32x4(x[0], x[1], 0x44), _mm512_shuffle_f32x4(x[0], x[1], 0xee)
    );
    both = _mm512_add_ps(both, _mm512_shuffle_f32x4(both, both, 0xb1));
    both = _mm512_add_ps(both, _mm512_permute_ps(both, 0x4e));
    both = _mm512_add_ps(both, _mm512_permute_ps(both, 0xb1));
    sums[0] = _mm512_cvtss_f32(both);
    sums[apart] = _mm_cvtss_f32(_mm512_extractf32x4_ps(both, 2));
}

// Scores to shares of a softmax that are not divided by their total, which is returned.
// scores: [count + 15].
static float put_shares(float *scores, int count) {
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
    return _mm512_reduce_add_ps(total);
}

// One or two queries that share keys and values, which are then read once. query, out: float32
// [queries, 16 * vectors]. keys, values: [count, 16 * vectors]. scores: [queries, count + 15].
INLINE void attend_sized(
    const float *query, int queries, const void *keys, const void *values, int count, int vectors,
    bool halved, float *scores, float *out
) {
    const size_t size = 16 * vectors, apart = count + 15;
    __m512 q[2][16], sums[2][16];
    for (int one = 0; one < queries; one++) {
        for (int vector = 0; vector < vectors; vector++) {
            q[one][vector] = _mm512_loadu_ps(query + one * size + 16 * vector);
            sums[one][vector] = _mm512_setzero_ps();
        }
    }
    for (int key = 0; key < count; key++) {
        __m512 dots[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (int vector = 0; vector < vectors; vector++) {
            __m512 some = kept(keys, key * size + 16 * vector, halved);
            for (int one = 0; one < queries; one++) {
                dots[one] = _mm512_fmadd_ps(q[one][vector], some, dots[one]);
            }
        }
        add_lanes(dots, queries, scores + key, apart);
    }
    float totals[2];
    for (int one = 0; one < queries; one++) {
        totals[one] = put_shares(scores + one * apart, count);
    }
    for (int key = 0; key < count; key++) {
        for (int vector = 0; vector < vectors; vector++) {
            __m512 value = kept(values, key * size + 16 * vector, halved);
            for (int one = 0; one < queries; one++) {
                __m512 share = _mm512_set1_ps(scores[one * apart + key]);
                sums[one][vector] = _mm512_fmadd_ps(share, value, sums[one][vector]);
            }
        }
    }
    for (int one = 0; one < queries; one++) {
        __m512 factor = _mm512_set1_ps(1.0f / totals[one]);
        for (int vector = 0; vector < vectors; vector++) {
            __m512 sum = _mm512_mul_ps(sums[one][vector], factor);
            _mm512_storeu_ps(out + one * size + 16 * vector, sum);
        }
    }
}

#define ATTEND(QUERIES, VECTORS)                                                                  \
    if (halved) {                                                                                 \
        attend_sized(query, QUERIES, keys, values, count, VECTORS, true, scores, out);            \
    } else {                                                                                      \
        attend_sized(query, QUERIES, keys, values, count, VECTORS, false, scores, out);           \
    }
#define ATTEND_ALL(VECTORS)                                                                       \
    if (queries == 1) {                                                                           \
        ATTEND(1, VECTORS)                                                                        \
    } else {                                                                                      \
        ATTEND(2, VECTORS)                                                                        \
    }

// As attend_sized; size: 16, 32, 64, 128 or 256.
static void attend(
    const float *query, int queries, const void *keys, const void *values, int count, int size,
    bool halved, float *scores, float *out
) {
    switch (size) {
        case 16: ATTEND_ALL(1) break;
        case 32: ATTEND_ALL(2) break;
        case 64: ATTEND_ALL(4) break;
        case 128: ATTEND_ALL(8) break;
        default: ATTEND_ALL(16) break;
    }
}
