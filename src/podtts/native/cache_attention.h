// Attention of one or two queries over a key/value cache, with a softmax in float32.

#pragma once

#include <stdbool.h>

#include "memory.h"
#include "softmax.h"

enum { MAX_QUERIES = 2, MAX_VECTORS = 16 };  // queries of a call, vectors of a head

// Floats from one query's scores to the next's: the softmax pads a row to a multiple of 16.
INLINE size_t score_stride(int keys) { return (size_t)keys + VECTOR - 1; }

// Load sixteen cached numbers, float32 or bfloat16.
INLINE __m512 load_cached(const void *cache, size_t index, bool bfloat16) {
    if (!bfloat16) {
        return _mm512_loadu_ps((const float *)cache + index);
    }
    __m256i halves = _mm256_loadu_si256((const void *)((const uint16_t *)cache + index));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// Store sixteen numbers, rounded to the nearest. CPUs without instructions for bfloat16 do so, too.
INLINE void store_cached(void *cache, size_t index, bool bfloat16, __m512 x) {
    if (!bfloat16) {
        _mm512_storeu_ps((float *)cache + index, x);
        return;
    }
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m256i halves = _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16));
    _mm256_storeu_si256((void *)((uint16_t *)cache + index), halves);
}

// Sums over the lanes of one or two vectors; two take hardly longer than one. stride: floats from
// one sum to the next.
INLINE void reduce_add(const __m512 *x, int count, float *sums, size_t stride) {
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
    sums[stride] = _mm_cvtss_f32(_mm512_extractf32x4_ps(both, 2));
}

INLINE void attend_sized(
    const float *query, int queries, const void *keys, const void *values, int count, int vectors,
    bool bfloat16, float *scores, float *out
) {
    const size_t size = VECTOR * vectors, stride = score_stride(count);
    __m512 q[MAX_QUERIES][MAX_VECTORS], sums[MAX_QUERIES][MAX_VECTORS];
    for (int i = 0; i < queries; i++) {
        for (int vector = 0; vector < vectors; vector++) {
            q[i][vector] = _mm512_loadu_ps(query + i * size + VECTOR * vector);
            sums[i][vector] = _mm512_setzero_ps();
        }
    }
    for (int k = 0; k < count; k++) {
        __m512 dots[MAX_QUERIES] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (int vector = 0; vector < vectors; vector++) {
            __m512 key = load_cached(keys, k * size + VECTOR * vector, bfloat16);
            for (int i = 0; i < queries; i++) {
                dots[i] = _mm512_fmadd_ps(q[i][vector], key, dots[i]);
            }
        }
        reduce_add(dots, queries, scores + k, stride);
    }
    float totals[MAX_QUERIES];
    for (int i = 0; i < queries; i++) {
        totals[i] = softmax_in_place(scores + i * stride, count, round_up(count, VECTOR));
    }
    for (int k = 0; k < count; k++) {
        for (int vector = 0; vector < vectors; vector++) {
            __m512 value = load_cached(values, k * size + VECTOR * vector, bfloat16);
            for (int i = 0; i < queries; i++) {
                __m512 weight = _mm512_set1_ps(scores[i * stride + k]);
                sums[i][vector] = _mm512_fmadd_ps(weight, value, sums[i][vector]);
            }
        }
    }
    for (int i = 0; i < queries; i++) {
        __m512 factor = _mm512_set1_ps(1.0f / totals[i]);
        for (int vector = 0; vector < vectors; vector++) {
            __m512 sum = _mm512_mul_ps(sums[i][vector], factor);
            _mm512_storeu_ps(out + i * size + VECTOR * vector, sum);
        }
    }
}

// Each head size, number of queries and number type is compiled on its own.
#define ATTEND(QUERY_COUNT, VECTORS)                                                              \
    if (bfloat16) {                                                                               \
        attend_sized(query, QUERY_COUNT, keys, values, count, VECTORS, true, scores, out);        \
    } else {                                                                                      \
        attend_sized(query, QUERY_COUNT, keys, values, count, VECTORS, false, scores, out);       \
    }
#define ATTEND_QUERIES(VECTORS)                                                                   \
    if (queries == 1) {                                                                           \
        ATTEND(1, VECTORS)                                                                        \
    } else {                                                                                      \
        ATTEND(2, VECTORS)                                                                        \
    }

// Whether `attend` is compiled for heads of a size.
static bool is_head_size(int size) {
    return size == 16 || size == 32 || size == 64 || size == 128 || size == 256;
}

// One or two queries that share keys and values, so that those are read once.
// query, out: float32 [queries, size]. keys, values: [count, size], float32 or bfloat16.
// scores: [queries, score_stride(count)], overwritten. size: see is_head_size.
static void attend(
    const float *query, int queries, const void *keys, const void *values, int count, int size,
    bool bfloat16, float *scores, float *out
) {
    switch (size) {
        case 16: ATTEND_QUERIES(1) break;
        case 32: ATTEND_QUERIES(2) break;
        case 64: ATTEND_QUERIES(4) break;
        case 128: ATTEND_QUERIES(8) break;
        default: ATTEND_QUERIES(16) break;
    }
}
