// IQ4_XS: 256 weights in 8 groups of 32, a scale a group, a 4-bit index into a codebook a weight.
// {f16 d; u16 scales_h; u8 scales_l[4]; u8 qs[128]}; weight = d * (scale - 32) * value.
// A group has 16 bytes of qs, low nibbles first, then high ones. Scales have 6 bits: nibble g of
// scales_l and, above it, bits 2 g and 2 g + 1 of scales_h.
#pragma once

#include "quant/block.h"
#include "quant/iq4.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ4_XS {
  static constexpr Type type = Type::IQ4_XS;
  static constexpr int group = 32, zero = iq4_zero, max_code = 240;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    return iq4_codes[byte_at(block, 8 + i / 32 * 16 + i % 16) >> 4 * (i / 16 % 2) & 15];
  }
  static float scale(const std::byte* block, int g) {
    const int low = u32_at(block, 4) >> 4 * g & 15, high = u16_at(block, 2) >> 2 * g & 3;
    return f16_at(block, 0) * static_cast<float>((low | high << 4) - 32);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 136;
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    return lookup(iq4_codes, at.nibbles(8 + 16 * i));
  }
  template <typename Bytes>
  static auto signed_codes(const Bytes& at, int i) {
    return lookup(iq4_values.bytes, at.nibbles(8 + 16 * i));
  }
  static __m128i factors(const std::byte* block) {
    const __m256i low =
        bit_fields(u32_at(block, 4), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28), 15);
    const __m256i high =
        bit_fields(u16_at(block, 2), _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14), 3);
    const __m256i both = _mm256_or_si256(low, _mm256_slli_epi32(high, 4));
    return words_of_dwords(_mm256_sub_epi32(both, _mm256_set1_epi32(32)));
  }
  static float unit(const std::byte* block) { return f16_at(block, 0); }

  template <typename Columns>
  static auto factors(const Columns& at, int g) {
    const auto low = field(at(4), g * 4, 15), high = field(at(0), 16 + g * 2 - 4, 0x30);
    return minus(low | high, 32);
  }
  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_low(at(0));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
