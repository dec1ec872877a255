// Q3_K: 256 weights in 16 groups of 16, a scale a group, 3 bits a weight.
// {u8 hmask[32]; u8 qs[64]; u8 scales[12]; f16 d}; weight = d * (scale - 32) * (q - 4).
// The low 2 bits are in qs: each half of the block (128 weights) has 32 bytes, and bits 2 j and
// 2 j + 1 of these are its quarter j (32 weights). Bit j of hmask is the top bit of weights 32 j
// and on. Scales have 6 bits: the low 4 are the low nibbles of bytes 0..7 for groups 0..7 and the
// high nibbles for 8..15; the high 2 of groups 4 j and on are bits 2 j and 2 j + 1 of bytes 8..11.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q3_K {
  static constexpr Type type = Type::Q3_K;
  static constexpr int group = 16, zero = 4, max_code = 7;
  static constexpr int least_factor = -32, most_factor = 31;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    const int low = byte_at(block, 32 + i / 128 * 32 + i % 32) >> 2 * (i / 32 % 4) & 3;
    return low | (byte_at(block, i % 32) >> i / 32 & 1) << 2;
  }
  static float scale(const std::byte* block, int g) {
    const int low = byte_at(block, 96 + g % 8) >> 4 * (g / 8) & 15;
    const int high = byte_at(block, 104 + g % 4) >> 2 * (g / 4) & 3;
    return f16_at(block, 108) * static_cast<float>((low | high << 4) - 32);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 108, columns_apart = 94;
  static constexpr int half_apart(int at) { return at < 32 ? 0 : 32; }
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    const auto low = bit_field(at(32 + i / 4 * 32), 2 * (i % 4), 3);
    const auto top = bit_field(at(0), i - 2, 4);
    return low | top;
  }
  static __m256i factors(const std::byte* block) {
    const __m128i nibbles = load8(block, 96);
    const __m128i pairs = _mm_set1_epi32(static_cast<int>(u32_at(block, 104)));
    const __m128i low = _mm_unpacklo_epi64(nibbles, _mm_srli_epi16(nibbles, 4));
    const __m128i high = _mm_srlv_epi32(pairs, _mm_setr_epi32(0, 2, 4, 6));
    const __m128i both = _mm_or_si128(_mm_and_si128(low, _mm_set1_epi8(15)),
                                      _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4));
    return _mm256_cvtepi8_epi16(_mm_sub_epi8(both, _mm_set1_epi8(32)));
  }
  static constexpr int unit_at = 108;
  static float unit(const std::byte* block) { return f16_at(block, unit_at); }

  template <typename Columns>
  static auto factors(const Columns& at, int g) {
    const auto low = field(at(96 + g % 8 / 4 * 4), g % 4 * 8 + g / 8 * 4, 15);
    const auto high = field(at(104), g % 4 * 8 + g / 4 * 2 - 4, 0x30);
    return minus(low | high, 32);
  }
  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_high(at(106));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
