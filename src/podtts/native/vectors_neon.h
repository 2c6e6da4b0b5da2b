// Vectors of 64-bit ARM with dot products, and with BF16 where the compiler may use it. For the
// meaning of the operations see vectors.h.

#pragma once

#include <arm_neon.h>

typedef float32x4_t vec;
typedef int32x4_t veci;

enum { VECTOR = 4, REGISTERS = 32, INT8_ZERO_POINT = 0 };

INLINE void cpu_relax(void) { asm volatile("yield"); }

INLINE vec vec_set(float x) { return vdupq_n_f32(x); }
INLINE vec vec_load(const float *from) { return vld1q_f32(from); }
INLINE void vec_store(float *to, vec x) { vst1q_f32(to, x); }
INLINE vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
INLINE vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
INLINE vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
INLINE vec vec_div(vec a, vec b) { return vdivq_f32(a, b); }
INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
INLINE vec vec_max(vec a, vec b) { return vmaxq_f32(a, b); }
INLINE vec vec_min(vec a, vec b) { return vminq_f32(a, b); }
INLINE vec vec_abs(vec x) { return vabsq_f32(x); }
INLINE vec vec_round(vec x) { return vrndnq_f32(x); }

// 2^exponent for whole numbers from -126 to 127: the exponent of a float32 is its upper bits.
INLINE vec power_of_2(veci exponent) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(exponent, vdupq_n_s32(127)), 23));
}

INLINE vec vec_scale(vec x, vec exponent) {
    veci whole = vcvtnq_s32_f32(exponent), half = vshrq_n_s32(whole, 1);
    return vec_mul(vec_mul(x, power_of_2(half)), power_of_2(vsubq_s32(whole, half)));
}

INLINE vec vec_select_at_least(vec a, vec b, vec then, vec otherwise) {
    return vbslq_f32(vcgeq_f32(a, b), then, otherwise);
}

INLINE bool vec_any_nan(vec x) { return vminvq_u32(vceqq_f32(x, x)) == 0; }

INLINE float vec_reduce_max(vec x) { return vmaxvq_f32(x); }
INLINE float vec_reduce_add(vec x) { return vaddvq_f32(x); }

INLINE void vec_reduce_add_2(vec first, vec second, float *first_sum, float *second_sum) {
    vec both = vpaddq_f32(first, second);  // the first in the lower half, the second in the upper
    both = vpaddq_f32(both, both);
    *first_sum = vgetq_lane_f32(both, 0);
    *second_sum = vgetq_lane_f32(both, 1);
}

INLINE vec vec_load_float16(const uint16_t *from) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}

INLINE vec vec_load_bfloat16(const uint16_t *from) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(from), 16));
}

INLINE void vec_store_bfloat16(uint16_t *to, vec x) {
    uint32x4_t bits = vreinterpretq_u32_f32(x);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    bits = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    vst1_u16(to, vshrn_n_u32(bits, 16));
}

INLINE veci veci_set(int32_t x) { return vdupq_n_s32(x); }
INLINE veci veci_load(const void *from) { return vld1q_s32(from); }
INLINE veci veci_add(veci a, veci b) { return vaddq_s32(a, b); }
INLINE int32_t veci_reduce_add(veci x) { return vaddvq_s32(x); }
INLINE veci veci_of(vec x) { return vcvtnq_s32_f32(x); }
INLINE vec vec_of(veci x) { return vcvtq_f32_s32(x); }
INLINE vec vec_from_bits(veci x) { return vreinterpretq_f32_s32(x); }

INLINE void veci_store_int8(int8_t *to, veci x) {
    int16x4_t words = vqmovn_s32(x);
    int8x8_t bytes = vqmovn_s16(vcombine_s16(words, words));
    memcpy(to, &bytes, VECTOR);
}

INLINE veci veci_low_nibbles(veci x) { return vandq_s32(x, vdupq_n_s32(0x0f0f0f0f)); }

INLINE veci veci_high_nibbles(veci x) {
    return vreinterpretq_s32_u8(vshrq_n_u8(vreinterpretq_u8_s32(x), 4));
}

INLINE void dot_int8(veci *sums, veci weights, veci x) {
    *sums = vdotq_s32(*sums, vreinterpretq_s8_s32(weights), vreinterpretq_s8_s32(x));
}

INLINE veci start_int4(int32_t compensation) { return veci_set(compensation); }

INLINE void dot_int4(veci *sums, veci weights, veci x) { dot_int8(sums, weights, x); }

INLINE veci finish_int4(veci sums, int32_t compensation) {
    (void)compensation;
    return sums;
}

#ifdef __ARM_FEATURE_BF16_VECTOR_ARITHMETIC

#define HAS_BFLOAT16

INLINE void bfloat16_store(uint16_t *to, vec x) {
    vst1_u16(to, vreinterpret_u16_bf16(vcvt_bf16_f32(x)));
}

INLINE void bfloat16_store_lanes(void *to, vec first, vec second) {
    uint16x4x2_t both = {{
        vreinterpret_u16_bf16(vcvt_bf16_f32(first)), vreinterpret_u16_bf16(vcvt_bf16_f32(second)),
    }};
    vst2_u16(to, both);  // a macro in clang, for which a comma would begin another argument
}

INLINE vec dot_bfloat16(vec sums, veci weights, veci x) {
    return vbfdotq_f32(sums, vreinterpretq_bf16_s32(weights), vreinterpretq_bf16_s32(x));
}

#else

INLINE vec vec_from_low_bfloat16(veci x) { return vec_from_bits(vshlq_n_s32(x, 16)); }

INLINE vec vec_from_high_bfloat16(veci x) {
    return vec_from_bits(vandq_s32(x, vdupq_n_s32((int32_t)0xffff0000)));
}

#endif
