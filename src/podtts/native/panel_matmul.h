// Products of a matrix with many rows, for work that is bound by multiplying.
//
// A few vectors of outputs make a panel, whose weights are packed lane by lane. A row block of six
// rows is multiplied with a panel at a time, so that the vectors of sums take three quarters of the
// registers. Each sum is added up in one order, whichever thread computes it and whichever rows are
// in the same product.
// Source: panels and row blocks are those of Goto and van de Geijn, Anatomy of High-Performance
// Matrix Multiplication; int8 with compensation is that of oneDNN.

#pragma once

#include <stdbool.h>

#include "lanes.h"
#include "memory.h"

enum {
    ROW_BLOCK = 6,
    PANEL_VECTORS = REGISTERS / 8,
    PANEL = VECTOR * PANEL_VECTORS,
    PANEL_LANE_BYTES = PANEL * LANE_BYTES,
};

typedef struct {
    dtype dtype;
    int lanes, outputs;  // lanes of inputs
    uint8_t *weights;    // [panels, lanes, PANEL, 4 bytes]
    float *scales;       // [panels * PANEL], int8 only
    float *bias;         // [panels * PANEL]
} matrix;

// Rows in the format that a matrix takes. A product reads whole row blocks: memory must reach so
// far, and what is in the rows beyond the last does not matter.
typedef struct {
    uint8_t *lanes;         // [rows, stride bytes]
    size_t stride;
    float *scales;          // [rows], int8 only
    int32_t *compensation;  // [rows], int8 only: -FAST_ZERO_POINT * sum of the row
} activations;

static int panels_of(int outputs) { return ceil_div(outputs, PANEL); }

static bool alloc_matrix(matrix *w, dtype dtype, int outputs, int inputs) {
    size_t padded = (size_t)panels_of(outputs) * PANEL;
    *w = (matrix){.dtype = dtype, .lanes = inputs / lane_size(dtype), .outputs = outputs};
    w->weights = alloc_zeroed(padded * w->lanes, LANE_BYTES);
    w->scales = dtype == INT8 ? alloc_zeroed(padded, sizeof(float)) : NULL;
    w->bias = alloc_zeroed(padded, sizeof(float));
    return w->weights != NULL && w->bias != NULL && (dtype != INT8 || w->scales != NULL);
}

static void free_matrix(const matrix *w) {
    free(w->weights);
    free(w->scales);
    free(w->bias);
}

// Pack a panel from weights float32 [outputs, inputs]; inputs: a multiple of 16.
static void pack_panel(const matrix *w, int panel, const float *weights) {
    int size = lane_size(w->dtype), inputs = w->lanes * size, first = panel * PANEL;
    for (int output = first; output < first + PANEL && output < w->outputs; output++) {
        const float *from = weights + (size_t)output * inputs;
        float range = 0.0f;
        for (int input = 0; input < inputs; input++) {
            range = __builtin_fmaxf(range, __builtin_fabsf(from[input]));
        }
        float factor = range > 0 ? 127.0f / range : 0.0f;
        if (w->dtype == INT8) {
            w->scales[output] = range / 127.0f;
        }
        uint8_t *to = w->weights + (size_t)panel * w->lanes * PANEL_LANE_BYTES
            + (output - first) * LANE_BYTES;
        for (int input = 0; input < inputs; input++) {
            uint8_t *lane = to + (size_t)(input / size) * PANEL_LANE_BYTES;
            if (w->dtype == FLOAT32) {
                memcpy(lane, from + input, sizeof(float));
            } else if (w->dtype == HALF) {
                half weight = half_of(from[input]);
                memcpy(lane + input % size * sizeof(half), &weight, sizeof(half));
            } else {
                int quantized = (int)__builtin_rintf(from[input] * factor);
                lane[input % size] = (uint8_t)(FAST_ZERO_POINT + quantized);
            }
        }
    }
}

// Store a row of numbers [size, a multiple of 16] as lanes of float32 or halves.
INLINE void convert_row(dtype dtype, const float *from, int size, uint8_t *lanes) {
    if (dtype == FLOAT32) {
        memcpy(lanes, from, size * sizeof(float));
        return;
    }
    for (int i = 0; i < size; i += VECTOR) {
        half_store((half *)lanes + i, vec_load(from + i));
    }
}

// Store a row of numbers [size, a multiple of 16] as int8 with a scale of its own. levels: at most
// FAST_LEVELS for what is multiplied by weights, 127 for what is packed as weights.
static void quantize_row(
    const activations *x, int row, const float *from, int size, int levels
) {
    int8_t *to = (int8_t *)(x->lanes + row * x->stride);
    int32_t sum = quantize_symmetric(from, size, levels, to, x->scales + row);
    x->compensation[row] = -FAST_ZERO_POINT * sum;
}

INLINE void store_row_as(dtype dtype, const activations *x, int row, const float *from, int size) {
    if (dtype == INT8) {
        quantize_row(x, row, from, size, FAST_LEVELS);
    } else {
        convert_row(dtype, from, size, x->lanes + row * x->stride);
    }
}

static void store_row(dtype dtype, const activations *x, int row, const float *from, int size) {
    switch (dtype) {
        case FLOAT32: store_row_as(FLOAT32, x, row, from, size); break;
        case HALF: store_row_as(HALF, x, row, from, size); break;
        default: store_row_as(INT8, x, row, from, size); break;
    }
}

// Add products of lanes to the sums of a panel for a row block from the first row; not of int8.
// ahead: memory that is read soon, a cache line for each lane; NULL: none.
INLINE void add_products(
    dtype dtype, const uint8_t *weights, int lanes, const activations *x, int first,
    const uint8_t *ahead, vec sums[ROW_BLOCK][PANEL_VECTORS]
) {
    const uint8_t *rows = x->lanes + first * x->stride;
    for (int lane = 0; lane < lanes; lane++, weights += PANEL_LANE_BYTES) {
        if (ahead != NULL) {
            __builtin_prefetch(ahead + (size_t)lane * CACHE_LINE);
        }
        veci weight[PANEL_VECTORS];
        for (int vector = 0; vector < PANEL_VECTORS; vector++) {
            weight[vector] = veci_load(weights + vector * VECTOR_BYTES);
        }
        for (int row = 0; row < ROW_BLOCK; row++) {
            veci input = broadcast_word(rows + row * x->stride + lane * LANE_BYTES);
            for (int vector = 0; vector < PANEL_VECTORS; vector++) {
                vec *sum = &sums[row][vector];
                *sum = accumulate_float(dtype, *sum, weight[vector], input);
            }
        }
    }
}

INLINE void zero_sums(vec sums[ROW_BLOCK][PANEL_VECTORS]) {
    for (int row = 0; row < ROW_BLOCK; row++) {
        for (int vector = 0; vector < PANEL_VECTORS; vector++) {
            sums[row][vector] = vec_zero();
        }
    }
}

// Sums of int8, without scales. ahead: see add_products.
INLINE void multiply_int8_panel(
    const uint8_t *weights, int lanes, const activations *x, int first, const uint8_t *ahead,
    vec sums[ROW_BLOCK][PANEL_VECTORS]
) {
    const uint8_t *rows = x->lanes + first * x->stride;
    veci dots[ROW_BLOCK][PANEL_VECTORS];
    for (int row = 0; row < ROW_BLOCK; row++) {
        for (int vector = 0; vector < PANEL_VECTORS; vector++) {
            dots[row][vector] = veci_set(x->compensation[first + row]);
        }
    }
    for (int lane = 0; lane < lanes; lane++, weights += PANEL_LANE_BYTES) {
        if (ahead != NULL) {
            __builtin_prefetch(ahead + (size_t)lane * CACHE_LINE);
        }
        veci weight[PANEL_VECTORS];
        for (int vector = 0; vector < PANEL_VECTORS; vector++) {
            weight[vector] = veci_load(weights + vector * VECTOR_BYTES);
        }
        for (int row = 0; row < ROW_BLOCK; row++) {
            veci input = broadcast_word(rows + row * x->stride + lane * LANE_BYTES);
            for (int vector = 0; vector < PANEL_VECTORS; vector++) {
                dot_int8_fast(&dots[row][vector], weight[vector], input);
            }
        }
    }
    for (int row = 0; row < ROW_BLOCK; row++) {
        for (int vector = 0; vector < PANEL_VECTORS; vector++) {
            sums[row][vector] = vec_of(dots[row][vector]);
        }
    }
}

// The micro-kernel. sums: the outputs of a panel for a row block from the first row; int8: without
// scales. ahead: see add_products.
INLINE void multiply_panel(
    dtype dtype, const uint8_t *weights, int lanes, const activations *x, int first,
    const uint8_t *ahead, vec sums[ROW_BLOCK][PANEL_VECTORS]
) {
    if (dtype == INT8) {
        multiply_int8_panel(weights, lanes, x, first, ahead, sums);
    } else {
        zero_sums(sums);
        add_products(dtype, weights, lanes, x, first, ahead, sums);
    }
}

// What is read ahead while a row block is multiplied with a panel: each of the first row blocks takes
// a share of the next panel, the others what is there already.
INLINE const uint8_t *ahead_of(const matrix *w, int panel, int row_block) {
    bool reads = panel + 1 < panels_of(w->outputs) && row_block < PANEL_LANE_BYTES / CACHE_LINE;
    const uint8_t *weights = w->weights + (size_t)(panel + reads) * w->lanes * PANEL_LANE_BYTES;
    return weights + (size_t)(reads ? row_block : 0) * w->lanes * CACHE_LINE;
}

INLINE void multiply_as(
    dtype dtype, const matrix *w, const activations *x, int rows, bool add, float *y, size_t stride
) {
    for (int panel = 0; panel < panels_of(w->outputs); panel++) {
        const uint8_t *weights = w->weights + (size_t)panel * w->lanes * PANEL_LANE_BYTES;
        for (int first = 0; first < rows; first += ROW_BLOCK) {
            vec sums[ROW_BLOCK][PANEL_VECTORS];
            const uint8_t *ahead = ahead_of(w, panel, first / ROW_BLOCK);
            multiply_panel(dtype, weights, w->lanes, x, first, ahead, sums);
            for (int row = first; row < first + ROW_BLOCK && row < rows; row++) {
                for (int vector = 0; vector < PANEL_VECTORS; vector++) {
                    int output = panel * PANEL + vector * VECTOR;
                    if (output >= w->outputs) {
                        break;
                    }
                    vec sum = sums[row - first][vector];
                    vec bias = vec_load(w->bias + output);
                    if (dtype == INT8) {
                        vec scale = vec_load(w->scales + output);
                        scale = vec_mul(scale, vec_set(x->scales[row]));
                        sum = vec_fma(sum, scale, bias);
                    } else {
                        sum = vec_add(sum, bias);
                    }
                    float *to = y + row * stride + output;
                    vec_store(to, add ? vec_add(vec_load(to), sum) : sum);
                }
            }
        }
    }
}

// y = w x + bias, or y += w x + bias; y: [rows, stride floats].
static void multiply(
    const matrix *w, const activations *x, int rows, bool add, float *y, size_t stride
) {
    switch (w->dtype) {
        case FLOAT32: multiply_as(FLOAT32, w, x, rows, add, y, stride); break;
        case HALF: multiply_as(HALF, w, x, rows, add, y, stride); break;
        default: multiply_as(INT8, w, x, rows, add, y, stride); break;
    }
}
