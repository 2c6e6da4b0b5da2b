// Products of a matrix with few rows, for work that is bound by reading the weights.
//
// Sixteen outputs make a tile: a vector holds the same few inputs of all of them, and an activation
// is broadcast to all its lanes. In 4 and 8 bits, 32 inputs of an output form a block that has one
// scale, and activations are quantized to 8 bits in the same blocks. In 16 bits, both sides are
// bfloat16. Sums are float32. Each row's sum is added up in one order, whichever thread computes it
// and whichever rows are in the same product.
// Source: blocks are those of podtts.llm.block_quant and ONNX Runtime's MatMulNBits, much like
// llama.cpp's Q4_0 and Q8_0.

#pragma once

#include <stdbool.h>

#include "memory.h"
#include "vectors.h"

// PREFETCH_BYTES: how far ahead weights are prefetched in products with several rows, where the CPU
// does not look as far ahead by itself. At the published size, in 4 bits with 8 rows, a step takes
// 83 ms in place of 110. For one row the CPU does, and prefetching costs time: in 8 bits with one
// thread, 90 ms in place of 58.
enum { BLOCK = 32, TILE = VECTOR, ROW_BLOCK = 8, PREFETCH_BYTES = 4096 };

typedef struct {
    int bits, outputs, blocks;  // blocks of inputs; the last is padded with zeros
    uint8_t *weights;           // [outputs / 16, blocks, `bits` vectors of 64 bytes]
    uint16_t *scales;           // float16 [outputs / 16, blocks, 16]; none in 16 bits
} matrix;

// Activations of some rows in the format that a matrix takes. The same block of the rows that are
// multiplied together is contiguous, so that one address leads to all of them.
typedef struct {
    int blocks, row_block;  // row_block: 8, or fewer where there are no more rows
    int8_t *quantized;      // [rows / 8, blocks, row_block, 32]
    float *scales;          // [rows / 8, blocks, row_block]
    // The same: -zero point * sum of the block. Weights are stored without a sign, as the
    // instruction takes them, so their products come out too large by this.
    int32_t *compensation;
    uint16_t *bfloat16;     // [rows / 8, blocks, row_block, 32], for 16 bits
} activations;

// Index of a block of a row among all blocks.
INLINE size_t block_index(const activations *x, int row, int block) {
    return ((size_t)(row / ROW_BLOCK) * x->blocks + block) * x->row_block + row % ROW_BLOCK;
}

// Bytes of one block of 32 inputs of a tile.
INLINE size_t tile_block_bytes(int bits) { return (size_t)bits * TILE * BLOCK / 8; }

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
    size_t count = (size_t)rows * blocks;
    *x = (activations){.blocks = blocks};
    if (bits == 16) {
        x->bfloat16 = alloc_zeroed(count * BLOCK, sizeof(uint16_t));
        return x->bfloat16 != NULL;
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
    free(x->bfloat16);
}

// Pack a tile from weights [outputs, blocks, 4 * bits bytes] and float16 scales [outputs, blocks],
// as podtts.llm.block_quant has them.
static void pack_tile(const matrix *w, int tile, const uint8_t *weights, const uint16_t *scales) {
    for (int block = 0; block < w->blocks; block++) {
        size_t index = (size_t)tile * w->blocks + block;
        for (int lane = 0; lane < TILE; lane++) {
            size_t source = ((size_t)tile * TILE + lane) * w->blocks + block;
            const uint8_t *from = weights + source * 4 * w->bits;
            uint8_t *to = w->weights + index * tile_block_bytes(w->bits) + 4 * lane;
            for (int word = 0; word < w->bits; word++) {
                uint32_t inputs;
                memcpy(&inputs, from + 4 * word, sizeof inputs);
                if (w->bits == 4) {  // four inputs in the low halves, the next four in the high
                    inputs = _pdep_u32(inputs, 0x0f0f0f0f) | _pdep_u32(inputs >> 16, 0xf0f0f0f0);
                }
                memcpy(to + VECTOR_BYTES * word, &inputs, sizeof inputs);
            }
            if (w->bits != 16) {
                w->scales[index * TILE + lane] = scales[source];
            }
        }
    }
}

// Store a row of activations [inputs, padded to whole blocks with zeros], quantized.
static void quantize_row(const activations *x, int row, int bits, const float *from) {
    int zero_point = 1 << (bits - 1);
    for (int block = 0; block < x->blocks; block++, from += BLOCK) {
        size_t i = block_index(x, row, block);
        int32_t sum = quantize_symmetric(from, BLOCK, x->quantized + i * BLOCK, x->scales + i);
        x->compensation[i] = -zero_point * sum;
    }
}

// Store a row of activations as bfloat16.
static void convert_row(const activations *x, int row, const float *from) {
    for (int block = 0; block < x->blocks; block++, from += BLOCK) {
        uint16_t *to = x->bfloat16 + block_index(x, row, block) * BLOCK;
        _mm512_storeu_si512(to, to_bfloat16(_mm512_loadu_ps(from), _mm512_loadu_ps(from + VECTOR)));
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

INLINE void multiply_quantized(
    const matrix *w, int tile, const activations *x, int first, int rows, int bits, __m512 *y
) {
    const __m512i low_halves = _mm512_set1_epi8(15);
    const int blocks = w->blocks, row_block = x->row_block;
    const uint8_t *weights = w->weights + (size_t)tile * blocks * tile_block_bytes(bits);
    const uint16_t *weight_scales = w->scales + (size_t)tile * blocks * TILE;
    size_t index = block_index(x, first, 0);
    const int8_t *quantized = x->quantized + index * BLOCK;
    const float *scales = x->scales + index;
    const int32_t *compensation = x->compensation + index;
    __m512 sums[ROW_BLOCK];
    for (int row = 0; row < rows; row++) {
        sums[row] = _mm512_setzero_ps();
    }
    for (int block = 0; block < blocks; block++) {
        __m512i dots[ROW_BLOCK];
        for (int row = 0; row < rows; row++) {
            dots[row] = broadcast_word(compensation + row);
        }
        for (int vector = 0; vector < bits; vector++) {
            __m512i packed = _mm512_load_si512(weights + VECTOR_BYTES * vector);
            if (rows > 1) {
                _mm_prefetch(weights + VECTOR_BYTES * vector + PREFETCH_BYTES, _MM_HINT_T0);
            }
            int input = bits == 4 ? 8 * vector : 4 * vector;
            __m512i low = bits == 4 ? _mm512_and_si512(packed, low_halves) : packed;
            __m512i high = _mm512_and_si512(_mm512_srli_epi16(packed, 4), low_halves);
            for (int row = 0; row < rows; row++) {
                accumulate_int8(&dots[row], low, broadcast_word(quantized + row * BLOCK + input));
            }
            for (int row = 0; bits == 4 && row < rows; row++) {
                const int8_t *next = quantized + row * BLOCK + input + 4;
                accumulate_int8(&dots[row], high, broadcast_word(next));
            }
        }
        __m512 weight_scale = _mm512_cvtph_ps(_mm256_load_si256((const void *)weight_scales));
        for (int row = 0; row < rows; row++) {
            __m512 scale = _mm512_mul_ps(weight_scale, _mm512_set1_ps(scales[row]));
            sums[row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[row]), scale, sums[row]);
        }
        weights += tile_block_bytes(bits);
        weight_scales += TILE;
        quantized += row_block * BLOCK;
        scales += row_block;
        compensation += row_block;
    }
    for (int row = 0; row < rows; row++) {
        y[row] = sums[row];
    }
}

INLINE void multiply_bfloat16(
    const matrix *w, int tile, const activations *x, int first, int rows, __m512 *y
) {
    __m512 even[ROW_BLOCK], odd[ROW_BLOCK];  // of pairs: an addition waits less for the one before
    for (int row = 0; row < rows; row++) {
        even[row] = odd[row] = _mm512_setzero_ps();
    }
    const int blocks = w->blocks, row_block = x->row_block;
    const uint8_t *weights = w->weights + (size_t)tile * blocks * tile_block_bytes(16);
    const uint16_t *rows_of_block = x->bfloat16 + block_index(x, first, 0) * BLOCK;
    for (int block = 0; block < blocks; block++) {
        for (int pair = 0; pair < BLOCK / 2; pair += 2) {
            const uint8_t *from = weights + VECTOR_BYTES * pair;
            __m512bh weight = (__m512bh)_mm512_load_si512(from);
            __m512bh next = (__m512bh)_mm512_load_si512(from + VECTOR_BYTES);
            for (int row = 0; row < rows; row++) {
                const uint16_t *inputs = rows_of_block + row * BLOCK + 2 * pair;
                even[row] = _mm512_dpbf16_ps(even[row], weight, (__m512bh)broadcast_word(inputs));
                odd[row] = _mm512_dpbf16_ps(odd[row], next, (__m512bh)broadcast_word(inputs + 2));
            }
        }
        weights += tile_block_bytes(16);
        rows_of_block += row_block * BLOCK;
    }
    for (int row = 0; row < rows; row++) {
        y[row] = _mm512_add_ps(even[row], odd[row]);
    }
}

// Each number of rows is compiled on its own, so that its sums stay in registers.
#define WITH_ROWS(MULTIPLY, ...)                     \
    switch (rows) {                                  \
        case 1: MULTIPLY(1, ##__VA_ARGS__); break;   \
        case 2: MULTIPLY(2, ##__VA_ARGS__); break;   \
        case 3: MULTIPLY(3, ##__VA_ARGS__); break;   \
        case 4: MULTIPLY(4, ##__VA_ARGS__); break;   \
        case 5: MULTIPLY(5, ##__VA_ARGS__); break;   \
        case 6: MULTIPLY(6, ##__VA_ARGS__); break;   \
        case 7: MULTIPLY(7, ##__VA_ARGS__); break;   \
        default: MULTIPLY(8, ##__VA_ARGS__); break;  \
    }
#define MULTIPLY_QUANTIZED(ROWS, BITS) multiply_quantized(w, tile, x, first, ROWS, BITS, y)
#define MULTIPLY_BFLOAT16(ROWS) multiply_bfloat16(w, tile, x, first, ROWS, y)

static void multiply_int4(
    const matrix *w, int tile, const activations *x, int first, int rows, __m512 *y
) {
    WITH_ROWS(MULTIPLY_QUANTIZED, 4)
}

static void multiply_int8(
    const matrix *w, int tile, const activations *x, int first, int rows, __m512 *y
) {
    WITH_ROWS(MULTIPLY_QUANTIZED, 8)
}

static void multiply_16(
    const matrix *w, int tile, const activations *x, int first, int rows, __m512 *y
) {
    WITH_ROWS(MULTIPLY_BFLOAT16)
}

// y [rows]: the outputs of a tile for 1 to 8 rows from the first, which is a multiple of 8.
static void multiply_tile(
    const matrix *w, int tile, const activations *x, int first, int rows, __m512 *y
) {
    (w->bits == 4 ? multiply_int4 : w->bits == 8 ? multiply_int8 : multiply_16)(
        w, tile, x, first, rows, y
    );
}
