// Attention of all positions of a sequence to one another, with a softmax in float32.
//
// Keys are packed as the weights of a matrix whose outputs they are, values as those of a matrix
// whose inputs they are: scores, and the sum of the values, are products with panels. Queries and
// keys may be int8 with a scale each; probabilities and values may not: small probabilities would
// round to zero.

#pragma once

#include "panel_matmul.h"
#include "softmax.h"

enum { MAX_HEAD = 64 };  // numbers of a head

// Keys and values of one head.
typedef struct {
    const uint8_t *keys;      // [panels of keys, lanes of a head, PANEL, 4 bytes]
    const float *key_scales;  // [panels of keys, PANEL], int8 only
    const uint8_t *values;    // [panels of the head, lanes of keys, PANEL, 4 bytes]
    size_t value_bytes;       // of a panel
    int lanes, size;          // of a key; of the head
} head;

// Scores [row block, padded] of a row block of queries from the first.
INLINE void score_row_block(
    dtype dtype, const head *h, const activations *queries, int first, int padded, float *scores
) {
    for (int key = 0; key < padded; key += PANEL) {
        vec sums[ROW_BLOCK][PANEL_VECTORS];
        const uint8_t *keys = h->keys + (size_t)key * h->lanes * LANE_BYTES;
        multiply_panel(dtype, keys, h->lanes, queries, first, sums);
        for (int row = 0; row < ROW_BLOCK; row++) {
            for (int vector = 0; vector < PANEL_VECTORS; vector++) {
                int column = key + vector * VECTOR;
                vec score = sums[row][vector];
                if (dtype == INT8) {
                    vec query_scale = vec_set(queries->scales[first + row]);
                    vec key_scale = vec_load(h->key_scales + column);
                    score = vec_mul(score, vec_mul(query_scale, key_scale));
                }
                vec_store(scores + (size_t)row * padded + column, score);
            }
        }
    }
}

// Attention of a row block of queries from the first, of which `rows` count.
// query_dtype: of queries and keys; value_dtype: of probabilities and values. visible: the number
// of keys, from the first on, that each query sees. scores: [row block, whole panels];
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
    activations p = {.lanes = probabilities, .stride = (size_t)padded * LANE_BYTES / lane_size(value_dtype)};
    score_row_block(query_dtype, h, queries, first, padded, scores);
    float totals[ROW_BLOCK];
    for (int row = 0; row < rows; row++) {
        totals[row] = softmax_base_2(
            lane_size(value_dtype) == 1, scores + (size_t)row * padded, visible[row], padded,
            p.lanes + row * p.stride
        );
    }
    const uint8_t *values = h->values;
    for (int column = 0; column < h->size; column += PANEL, values += h->value_bytes) {
        vec sums[ROW_BLOCK][PANEL_VECTORS];
        multiply_panel(value_dtype, values, ceil_div(keys, lane_size(value_dtype)), &p, 0, sums);
        for (int row = 0; row < rows; row++) {
            vec factor = vec_set(1.0f / totals[row]);
            float *to = out + row * stride + column;
            for (int vector = 0; vector < PANEL_VECTORS; vector++) {
                if (column + vector * VECTOR < h->size) {
                    vec_store(to + vector * VECTOR, vec_mul(sums[row][vector], factor));
                }
            }
        }
    }
}

// Pack a position's key [size] as an output of the panels of keys.
INLINE void pack_key(
    dtype dtype, uint8_t *keys, float *key_scales, int position, const float *key, int size
) {
    int lanes = size / lane_size(dtype);
    uint32_t row[MAX_HEAD];
    int32_t compensation;
    activations x = {
        .lanes = (uint8_t *)row, .scales = key_scales + position, .compensation = &compensation,
    };
    store_row_as(dtype, &x, 0, key, size);
    uint8_t *to = keys + (size_t)(position / PANEL) * lanes * PANEL_LANE_BYTES
        + position % PANEL * LANE_BYTES;
    for (int lane = 0; lane < lanes; lane++) {
        // To add a zero point of 128 to a byte is to flip its highest bit.
        uint32_t packed = dtype == INT8 ? row[lane] ^ INT8_ZERO_POINT * 0x01010101u : row[lane];
        memcpy(to + (size_t)lane * PANEL_LANE_BYTES, &packed, LANE_BYTES);
    }
}

// Pack the values [size] of a lane's positions: of one, or of two, where the second may be NULL for
// zeros. value_bytes: of a panel.
INLINE void pack_values(
    dtype dtype, uint8_t *values, size_t value_bytes, int lane, const float *first,
    const float *second, int size
) {
    for (int column = 0; column < size; column += VECTOR) {
        uint8_t *to = values + column / PANEL * value_bytes + (size_t)lane * PANEL_LANE_BYTES
            + column % PANEL * LANE_BYTES;
        vec value = vec_load(first + column);
        if (dtype == FLOAT32) {
            vec_store((float *)to, value);
        } else {
            half_store_lanes(to, value, second == NULL ? vec_zero() : vec_load(second + column));
        }
    }
}
