// The scales of the IQ1, IQ2 and IQ3 types: the block's scale times an odd number, 2 s + 1, with s
// of 3 or 4 bits.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

inline float odd_scale(float d, int s) { return d * static_cast<float>(2 * s + 1); }

#ifdef __AVX2__
/// Eight scales from eight 32-bit numbers.
inline void store_odd_scales(float* out, float d, __m256i s) {
  const __m256i odd = _mm256_or_si256(_mm256_slli_epi32(s, 1), _mm256_set1_epi32(1));
  store_scales(out, d, odd);
}

/// Sixteen scales from 8 bytes, low nibble first.
inline void store_odd_scales(float* out, float d, const std::byte* nibbles) {
  const __m128i bytes = load8(nibbles, 0);
  const __m128i pairs = _mm_unpacklo_epi8(bytes, _mm_srli_epi16(bytes, 4));
  const __m128i s = _mm_and_si128(pairs, _mm_set1_epi8(15));
  store_scales(out, d, _mm_or_si128(_mm_slli_epi16(s, 1), _mm_set1_epi8(1)));
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
