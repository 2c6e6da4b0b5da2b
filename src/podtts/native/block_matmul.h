// Products of a matrix with few rows, for work that is bound by reading the weights.
//
// Sixteen outputs make a tile: its vectors hold the same few inputs of all of them, and an activation
// is broadcast to all their lanes. In 4 and 8 bits, 32 inputs of an output form a block that has one
// scale, and activations are quantized to 8 bits in the same blocks. In 16 bits, weights are
// bfloat16 and activations are halves. Sums are float32. Each row's sum is added up in one order, whichever thread computes it
// and whichever rows are in the same product.
// Source: blocks are those of podtts.llm.block_quant and ONNX Runtime's MatMulNBits, much like
// llama.cpp's Q4_0 and Q8_0.

#pragma once

#include <stdbool.h>

#include "halves.h"
#include "memory.h"

// PREFETCH_BYTES: how far ahead weights are prefetched in products with several rows, where the CPU
// does not look as far ahead by itself. At the published size, in 4 bits with 8 rows, a step takes
// 83 ms in place of 110. For one row the CPU does, and prefetching costs time: in 8 bits with one
// thread, 90 ms in place of 58.
enum { BLOCK = 32, TILE = 16, TILE_WORD_BYTES = 4 * TILE, PREFETCH_BYTES = 8192 };
// ROW_BLOCK: rows whose sums stay in registers. SUMS: of a row in 16 bits, added up at the end, so
// that an addition waits less for the one before.
enum {
    TILE_VECTORS = TILE / VECTOR,
    ROW_BLOCK = TILE_VECTORS == 1 ? 8 : 4,
    SUMS = TILE_VECTORS == 1 ? 2 : 1,
};

typedef struct {
    int bits, outputs, blocks;  // blocks of inputs; the last is padded with zeros
    uint8_t *weights;           // [outputs / 16, blocks, `bits` words of 4 bytes, 16]
    uint16_t *scales;           // float16 [outputs / 16, blocks, 16]; none in 16 bits
} matrix;

// Activations of some rows in the format that a matrix takes. The same block of the rows that are
// multiplied together is contiguous, so that one address leads to all of them.
typedef struct {
    int blocks, row_block;  // row_block: ROW_BLOCK, or fewer where there are no more rows
    int8_t *quantized;      // [row blocks, blocks, row_block, 32]
    float *scales;          // [row blocks, blocks, row_block]
    // The same: -zero point * sum of the block. Weights are stored with the zero point that the
    // instruction takes, so their products come out too large by this.
    int32_t *compensation;
    half *halves;           // [row blocks, blocks, row_block, 32], for 16 bits
} activations;

// What is added to weights of so many bits where they are packed.
INLINE int zero_point(int bits) { return bits == 4 ? 8 : INT8_ZERO_POINT; }

// Index of a block of a row among all blocks.
INLINE size_t block_index(const activations *x, int row, int block) {
    return ((size_t)(row / ROW_BLOCK) * x->blocks + block) * x->row_block + row % ROW_BLOCK;
}

// Bytes of one block of 32 inputs of a tile.
INLINE size_t tile_block_bytes(int bits) { return (size_t)bits * TILE_WORD_BYTES; }

static bool alloc_matrix(matrix *w, int bits, int outputs, int inputs) {
    int blocks = ceil_div(inputs, BLOCK);
    size_t count = (size_t)outputs * blocks;
    *w = (matrix){.bits = bits, .outputs = outputs, .blocks = blocks};
    w->weights = alloc_pages(count * 4 * bits);
    w->scales = bits == 16 ? NULL : alloc_pages(count * sizeof(uint16_t));
    return w->weights != NULL && (bits == 16 || w->scales != NULL);
}

static void free_matrix(const matrix *w) {
    size_t count = (size_t)w->outputs * w->blocks;
    free_pages(w->weights, count * 4 * w->bits);
    free_pages(w->scales, count * sizeof(uint16_t));
}

static bool alloc_activations(activations *x, int bits, int rows, int inputs) {
    int blocks = ceil_div(inputs, BLOCK);
    size_t count = (size_t)round_up(rows, ROW_BLOCK) * blocks;
    *x = (activations){.blocks = blocks};
    if (bits == 16) {
        x->halves = alloc_zeroed(count * BLOCK, sizeof(half));
        return x->halves != NULL;
    }
    x->quantized = alloc_zeroed(count * BLOCK, sizeof(int8_t));
    x->scales = alloc_zeroed(count, sizeof(float));
    x->compensation = alloc_zeroed(count, sizeof(int32_t));
    return x->quantized != NULL && x->scales != NULL && x->compensation != NULL;
}

static void free_activations(const activations *x) {
    free(x->quantized);
    free(x->scales);
    free(x->compensation);
    free(x->halves);
}

// Spread four numbers of 4 bits over the low halves of four bytes.
INLINE uint32_t spread_nibbles(uint32_t x) {
    x = (x | x << 8) & 0x00ff00ff;
    return (x | x << 4) & 0x0f0f0f0f;
}

// Pack a tile from 16 outputs from the first: weights [outputs, blocks, 4 * bits bytes] and float16
// scales [outputs, blocks] as podtts.llm.block_quant has them, without a sign, with a zero point of
// half their range.
static void pack_tile(
    const matrix *w, int tile, int first, const uint8_t *weights, const uint16_t *scales
) {
    for (int block = 0; block < w->blocks; block++) {
        size_t index = (size_t)tile * w->blocks + block;
        for (int lane = 0; lane < TILE; lane++) {
            size_t source = ((size_t)first + lane) * w->blocks + block;
            const uint8_t *from = weights + source * 4 * w->bits;
            uint8_t *to = w->weights + index * tile_block_bytes(w->bits) + 4 * lane;
            for (int word = 0; word < w->bits; word++) {
                uint32_t inputs;
                memcpy(&inputs, from + 4 * word, sizeof inputs);
                if (w->bits == 4) {  // four inputs in the low halves, the next four in the high
                    inputs = spread_nibbles(inputs & 0xffff) | spread_nibbles(inputs >> 16) << 4;
                } else if (w->bits == 8) {  // to subtract 128 is to flip the highest bit
                    inputs ^= (128 - INT8_ZERO_POINT) * 0x01010101u;
                }
                memcpy(to + TILE_WORD_BYTES * word, &inputs, sizeof inputs);
            }
            if (w->bits != 16) {
                w->scales[index * TILE + lane] = scales[source];
            }
        }
    }
}

// Store a row of activations [inputs, padded to whole blocks with zeros], quantized.
static void quantize_row(const activations *x, int row, int bits, const float *from) {
    for (int block = 0; block < x->blocks; block++, from += BLOCK) {
        size_t i = block_index(x, row, block);
        int32_t sum = quantize_symmetric(from, BLOCK, 127, x->quantized + i * BLOCK, x->scales + i);
        x->compensation[i] = -zero_point(bits) * sum;
    }
}

// Store a row of activations as halves.
static void convert_row(const activations *x, int row, const float *from) {
    for (int block = 0; block < x->blocks; block++) {
        half *to = x->halves + block_index(x, row, block) * BLOCK;
        for (int i = 0; i < BLOCK; i += VECTOR, from += VECTOR) {
            half_store(to + i, vec_load(from));
        }
    }
}

// Store a row of activations in the format that matrices of so many bits take.
INLINE void store_row(const activations *x, int row, int bits, const float *from) {
    if (bits == 16) {
        convert_row(x, row, from);
    } else {
        quantize_row(x, row, bits, from);
    }
}

// dots [rows] += a word of each of the tile's outputs times the same inputs of some rows.
INLINE void dot_word(
    int bits, const veci *weights, const int8_t *inputs, int rows, veci dots[][TILE_VECTORS]
) {
    for (int row = 0; row < rows; row++) {
        veci x = broadcast_word(inputs + row * BLOCK);
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            (bits == 4 ? dot_int4 : dot_int8)(&dots[row][vector], weights[vector], x);
        }
    }
}

// dots [rows]: a block of the tile's outputs times the same block of some rows.
INLINE void dot_block(
    int bits, const uint8_t *weights, const int8_t *inputs, const int32_t *compensation, int rows,
    veci dots[][TILE_VECTORS]
) {
    for (int row = 0; row < rows; row++) {
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            dots[row][vector] = (bits == 4 ? start_int4 : veci_set)(compensation[row]);
        }
    }
    for (int word = 0; word < bits; word++, weights += TILE_WORD_BYTES) {
        veci packed[TILE_VECTORS], high[TILE_VECTORS];
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            packed[vector] = veci_load(weights + vector * VECTOR_BYTES);
        }
        if (bits == 4 || rows > 1) {
            __builtin_prefetch(weights + PREFETCH_BYTES);
        }
        for (int vector = 0; bits == 4 && vector < TILE_VECTORS; vector++) {
            high[vector] = veci_high_nibbles(packed[vector]);
            packed[vector] = veci_low_nibbles(packed[vector]);
        }
        dot_word(bits, packed, inputs, rows, dots);
        inputs += 4;
        if (bits == 4) {
            dot_word(bits, high, inputs, rows, dots);
            inputs += 4;
        }
    }
    for (int row = 0; bits == 4 && row < rows; row++) {
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            dots[row][vector] = finish_int4(dots[row][vector], compensation[row]);
        }
    }
}

INLINE void multiply_quantized(
    const matrix *w, int tile, const activations *x, int first, int rows, int bits,
    vec y[][TILE_VECTORS]
) {
    const int blocks = w->blocks, row_block = x->row_block;
    const uint8_t *weights = w->weights + (size_t)tile * blocks * tile_block_bytes(bits);
    const uint16_t *weight_scales = w->scales + (size_t)tile * blocks * TILE;
    size_t index = block_index(x, first, 0);
    const int8_t *quantized = x->quantized + index * BLOCK;
    const float *scales = x->scales + index;
    const int32_t *compensation = x->compensation + index;
    vec sums[ROW_BLOCK][TILE_VECTORS];
    for (int row = 0; row < rows; row++) {
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            sums[row][vector] = vec_zero();
        }
    }
    for (int block = 0; block < blocks; block++) {
        veci dots[ROW_BLOCK][TILE_VECTORS];
        dot_block(bits, weights, quantized, compensation, rows, dots);
        for (int vector = 0; vector < TILE_VECTORS; vector++, weight_scales += VECTOR) {
            vec weight_scale = vec_load_float16(weight_scales);
            for (int row = 0; row < rows; row++) {
                vec scale = vec_mul(weight_scale, vec_set(scales[row])), *sum = &sums[row][vector];
                *sum = vec_fma(vec_of(dots[row][vector]), scale, *sum);
            }
        }
        weights += tile_block_bytes(bits);
        quantized += row_block * BLOCK;
        scales += row_block;
        compensation += row_block;
    }
    for (int row = 0; row < rows; row++) {
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            y[row][vector] = sums[row][vector];
        }
    }
}

INLINE void multiply_bfloat16(
    const matrix *w, int tile, const activations *x, int first, int rows, vec y[][TILE_VECTORS]
) {
    vec sums[ROW_BLOCK][TILE_VECTORS][SUMS];
    for (int row = 0; row < rows; row++) {
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            for (int sum = 0; sum < SUMS; sum++) {
                sums[row][vector][sum] = vec_zero();
            }
        }
    }
    const int blocks = w->blocks, row_block = x->row_block;
    const uint8_t *weights = w->weights + (size_t)tile * blocks * tile_block_bytes(16);
    const half *rows_of_block = x->halves + block_index(x, first, 0) * BLOCK;
    for (int block = 0; block < blocks; block++) {
        for (int pair = 0; pair < BLOCK / 2; pair += SUMS) {
            if (rows == 1) {  // weights are read in their order; in that of GCC 12 it takes 7 % longer
                asm volatile("" ::: "memory");
            }
            veci weight[SUMS][TILE_VECTORS];
            for (int sum = 0; sum < SUMS; sum++) {
                const uint8_t *from = weights + (pair + sum) * TILE_WORD_BYTES;
                for (int vector = 0; vector < TILE_VECTORS; vector++) {
                    weight[sum][vector] = veci_load(from + vector * VECTOR_BYTES);
                }
            }
            for (int row = 0; row < rows; row++) {
                for (int sum = 0; sum < SUMS; sum++) {
                    const half *inputs = rows_of_block + row * BLOCK + 2 * (pair + sum);
                    for (int vector = 0; vector < TILE_VECTORS; vector++) {
                        vec *to = &sums[row][vector][sum];
                        *to = dot_bfloat16_weights(*to, weight[sum][vector], inputs);
                    }
                }
            }
        }
        weights += tile_block_bytes(16);
        rows_of_block += row_block * BLOCK;
    }
    for (int row = 0; row < rows; row++) {
        for (int vector = 0; vector < TILE_VECTORS; vector++) {
            const vec *both = sums[row][vector];
            y[row][vector] = SUMS == 1 ? both[0] : vec_add(both[0], both[SUMS - 1]);
        }
    }
}

// Each number of rows is compiled on its own, so that its sums stay in registers.
#define WITH_ROWS(MULTIPLY, ...)                                       \
    switch (rows) {                                                    \
        case 1: if (1 <= ROW_BLOCK) MULTIPLY(1, ##__VA_ARGS__); break; \
        case 2: if (2 <= ROW_BLOCK) MULTIPLY(2, ##__VA_ARGS__); break; \
        case 3: if (3 <= ROW_BLOCK) MULTIPLY(3, ##__VA_ARGS__); break; \
        case 4: if (4 <= ROW_BLOCK) MULTIPLY(4, ##__VA_ARGS__); break; \
        case 5: if (5 <= ROW_BLOCK) MULTIPLY(5, ##__VA_ARGS__); break; \
        case 6: if (6 <= ROW_BLOCK) MULTIPLY(6, ##__VA_ARGS__); break; \
        case 7: if (7 <= ROW_BLOCK) MULTIPLY(7, ##__VA_ARGS__); break; \
        case 8: if (8 <= ROW_BLOCK) MULTIPLY(8, ##__VA_ARGS__); break; \
    }
#define MULTIPLY_QUANTIZED(ROWS, BITS) multiply_quantized(w, tile, x, first, ROWS, BITS, y)
#define MULTIPLY_BFLOAT16(ROWS) multiply_bfloat16(w, tile, x, first, ROWS, y)

static void multiply_int4(
    const matrix *w, int tile, const activations *x, int first, int rows, vec y[][TILE_VECTORS]
) {
    WITH_ROWS(MULTIPLY_QUANTIZED, 4)
}

static void multiply_int8(
    const matrix *w, int tile, const activations *x, int first, int rows, vec y[][TILE_VECTORS]
) {
    WITH_ROWS(MULTIPLY_QUANTIZED, 8)
}

static void multiply_16(
    const matrix *w, int tile, const activations *x, int first, int rows, vec y[][TILE_VECTORS]
) {
    WITH_ROWS(MULTIPLY_BFLOAT16)
}

// y [rows]: the outputs of a tile for some rows from the first; both count whole row blocks, but for
// the last rows.
static void multiply_tile(
    const matrix *w, int tile, const activations *x, int first, int rows, vec y[][TILE_VECTORS]
) {
    (w->bits == 4 ? multiply_int4 : w->bits == 8 ? multiply_int8 : multiply_16)(
        w, tile, x, first, rows, y
    );
}
