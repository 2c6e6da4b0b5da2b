// Factors of products in 16 bits: bfloat16 where the instruction set multiplies it. Elsewhere a half
// is a float32, as a product of fewer bits would take as long. Only weights that are read from memory
// are bfloat16 on all sets.

#pragma once

#include "vectors.h"

#ifdef HAS_BFLOAT16

typedef uint16_t half;
enum { HALVES = 2 };  // of a lane

INLINE void half_store(half *to, vec x) { bfloat16_store(to, x); }

INLINE float float_of_half(half x) {
    uint32_t bits = (uint32_t)x << 16;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

// Store lanes of two halves: those of two positions.
INLINE void half_store_lanes(void *to, vec first, vec second) {
    bfloat16_store_lanes(to, first, second);
}

// sums += in each lane a dot product of its halves.
INLINE vec dot_halves(vec sums, veci weights, veci x) { return dot_bfloat16(sums, weights, x); }

// sums += in each lane a dot product of two weights in bfloat16 and two halves.
INLINE vec dot_bfloat16_weights(vec sums, veci weights, const half *x) {
    return dot_bfloat16(sums, weights, broadcast_word(x));
}

#else

typedef float half;
enum { HALVES = 1 };

INLINE void half_store(half *to, vec x) { vec_store(to, x); }

INLINE float float_of_half(half x) { return x; }

INLINE void half_store_lanes(void *to, vec first, vec second) {
    (void)second;  // another lane
    vec_store(to, first);
}

INLINE vec dot_halves(vec sums, veci weights, veci x) {
    return vec_fma(vec_from_bits(weights), vec_from_bits(x), sums);
}

INLINE vec dot_bfloat16_weights(vec sums, veci weights, const half *x) {
    sums = vec_fma(vec_from_low_bfloat16(weights), vec_set(x[0]), sums);
    return vec_fma(vec_from_high_bfloat16(weights), vec_set(x[1]), sums);
}

#endif

INLINE half half_of(float x) {
    half halves[VECTOR];
    half_store(halves, vec_set(x));
    return halves[0];
}
