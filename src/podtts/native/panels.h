// Matrices times many rows, for work that is bound by multiplying.
//
// A lane is four bytes: one float32, two bfloat16 or four int8 inputs. 64 outputs make a panel,
// whose weights lie lane by lane; six rows go through a panel together, so that 24 sums stay in
// registers. Each sum is formed in one order, whoever forms it and whichever rows stand beside it.

#pragma once

#include <stdbool.h>

#include "vectors.h"

typedef enum { FLOAT32 = 1, BFLOAT16 = 2, INT8 = 4 } form;  // inputs a lane holds

enum { LANE = 4, SIDE = 16, WIDE = 4, PANEL = SIDE * WIDE, HIGH = 6 };

typedef struct {
    form of;
    int lanes, outputs;  // lanes of inputs
    uint8_t *weights;    // [panels, lanes, 64, 4 bytes]; int8: 128 is added to each
    float *scale;        // [panels * 64], int8 only
    float *bias;         // [panels * 64]
} matrix;

// Rows in the form a matrix wants. A few more than there are may be read, and nothing comes of it.
typedef struct {
    uint8_t *lanes;   // [rows, stride bytes]
    size_t stride;
    float *scale;     // [rows], int8 only
    int32_t *middle;  // [rows], int8 only: what the 128 of the weights add too much
} inputs;

static int panels_of(int outputs) { return (outputs + PANEL - 1) / PANEL; }

INLINE __m512 more(form of, __m512 sum, __m512i weights, __m512i lane) {
    return of == FLOAT32
        ? _mm512_fmadd_ps(_mm512_castsi512_ps(weights), _mm512_castsi512_ps(lane), sum)
        : _mm512_dpbf16_ps(sum, (__m512bh)weights, (__m512bh)lane);
}

// Sums of a panel's outputs for six rows from the first.
INLINE void sum_panel(
    form of, const uint8_t *weights, int lanes, const inputs *x, int first,
    __m512 sums[HIGH][WIDE]
) {
    const uint8_t *rows = x->lanes + first * x->stride;
    __m512i levels[HIGH][WIDE];  // of int8
    for (int row = 0; row < HIGH; row++) {
        for (int side = 0; side < WIDE; side++) {
            sums[row][side] = _mm512_setzero_ps();
            levels[row][side] = _mm512_set1_epi32(of == INT8 ? x->middle[first + row] : 0);
        }
    }
    for (int lane = 0; lane < lanes; lane++, weights += PANEL * LANE) {
        __m512i by[WIDE];
        for (int side = 0; side < WIDE; side++) {
            by[side] = _mm512_load_si512(weights + side * SIDE * LANE);
        }
        for (int row = 0; row < HIGH; row++) {
            __m512i one = spread(rows + row * x->stride + lane * LANE);
            for (int side = 0; side < WIDE; side++) {
                if (of == INT8) {
                    add_products(&levels[row][side], by[side], one);
                } else {
                    sums[row][side] = more(of, sums[row][side], by[side], one);
                }
            }
        }
    }
    for (int row = 0; of == INT8 && row < HIGH; row++) {
        for (int side = 0; side < WIDE; side++) {
            sums[row][side] = _mm512_cvtepi32_ps(levels[row][side]);
        }
    }
}

INLINE void multiply_in(
    form of, const matrix *by, const inputs *x, int rows, bool add, float *y, size_t stride
) {
    for (int panel = 0; panel < panels_of(by->outputs); panel++) {
        const uint8_t *weights = by->weights + (size_t)panel * by->lanes * PANEL * LANE;
        for (int first = 0; first < rows; first += HIGH) {
            __m512 sums[HIGH][WIDE];
            sum_panel(of, weights, by->lanes, x, first, sums);
            for (int row = first; row < first + HIGH && row < rows; row++) {
                for (int side = 0; side < WIDE; side++) {
                    int output = panel * PANEL + side * SIDE;
                    if (output >= by->outputs) {
                        break;
                    }
                    __m512 sum = sums[row - first][side];
                    if (of == INT8) {
                        __m512 scale = _mm512_load_ps(by->scale + output);
                        scale = _mm512_mul_ps(scale, _mm512_set1_ps(x->scale[row]));
                        sum = _mm512_mul_ps(sum, scale);
                    }
                    sum = _mm512_add_ps(sum, _mm512_load_ps(by->bias + output));
                    float *to = y + row * stride + output;
                    _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sum) : sum);
                }
            }
        }
    }
}

// y = by x + bias, or y += by x + bias; y: [rows, stride floats].
static void multiply(
    const matrix *by, const inputs *x, int rows, bool add, float *y, size_t stride
) {
    switch (by->of) {
        case FLOAT32: multiply_in(FLOAT32, by, x, rows, add, y, stride); break;
        case BFLOAT16: multiply_in(BFLOAT16, by, x, rows, add, y, stride); break;
        default: multiply_in(INT8, by, x, rows, add, y, stride); break;
    }
}

// Numbers as lanes of float32 or bfloat16; count: a multiple of 16.
INLINE void put_plain(form of, const float *x, int count, uint8_t *lanes) {
    if (of == FLOAT32) {
        memcpy(lanes, x, count * sizeof(float));
        return;
    }
    for (int at = 0; at < count; at += 16) {
        __m256i some = (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(x + at));
        _mm256_storeu_si256((void *)(lanes + 2 * at), some);
    }
}

// A row of inputs as int8 with a scale of its own; count: a multiple of 16.
static void put_levels(const inputs *to, int row, const float *x, int count) {
    __m512 most = _mm512_setzero_ps(), nothing = _mm512_setzero_ps();
    for (int at = 0; at < count; at += 16) {
        __m512 some = _mm512_loadu_ps(x + at);
        most = _mm512_max_ps(most, _mm512_abs_ps(some));
        nothing = _mm512_add_ps(nothing, _mm512_sub_ps(some, some));
    }
    // What is not finite must not vanish in the rounding: then nothing of the row is.
    bool finite = _mm512_cmp_ps_mask(nothing, nothing, _CMP_UNORD_Q) == 0;
    float highest = _mm512_reduce_max_ps(most);
    __m512 factor = _mm512_set1_ps(highest > 0 ? 127.0f / highest : 0.0f);
    __m512i total = _mm512_setzero_si512();
    for (int at = 0; at < count; at += 16) {
        __m512i some = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + at), factor));
        total = _mm512_add_epi32(total, some);
        _mm_storeu_si128((void *)(to->lanes + row * to->stride + at), _mm512_cvtsepi32_epi8(some));
    }
    to->scale[row] = finite ? highest / 127.0f : __builtin_nanf("");
    to->middle[row] = -128 * _mm512_reduce_add_epi32(total);
}

INLINE void put_in(form of, const inputs *to, int row, const float *x, int count) {
    if (of == INT8) {
        put_levels(to, row, x, count);
    } else {
        put_plain(of, x, count, to->lanes + row * to->stride);
    }
}

static void put(form of, const inputs *to, int row, const float *x, int count) {
    switch (of) {
        case FLOAT32: put_in(FLOAT32, to, row, x, count); break;
        case BFLOAT16: put_in(BFLOAT16, to, row, x, count); break;
        default: put_in(INT8, to, row, x, count); break;
    }
}

static uint16_t half_of(float x) {
    __m128bh some = _mm_cvtneps_pbh(_mm_set_ss(x));
    uint16_t bits;
    memcpy(&bits, &some, sizeof bits);
    return bits;
}

// A panel of a matrix from float32 [outputs, inputs]; inputs: a multiple of 16.
static void lay_panel(const matrix *to, int panel, const float *weights) {
    int count = to->lanes * to->of;
    for (int beside = 0; beside < PANEL && panel * PANEL + beside < to->outputs; beside++) {
        int output = panel * PANEL + beside;
        const float *from = weights + (size_t)output * count;
        float highest = 0.0f;
        for (int input = 0; input < count; input++) {
            highest = __builtin_fmaxf(highest, __builtin_fabsf(from[input]));
        }
        float factor = highest > 0 ? 127.0f / highest : 0.0f;
        if (to->of == INT8) {
            to->scale[output] = highest / 127.0f;
        }
        uint8_t *own = to->weights + ((size_t)panel * to->lanes * PANEL + beside) * LANE;
        for (int input = 0; input < count; input++) {
            uint8_t *lane = own + (size_t)(input / to->of) * PANEL * LANE;
            if (to->of == FLOAT32) {
                memcpy(lane, from + input, sizeof(float));
            } else if (to->of == BFLOAT16) {
                uint16_t bits = half_of(from[input]);
                memcpy(lane + 2 * (input % 2), &bits, sizeof bits);
            } else {
                lane[input % 4] = (uint8_t)(128 + (int)__builtin_rintf(from[input] * factor));
            }
        }
    }
}
