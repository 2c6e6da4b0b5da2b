// Compares the vector operations of an instruction set with plain C; prints what differs.
// test_vectors.py compiles and runs it for each set.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "snake.h"

enum { BLOCK = 32 };

static int failures = 0;

static void expect(bool holds, const char *what, double found, double expected) {
    if (!holds) {
        printf("%s: %.9g instead of %.9g\n", what, found, expected);
        failures++;
    }
}

static uint32_t random_bits(void) {
    static uint32_t state = 1;
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state;
}

typedef enum { INT4, INT8, INT8_FAST } kind;

static const struct {
    const char *name;
    int weights, levels;  // how many different weights; the largest input
    bool is_signed;       // the weights
} kinds[] = {
    {"4 bits", 16, 127, false},
    {"8 bits", 256, 127, INT8_ZERO_POINT == 0},
    {"8 bits, fast", 256, FAST_LEVELS, FAST_ZERO_POINT == 0},
};

typedef struct {
    _Alignas(64) uint8_t weights[BLOCK / 4][VECTOR][4];
    int8_t inputs[BLOCK];
} block;

static void check_block(const block *b, kind kind, int32_t compensation) {
    veci sums = kind == INT4 ? start_int4(compensation) : veci_set(compensation);
    for (int word = 0; word < BLOCK / 4; word++) {
        veci weights = veci_load(b->weights[word]), x = broadcast_word(b->inputs + 4 * word);
        (kind == INT4 ? dot_int4 : kind == INT8 ? dot_int8 : dot_int8_fast)(&sums, weights, x);
    }
    sums = kind == INT4 ? finish_int4(sums, compensation) : sums;
    int32_t found[VECTOR];
    memcpy(found, &sums, sizeof found);
    for (int lane = 0; lane < VECTOR; lane++) {
        int32_t expected = compensation;
        for (int input = 0; input < BLOCK; input++) {
            uint8_t byte = b->weights[input / 4][lane][input % 4];
            expected += (kinds[kind].is_signed ? (int8_t)byte : byte) * b->inputs[input];
        }
        expect(found[lane] == expected, kinds[kind].name, found[lane], expected);
    }
}

// All weights against all activations: the same everywhere, which is the worst for saturation, and
// at random.
static void check_dot_products(kind kind) {
    block b;
    int weights = kinds[kind].weights, levels = kinds[kind].levels;
    for (int weight = 0; weight < weights; weight++) {
        for (int x = -levels; x <= levels; x++) {
            memset(b.weights, weight, sizeof b.weights);
            memset(b.inputs, x, sizeof b.inputs);
            check_block(&b, kind, -8 * BLOCK * x);
        }
    }
    for (int round = 0; round < 1000; round++) {
        for (size_t i = 0; i < sizeof b.weights; i++) {
            ((uint8_t *)b.weights)[i] = random_bits() % weights;
        }
        for (int input = 0; input < BLOCK; input++) {
            b.inputs[input] = (int)(random_bits() % (2 * levels + 1)) - levels;
        }
        check_block(&b, kind, 0);
    }
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void check_bfloat16(void) {
    for (int round = 0; round < 100000; round++) {
        float from[VECTOR], back[VECTOR];
        uint16_t stored[VECTOR];
        for (int lane = 0; lane < VECTOR; lane++) {
            uint32_t bits = random_bits();
            from[lane] = isfinite(float_of(bits)) ? float_of(bits) : (float)lane;
        }
        vec_store_bfloat16(stored, vec_load(from));
        vec_store(back, vec_load_bfloat16(stored));
        for (int lane = 0; lane < VECTOR; lane++) {
            uint32_t bits;
            memcpy(&bits, &from[lane], sizeof bits);
            float expected = float_of((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
            bool same = memcmp(&back[lane], &expected, sizeof expected) == 0;
            expect(same, "bfloat16", back[lane], expected);
        }
    }
}

static float float16_value(uint16_t bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float x = exponent == 0 ? ldexpf((float)fraction, -24)
                            : ldexpf((float)(1024 + fraction), exponent - 25);
    return bits >> 15 ? -x : x;
}

static void check_float16(void) {
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        if ((bits & 0x7c00) == 0x7c00) {
            continue;  // infinite, or no number
        }
        uint16_t from[VECTOR];
        float to[VECTOR];
        for (int lane = 0; lane < VECTOR; lane++) {
            from[lane] = (uint16_t)bits;
        }
        vec_store(to, vec_load_float16(from));
        expect(to[VECTOR - 1] == float16_value(from[0]), "float16", to[0], float16_value(from[0]));
    }
}

static float exp_of(float x) {
    float lanes[VECTOR];
    vec_store(lanes, exp_vector(vec_set(x)));
    return lanes[VECTOR - 1];
}

static void check_exponential(void) {
    for (float x = -86.0f; x < 88.0f; x += 0.0137f) {
        double expected = exp((double)x), found = exp_of(x);
        expect(fabs(found / expected - 1) < 2e-6, "exp", found, expected);
    }
    expect(exp_of(-INFINITY) < 1e-44, "exp(-infinity)", exp_of(-INFINITY), 0);
    expect(exp_of(-90.0f) < 1e-38, "exp(-90)", exp_of(-90.0f), exp(-90));
    expect(isnan(exp_of(NAN)), "exp(NaN)", exp_of(NAN), NAN);
}

static float square_of_sine_of(float z) {
    float lanes[VECTOR];
    vec_store(lanes, square_of_sine(vec_set(z)));
    return lanes[VECTOR - 1];
}

static void check_sine(void) {
    for (float z = -1e4f; z < 1e4f; z += 0.0973f) {
        double sine = sin((double)z), found = square_of_sine_of(z);
        expect(fabs(found - sine * sine) < 2.5e-7, "square of a sine", found, sine * sine);
        expect(found == square_of_sine_of(-z), "square of the other sine", found, 0);
    }
    for (float z = 1e-15f; z < 1.5f; z *= 1.01f) {
        double sine = sin((double)z), found = square_of_sine_of(z);
        expect(fabs(found / (sine * sine) - 1) < 4e-7, "square near zero", found, sine * sine);
    }
    for (float z = 1e4f; z < 1e38f; z *= 1.37f) {
        float found = square_of_sine_of(z);
        expect(found >= 0 && found <= 1, "square of a large number's sine", found, 1);
    }
    const float not_finite[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        float found = square_of_sine_of(not_finite[i]);
        expect(isnan(found), "square of no number's sine", found, NAN);
    }
}

static void check_some(void) {
    float from[2 * VECTOR], to[2 * VECTOR];
    for (int i = 0; i < 2 * VECTOR; i++) {
        from[i] = (float)(i + 1);
    }
    for (int count = 1; count <= 2 * VECTOR; count++) {
        memset(to, 0, sizeof to);
        store_some(to, load_some(from, count), VECTOR);
        for (int i = 0; i < VECTOR; i++) {
            expect(to[i] == (i < count ? from[i] : 0), "loaded", to[i], from[i]);
        }
        memset(to, 0, sizeof to);
        store_some(to, vec_load(from), count);
        for (int i = 0; i < 2 * VECTOR; i++) {
            bool stored = i < count && i < VECTOR;
            expect(to[i] == (stored ? from[i] : 0), "stored", to[i], from[i]);
        }
    }
}

static void check_quantization(int levels) {
    float x[BLOCK], scale, most = (float)levels;
    int8_t quantized[BLOCK];
    int32_t expected = 0;
    for (int i = 0; i < BLOCK; i++) {
        x[i] = (float)(i - 5) / 26 * 3;  // the largest is 3
        expected += (int)rintf(x[i] * (most / 3));
    }
    int32_t sum = quantize_symmetric(x, BLOCK, levels, quantized, &scale);
    expect(sum == expected, "sum of quantized numbers", sum, expected);
    expect(scale == 3.0f / most, "scale", scale, 3.0f / most);
    for (int i = 0; i < BLOCK; i++) {
        int level = (int)rintf(x[i] * (most / 3));
        expect(quantized[i] == level, "quantized number", quantized[i], level);
    }
    for (int wrong = 0; wrong < 2; wrong++) {
        x[BLOCK - 1] = wrong ? NAN : -INFINITY;
        quantize_symmetric(x, BLOCK, levels, quantized, &scale);
        expect(isnan(scale), "scale of what is not finite", scale, NAN);
    }
}

static void check_lanes(void) {
    float first[VECTOR], second[VECTOR], out[VECTOR], sums[2];
    float expected[2] = {0, 0};
    for (int lane = 0; lane < VECTOR; lane++) {
        first[lane] = (float)lane, second[lane] = (float)(100 - 3 * lane);
        expected[0] += first[lane], expected[1] += second[lane];
    }
    vec a = vec_load(first), b = vec_load(second);
    vec_reduce_add_2(a, b, &sums[0], &sums[1]);
    expect(sums[0] == expected[0], "first of two sums", sums[0], expected[0]);
    expect(sums[1] == expected[1], "second of two sums", sums[1], expected[1]);
    expect(vec_reduce_add(b) == expected[1], "sum", vec_reduce_add(b), expected[1]);
    expect(vec_reduce_max(b) == 100, "largest", vec_reduce_max(b), 100);
    vec_store(out, vec_select_at_least(a, vec_set(2), vec_set(7), b));
    for (int lane = 0; lane < VECTOR; lane++) {
        float chosen = lane >= 2 ? 7 : second[lane];
        expect(out[lane] == chosen, "selected", out[lane], chosen);
    }
    for (int lane = 0; lane < VECTOR; lane++) {
        first[lane] = NAN;
        expect(vec_any_nan(vec_load(first)), "NaN in a lane", 0, 1);
        first[lane] = 0;
    }
    expect(!vec_any_nan(vec_load(first)), "NaN", 1, 0);
    vec_store(out, vec_max(vec_set(1), vec_set(NAN)));
    expect(isnan(out[0]), "max(1, NaN)", out[0], NAN);
    vec_store(out, vec_min(vec_set(1), vec_set(NAN)));
    expect(isnan(out[0]), "min(1, NaN)", out[0], NAN);
}

// Lanes of two bfloat16 weights, 1 and -3, times halves that are exact in bfloat16.
static void check_halves(void) {
    half x[2] = {half_of(0.5f), half_of(-2.0f)};
    float out[VECTOR];
    vec_store(out, dot_bfloat16_weights(vec_set(10), veci_set((int32_t)0xc0403f80), x));
    expect(out[VECTOR - 1] == 16.5f, "products of bfloat16", out[VECTOR - 1], 16.5);
}

int main(void) {
    check_dot_products(INT4);
    check_dot_products(INT8);
    check_dot_products(INT8_FAST);
    check_bfloat16();
    check_float16();
    check_exponential();
    check_sine();
    check_some();
    check_quantization(127);
    check_quantization(FAST_LEVELS);
    check_lanes();
    check_halves();
    return failures != 0;
}
