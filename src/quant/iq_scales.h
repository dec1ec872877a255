// The scales of the IQ1, IQ2 and IQ3 types: the block's scale times an odd number, 2 s + 1, with s
// of 3 or 4 bits.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

inline float odd_scale(float d, int s) { return d * static_cast<float>(2 * s + 1); }

#ifdef __AVX512F__
/// 2 s + 1 for 32-bit numbers s.
inline __m512i odd_factors(__m512i s) { return _mm512_slli_epi32(s, 1) | _mm512_set1_epi32(1); }
#endif

#ifdef __AVX2__
/// 2 s + 1 for 16-bit numbers s.
inline __m128i odd_factors(__m128i s) {
  return _mm_or_si128(_mm_slli_epi16(s, 1), _mm_set1_epi16(1));
}
inline __m256i odd_factors(__m256i s) {
  return _mm256_or_si256(_mm256_slli_epi16(s, 1), _mm256_set1_epi16(1));
}

/// Sixteen of them from 8 bytes, low nibble first.
inline __m256i odd_factors_of_nibbles(const std::byte* nibbles) {
  const __m128i bytes = load8(nibbles, 0);
  const __m128i pairs = _mm_unpacklo_epi8(bytes, _mm_srli_epi16(bytes, 4));
  return odd_factors(_mm256_cvtepu8_epi16(_mm_and_si128(pairs, _mm_set1_epi8(15))));
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
