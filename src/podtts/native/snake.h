// Snake, x + sin^2(alpha x) / alpha, for rows of channels.
// Source: Ziyin, Hartwig and Ueda, Neural Networks Fail to Learn Periodic Functions.

#pragma once

#include "halves.h"

// sin^2(z) with an error of at most 2.5e-7 for |z| up to 1e4, relative to it near zero; from 0 to 1 for
// every finite z, and NaN for NaN and infinity.
// Source: Cody and Waite's range reduction, as in exp_vector.
INLINE vec square_of_sine(vec z) {
    // A multiple of pi changes at most the sign of a sine. The first product is subtracted without
    // an error, as it is fused.
    vec multiple = vec_round(vec_mul(z, vec_set(0.31830987f)));
    vec rest = vec_fnma(multiple, vec_set(3.14159274f), z);
    rest = vec_fnma(multiple, vec_set(-8.74227801e-8f), rest);
    // Beyond 1e7 the multiple is wrong. NaN stays NaN: it is the second operand.
    rest = vec_max(vec_set(-1.6f), vec_min(vec_set(1.6f), rest));
    // sin(r) / r as a polynomial of r^2, highest power first: Chebyshev's up to pi / 2, whose error
    // is 7e-9.
    const float coefficients[] = {-1.98090464e-4f, 8.33305062e-3f, -0.16666658f};
    vec square = vec_mul(rest, rest), sum = vec_set(2.60516628e-6f);
    for (int i = 0; i < 3; i++) {
        sum = vec_fma(sum, square, vec_set(coefficients[i]));
    }
    vec sine = vec_fma(vec_mul(rest, square), sum, rest);
    return vec_mul(sine, sine);
}

// The first `count` numbers, zeros behind them; all of a vector if there are as many.
INLINE vec load_some(const float *from, int count) {
    if (count >= VECTOR) {
        return vec_load(from);
    }
    float numbers[VECTOR] = {0};
    memcpy(numbers, from, (size_t)count * sizeof(float));
    return vec_load(numbers);
}

INLINE void store_some(float *to, vec x, int count) {
    if (count >= VECTOR) {
        vec_store(to, x);
        return;
    }
    float numbers[VECTOR];
    vec_store(numbers, x);
    memcpy(to, numbers, (size_t)count * sizeof(float));
}

typedef struct {
    int channels, width;    // width: channels in whole vectors
    const float *alpha;     // [width]
    const float *inverse;   // [width], 1 / alpha
} snake;

// Snake of a row x [channels], as a convolution's input: float32, or halves; y [width] may be x.
INLINE void snake_row(const snake *s, const float *x, bool halves, void *y) {
    for (int i = 0; i < s->width; i += VECTOR) {
        vec v = load_some(x + i, s->channels - i);
        vec square = square_of_sine(vec_mul(v, vec_load(s->alpha + i)));
        v = vec_fma(square, vec_load(s->inverse + i), v);
        if (halves) {
            half_store((half *)y + i, v);
        } else {
            vec_store((float *)y + i, v);
        }
    }
}
