// Convolutions of many positions, each with as many outputs as inputs.
//
// The positions that a kernel sees are one long row of inputs. With a dilation of d, they are
// neighbours among every d-th position: these are a phase, and phases lie one behind the other.
//
// Panels, lanes and row blocks are those of panel_matmul.h, but a panel has as many vectors as leave
// no outputs empty, and a chunk of its weights stays in the first cache for all positions. Each sum
// is added up in one order, whatever positions are computed together.

#pragma once

#include "lanes.h"
#include "memory.h"
#include "snake.h"

enum {
    SUMS = REGISTERS / 4 * 3,  // vectors of sums
    MOST_VECTORS = REGISTERS == 32 ? 4 : 3,
    MOST_ROWS = SUMS / 2,
    CHUNK_BYTES = 32 << 10,
};

typedef struct {
    dtype dtype;
    int outputs;              // of each position that are stored
    int vectors, panels;      // vectors of a panel
    int position_lanes;       // lanes of a position's inputs
    int lanes;                // of all inputs of an output
    uint8_t *weights;         // [panels, lanes, vectors, VECTOR, 4 bytes]
    float *bias;              // [panels, vectors, VECTOR]
} convolution;

// The rows that a convolution reads. A product reads whole row blocks, as in panel_matmul.h.
typedef struct {
    const uint8_t *rows;
    int phases;
    size_t row_bytes, phase_bytes;
} positions;

// The vectors of a panel: those that leave the fewest empty, first the fastest.
static int panel_vectors(int width) {
    static const int orders[2][3] = {{2, 3, 2}, {4, 3, 2}};
    const int *order = orders[REGISTERS == 32], total = ceil_div(width, VECTOR);
    int best = order[0];
    for (int i = 1; i < 3; i++) {
        if (round_up(total, order[i]) < round_up(total, best)) {
            best = order[i];
        }
    }
    return best;
}

// Weights float32 [channels, kernel, channels] and bias [channels] are copied.
// width: channels in whole vectors; outputs: how many of them are stored.
static bool pack_convolution(
    convolution *c, dtype dtype, int channels, int width, int outputs, int kernel,
    const float *weights, const float *bias
) {
    int vectors = panel_vectors(width), size = lane_size(dtype);
    *c = (convolution){
        .dtype = dtype, .outputs = outputs, .vectors = vectors,
        .panels = ceil_div(width, vectors * VECTOR), .position_lanes = width / size,
        .lanes = kernel * (width / size),
    };
    size_t padded = (size_t)c->panels * vectors * VECTOR;
    c->weights = alloc_zeroed(padded * c->lanes, LANE_BYTES);
    c->bias = alloc_zeroed(padded, sizeof(float));
    if (c->weights == NULL || c->bias == NULL) {
        return false;
    }
    memcpy(c->bias, bias, channels * sizeof(float));
    int panel = vectors * VECTOR;
    for (int output = 0; output < channels; output++) {
        for (int tap = 0; tap < kernel; tap++) {
            for (int input = 0; input < channels; input++) {
                float weight = weights[((size_t)output * kernel + tap) * channels + input];
                size_t lane = (size_t)(output / panel) * c->lanes
                    + (size_t)tap * c->position_lanes + input / size;
                uint8_t *to = c->weights + (lane * panel + output % panel) * LANE_BYTES;
                if (dtype == FLOAT32) {
                    memcpy(to, &weight, sizeof weight);
                } else {
                    half narrow = half_of(weight);
                    memcpy(to + input % size * sizeof(half), &narrow, sizeof narrow);
                }
            }
        }
    }
    return true;
}

static void free_convolution(const convolution *c) {
    free(c->weights);
    free(c->bias);
}

// Outputs of a row block and a panel; x: of its first row, from the first lane of the chunk.
typedef struct {
    const uint8_t *weights, *x;
    size_t row_bytes;
    int lanes, rows, outputs;  // rows and outputs that are stored
    const float *bias;         // NULL: go on with the sums in y
    const float *added;        // what the sums are added to at the end, as y; may be NULL
    float *y;
    size_t stride;             // floats between two rows of y and of what is added
} tile;

// whole: whether all rows and outputs are stored. Then no sum leaves its register.
INLINE void convolve_tile(dtype dtype, int vectors, bool whole, const tile *t) {
    const int rows = SUMS / vectors;
    vec sums[MOST_ROWS][MOST_VECTORS];
#pragma GCC unroll 12
    for (int row = 0; row < rows; row++) {
        // Of rows that are not stored, any number will do.
        const float *y = t->y + (whole || row < t->rows ? row : 0) * t->stride;
        for (int vector = 0; vector < vectors; vector++) {
            int first = vector * VECTOR, count = whole ? VECTOR : t->outputs - first;
            sums[row][vector] = t->bias != NULL ? vec_load(t->bias + first)
                : count > 0 ? load_some(y + first, count)
                : vec_zero();
        }
    }
    const uint8_t *weights = t->weights, *x = t->x;
    for (int lane = 0; lane < t->lanes; lane++) {
        veci weight[MOST_VECTORS];
        for (int vector = 0; vector < vectors; vector++) {
            weight[vector] = veci_load(weights + vector * VECTOR_BYTES);
        }
        for (int row = 0; row < rows; row++) {
            veci input = broadcast_word(x + row * t->row_bytes);
            for (int vector = 0; vector < vectors; vector++) {
                vec *sum = &sums[row][vector];
                *sum = accumulate_float(dtype, *sum, weight[vector], input);
            }
        }
        weights += vectors * VECTOR_BYTES, x += LANE_BYTES;
    }
#pragma GCC unroll 12
    for (int row = 0; row < rows; row++) {
        if (!whole && row >= t->rows) {
            break;
        }
        float *y = t->y + row * t->stride;
        for (int vector = 0; vector < vectors; vector++) {
            int first = vector * VECTOR, count = whole ? VECTOR : t->outputs - first;
            vec sum = sums[row][vector];
            if (t->added != NULL && count > 0) {
                sum = vec_add(load_some(t->added + row * t->stride + first, count), sum);
            }
            if (count > 0) {
                store_some(y + first, sum, count);
            }
        }
    }
}

INLINE void convolve_as(
    dtype dtype, int vectors, const convolution *c, const positions *x, int count,
    const float *added, float *y, int stride
) {
    int panel = vectors * VECTOR, lane_bytes = vectors * VECTOR_BYTES;
    int most = CHUNK_BYTES / lane_bytes, rows = SUMS / vectors;
    int chunk = ceil_div(c->lanes, ceil_div(c->lanes, most));
    for (int number = 0; number < c->panels; number++) {
        int output = number * panel;
        for (int lane = 0; lane < c->lanes; lane += chunk) {
            tile t = {
                .weights = c->weights + ((size_t)number * c->lanes + lane) * lane_bytes,
                .row_bytes = x->row_bytes, .lanes = min_int(chunk, c->lanes - lane),
                .outputs = c->outputs - output, .bias = lane == 0 ? c->bias + output : NULL,
                .stride = (size_t)x->phases * stride,
            };
            bool ends = lane + chunk >= c->lanes && added != NULL;
            for (int phase = 0; phase < x->phases; phase++) {
                int of_phase = ceil_div(count - phase, x->phases);
                const uint8_t *from = x->rows + phase * x->phase_bytes + (size_t)lane * LANE_BYTES;
                for (int first = 0; first < of_phase; first += rows) {
                    size_t place = ((size_t)first * x->phases + phase) * stride + output;
                    t.x = from + first * x->row_bytes;
                    t.rows = of_phase - first;
                    t.y = y + place;
                    t.added = ends ? added + place : NULL;
                    if (t.rows >= rows && t.outputs >= panel) {
                        convolve_tile(dtype, vectors, true, &t);
                    } else {
                        convolve_tile(dtype, vectors, false, &t);
                    }
                }
            }
        }
    }
}

INLINE void convolve_in(
    dtype dtype, const convolution *c, const positions *x, int count, const float *added, float *y,
    int stride
) {
    if (c->vectors == MOST_VECTORS) {
        convolve_as(dtype, MOST_VECTORS, c, x, count, added, y, stride);
    } else if (c->vectors == 2) {
        convolve_as(dtype, 2, c, x, count, added, y, stride);
    } else {
        convolve_as(dtype, 3, c, x, count, added, y, stride);
    }
}

// y = c x + bias, or added + c x + bias, of so many positions; y and added: [count, stride floats].
static void convolve(
    const convolution *c, const positions *x, int count, const float *added, float *y, int stride
) {
    if (c->dtype == FLOAT32) {
        convolve_in(FLOAT32, c, x, count, added, y, stride);
    } else {
        convolve_in(HALF, c, x, count, added, y, stride);
    }
}
