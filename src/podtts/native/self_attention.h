// Attention of all positions of a sequence to one another, with a softmax in float32.
//
// Keys lie as the weights of a matrix whose outputs are the keys, values as those of one whose
// inputs they are: scores and what is attended to are products with panels. Queries and keys may be
// int8 with a scale each; shares and values may not: small shares would vanish.

#pragma once

#include "panels.h"

// 2 to the x, for x of at most 0, to what the form shows.
INLINE __m512 power_of_two(form of, __m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(-200.0f), x);  // where one is NaN, this is the second
    __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT);
    __m512 rest = _mm512_sub_ps(x, whole);  // |rest| is at most 0.5
    // Of the Taylor series of 2^x, highest power first.
    const float factors[] = {
        1.54035304e-4f, 1.33335581e-3f, 9.61812911e-3f, 5.55041087e-2f, 2.40226507e-1f,
        6.93147181e-1f, 1.0f,
    };
    int from = of == FLOAT32 ? 0 : 2;
    __m512 sum = _mm512_set1_ps(factors[from]);
    for (int power = from + 1; power < 7; power++) {
        sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(factors[power]));
    }
    return _mm512_scalef_ps(sum, whole);
}

// The highest of a row's scores that count; those beyond become those of nothing.
INLINE float highest_of(float *scores, int count, int padded) {
    for (int at = count; at < padded; at++) {
        scores[at] = -__builtin_inff();
    }
    __m512 most = _mm512_set1_ps(-__builtin_inff());
    for (int at = 0; at < padded; at += SIDE) {
        most = _mm512_max_ps(most, _mm512_loadu_ps(scores + at));
    }
    return _mm512_reduce_max_ps(most);
}

// Scores of a row to their shares, not yet divided by the total that is returned.
INLINE float share_out(form of, float *scores, int count, int padded, uint8_t *shares) {
    __m512 highest = _mm512_set1_ps(highest_of(scores, count, padded)), total = _mm512_setzero_ps();
    for (int at = 0; at < padded; at += 2 * SIDE) {
        __m512 one = power_of_two(of, _mm512_sub_ps(_mm512_loadu_ps(scores + at), highest));
        __m512 other = _mm512_loadu_ps(scores + at + SIDE);
        __m512 next = power_of_two(of, _mm512_sub_ps(other, highest));
        total = _mm512_add_ps(total, _mm512_add_ps(one, next));
        if (of == FLOAT32) {
            _mm512_storeu_ps((float *)shares + at, one);
            _mm512_storeu_ps((float *)shares + at + SIDE, next);
        } else {
            _mm512_storeu_si512((uint16_t *)shares + at, narrow(one, next));
        }
    }
    return _mm512_reduce_add_ps(total);
}

typedef struct {
    const uint8_t *keys;      // [panels of keys, lanes of a head, 64, 4 bytes]
    const float *key_scales;  // [panels of keys, 64], int8 only
    const uint8_t *values;    // [lanes of keys, 64, 4 bytes]
    int lanes, size;  // of a key; of a head
} head;

// Scores of six queries from the first, [6, padded].
INLINE void score_six(
    form of, const head *to, const inputs *queries, int first, int padded, float *scores
) {
    for (int key = 0; key < padded; key += PANEL) {
        __m512 sums[HIGH][WIDE];
        sum_panel(of, to->keys + (size_t)key * to->lanes * LANE, to->lanes, queries, first, sums);
        for (int row = 0; row < HIGH; row++) {
            for (int side = 0; side < WIDE; side++) {
                int at = key + side * SIDE;
                __m512 score = sums[row][side];
                if (of == INT8) {
                    __m512 own = _mm512_set1_ps(queries->scale[first + row]);
                    __m512 scale = _mm512_mul_ps(own, _mm512_loadu_ps(to->key_scales + at));
                    score = _mm512_mul_ps(score, scale);
                }
                _mm512_storeu_ps(scores + (size_t)row * padded + at, score);
            }
        }
    }
}

// Six queries from the first; visible: keys that each may look at. asked: the form of queries and
// keys; of: of shares and values. scores: [6, a multiple of 64]; shares: the same in their form;
// out: [6, stride floats].
INLINE void attend_six(
    form asked, form of, const head *to, const inputs *queries, int first, int rows,
    const int *visible, float *scores, uint8_t *shares, float *out, size_t stride
) {
    int most = 0;
    for (int row = 0; row < rows; row++) {
        most = visible[row] > most ? visible[row] : most;
    }
    int padded = panels_of(most) * PANEL;
    size_t bytes = (size_t)padded * LANE / of;
    score_six(asked, to, queries, first, padded, scores);
    float totals[HIGH];
    for (int row = 0; row < rows; row++) {
        float *own = scores + (size_t)row * padded;
        totals[row] = share_out(of, own, visible[row], padded, shares + row * bytes);
    }
    inputs shared = {.lanes = shares, .stride = bytes};
    __m512 sums[HIGH][WIDE];
    sum_panel(of, to->values, (most + of - 1) / of, &shared, 0, sums);
    for (int row = 0; row < rows; row++) {
        __m512 factor = _mm512_set1_ps(1.0f / totals[row]);
        for (int side = 0; side * SIDE < to->size; side++) {
            __m512 sum = _mm512_mul_ps(sums[row][side], factor);
            _mm512_storeu_ps(out + row * stride + side * SIDE, sum);
        }
    }
}

// Keep a position's key [size] as an output of the panels of keys.
INLINE void keep_key(
    form of, uint8_t *keys, float *key_scales, int position, const float *key, int size
) {
    int lanes = size / of;
    uint32_t own[PANEL];
    int32_t middle;
    inputs one = {.lanes = (uint8_t *)own, .scale = key_scales + position, .middle = &middle};
    put_in(of, &one, 0, key, size);
    uint8_t *to = keys + ((size_t)(position / PANEL) * lanes * PANEL + position % PANEL) * LANE;
    for (int lane = 0; lane < lanes; lane++) {
        uint32_t four = of == INT8 ? own[lane] ^ 0x80808080 : own[lane];  // 128 is added to each
        memcpy(to + (size_t)lane * PANEL * LANE, &four, LANE);
    }
}

// Keep values [size] of the positions of a lane: one, or two of which the second may be NULL.
INLINE void keep_values(
    form of, uint8_t *values, int lane, const float *one, const float *next, int size
) {
    for (int at = 0; at < size; at += SIDE) {
        __m512 first = _mm512_loadu_ps(one + at);
        if (of == FLOAT32) {
            _mm512_store_ps((float *)(values + ((size_t)lane * PANEL + at) * LANE), first);
            continue;
        }
        __m512 second = next == NULL ? _mm512_setzero_ps() : _mm512_loadu_ps(next + at);
        __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
        __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
        __m512i both = _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
        _mm512_store_si512(values + ((size_t)lane * PANEL + at) * LANE, both);
    }
}
