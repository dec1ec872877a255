// Vectors of a span of columns, and with AVX-512 of two spans side by side, each in its half of
// vectors twice as long: what is done with the one is done with the other by the same name.
#pragma once

#include <immintrin.h>

#include "kernels/cpu/activations.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {

/// Columns that are multiplied together: 8 groups of the activations, so that scales come 8 to a
/// vector; a block of most types.
constexpr int span = padded_columns;

inline __m256i load_ints(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
/// 8 sums of 4 products of codes each.
inline __m256i products(__m256i codes, __m256i x) {
#ifdef __AVX512VNNI__
  return _mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, x);
#else
  return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1));
#endif
}
/// Adds neighbours of a and of b, in each 16 bytes: {a0 + a1, a2 + a3, b0 + b1, b2 + b3}.
inline __m256i add_neighbours(__m256i a, __m256i b) { return _mm256_hadd_epi32(a, b); }
/// The same for sums that fit into 16 bits: two instructions instead of three.
inline __m256i add_short_neighbours(__m256i a, __m256i b) {
  return _mm256_madd_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(1));
}
/// Adds the 16 bytes of a, and of b, in each span: {a0 + a1, b0 + b1}.
inline __m256i add_halves(__m256i a, __m256i b) {
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                          _mm256_permute2x128_si256(a, b, 0x31));
}
/// Lanes in the order of half_products(): the even ones of each span, then the odd ones.
inline __m256 even_then_odd(__m256 v) {
  return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}
inline __m256i add(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
inline __m256i multiply_add_words(__m256i a, __m256i b) { return _mm256_madd_epi16(a, b); }
inline __m256 floats_of_words(__m128i v) { return to_floats(_mm256_cvtepi16_epi32(v)); }
inline __m256 as_floats(__m256i v) { return _mm256_castsi256_ps(v); }
/// The spans' lanes added up.
inline __m256 sum_of_spans(__m256 v) { return v; }

#ifdef __AVX512VNNI__
inline __m512i join(__m256i a, __m256i b) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}
inline __m256i join(__m128i a, __m128i b) { return _mm256_set_m128i(b, a); }
inline __m512 join(__m256 a, __m256 b) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(a), b, 1);
}
inline __m512i products(__m512i codes, __m512i x) {
  return _mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, x);
}
inline __m512i add_neighbours(__m512i a, __m512i b) {
  const __m512 first = _mm512_castsi512_ps(a), second = _mm512_castsi512_ps(b);
  return _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(first, second, 0b10'00'10'00)),
                          _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0b11'01'11'01)));
}
inline __m512i add_short_neighbours(__m512i a, __m512i b) {
  return _mm512_madd_epi16(_mm512_packs_epi32(a, b), _mm512_set1_epi16(1));
}
inline __m512i add_halves(__m512i a, __m512i b) {
  const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
  const __m512i second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  return _mm512_add_epi32(_mm512_permutex2var_epi64(a, first, b),
                          _mm512_permutex2var_epi64(a, second, b));
}
inline __m512 even_then_odd(__m512 v) {
  return _mm512_permutexvar_ps(
      _mm512_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15), v);
}
inline __m512i add(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
inline __m512i multiply_add_words(__m512i a, __m512i b) { return _mm512_madd_epi16(a, b); }
inline __m512 floats_of_words(__m256i v) { return to_floats(_mm512_cvtepi16_epi32(v)); }
inline __m512 as_floats(__m512i v) { return _mm512_castsi512_ps(v); }
inline __m256 sum_of_spans(__m512 v) { return low_half(v) + high_half(v); }
#endif

/// part(0) of one span, or part(0) and part(1) of two in the halves of a vector.
template <int Spans, typename Part>
[[gnu::always_inline]] inline auto side_by_side(Part part) {
  if constexpr (Spans == 1)
    return part(0);
  else
    return join(part(0), part(1));
}

/// What lies one span after the other in memory: 32 bytes a span.
template <int Spans>
[[gnu::always_inline]] inline auto load_spans(const void* p) {
  if constexpr (Spans == 1)
    return load_ints(p);
  else
    return _mm512_loadu_si512(p);
}

/// The part-th 16 bytes of each span's 32, twice.
template <int Spans, int part>
[[gnu::always_inline]] inline auto load_twice(const void* p) {
  if constexpr (Spans == 1) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p) + part));
  } else {
    const __m512i both = load_spans<Spans>(p);
    return _mm512_shuffle_i64x2(both, both, part == 0 ? 0b10'10'00'00 : 0b11'11'01'01);
  }
}

}  // namespace weld::kernels::WELD_TARGET
