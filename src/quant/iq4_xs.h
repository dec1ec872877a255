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
  static constexpr int nibbles = 8;

  static uint8_t code(const std::byte* block, int i) {
    return iq4_codes[byte_at(block, nibbles + i / 32 * 16 + i % 16) >> 4 * (i / 16 % 2) & 15];
  }
  static float scale(const std::byte* block, int g) {
    const int low = u32_at(block, 4) >> 4 * g & 15, high = u16_at(block, 2) >> 2 * g & 3;
    return f16_at(block, 0) * static_cast<float>((low | high << 4) - 32);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 136;
  static constexpr const uint8_t (&table)[16] = iq4_codes;
  static constexpr int half_apart(int) { return 64; }
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    return lookup(iq4_codes, at.nibbles(nibbles + 16 * i));
  }
  template <typename Bytes>
  static auto signed_codes(const Bytes& at, int i) {
    return lookup(iq4_values.bytes, at.nibbles(nibbles + 16 * i));
  }
  static __m128i factors(const std::byte* block) {
    // A multiplication moves each word's field to its top, and a shift all of them to their place.
    const __m128i twice_four = _mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3);
    const __m128i low_words =
        _mm_shuffle_epi8(_mm_cvtsi32_si128(static_cast<int>(u32_at(block, 4))), twice_four);
    const __m128i low = _mm_srli_epi16(
        _mm_mullo_epi16(low_words, _mm_setr_epi16(4096, 256, 16, 1, 4096, 256, 16, 1)), 12);
    const __m128i high_words = _mm_set1_epi16(static_cast<short>(u16_at(block, 2)));
    const __m128i high = _mm_srli_epi16(
        _mm_mullo_epi16(high_words, _mm_setr_epi16(16384, 4096, 1024, 256, 64, 16, 4, 1)), 10);
    const __m128i both = _mm_or_si128(low, _mm_and_si128(high, _mm_set1_epi16(0x30)));
    return _mm_sub_epi16(both, _mm_set1_epi16(32));
  }
  static constexpr int unit_at = 0;
  static float unit(const std::byte* block) { return f16_at(block, unit_at); }

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
