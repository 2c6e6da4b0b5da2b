// A lane is four bytes of inputs or weights: one float32, two bfloat16 or four int8.

#pragma once

#include "halves.h"

typedef enum { FLOAT32, HALF, INT8 } dtype;

enum { LANE_BYTES = 4 };

// Numbers in a lane.
INLINE int lane_size(dtype dtype) { return dtype == FLOAT32 ? 1 : dtype == HALF ? HALVES : 4; }

// sum += in each lane the products of its numbers; not of int8.
INLINE vec accumulate_float(dtype dtype, vec sum, veci weights, veci x) {
    return dtype == FLOAT32
        ? vec_fma(vec_from_bits(weights), vec_from_bits(x), sum)
        : dot_halves(sum, weights, x);
}
