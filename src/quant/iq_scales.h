// The scales of the IQ1, IQ2 and IQ3 types: the block's scale times an odd number, 2 s + 1, with s
// of 3 or 4 bits.
#pragma once

#include <array>

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

inline float odd_scale(float d, int s) { return d * static_cast<float>(2 * s + 1); }

#ifdef __AVX512BW__
/// 2 s + 1 for the numbers s in each dword's lowest bits.
inline __m512i odd_factors(__m512i v, uint32_t mask) {
  return choose(2 * mask, _mm512_slli_epi32(v, 1), _mm512_set1_epi32(1));
}
/// The same as floats, times the type's fraction.
template <typename Block>
inline __m512 odd_fractions(__m512i v) {
  static_assert(Block::number_mask == 7 || Block::number_mask == 15);
  alignas(64) static constexpr auto odd = [] {
    std::array<float, 16> table{};
    for (size_t i = 0; i < 16; ++i)
      table[i] = Block::fraction * static_cast<float>(2 * (i & Block::number_mask) + 1);
    return table;
  }();
  return _mm512_permutexvar_ps(v, _mm512_load_ps(odd.data()));
}
/// 2 s + 1 for two numbers, from bit 0 and from `bit` on, in 16 bits each.
inline __m512i odd_factors_of_two(__m512i v, int bit, uint32_t mask) {
  const __m512i moved = _mm512_slli_epi32(v, static_cast<unsigned>(17 - bit));
  return choose(2 * mask, _mm512_slli_epi32(v, 1),
                choose(2 * mask << 16, moved, _mm512_set1_epi32(0x00010001)));
}
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
