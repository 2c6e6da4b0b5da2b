// Attention of all positions of a sequence to one another, with a softmax in float32.
//
// Keys are packed as the weights of a matrix whose outputs they are, values as those of a matrix
// whose inputs they are: scores, and the sum of the values, are products with panels. Queries and
// keys may be int8 with a scale each; probabilities and values may not: small probabilities would
// round to zero.

#pragma once

#include "panel_matmul.h"
#include "softmax.h"

// Keys and values of one head.
typedef struct {
    const uint8_t *keys;      // [panels of keys, lanes of a head, 64, 4 bytes]
    const float *key_scales;  // [panels of keys, 64], int8 only
    const uint8_t *values;    // [lanes of keys, 64, 4 bytes]
    int lanes, size;          // of a key; of the head
} head;

// Scores [row block, padded] of a row block of queries from the first.
INLINE void score_row_block(
    dtype dtype, const head *h, const activations *queries, int first, int padded, float *scores
) {
    for (int key = 0; key < padded; key += PANEL) {
        __m512 sums[ROW_BLOCK][PANEL_VECTORS];
        const uint8_t *keys = h->keys + (size_t)key * h->lanes * LANE_BYTES;
        multiply_panel(dtype, keys, h->lanes, queries, first, sums);
        for (int row = 0; row < ROW_BLOCK; row++) {
            for (int vector = 0; vector < PANEL_VECTORS; vector++) {
                int column = key + vector * VECTOR;
                __m512 score = sums[row][vector];
                if (dtype == INT8) {
                    __m512 query_scale = _mm512_set1_ps(queries->scales[first + row]);
                    __m512 key_scale = _mm512_loadu_ps(h->key_scales + column);
                    score = _mm512_mul_ps(score, _mm512_mul_ps(query_scale, key_scale));
                }
                _mm512_storeu_ps(scores + (size_t)row * padded + column, score);
            }
        }
    }
}

// Attention of a row block of queries from the first, of which `rows` count.
// query_dtype: of queries and keys; value_dtype: of probabilities and values. visible: the number
// of keys, from the first on, that each query sees. scores: [row block, a multiple of 64];
// probabilities: the same in their dtype; out: [rows, stride floats].
INLINE void attend_row_block(
    dtype query_dtype, dtype value_dtype, const head *h, const activations *queries, int first,
    int rows, const int *visible, float *scores, uint8_t *probabilities, float *out, size_t stride
) {
    int keys = 0;
    for (int row = 0; row < rows; row++) {
        keys = max_int(keys, visible[row]);
    }
    int padded = panels_of(keys) * PANEL;
    activations p = {.lanes = probabilities, .stride = (size_t)padded * LANE_BYTES / value_dtype};
    score_row_block(query_dtype, h, queries, first, padded, scores);
    float totals[ROW_BLOCK];
    for (int row = 0; row < rows; row++) {
        totals[row] = softmax_base_2(
            value_dtype == FLOAT32, scores + (size_t)row * padded, visible[row], padded,
            p.lanes + row * p.stride
        );
    }
    __m512 sums[ROW_BLOCK][PANEL_VECTORS];
    multiply_panel(value_dtype, h->values, ceil_div(keys, value_dtype), &p, 0, sums);
    for (int row = 0; row < rows; row++) {
        __m512 factor = _mm512_set1_ps(1.0f / totals[row]);
        for (int vector = 0; vector * VECTOR < h->size; vector++) {
            __m512 sum = _mm512_mul_ps(sums[row][vector], factor);
            _mm512_storeu_ps(out + row * stride + vector * VECTOR, sum);
        }
    }
}

// Pack a position's key [size] as an output of the panels of keys.
INLINE void pack_key(
    dtype dtype, uint8_t *keys, float *key_scales, int position, const float *key, int size
) {
    int lanes = size / dtype;
    uint32_t row[PANEL];
    int32_t compensation;
    activations x = {
        .lanes = (uint8_t *)row, .scales = key_scales + position, .compensation = &compensation,
    };
    store_row_as(dtype, &x, 0, key, size);
    uint8_t *to = keys + (size_t)(position / PANEL) * lanes * PANEL_LANE_BYTES
        + position % PANEL * LANE_BYTES;
    for (int lane = 0; lane < lanes; lane++) {
        // To add the zero point of 128 to a byte is to flip its highest bit.
        uint32_t packed = dtype == INT8 ? row[lane] ^ 0x80808080 : row[lane];
        memcpy(to + (size_t)lane * PANEL_LANE_BYTES, &packed, LANE_BYTES);
    }
}

// Pack the values [size] of a lane's positions: of one in float32, else of two, where the second
// may be NULL for zeros.
INLINE void pack_values(
    dtype dtype, uint8_t *values, int lane, const float *first, const float *second, int size
) {
    uint8_t *to = values + (size_t)lane * PANEL_LANE_BYTES;
    for (int i = 0; i < size; i += VECTOR) {
        __m512 even = _mm512_loadu_ps(first + i);
        if (dtype == FLOAT32) {
            _mm512_store_ps((float *)to + i, even);
            continue;
        }
        __m512 odd = second == NULL ? _mm512_setzero_ps() : _mm512_loadu_ps(second + i);
        __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(even));
        __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(odd));
        __m512i pairs = _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
        _mm512_store_si512(to + i * LANE_BYTES, pairs);
    }
}
