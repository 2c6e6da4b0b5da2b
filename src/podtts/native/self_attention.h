// Attention of positions of a sequence to those before and to one another, with a softmax in float32.
//
// Keys are packed as the weights of a matrix whose outputs they are, values as those of a matrix
// whose inputs they are: scores, and the sum of the values, are products with panels. Queries and
// keys may be int8 with a scale each; probabilities and values may not: small probabilities would
// round to zero.

#pragma once

#include "panel_matmul.h"
#include "softmax.h"

enum { MAX_HEAD = 64 };  // numbers of a head

// Keys and values of one head in positions that follow one another.
typedef struct {
    uint8_t *keys;       // [panels of keys, lanes of a head, PANEL, 4 bytes]
    float *key_scales;   // [panels of keys, PANEL], int8 only
    uint8_t *values;     // [panels of the head, lanes of keys, PANEL, 4 bytes]
    size_t value_bytes;  // of a panel
    size_t head_bytes;   // of all three
    int count;           // positions
    int column;          // of the first key's scores, at the beginning of a lane
} part;

// What the queries of one head see.
typedef struct {
    part *parts;
    int count;        // parts
    int ahead;        // the thread's next head is so many behind this one, and read ahead; 0: none
    int lanes, size;  // of a key; of the head
    int columns;      // whole panels of scores, up to the end of the last part's panels
} head;

// Let the columns of a head's parts follow one another; lane: positions in one of the values.
static void place_parts(head *h, int lane) {
    int column = 0;
    for (int number = 0; number < h->count; number++) {
        part *p = &h->parts[number];
        p->column = column;
        h->columns = panels_of(column + panels_of(p->count) * PANEL) * PANEL;
        column += round_up(p->count, lane);
    }
}

// Scores [row block, stride] of a row block of queries from the first with some keys of a part.
// Whole panels are written: what is behind the keys belongs to the next part, or is not seen.
INLINE void score_row_block(
    dtype dtype, const part *p, int lanes, int count, const activations *queries, int first,
    float *scores, size_t stride
) {
    for (int key = 0; key < count; key += PANEL) {
        vec sums[ROW_BLOCK][PANEL_VECTORS];
        const uint8_t *keys = p->keys + (size_t)key * lanes * LANE_BYTES;
        multiply_panel(dtype, keys, lanes, queries, first, NULL, sums);
        for (int row = 0; row < ROW_BLOCK; row++) {
            float *to = scores + row * stride + p->column + key;
            for (int vector = 0; vector < PANEL_VECTORS; vector++) {
                vec score = sums[row][vector];
                if (dtype == INT8) {
                    vec query_scale = vec_set(queries->scales[first + row]);
                    vec key_scale = vec_load(p->key_scales + key + vector * VECTOR);
                    score = vec_mul(score, vec_mul(query_scale, key_scale));
                }
                vec_store(to + vector * VECTOR, score);
            }
        }
    }
}

// Hide the columns between a part's last key and the end of its lane.
INLINE void hide_rest_of_lane(const part *p, int lane, float *scores, size_t stride) {
    for (int key = p->count; key % lane != 0; key++) {
        for (int row = 0; row < ROW_BLOCK; row++) {
            scores[row * stride + p->column + key] = -__builtin_inff();
        }
    }
}

// A cache line of the same part of another head, so many heads behind; NULL: there is none.
INLINE const uint8_t *next_head(const part *p, int heads, size_t line) {
    size_t byte = line * CACHE_LINE;
    return heads != 0 && byte < p->head_bytes ? p->keys + heads * p->head_bytes + byte : NULL;
}

// Attention of a row block of queries from the first, of which `rows` count.
// query_dtype: of queries and keys; value_dtype: of probabilities and values. visible: the number
// of columns, from the first on, that each query sees. scores: [row block, columns]; probabilities:
// the same in their dtype; out: [rows, stride floats].
INLINE void attend_row_block(
    dtype query_dtype, dtype value_dtype, const head *h, const activations *queries, int first,
    int rows, const int *visible, float *scores, uint8_t *probabilities, float *out, size_t stride
) {
    int seen = 0, each = lane_size(value_dtype);
    for (int row = 0; row < rows; row++) {
        seen = max_int(seen, visible[row]);
    }
    for (int number = 0; number < h->count; number++) {
        const part *p = &h->parts[number];
        int count = min_int(p->count, seen - p->column);
        score_row_block(query_dtype, p, h->lanes, count, queries, first, scores, h->columns);
        hide_rest_of_lane(p, each, scores, h->columns);
    }
    activations row_lanes = {
        .lanes = probabilities, .stride = (size_t)h->columns * LANE_BYTES / each,
    };
    float totals[ROW_BLOCK];
    for (int row = 0; row < rows; row++) {
        totals[row] = softmax_base_2(
            each == 1, scores + (size_t)row * h->columns, visible[row], panels_of(seen) * PANEL,
            row_lanes.lanes + row * row_lanes.stride
        );
    }
    for (int column = 0; column < h->size; column += PANEL) {
        vec sums[ROW_BLOCK][PANEL_VECTORS];
        zero_sums(sums);
        for (int number = 0; number < h->count; number++) {
            const part *p = &h->parts[number];
            const uint8_t *values = p->values + (size_t)(column / PANEL) * p->value_bytes;
            int lanes = ceil_div(min_int(p->count, seen - p->column), each);
            activations seen_lanes = row_lanes;
            seen_lanes.lanes += (size_t)p->column / each * LANE_BYTES;
            const uint8_t *ahead = next_head(p, h->ahead, (size_t)first / ROW_BLOCK * lanes);
            ahead = ahead == NULL ? values : ahead;
            add_products(value_dtype, values, lanes, &seen_lanes, 0, ahead, sums);
        }
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

// The lanes of a position's key, in the panels of keys.
INLINE uint8_t *key_lanes(const part *p, int position, int lanes) {
    return p->keys + (size_t)(position / PANEL) * lanes * PANEL_LANE_BYTES
        + position % PANEL * LANE_BYTES;
}

// To add a zero point of 128 to a byte is to flip its highest bit; four bytes at once.
INLINE uint32_t with_zero_points(uint32_t bytes) { return bytes ^ FAST_ZERO_POINT * 0x01010101u; }

// Pack a position's key [size] as an output of the panels of keys.
INLINE void pack_key(dtype dtype, const part *p, int position, const float *key, int size) {
    int lanes = size / lane_size(dtype);
    uint32_t row[MAX_HEAD];
    int32_t compensation;
    activations x = {
        .lanes = (uint8_t *)row, .scales = p->key_scales + position, .compensation = &compensation,
    };
    if (dtype == INT8) {
        quantize_row(&x, 0, key, size, 127);
    } else {
        convert_row(dtype, key, size, x.lanes);
    }
    uint8_t *to = key_lanes(p, position, lanes);
    for (int lane = 0; lane < lanes; lane++) {
        uint32_t packed = dtype == INT8 ? with_zero_points(row[lane]) : row[lane];
        memcpy(to + (size_t)lane * PANEL_LANE_BYTES, &packed, LANE_BYTES);
    }
}

// Number `index` of a lane.
INLINE float number_of_lane(dtype dtype, const uint8_t *lane, int index, float scale) {
    if (dtype == INT8) {
        uint32_t bytes;
        memcpy(&bytes, lane, sizeof bytes);
        return (float)(int8_t)(with_zero_points(bytes) >> 8 * index) * scale;
    }
    if (dtype == FLOAT32) {
        float number;
        memcpy(&number, lane, sizeof number);
        return number;
    }
    half number;
    memcpy(&number, lane + index * sizeof number, sizeof number);
    return float_of_half(number);
}

// The opposite of pack_key.
INLINE void unpack_key(dtype dtype, const part *p, int position, int size, float *key) {
    int each = lane_size(dtype);
    const uint8_t *lanes = key_lanes(p, position, size / each);
    float scale = dtype == INT8 ? p->key_scales[position] : 1.0f;
    for (int i = 0; i < size; i++) {
        const uint8_t *lane = lanes + (size_t)(i / each) * PANEL_LANE_BYTES;
        key[i] = number_of_lane(dtype, lane, i % each, scale);
    }
}

// A lane of the values of some positions, from a column of the head on.
INLINE uint8_t *value_lane(const part *p, int lane, int column) {
    return p->values + (size_t)(column / PANEL) * p->value_bytes + (size_t)lane * PANEL_LANE_BYTES
        + column % PANEL * LANE_BYTES;
}

// Pack the values [size] of a lane's positions: of one, or of two, where the second may be NULL for
// zeros.
INLINE void pack_values(
    dtype dtype, const part *p, int lane, const float *first, const float *second, int size
) {
    for (int column = 0; column < size; column += VECTOR) {
        uint8_t *to = value_lane(p, lane, column);
        vec value = vec_load(first + column);
        if (dtype == FLOAT32) {
            vec_store((float *)to, value);
        } else {
            half_store_lanes(to, value, second == NULL ? vec_zero() : vec_load(second + column));
        }
    }
}

// The opposite of pack_values, for one position.
INLINE void unpack_value(dtype dtype, const part *p, int position, int size, float *value) {
    int each = lane_size(dtype);
    for (int column = 0; column < size; column++) {
        const uint8_t *lane = value_lane(p, position / each, column);
        value[column] = number_of_lane(dtype, lane, position % each, 1.0f);
    }
}
