// Norms and activation functions: what happens to the channels of one position.
// Sizes are multiples of 16.

#pragma once

#include "vectors.h"

// Root-mean-square norm of x [size]; y may be x.
// Source: Zhang and Sennrich, Root Mean Square Layer Normalization.
static inline void rms_norm(
    const float *x, const float *weight, int size, float epsilon, float *y
) {
    __m512 squares = _mm512_setzero_ps();
    for (int i = 0; i < size; i += VECTOR) {
        __m512 v = _mm512_loadu_ps(x + i);
        squares = _mm512_fmadd_ps(v, v, squares);
    }
    float mean = _mm512_reduce_add_ps(squares) / (float)size;
    __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(mean + epsilon));
    for (int i = 0; i < size; i += VECTOR) {
        __m512 v = _mm512_mul_ps(_mm512_loadu_ps(x + i), factor);
        _mm512_storeu_ps(y + i, _mm512_mul_ps(v, _mm512_loadu_ps(weight + i)));
    }
}

typedef struct {
    const float *weight, *bias;
} norm;

// Layer norm of x [size]; y may be x.
static inline void layer_norm(const float *x, const norm *n, int size, float epsilon, float *y) {
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int i = 0; i < size; i += VECTOR) {
        sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + i));
    }
    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)size);
    for (int i = 0; i < size; i += VECTOR) {
        __m512 v = _mm512_sub_ps(_mm512_loadu_ps(x + i), mean);
        squares = _mm512_fmadd_ps(v, v, squares);
    }
    float variance = _mm512_reduce_add_ps(squares) / (float)size;
    __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int i = 0; i < size; i += VECTOR) {
        __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + i), mean), factor);
        __m512 weight = _mm512_loadu_ps(n->weight + i), bias = _mm512_loadu_ps(n->bias + i);
        _mm512_storeu_ps(y + i, _mm512_fmadd_ps(v, weight, bias));
    }
}

// x / (1 + e^-x).
INLINE __m512 silu_vector(__m512 x) {
    __m512 negative = _mm512_sub_ps(_mm512_setzero_ps(), x);
    negative = _mm512_min_ps(_mm512_set1_ps(88.0f), negative);  // keeps the exponential finite
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0f), exp_vector(negative)));
}

static inline void silu(float *x, int size) {
    for (int i = 0; i < size; i += VECTOR) {
        _mm512_storeu_ps(x + i, silu_vector(_mm512_loadu_ps(x + i)));
    }
}

// x tanh(log(1 + e^x)), in place.
static inline void mish(float *x, int size) {
    const __m512 two = _mm512_set1_ps(2.0f);
    for (int i = 0; i < size; i += VECTOR) {
        __m512 v = _mm512_loadu_ps(x + i);
        // From 20 on it is x itself. NaN stays NaN: it is the second operand.
        __m512 e = exp_vector(_mm512_min_ps(_mm512_set1_ps(20.0f), v));
        __m512 numerator = _mm512_mul_ps(e, _mm512_add_ps(e, two));
        __m512 tanh = _mm512_div_ps(numerator, _mm512_add_ps(numerator, two));
        _mm512_storeu_ps(x + i, _mm512_mul_ps(v, tanh));
    }
}

// x times the normal distribution function of x, in place, with an error of about 2e-7.
// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
static inline void gelu(float *x, int size) {
    const float coefficients[] = {
        1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f,
    };
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int i = 0; i < size; i += VECTOR) {
        __m512 v = _mm512_loadu_ps(x + i);
        __m512 z = _mm512_mul_ps(_mm512_abs_ps(v), _mm512_set1_ps(0.70710678f));
        __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), one));
        __m512 sum = _mm512_set1_ps(coefficients[0]);
        for (int power = 1; power < 5; power++) {
            sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(coefficients[power]));
        }
        __m512 erfc = exp_vector(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z)));
        erfc = _mm512_mul_ps(_mm512_mul_ps(sum, t), erfc);  // 1 - erf(z)
        __m512 below = _mm512_mul_ps(erfc, _mm512_set1_ps(0.5f));  // for negative x
        __mmask16 positive = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GE_OQ);
        below = _mm512_mask_sub_ps(below, positive, one, below);
        _mm512_storeu_ps(x + i, _mm512_mul_ps(v, below));
    }
}
