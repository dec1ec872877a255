// IQ2_XXS: 256 weights in 8 groups of 32, a scale a group; for eight weights an 8-bit codeword and
// 7 bits of signs. {f16 d; {u8 index[4]; u32 signs_and_scale}[8]}.
// weight = d * (2 scale + 1) / 8 * magnitude * sign.
// Bits 7 k to 7 k + 6 of signs_and_scale are the signs of the group's k-th eight weights, the top
// 4 bits the scale.
#pragma once

#include "quant/columns.h"
#include "quant/iq2_codebooks.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ2_XXS {
  static constexpr Type type = Type::IQ2_XXS;
  static constexpr int group = 32, zero = 43, max_code = 86;
  static constexpr bool has_offset = false;
  static constexpr float fraction = 0.125F;

  static unsigned index(const std::byte* block, int k) {
    return byte_at(block, 2 + 8 * (k / 4) + k % 4);
  }
  static uint8_t code(const std::byte* block, int i) {
    const int g = i / 32, k = i / 8 % 4;
    const int magnitude = weight_of(iq2_xxs.words[index(block, i / 8)], i % 8);
    return is_minus(pattern(block, g, k), i % 8) ? zero - magnitude : zero + magnitude;
  }
  static float scale(const std::byte* block, int g) {
    const int scale = byte_at(block, 9 + 8 * g) >> 4;
    return odd_scale(f16_at(block, 0) * fraction, scale);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr const auto& codebook = iq2_xxs;
  static __m256i minuses(const std::byte* block) {
    return minuses_of_patterns(bytes_of_sevens(signs_and_scales(block)));
  }
  static __m128i factors(const std::byte* block) {
    return odd_factors(words_of_dwords(_mm256_srli_epi32(signs_and_scales(block), 28)));
  }
  static float unit(const std::byte* block) { return f16_at(block, 0) * fraction; }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 2, columns_end = 66, columns_apart = 0;
  static constexpr int codewords = 256;
  static constexpr const auto& book = iq2_xxs_split;
  static constexpr CodeTable code_table = signed_codes(iq2_magnitudes, zero);
  template <typename At>
  [[gnu::always_inline]] static Eights words(const At& at) {
    return {indices(at.lower(2)), signs_of_patterns(fields(at.upper(2), 0, 7, 0))};
  }
  static constexpr uint32_t number_mask = 15;
  template <typename At>
  static __m512i numbers(const At& at) {
    return _mm512_srli_epi32(at.upper(2), 28);
  }
  template <typename At>
  static __m512 unit(const At& at) {
    return f16(at, 0) * fraction;
  }
#endif

 private:
  static unsigned pattern(const std::byte* block, int g, int k) {
    return u32_at(block, 6 + 8 * g) >> 7 * k & 127;
  }
#ifdef __AVX2__
  // The upper halves of the 64-bit words. Sixteen bytes of the first four groups and of the last
  // four to a vector, they need not be put in order.
  static __m256i signs_and_scales(const std::byte* block) {
    const __m256i even = _mm256_set_m128i(load16(block, 34), load16(block, 2));
    const __m256i odd = _mm256_set_m128i(load16(block, 50), load16(block, 18));
    return _mm256_castps_si256(
        _mm256_shuffle_ps(_mm256_castsi256_ps(even), _mm256_castsi256_ps(odd), 0b11'01'11'01));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
