// Softmax of a row of attention scores in float32, without its division: the sum of the
// exponentials is returned, and the attention divides its result by it, which has fewer numbers.

#pragma once

#include "halves.h"

// The largest of `count` scores; those after them, up to `padded` (a multiple of 16), become -inf.
INLINE float mask_and_max(float *scores, int count, int padded) {
    for (int i = count; i < padded; i++) {
        scores[i] = -__builtin_inff();
    }
    vec largest = vec_set(-__builtin_inff());
    for (int i = 0; i < padded; i += VECTOR) {
        largest = vec_max(largest, vec_load(scores + i));
    }
    return vec_reduce_max(largest);
}

// Replace `count` scores by their exponentials; scores: [padded, a multiple of 16].
static inline float softmax_in_place(float *scores, int count, int padded) {
    vec largest = vec_set(mask_and_max(scores, count, padded));
    vec sum = vec_zero();
    for (int i = 0; i < padded; i += VECTOR) {
        vec e = exp_vector(vec_sub(vec_load(scores + i), largest));
        sum = vec_add(sum, e);
        vec_store(scores + i, e);
    }
    return vec_reduce_add(sum);
}

// 2^x for x of at most 0, as precise as float32 (exact) or bfloat16 shows.
INLINE vec exp2_vector(bool exact, vec x) {
    x = vec_max(vec_set(-200.0f), x);  // NaN stays NaN: it is the second operand
    vec exponent = vec_round(x);
    vec rest = vec_sub(x, exponent);  // |rest| is at most 0.5
    // Taylor series of 2^rest, highest power first.
    const float coefficients[] = {
        1.54035304e-4f, 1.33335581e-3f, 9.61812911e-3f, 5.55041087e-2f, 2.40226507e-1f,
        6.93147181e-1f, 1.0f,
    };
    int first = exact ? 0 : 2;
    vec sum = vec_set(coefficients[first]);
    for (int i = first + 1; i < 7; i++) {
        sum = vec_fma(sum, rest, vec_set(coefficients[i]));
    }
    return vec_scale(sum, exponent);
}

// As softmax_in_place, with powers of two, for scores that were multiplied by log2 e. The powers go
// to `out` [padded, a multiple of two vectors], float32 (exact) or halves.
INLINE float softmax_base_2(bool exact, float *scores, int count, int padded, void *out) {
    vec largest = vec_set(mask_and_max(scores, count, padded));
    vec sum = vec_zero();
    for (int i = 0; i < padded; i += 2 * VECTOR) {
        vec first = vec_sub(vec_load(scores + i), largest);
        vec second = vec_sub(vec_load(scores + i + VECTOR), largest);
        first = exp2_vector(exact, first), second = exp2_vector(exact, second);
        sum = vec_add(sum, vec_add(first, second));
        if (exact) {
            vec_store((float *)out + i, first);
            vec_store((float *)out + i + VECTOR, second);
        } else {
            half_store((half *)out + i, first);
            half_store((half *)out + i + VECTOR, second);
        }
    }
    return vec_reduce_add(sum);
}
