// How calls end that can fail, and how another thread ends one.

#pragma once

#include <stdbool.h>
#include <stddef.h>

// What such a call returns. REFUSED: the sizes are not those that the code is written for; nothing
// was done. CANCELLED: what was computed so far is void.
enum { DONE = 0, OUT_OF_MEMORY = -1, REFUSED = -2, CANCELLED = -3 };

// Sizes are at most this, so that no product of a few of them overflows.
enum { MAX_SIZE = 1 << 16, MAX_COUNT = 1 << 12 };  // of channels; of layers, heads, blocks

// Whether a call ends early; flag: another thread sets it to another number than 0; may be NULL.
static inline bool is_cancelled(const int *flag) {
    return flag != NULL && __atomic_load_n(flag, __ATOMIC_RELAXED) != 0;
}

// Whether a number of channels fills whole vectors.
static inline bool is_vector_size(int size) {
    return size > 0 && size <= MAX_SIZE && size % 16 == 0;
}

static inline bool is_count(int count) { return count > 0 && count <= MAX_COUNT; }
