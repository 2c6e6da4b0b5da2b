// Norms and activation functions: what happens to the channels of one position.
// Sizes are multiples of 16.

#pragma once

#include "vectors.h"

// Root-mean-square norm of x [size]; y may be x.
// Source: Zhang and Sennrich, Root Mean Square Layer Normalization.
static inline void rms_norm(
    const float *x, const float *weight, int size, float epsilon, float *y
) {
    vec squares = vec_zero();
    for (int i = 0; i < size; i += VECTOR) {
        vec v = vec_load(x + i);
        squares = vec_fma(v, v, squares);
    }
    float mean = vec_reduce_add(squares) / (float)size;
    vec factor = vec_set(1.0f / __builtin_sqrtf(mean + epsilon));
    for (int i = 0; i < size; i += VECTOR) {
        vec v = vec_mul(vec_load(x + i), factor);
        vec_store(y + i, vec_mul(v, vec_load(weight + i)));
    }
}

typedef struct {
    const float *weight, *bias;
} norm;

// Layer norm of x [size]; y may be x.
static inline void layer_norm(const float *x, const norm *n, int size, float epsilon, float *y) {
    vec sum = vec_zero(), squares = vec_zero();
    for (int i = 0; i < size; i += VECTOR) {
        sum = vec_add(sum, vec_load(x + i));
    }
    vec mean = vec_set(vec_reduce_add(sum) / (float)size);
    for (int i = 0; i < size; i += VECTOR) {
        vec v = vec_sub(vec_load(x + i), mean);
        squares = vec_fma(v, v, squares);
    }
    float variance = vec_reduce_add(squares) / (float)size;
    vec factor = vec_set(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int i = 0; i < size; i += VECTOR) {
        vec v = vec_mul(vec_sub(vec_load(x + i), mean), factor);
        vec weight = vec_load(n->weight + i), bias = vec_load(n->bias + i);
        vec_store(y + i, vec_fma(v, weight, bias));
    }
}

// x / (1 + e^-x).
INLINE vec silu_vector(vec x) {
    vec negative = vec_sub(vec_zero(), x);
    negative = vec_min(vec_set(88.0f), negative);  // keeps the exponential finite
    return vec_div(x, vec_add(vec_set(1.0f), exp_vector(negative)));
}

static inline void silu(float *x, int size) {
    for (int i = 0; i < size; i += VECTOR) {
        vec_store(x + i, silu_vector(vec_load(x + i)));
    }
}

// x tanh(log(1 + e^x)), in place.
static inline void mish(float *x, int size) {
    const vec two = vec_set(2.0f);
    for (int i = 0; i < size; i += VECTOR) {
        vec v = vec_load(x + i);
        // From 20 on it is x itself. NaN stays NaN: it is the second operand.
        vec e = exp_vector(vec_min(vec_set(20.0f), v));
        vec numerator = vec_mul(e, vec_add(e, two));
        vec tanh = vec_div(numerator, vec_add(numerator, two));
        vec_store(x + i, vec_mul(v, tanh));
    }
}

// x times the normal distribution function of x, in place, with an error of about 2e-7.
// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
static inline void gelu(float *x, int size) {
    const float coefficients[] = {
        1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f,
    };
    const vec one = vec_set(1.0f);
    for (int i = 0; i < size; i += VECTOR) {
        vec v = vec_load(x + i);
        vec z = vec_mul(vec_abs(v), vec_set(0.70710678f));
        vec t = vec_div(one, vec_fma(z, vec_set(0.3275911f), one));
        vec sum = vec_set(coefficients[0]);
        for (int power = 1; power < 5; power++) {
            sum = vec_fma(sum, t, vec_set(coefficients[power]));
        }
        vec erfc = exp_vector(vec_sub(vec_zero(), vec_mul(z, z)));
        erfc = vec_mul(vec_mul(sum, t), erfc);  // 1 - erf(z)
        vec below = vec_mul(erfc, vec_set(0.5f));  // for negative x
        vec share = vec_select_at_least(v, vec_zero(), vec_sub(one, below), below);
        vec_store(x + i, vec_mul(v, share));
    }
}
