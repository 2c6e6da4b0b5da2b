// Matrices in 4, 8 or 16 bits times rows of activations.
//
// Sixteen outputs stand side by side, so that a vector holds the same few inputs of all of them and
// an activation is the same for all its lanes. 4 and 8 bits: 32 inputs of an output share a scale
// (as in podtts.llm.block_quant), activations are rounded to 8 bits in blocks of 32. 16 bits: bfloat16
// on both sides. Sums are float32. Each row's sum is formed in one order, whoever forms it and
// whichever rows stand beside it.

#pragma once

#include <stdbool.h>

#include "vectors.h"

// Matrices are fetched so many bytes ahead for several rows: while it multiplies for them, the CPU
// does not look as far by itself. 8 rows at the published size, 4 bits: 83 ms a step in place of
// 110. For one row it does; 8 bits, one thread: 58 ms in place of 90.
enum { BLOCK = 32, OUTPUTS = 16, ROWS = 8, AHEAD_BYTES = 4096 };

typedef struct {
    int bits, outputs, blocks;  // blocks of inputs; the last is filled up with zeros
    uint8_t *levels;            // [outputs / 16, blocks, `bits` vectors of 64 bytes]
    uint16_t *scale;            // float16 [outputs / 16, blocks, 16]; none in 16 bits
} matrix;

// Activations of some rows in the form a matrix wants. Blocks of the 8 rows that are multiplied
// together lie beside each other, so that one address leads to all of them.
typedef struct {
    int blocks, beside;  // beside: 8, or fewer where there are no more rows
    int8_t *levels;      // [rows / 8, blocks, beside, 32]
    float *scale;        // [rows / 8, blocks, beside]
    int32_t *middle;     // the same: what the levels of a matrix, which begin at 0, add too much
    uint16_t *plain;     // bfloat16 [rows / 8, blocks, beside, 32], for 16 bits
} activations;

// Which of all blocks is one of a row.
INLINE size_t block_at(const activations *x, int row, int block) {
    return ((size_t)(row / ROWS) * x->blocks + block) * x->beside + row % ROWS;
}

// How many bytes 16 outputs of a block of 32 inputs take.
INLINE size_t block_bytes(int bits) { return (size_t)bits * OUTPUTS * BLOCK / 8; }

// Round one row of activations [inputs]; what fills the last block up is 0.
static void put_levels(const activations *to, int row, int bits, const float *x) {
    int middle = 1 << (bits - 1);
    for (int block = 0; block < to->blocks; block++, x += BLOCK) {
        size_t place = block_at(to, row, block);
        __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16);
        float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
        // What is not finite must not vanish in the rounding: then nothing of the block is.
        __m512 nothing = _mm512_sub_ps(_mm512_sub_ps(low, low), _mm512_sub_ps(high, high));
        bool finite = _mm512_cmp_ps_mask(nothing, nothing, _CMP_UNORD_Q) == 0;
        __m512 factor = _mm512_set1_ps(most > 0 ? 127.0f / most : 0.0f);
        __m512i first = _mm512_cvtps_epi32(_mm512_mul_ps(low, factor));
        __m512i second = _mm512_cvtps_epi32(_mm512_mul_ps(high, factor));
        int8_t *levels = to->levels + place * BLOCK;
        _mm_storeu_si128((void *)levels, _mm512_cvtsepi32_epi8(first));
        _mm_storeu_si128((void *)(levels + 16), _mm512_cvtsepi32_epi8(second));
        to->scale[place] = finite ? most / 127.0f : __builtin_nanf("");
        to->middle[place] = -middle * _mm512_reduce_add_epi32(_mm512_add_epi32(first, second));
    }
}

static void put_plain(const activations *to, int row, const float *x) {
    for (int block = 0; block < to->blocks; block++, x += BLOCK) {
        uint16_t *plain = to->plain + block_at(to, row, block) * BLOCK;
        _mm512_storeu_si512(plain, narrow(_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)));
    }
}

INLINE void put(const activations *to, int row, int bits, const float *x) {
    if (bits == 16) {
        put_plain(to, row, x);
    } else {
        put_levels(to, row, bits, x);
    }
}

INLINE void sum_levels(
    const matrix *by, int tile, const activations *x, int first, int rows, int bits, __m512 *out
) {
    const __m512i lowest = _mm512_set1_epi8(15);
    const int blocks = by->blocks, beside = x->beside;
    const uint8_t *weights = by->levels + (size_t)tile * blocks * block_bytes(bits);
    const uint16_t *scales = by->scale + (size_t)tile * blocks * OUTPUTS;
    size_t place = block_at(x, first, 0);
    const int8_t *levels = x->levels + place * BLOCK;
    const float *own = x->scale + place;
    const int32_t *middle = x->middle + place;
    __m512 sums[ROWS];
    for (int row = 0; row < rows; row++) {
        sums[row] = _mm512_setzero_ps();
    }
    for (int block = 0; block < blocks; block++) {
        __m512i dots[ROWS];
        for (int row = 0; row < rows; row++) {
            dots[row] = spread(middle + row);
        }
        for (int vector = 0; vector < bits; vector++) {
            __m512i raw = _mm512_load_si512(weights + 64 * vector);
            if (rows > 1) {
                _mm_prefetch(weights + 64 * vector + AHEAD_BYTES, _MM_HINT_T0);
            }
            int input = bits == 4 ? 8 * vector : 4 * vector;
            __m512i low = bits == 4 ? _mm512_and_si512(raw, lowest) : raw;
            __m512i high = _mm512_and_si512(_mm512_srli_epi16(raw, 4), lowest);
            for (int row = 0; row < rows; row++) {
                add_products(&dots[row], low, spread(levels + row * BLOCK + input));
            }
            for (int row = 0; bits == 4 && row < rows; row++) {
                add_products(&dots[row], high, spread(levels + row * BLOCK + input + 4));
            }
        }
        __m512 scale = _mm512_cvtph_ps(_mm256_load_si256((const void *)scales));
        for (int row = 0; row < rows; row++) {
            __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(own[row]));
            sums[row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[row]), both, sums[row]);
        }
        weights += block_bytes(bits);
        scales += OUTPUTS;
        levels += beside * BLOCK;
        own += beside;
        middle += beside;
    }
    for (int row = 0; row < rows; row++) {
        out[row] = sums[row];
    }
}

INLINE void sum_plain(
    const matrix *by, int tile, const activations *x, int first, int rows, __m512 *out
) {
    __m512 sums[ROWS], others[ROWS];  // every second pair: additions wait less for one another
    for (int row = 0; row < rows; row++) {
        sums[row] = others[row] = _mm512_setzero_ps();
    }
    const int blocks = by->blocks, beside = x->beside;
    const uint8_t *weights = by->levels + (size_t)tile * blocks * block_bytes(16);
    const uint16_t *plain = x->plain + block_at(x, first, 0) * BLOCK;
    for (int block = 0; block < blocks; block++) {
        for (int pair = 0; pair < BLOCK / 2; pair += 2) {
            __m512bh one = (__m512bh)_mm512_load_si512(weights + 64 * pair);
            __m512bh next = (__m512bh)_mm512_load_si512(weights + 64 * pair + 64);
            for (int row = 0; row < rows; row++) {
                const uint16_t *at = plain + row * BLOCK + 2 * pair;
                sums[row] = _mm512_dpbf16_ps(sums[row], one, (__m512bh)spread(at));
                others[row] = _mm512_dpbf16_ps(others[row], next, (__m512bh)spread(at + 2));
            }
        }
        weights += block_bytes(16);
        plain += beside * BLOCK;
    }
    for (int row = 0; row < rows; row++) {
        out[row] = _mm512_add_ps(sums[row], others[row]);
    }
}

// Sums of 16 outputs for 1 to 8 rows from the first, which is a multiple of 8.
#define WITH_ROWS(SUM, ...)                     \
    switch (rows) {                             \
        case 1: SUM(1, ##__VA_ARGS__); break;   \
        case 2: SUM(2, ##__VA_ARGS__); break;   \
        case 3: SUM(3, ##__VA_ARGS__); break;   \
        case 4: SUM(4, ##__VA_ARGS__); break;   \
        case 5: SUM(5, ##__VA_ARGS__); break;   \
        case 6: SUM(6, ##__VA_ARGS__); break;   \
        case 7: SUM(7, ##__VA_ARGS__); break;   \
        default: SUM(8, ##__VA_ARGS__); break;  \
    }
#define SUM_LEVELS(COUNT, BITS) sum_levels(by, tile, x, first, COUNT, BITS, sums)
#define SUM_PLAIN(COUNT) sum_plain(by, tile, x, first, COUNT, sums)

static void sum_4(
    const matrix *by, int tile, const activations *x, int first, int rows, __m512 *sums
) {
    WITH_ROWS(SUM_LEVELS, 4)
}

static void sum_8(
    const matrix *by, int tile, const activations *x, int first, int rows, __m512 *sums
) {
    WITH_ROWS(SUM_LEVELS, 8)
}

static void sum_16(
    const matrix *by, int tile, const activations *x, int first, int rows, __m512 *sums
) {
    WITH_ROWS(SUM_PLAIN)
}

static void sum_tile(
    const matrix *by, int tile, const activations *x, int first, int rows, __m512 *sums
) {
    (by->bits == 4 ? sum_4 : by->bits == 8 ? sum_8 : sum_16)(by, tile, x, first, rows, sums);
}

// Sixteen outputs of [outputs, blocks, 4 * bits bytes], as podtts.llm.block_quant has them, to the order
// that is read here.
static void lay(
    const matrix *by, int tile, const uint8_t *from, const uint16_t *scale
) {
    for (int block = 0; block < by->blocks; block++) {
        size_t place = (size_t)tile * by->blocks + block;
        for (int output = 0; output < OUTPUTS; output++) {
            size_t row = (size_t)tile * OUTPUTS + output;
            const uint8_t *own = from + (row * by->blocks + block) * 4 * by->bits;
            uint8_t *to = by->levels + place * block_bytes(by->bits) + 4 * output;
            for (int word = 0; word < by->bits; word++) {
                uint32_t some;
                memcpy(&some, own + 4 * word, sizeof some);
                if (by->bits == 4) {  // four inputs in the low halves, the next four in the high
                    some = _pdep_u32(some, 0x0f0f0f0f) | _pdep_u32(some >> 16, 0xf0f0f0f0);
                }
                memcpy(to + 64 * word, &some, sizeof some);
            }
            if (by->bits != 16) {
                by->scale[place * OUTPUTS + output] = scale[row * by->blocks + block];
            }
        }
    }
}
