// What happens to the channels of one position: layer norm and the functions between layers.

#pragma once

#include "vectors.h"

typedef struct {
    const float *weight, *bias;
} norm;

// Layer norm of x [size, a multiple of 16]; y may be x.
static void normed(const float *x, const norm *by, int size, float epsilon, float *y) {
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int at = 0; at < size; at += 16) {
        sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + at));
    }
    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)size);
    for (int at = 0; at < size; at += 16) {
        __m512 off = _mm512_sub_ps(_mm512_loadu_ps(x + at), mean);
        squares = _mm512_fmadd_ps(off, off, squares);
    }
    float variance = _mm512_reduce_add_ps(squares) / (float)size;
    __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int at = 0; at < size; at += 16) {
        __m512 some = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + at), mean), factor);
        __m512 scaled = _mm512_mul_ps(some, _mm512_loadu_ps(by->weight + at));
        _mm512_storeu_ps(y + at, _mm512_add_ps(scaled, _mm512_loadu_ps(by->bias + at)));
    }
}

// x tanh(log(1 + e^x)), in place.
static void mish(float *x, int size) {
    const __m512 two = _mm512_set1_ps(2.0f);
    for (int at = 0; at < size; at += 16) {
        __m512 some = _mm512_loadu_ps(x + at);
        // From 20 on it is x itself; NaN stays NaN, as it is the second.
        __m512 power = exponential(_mm512_min_ps(_mm512_set1_ps(20.0f), some));
        __m512 part = _mm512_mul_ps(power, _mm512_add_ps(power, two));
        __m512 share = _mm512_div_ps(part, _mm512_add_ps(part, two));
        _mm512_storeu_ps(x + at, _mm512_mul_ps(some, share));
    }
}

// x / (1 + e^-x), in place.
static void silu(float *x, int size) {
    for (int at = 0; at < size; at += 16) {
        __m512 some = _mm512_loadu_ps(x + at);
        __m512 less = _mm512_sub_ps(_mm512_setzero_ps(), some);
        less = _mm512_min_ps(_mm512_set1_ps(88.0f), less);
        __m512 whole = _mm512_add_ps(_mm512_set1_ps(1.0f), exponential(less));
        _mm512_storeu_ps(x + at, _mm512_div_ps(some, whole));
    }
}

// x times the normal distribution's share below it, in place; to about 2e-7.
// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
static void gelu(float *x, int size) {
    const float factors[] = {
        1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f,
    };
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int at = 0; at < size; at += 16) {
        __m512 some = _mm512_loadu_ps(x + at);
        __m512 z = _mm512_mul_ps(_mm512_abs_ps(some), _mm512_set1_ps(0.70710678f));
        __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), one));
        __m512 sum = _mm512_set1_ps(factors[0]);
        for (int power = 1; power < 5; power++) {
            sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(factors[power]));
        }
        __m512 beyond = exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z)));
        beyond = _mm512_mul_ps(_mm512_mul_ps(sum, t), beyond);  // 1 - erf(z)
        __m512 half = _mm512_mul_ps(beyond, _mm512_set1_ps(0.5f));
        __mmask16 above = _mm512_cmp_ps_mask(some, _mm512_setzero_ps(), _CMP_GE_OQ);
        half = _mm512_mask_sub_ps(half, above, one, half);
        _mm512_storeu_ps(x + at, _mm512_mul_ps(some, half));
    }
}
