// Attention of one or two queries over a key/value cache, with a softmax in float32.

#pragma once

#include <stdbool.h>

#include "memory.h"
#include "softmax.h"

enum { MAX_QUERIES = 2, MAX_HEAD = 256, MAX_VECTORS = MAX_HEAD / VECTOR };
// How far ahead keys and values are prefetched: the CPU does not look beyond a page by itself.
enum { AHEAD_BYTES = 8192 };
// Vectors of the values' sums that stay in registers for two queries.
enum { VALUE_VECTORS = REGISTERS / 4 };

// Floats from one query's scores to the next's: the softmax pads a row to whole vectors.
INLINE size_t score_stride(int keys) { return (size_t)keys + VECTOR - 1; }

// Load a vector of cached numbers, float32 or bfloat16.
INLINE vec load_cached(const void *cache, size_t index, bool bfloat16) {
    return bfloat16 ? vec_load_bfloat16((const uint16_t *)cache + index)
                    : vec_load((const float *)cache + index);
}

// Store a vector of numbers, bfloat16 rounded to the nearest.
INLINE void store_cached(void *cache, size_t index, bool bfloat16, vec x) {
    if (bfloat16) {
        vec_store_bfloat16((uint16_t *)cache + index, x);
    } else {
        vec_store((float *)cache + index, x);
    }
}

// Prefetch the numbers of a position that is read later.
INLINE void prefetch_ahead(const void *cache, int position, int size, bool bfloat16) {
    size_t bytes = size * (bfloat16 ? sizeof(uint16_t) : sizeof(float));
    const uint8_t *ahead = (const uint8_t *)cache + position * bytes + AHEAD_BYTES;
    for (size_t byte = 0; byte < bytes; byte += CACHE_LINE) {
        __builtin_prefetch(ahead + byte);
    }
}

INLINE void attend_sized(
    const float *query, int queries, const void *keys, const void *values, int count, int vectors,
    bool bfloat16, float *scores, float *out
) {
    const int size = VECTOR * vectors;
    const size_t stride = score_stride(count);
    vec q[MAX_QUERIES][MAX_VECTORS];
    for (int i = 0; i < queries; i++) {
        for (int vector = 0; vector < vectors; vector++) {
            q[i][vector] = vec_load(query + i * size + VECTOR * vector);
        }
    }
    for (int k = 0; k < count; k++) {
        prefetch_ahead(keys, k, size, bfloat16);
        vec dots[MAX_QUERIES] = {vec_zero(), vec_zero()};
        for (int vector = 0; vector < vectors; vector++) {
            vec key = load_cached(keys, (size_t)k * size + VECTOR * vector, bfloat16);
            for (int i = 0; i < queries; i++) {
                dots[i] = vec_fma(q[i][vector], key, dots[i]);
            }
        }
        if (queries == 1) {
            scores[k] = vec_reduce_add(dots[0]);
        } else {
            vec_reduce_add_2(dots[0], dots[1], scores + k, scores + stride + k);
        }
    }
    float factors[MAX_QUERIES];
    for (int i = 0; i < queries; i++) {
        float *row = scores + i * stride;
        factors[i] = 1.0f / softmax_in_place(row, count, round_up(count, VECTOR));
    }
    for (int first = 0; first < vectors; first += VALUE_VECTORS) {
        const int last = min_int(vectors, first + VALUE_VECTORS);
        vec sums[MAX_QUERIES][MAX_VECTORS];
        for (int i = 0; i < queries; i++) {
            for (int vector = first; vector < last; vector++) {
                sums[i][vector] = vec_zero();
            }
        }
        for (int k = 0; k < count; k++) {
            if (first == 0) {
                prefetch_ahead(values, k, size, bfloat16);
            }
            for (int vector = first; vector < last; vector++) {
                vec value = load_cached(values, (size_t)k * size + VECTOR * vector, bfloat16);
                for (int i = 0; i < queries; i++) {
                    vec weight = vec_set(scores[i * stride + k]);
                    sums[i][vector] = vec_fma(weight, value, sums[i][vector]);
                }
            }
        }
        for (int i = 0; i < queries; i++) {
            for (int vector = first; vector < last; vector++) {
                vec sum = vec_mul(sums[i][vector], vec_set(factors[i]));
                vec_store(out + i * size + VECTOR * vector, sum);
            }
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
        case 16: ATTEND_QUERIES(16 / VECTOR) break;
        case 32: ATTEND_QUERIES(32 / VECTOR) break;
        case 64: ATTEND_QUERIES(64 / VECTOR) break;
        case 128: ATTEND_QUERIES(128 / VECTOR) break;
        default: ATTEND_QUERIES(MAX_HEAD / VECTOR) break;
    }
}
