// IQ2_XS: 256 weights in 16 groups of 16, a scale a group; for eight weights a 9-bit codeword and
// 7 bits of signs. {f16 d; u16 qs[32]; u8 scales[8]}.
// weight = d * (2 scale + 1) / 8 * magnitude * sign.
// The low bits of a u16 of qs are the codeword's index, the high ones the signs. Nibble g of scales
// is the scale of group g.
#pragma once

#include "quant/columns.h"
#include "quant/iq2_codebooks.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ2_XS {
  static constexpr Type type = Type::IQ2_XS;
  static constexpr int group = 16, zero = 43, max_code = 86;
  static constexpr bool has_offset = false;
  static constexpr float fraction = 0.125F;

  static uint8_t code(const std::byte* block, int i) {
    const int k = i / 8;
    const int magnitude = weight_of(iq2_xs.words[index(block, k)], i % 8);
    return is_minus(u16_at(block, 2 + 2 * k) >> 9, i % 8) ? zero - magnitude : zero + magnitude;
  }
  static float scale(const std::byte* block, int g) {
    const int scale = byte_at(block, 66 + g / 2) >> 4 * (g % 2) & 15;
    return odd_scale(f16_at(block, 0) * fraction, scale);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr const auto& codebook = iq2_xs;
  static void store_indices(const std::byte* block, uint16_t* out) {
    for (int i = 0; i < 2; ++i)
      store_sixteen(load32(block, 2 + 32 * i) & _mm256_set1_epi16(511), i, out);
  }
  static __m256i minuses(const std::byte* block) {
    const __m256i patterns = _mm256_packus_epi16(_mm256_srli_epi16(load32(block, 2), 9),
                                                 _mm256_srli_epi16(load32(block, 34), 9));
    return minuses_of_patterns(_mm256_permute4x64_epi64(patterns, 0b11'01'10'00));
  }
  static __m256i factors(const std::byte* block) { return odd_factors_of_nibbles(block + 66); }
  static float unit(const std::byte* block) { return f16_at(block, 0) * fraction; }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 2, columns_end = 74, columns_apart = 0;
  static constexpr int codewords = 512;
  static constexpr const auto& book = iq2_xs_split;
  static constexpr CodeTable code_table = signed_codes(iq2_magnitudes, zero);
  template <typename At>
  [[gnu::always_inline]] static Eights words(const At& at) {
    const auto [low, high] = bytes_apart(at.lower(2), at.upper(2)).of;
    return {indices(low, high, 1), signs_of_patterns(_mm512_srli_epi16(high, 1))};
  }
  template <typename At>
  static __m512i factors(const At& at) {
    return odd_factors_of_two(at.bits(66, [](int g) { return 8 * g; }), 4, 15);
  }
  template <typename At>
  static __m512 unit(const At& at) {
    return f16(at, 0) * fraction;
  }
#endif

 private:
  static unsigned index(const std::byte* block, int k) { return u16_at(block, 2 + 2 * k) & 511U; }
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
