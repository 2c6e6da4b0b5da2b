// Vectors of AVX2 with FMA, and with AVX-VNNI where the compiler may use it; both give the same
// bits. For the meaning of the operations see vectors.h.

#pragma once

#include <immintrin.h>

typedef __m256 vec;
typedef __m256i veci;

#ifdef __AVXVNNI__
enum { INT8_ZERO_POINT = 128 };  // see vectors_avx512.h
#else
enum { INT8_ZERO_POINT = 0 };
#endif
#define HAS_FAST_INT8
enum { VECTOR = 8, REGISTERS = 16, FAST_LEVELS = 63, FAST_ZERO_POINT = 128 };

INLINE void cpu_relax(void) { _mm_pause(); }

INLINE vec vec_set(float x) { return _mm256_set1_ps(x); }
INLINE vec vec_load(const float *from) { return _mm256_loadu_ps(from); }
INLINE void vec_store(float *to, vec x) { _mm256_storeu_ps(to, x); }
INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
INLINE vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
INLINE vec vec_abs(vec x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }

INLINE vec vec_round(vec x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// 2^exponent for whole numbers from -126 to 127: the exponent of a float32 is its upper bits.
INLINE vec power_of_2(veci exponent) {
    exponent = _mm256_add_epi32(exponent, _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

INLINE vec vec_scale(vec x, vec exponent) {
    veci whole = _mm256_cvtps_epi32(exponent), half = _mm256_srai_epi32(whole, 1);
    return vec_mul(vec_mul(x, power_of_2(half)), power_of_2(_mm256_sub_epi32(whole, half)));
}

INLINE vec vec_select_at_least(vec a, vec b, vec then, vec otherwise) {
    return _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps(a, b, _CMP_GE_OQ));
}

INLINE bool vec_any_nan(vec x) {
    return _mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0;
}

INLINE float vec_reduce_max(vec x) {
    __m128 most = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    most = _mm_max_ps(most, _mm_permute_ps(most, 0x4e));
    return _mm_cvtss_f32(_mm_max_ps(most, _mm_permute_ps(most, 0xb1)));
}

INLINE void vec_reduce_add_2(vec first, vec second, float *first_sum, float *second_sum) {
    vec both = _mm256_add_ps(  // the first in the lower half, the second in the upper
        _mm256_permute2f128_ps(first, second, 0x20), _mm256_permute2f128_ps(first, second, 0x31)
    );
    both = _mm256_add_ps(both, _mm256_permute_ps(both, 0x4e));
    both = _mm256_add_ps(both, _mm256_permute_ps(both, 0xb1));
    *first_sum = _mm256_cvtss_f32(both);
    *second_sum = _mm_cvtss_f32(_mm256_extractf128_ps(both, 1));
}

INLINE float vec_reduce_add(vec x) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    sum = _mm_add_ps(sum, _mm_permute_ps(sum, 0x4e));
    return _mm_cvtss_f32(_mm_add_ps(sum, _mm_permute_ps(sum, 0xb1)));
}

INLINE vec vec_load_float16(const uint16_t *from) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)from));
}

INLINE vec vec_load_bfloat16(const uint16_t *from) {
    veci bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}

INLINE void vec_store_bfloat16(uint16_t *to, vec x) {
    veci bits = _mm256_castps_si256(x);
    veci odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    bits = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    bits = _mm256_srli_epi32(bits, 16);
    __m128i low = _mm256_castsi256_si128(bits), high = _mm256_extracti128_si256(bits, 1);
    _mm_storeu_si128((void *)to, _mm_packus_epi32(low, high));
}

INLINE veci veci_set(int32_t x) { return _mm256_set1_epi32(x); }
INLINE veci veci_load(const void *from) { return _mm256_load_si256(from); }
INLINE veci veci_add(veci a, veci b) { return _mm256_add_epi32(a, b); }
INLINE veci veci_of(vec x) { return _mm256_cvtps_epi32(x); }
INLINE vec vec_of(veci x) { return _mm256_cvtepi32_ps(x); }
INLINE vec vec_from_bits(veci x) { return _mm256_castsi256_ps(x); }

INLINE int32_t veci_reduce_add(veci x) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

INLINE void veci_store_int8(int8_t *to, veci x) {
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64((void *)to, _mm_packs_epi16(words, words));
}

INLINE veci veci_low_nibbles(veci x) { return _mm256_and_si256(x, _mm256_set1_epi8(15)); }

INLINE veci veci_high_nibbles(veci x) { return veci_low_nibbles(_mm256_srli_epi16(x, 4)); }

INLINE vec vec_from_low_bfloat16(veci x) { return vec_from_bits(_mm256_slli_epi32(x, 16)); }

INLINE vec vec_from_high_bfloat16(veci x) {
    return vec_from_bits(_mm256_and_si256(x, _mm256_set1_epi32((int32_t)0xffff0000)));
}

#ifdef __AVXVNNI__

// Assembly: see vectors_avx512.h.
INLINE void dot_int8(veci *sums, veci weights, veci x) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*sums) : "x"(weights), "x"(x));
}

INLINE void dot_int8_fast(veci *sums, veci weights, veci x) { dot_int8(sums, weights, x); }

INLINE veci start_int4(int32_t compensation) { return veci_set(compensation); }

INLINE void dot_int4(veci *sums, veci weights, veci x) { dot_int8(sums, weights, x); }

INLINE veci finish_int4(veci sums, int32_t compensation) {
    (void)compensation;
    return sums;
}

#else

// The instruction multiplies unsigned by signed bytes, and adds pairs in 16 bits with saturation.
// Two products of at most 128 * 127 fit; of twice as much, as unsigned weights would give, they
// would not. So the sign of a weight goes to x. Assembly: GCC 12 would begin the products of all
// sums before it ends one, and then lacks registers.
INLINE void dot_int8(veci *sums, veci weights, veci x) {
    veci pairs;
    asm("vpsignb %2, %4, %1\n\t"
        "vpmaddubsw %1, %3, %1\n\t"
        "vpmaddwd %5, %1, %1\n\t"
        "vpaddd %1, %0, %0"
        : "+x"(*sums), "=&x"(pairs)
        : "xm"(weights), "x"(_mm256_abs_epi8(weights)), "x"(x), "xm"(_mm256_set1_epi16(1)));
}

// Two products of at most 255 * 63 fit, so nothing needs a sign.
INLINE void dot_int8_fast(veci *sums, veci weights, veci x) {
    veci pairs;
    asm("vpmaddubsw %3, %2, %1\n\t"
        "vpmaddwd %4, %1, %1\n\t"
        "vpaddd %1, %0, %0"
        : "+x"(*sums), "=&x"(pairs)
        : "x"(weights), "x"(x), "xm"(_mm256_set1_epi16(1)));
}

// Sixteen products of at most 15 * 127 fit in 16 bits: those of a block of 32 inputs, of which each
// half of a lane has every second pair. So they are added up there, and in 32 bits at the end.
// Assembly: as above; eight rows take a fifth less time.
INLINE veci start_int4(int32_t compensation) {
    (void)compensation;
    return _mm256_setzero_si256();
}

INLINE void dot_int4(veci *sums, veci weights, veci x) {
    veci pairs;
    asm("vpmaddubsw %3, %2, %1\n\t"
        "vpaddw %1, %0, %0"
        : "+x"(*sums), "=&x"(pairs)
        : "x"(weights), "x"(x));
}

INLINE veci finish_int4(veci sums, int32_t compensation) {
    veci wide = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
    return veci_add(wide, veci_set(compensation));
}

#endif
