// Softmax of a row of attention scores in float32, without its division: the sum of the
// exponentials is returned, and the attention divides its result by it, which has fewer numbers.

#pragma once

#include "vectors.h"

// The largest of `count` scores; those after them, up to `padded` (a multiple of 16), become -inf.
INLINE float mask_and_max(float *scores, int count, int padded) {
    for (int i = count; i < padded; i++) {
        scores[i] = -__builtin_inff();
    }
    __m512 largest = _mm512_set1_ps(-__builtin_inff());
    for (int i = 0; i < padded; i += VECTOR) {
        largest = _mm512_max_ps(largest, _mm512_loadu_ps(scores + i));
    }
    return _mm512_reduce_max_ps(largest);
}

// Replace `count` scores by their exponentials; scores: [padded, a multiple of 16].
static inline float softmax_in_place(float *scores, int count, int padded) {
    __m512 largest = _mm512_set1_ps(mask_and_max(scores, count, padded));
    __m512 sum = _mm512_setzero_ps();
    for (int i = 0; i < padded; i += VECTOR) {
        __m512 e = exp_vector(_mm512_sub_ps(_mm512_loadu_ps(scores + i), largest));
        sum = _mm512_add_ps(sum, e);
        _mm512_storeu_ps(scores + i, e);
    }
    return _mm512_reduce_add_ps(sum);
}

// 2^x for x of at most 0, as precise as float32 (exact) or bfloat16 shows.
INLINE __m512 exp2_vector(bool exact, __m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(-200.0f), x);  // NaN stays NaN: it is the second operand
    __m512 exponent = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT);
    __m512 rest = _mm512_sub_ps(x, exponent);  // |rest| is at most 0.5
    // Taylor series of 2^rest, highest power first.
    const float coefficients[] = {
        1.54035304e-4f, 1.33335581e-3f, 9.61812911e-3f, 5.55041087e-2f, 2.40226507e-1f,
        6.93147181e-1f, 1.0f,
    };
    int first = exact ? 0 : 2;
    __m512 sum = _mm512_set1_ps(coefficients[first]);
    for (int i = first + 1; i < 7; i++) {
        sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(coefficients[i]));
    }
    return _mm512_scalef_ps(sum, exponent);
}

// As softmax_in_place, with powers of two, for scores that were multiplied by log2 e. The powers go
// to `out` [padded, a multiple of 32], float32 (exact) or bfloat16.
INLINE float softmax_base_2(bool exact, float *scores, int count, int padded, void *out) {
    __m512 largest = _mm512_set1_ps(mask_and_max(scores, count, padded));
    __m512 sum = _mm512_setzero_ps();
    for (int i = 0; i < padded; i += 2 * VECTOR) {
        __m512 first = _mm512_sub_ps(_mm512_loadu_ps(scores + i), largest);
        __m512 second = _mm512_sub_ps(_mm512_loadu_ps(scores + i + VECTOR), largest);
        first = exp2_vector(exact, first), second = exp2_vector(exact, second);
        sum = _mm512_add_ps(sum, _mm512_add_ps(first, second));
        if (exact) {
            _mm512_storeu_ps((float *)out + i, first);
            _mm512_storeu_ps((float *)out + i + VECTOR, second);
        } else {
            _mm512_storeu_si512((uint16_t *)out + i, to_bfloat16(first, second));
        }
    }
    return _mm512_reduce_add_ps(sum);
}
