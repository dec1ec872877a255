// IQ3_XXS: 256 weights in 8 groups of 32, a scale a group; for four weights an 8-bit codeword, for
// eight 7 bits of signs. {f16 d; u8 qs[64]; u32 signs_and_scale[8]}.
// weight = d * (2 scale + 1) / 4 * magnitude * sign.
// Bits 7 k to 7 k + 6 of signs_and_scale are the signs of the group's k-th eight weights, the top
// 4 bits the scale.
#pragma once

#include "quant/columns.h"
#include "quant/iq3_codebooks.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ3_XXS {
  static constexpr Type type = Type::IQ3_XXS;
  static constexpr int group = 32, zero = 62, max_code = 124;
  static constexpr bool has_offset = false;
  static constexpr float fraction = 0.25F;

  static unsigned index(const std::byte* block, int k) { return byte_at(block, 2 + k); }
  static uint8_t code(const std::byte* block, int i) {
    const int magnitude = weight_of(iq3_xxs.words[index(block, i / 4)], i % 4);
    return is_minus(pattern(block, i / 32, i / 8 % 4), i % 8) ? zero - magnitude : zero + magnitude;
  }
  static float scale(const std::byte* block, int g) {
    const int scale = byte_at(block, 69 + 4 * g) >> 4;
    return odd_scale(f16_at(block, 0) * fraction, scale);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr const auto& codebook = iq3_xxs;
  static __m256i minuses(const std::byte* block) {
    return minuses_of_patterns(bytes_of_sevens(load32(block, 66)));
  }
  static __m128i factors(const std::byte* block) {
    return odd_factors(words_of_dwords(_mm256_srli_epi32(load32(block, 66), 28)));
  }
  static float unit(const std::byte* block) { return f16_at(block, 0) * fraction; }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 2, columns_end = 98, columns_apart = 0;
  static constexpr int codewords = 256;
  static constexpr const auto& book = iq3_xxs_split;
  static constexpr CodeTable code_table = signed_codes(iq3_xxs_magnitudes, zero);
  template <typename At>
  [[gnu::always_inline]] static Fours words(const At& at) {
    const auto [one, other] = at.fours(2).of;
    return {{indices(one), indices(other)}, signs_of_patterns(fields(at.dwords(66), 0, 7, 0))};
  }
  static constexpr uint32_t number_mask = 15;
  template <typename At>
  static __m512i numbers(const At& at) {
    return _mm512_srli_epi32(at.dwords(66), 28);
  }
  template <typename At>
  static __m512 unit(const At& at) {
    return f16(at, 0) * fraction;
  }
#endif

 private:
  static unsigned pattern(const std::byte* block, int g, int k) {
    return u32_at(block, 66 + 4 * g) >> 7 * k & 127;
  }
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
