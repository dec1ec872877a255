// A vector of floats, 8 (AVX2) or 16 (AVX-512), and the few operations on it that the kernels need.
// + - * / are the compiler's own on these types.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace weld::kernels::WELD_TARGET {

/// A mask of the first n of 8 lanes.
inline __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

#ifdef __AVX512F__
using Floats = __m512;
inline constexpr int lanes = 16;

inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
inline Floats broadcast(float v) { return _mm512_set1_ps(v); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline __m256 fma(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats to_floats(__m512i v) { return _mm512_cvtepi32_ps(v); }
inline Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats round(Floats v) {
  return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline Floats load_f16(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
inline void store_f16(void* p, Floats v) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
/// The first n lanes; the others are 0 and their memory is not touched.
inline Floats load_first(const float* p, int n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << n) - 1), p);
}
inline void store_first(float* p, int n, Floats v) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << n) - 1), v);
}
/// 2^n for whole n in float's range of exponents.
inline Floats power_of_two(Floats n) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
/// v where test >= bound, else 0.
inline Floats keep_if_at_least(Floats v, Floats test, Floats bound) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(test, bound, _CMP_GE_OQ), v);
}
inline __m256 low_half(Floats v) { return _mm512_castps512_ps256(v); }
inline __m256 high_half(Floats v) { return _mm512_extractf32x8_ps(v, 1); }
#else
using Floats = __m256;
inline constexpr int lanes = 8;

inline Floats load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
inline Floats broadcast(float v) { return _mm256_set1_ps(v); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
inline Floats round(Floats v) {
  return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline Floats load_f16(const void* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
inline void store_f16(void* p, Floats v) {
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
/// The first n lanes; the others are 0 and their memory is not touched.
inline Floats load_first(const float* p, int n) { return _mm256_maskload_ps(p, first_lanes(n)); }
inline void store_first(float* p, int n, Floats v) { _mm256_maskstore_ps(p, first_lanes(n), v); }
/// 2^n for whole n in float's range of exponents.
inline Floats power_of_two(Floats n) {
  return _mm256_castsi256_ps(
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
/// v where test >= bound, else 0.
inline Floats keep_if_at_least(Floats v, Floats test, Floats bound) {
  return _mm256_and_ps(v, _mm256_cmp_ps(test, bound, _CMP_GE_OQ));
}
#endif

/// 32 bytes, wherever they are.
inline __m256i load_ints(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

inline __m256 to_floats(__m256i v) { return _mm256_cvtepi32_ps(v); }

/// Whether one instruction adds products of bytes to sums of 32 bits.
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
inline constexpr bool has_vnni = true;
#else
inline constexpr bool has_vnni = false;
#endif
#ifdef __AVX512VNNI__
inline __m512i add_byte_products(__m512i sum, __m512i codes, __m512i x) {
  return _mm512_dpbusd_epi32(sum, codes, x);
}
#elif defined(__AVXVNNI__)
inline __m256i add_byte_products(__m256i sum, __m256i codes, __m256i x) {
  return _mm256_dpbusd_avx_epi32(sum, codes, x);
}
#endif

/// Has v in a register here. Left alone, GCC 12 moves all multiplications of an unrolled tile
/// before all its additions, and everything in between to the stack.
template <typename Vector>
[[gnu::always_inline]] inline void settle(Vector& v) {
#ifdef __AVX512F__
  asm("" : "+v"(v));
#else
  asm("" : "+x"(v));
#endif
}

/// Asks for the cache lines of `bytes` bytes: into the first-level cache what is read next, and
/// into the second what is read later, as the first has few slots for lines on their way.
template <int bytes, decltype(_MM_HINT_T0) cache>
[[gnu::always_inline]] inline void prefetch(const void* data) {
  for (int i = 0; i < bytes; i += 64) _mm_prefetch(static_cast<const char*>(data) + i, cache);
}

/// One float in half precision.
inline uint16_t to_f16(float v) {
  return static_cast<uint16_t>(
      _mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(v), _MM_FROUND_TO_NEAREST_INT)));
}

inline float sum_of_lanes(__m128 v) {
  const __m128 two = v + _mm_movehl_ps(v, v);
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float sum_of_lanes(__m256 v) {
  return sum_of_lanes(_mm256_castps256_ps128(v) + _mm256_extractf128_ps(v, 1));
}
/// sum_of_lanes() of 8 vectors, in the same order of additions.
inline __m256 sums_of_lanes(const __m256 v[8]) {
  __m256 four[4];  // lanes of vectors i and i + 4
  for (int i = 0; i < 4; ++i)
    four[i] =
        _mm256_permute2f128_ps(v[i], v[i + 4], 0x20) + _mm256_permute2f128_ps(v[i], v[i + 4], 0x31);
  __m256 two[2];  // of 4 i and so on
  for (int i = 0; i < 2; ++i)
    two[i] = _mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0b01'00'01'00) +
             _mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0b11'10'11'10);
  return _mm256_shuffle_ps(two[0], two[1], 0b10'00'10'00) +
         _mm256_shuffle_ps(two[0], two[1], 0b11'01'11'01);
}
inline float max_of_lanes(__m256 v) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
#ifdef __AVX512F__
inline float sum_of_lanes(__m512 v) { return sum_of_lanes(low_half(v) + high_half(v)); }
inline float max_of_lanes(__m512 v) {
  return max_of_lanes(_mm256_max_ps(low_half(v), high_half(v)));
}
#endif

/// e^x to about two units in the last place; 0 below float's normal range. x = n ln 2 + r with |r|
/// <= ln 2 / 2, where Taylor's series to the 7th power errs by less than 1e-8 of the result.
inline Floats exp(Floats x) {
  const Floats lowest = broadcast(-87.0F);
  // Written so that a NaN stays one: both instructions return their second operand then.
  const Floats clamped = max(lowest, min(broadcast(88.0F), x));
  const Floats n = round(clamped * broadcast(1.44269504F));
  // ln 2 in two parts: the first has few enough bits that n times it is exact.
  const Floats r = fma(n, broadcast(-1.42860677e-6F), fma(n, broadcast(-0.693145752F), clamped));
  Floats series = broadcast(1.0F / 5040);
  series = fma(series, r, broadcast(1.0F / 720));
  series = fma(series, r, broadcast(1.0F / 120));
  series = fma(series, r, broadcast(1.0F / 24));
  series = fma(series, r, broadcast(1.0F / 6));
  series = fma(series, r, broadcast(0.5F));
  series = fma(series, r, broadcast(1.0F));
  series = fma(series, r, broadcast(1.0F));
  return keep_if_at_least(series * power_of_two(n), x, lowest);
}

}  // namespace weld::kernels::WELD_TARGET
