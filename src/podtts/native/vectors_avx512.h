// Vectors of AVX-512 with VNNI, and with BF16 where the compiler may use it. For the meaning of the
// operations see vectors.h.

#pragma once

#include <immintrin.h>

typedef __m512 vec;
typedef __m512i veci;

// The instruction for dot products takes weights without a sign: 128 is added to those in 8 bits.
enum { VECTOR = 16, REGISTERS = 32, INT8_ZERO_POINT = 128 };

INLINE void cpu_relax(void) { _mm_pause(); }

INLINE vec vec_set(float x) { return _mm512_set1_ps(x); }
INLINE vec vec_load(const float *from) { return _mm512_loadu_ps(from); }
INLINE void vec_store(float *to, vec x) { _mm512_storeu_ps(to, x); }
INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE vec vec_abs(vec x) { return _mm512_abs_ps(x); }

INLINE vec vec_round(vec x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT); }

INLINE vec vec_scale(vec x, vec exponent) { return _mm512_scalef_ps(x, exponent); }

INLINE vec vec_select_at_least(vec a, vec b, vec then, vec otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GE_OQ), otherwise, then);
}

INLINE bool vec_any_nan(vec x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) != 0; }

INLINE float vec_reduce_max(vec x) { return _mm512_reduce_max_ps(x); }
INLINE float vec_reduce_add(vec x) { return _mm512_reduce_add_ps(x); }

INLINE void vec_reduce_add_2(vec first, vec second, float *first_sum, float *second_sum) {
    vec both = _mm512_add_ps(  // the first in the lower half, the second in the upper
        _mm512_shuffle_f32x4(first, second, 0x44), _mm512_shuffle_f32x4(first, second, 0xee)
    );
    both = _mm512_add_ps(both, _mm512_shuffle_f32x4(both, both, 0xb1));
    both = _mm512_add_ps(both, _mm512_permute_ps(both, 0x4e));
    both = _mm512_add_ps(both, _mm512_permute_ps(both, 0xb1));
    *first_sum = _mm512_cvtss_f32(both);
    *second_sum = _mm_cvtss_f32(_mm512_extractf32x4_ps(both, 2));
}

INLINE vec vec_load_float16(const uint16_t *from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)from));
}

INLINE vec vec_load_bfloat16(const uint16_t *from) {
    __m256i halves = _mm256_loadu_si256((const void *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

INLINE void vec_store_bfloat16(uint16_t *to, vec x) {
    veci bits = _mm512_castps_si512(x);
    veci odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    _mm256_storeu_si256((void *)to, _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
}

INLINE veci veci_set(int32_t x) { return _mm512_set1_epi32(x); }
INLINE veci veci_load(const void *from) { return _mm512_load_si512(from); }
INLINE veci veci_add(veci a, veci b) { return _mm512_add_epi32(a, b); }
INLINE int32_t veci_reduce_add(veci x) { return _mm512_reduce_add_epi32(x); }
INLINE veci veci_of(vec x) { return _mm512_cvtps_epi32(x); }
INLINE vec vec_of(veci x) { return _mm512_cvtepi32_ps(x); }
INLINE vec vec_from_bits(veci x) { return _mm512_castsi512_ps(x); }

INLINE void veci_store_int8(int8_t *to, veci x) {
    _mm_storeu_si128((void *)to, _mm512_cvtsepi32_epi8(x));
}

INLINE veci veci_low_nibbles(veci x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }

INLINE veci veci_high_nibbles(veci x) { return veci_low_nibbles(_mm512_srli_epi16(x, 4)); }

// With the intrinsic, arrays of sums do not stay in registers (GCC 12): six rows of 64 outputs take
// twice as long.
INLINE void dot_int8(veci *sums, veci weights, veci x) {
    asm("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(weights), "v"(x));
}

INLINE veci start_int4(int32_t compensation) { return veci_set(compensation); }

INLINE void dot_int4(veci *sums, veci weights, veci x) { dot_int8(sums, weights, x); }

INLINE veci finish_int4(veci sums, int32_t compensation) {
    (void)compensation;
    return sums;
}

#ifdef __AVX512BF16__

#define HAS_BFLOAT16

INLINE void bfloat16_store(uint16_t *to, vec x) {
    _mm256_storeu_si256((void *)to, (__m256i)_mm512_cvtneps_pbh(x));
}

INLINE void bfloat16_store_lanes(void *to, vec first, vec second) {
    veci low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
    veci high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

INLINE vec dot_bfloat16(vec sums, veci weights, veci x) {
    return _mm512_dpbf16_ps(sums, (__m512bh)weights, (__m512bh)x);
}

#else

INLINE vec vec_from_low_bfloat16(veci x) { return vec_from_bits(_mm512_slli_epi32(x, 16)); }

INLINE vec vec_from_high_bfloat16(veci x) {
    return vec_from_bits(_mm512_and_si512(x, _mm512_set1_epi32((int32_t)0xffff0000)));
}

#endif
