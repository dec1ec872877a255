// IQ3_S: 256 weights in 8 groups of 32, a scale a group; for four weights a 9-bit codeword and 4
// signs. {f16 d; u8 qs[64]; u8 qh[8]; u8 signs[32]; u8 scales[4]}.
// weight = d * (2 scale + 1) * magnitude * sign.
// For the k-th four weights byte k of qs is the low part of the codeword's index, bit k of qh the
// high part. Bit i of signs is the sign of weight i. Nibble g of scales is the scale of group g.
#pragma once

#include "quant/columns.h"
#include "quant/iq3_codebooks.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ3_S {
  static constexpr Type type = Type::IQ3_S;
  static constexpr int group = 32, zero = 15, max_code = 30;
  static constexpr bool has_offset = false;
  static constexpr float fraction = 1;

  static uint8_t code(const std::byte* block, int i) {
    const int magnitude = weight_of(iq3_s.words[index(block, i / 4)], i % 4);
    const bool minus = byte_at(block, 74 + i / 8) >> i % 8 & 1;
    return minus ? zero - magnitude : zero + magnitude;
  }
  static float scale(const std::byte* block, int g) {
    const int scale = byte_at(block, 106 + g / 2) >> 4 * (g % 2) & 15;
    return odd_scale(f16_at(block, 0), scale);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr const auto& codebook = iq3_s;
  static void store_indices(const std::byte* block, uint16_t* out) {
    const __m128i first = _mm_set1_epi16(-256), second = _mm_set1_epi16(-255);
    const __m256i to_bit_8 =
        _mm256_broadcastsi128_si256(_mm_setr_epi16(256, 128, 64, 32, 16, 8, 4, 2));
    for (int i = 0; i < 4; ++i)
      store_sixteen(indices(load16(block, 2 + 16 * i),
                            spread(u16_at(block, 66 + 2 * i), first, second), to_bit_8, 0x100),
                    i, out);
  }
  static __m256i minuses(const std::byte* block) { return load32(block, 74); }
  static __m128i factors(const std::byte* block) {
    const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    return odd_factors(words_of_dwords(bit_fields(u32_at(block, 106), shifts, 15)));
  }
  static constexpr int unit_at = 0;
  static float unit(const std::byte* block) { return f16_at(block, unit_at); }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 2, columns_end = 110, columns_apart = 0;
  static constexpr int codewords = 512;
  static constexpr const auto& book = iq3_s_split;
  static constexpr CodeTable code_table = signed_codes(iq3_s_magnitudes, zero);
  template <typename At>
  [[gnu::always_inline]] static Fours words(const At& at) {
    const auto [one, other] = at.fours(2).of;
    const __m512i high = at.bits(66, [](int g) { return 8 * g; });
    const auto [high_of_one, high_of_other] = at.bits_of_fours(high).of;
    return {{indices(one, high_of_one, 1), indices(other, high_of_other, 1)}, at.dwords(74)};
  }
  static constexpr uint32_t number_mask = 15;
  template <typename At>
  static __m512i numbers(const At& at) {
    return at.field(106, 4);
  }
  template <typename At>
  static __m512 unit(const At& at) {
    return f16(at, 0);
  }
#endif

 private:
  static unsigned index(const std::byte* block, int k) {
    return byte_at(block, 2 + k) | (byte_at(block, 66 + k / 8) >> k % 8 & 1U) << 8;
  }
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
