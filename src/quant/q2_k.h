// Q2_K: 256 weights in 16 groups of 16, a scale and a minimum a group, 2 bits a weight.
// {u8 scales[16]; u8 qs[64]; f16 d; f16 dmin}; weight = d * scale * q - dmin * minimum.
// Byte g of scales has group g's scale in its low nibble and its minimum in the high one. Each half
// of the block (128 weights) has 32 bytes of qs, and bits 2 j and 2 j + 1 of these are its quarter
// j (32 weights).
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q2_K {
  static constexpr Type type = Type::Q2_K;
  static constexpr int group = 16, zero = 0, max_code = 3;
  static constexpr int least_factor = 0, most_factor = 15;
  static constexpr bool has_offset = true;

  static uint8_t code(const std::byte* block, int i) {
    return byte_at(block, 16 + i / 128 * 32 + i % 32) >> 2 * (i / 32 % 4) & 3;
  }
  static float scale(const std::byte* block, int g) {
    return f16_at(block, 80) * static_cast<float>(byte_at(block, g) & 15);
  }
  static float offset(const std::byte* block, int g) {
    return -f16_at(block, 82) * static_cast<float>(byte_at(block, g) >> 4);
  }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 84;
  static constexpr int half_apart(int) { return 32; }
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    return bit_field(at(16 + i / 4 * 32), 2 * (i % 4), 3);
  }
  static __m256i factors(const std::byte* block) {
    return _mm256_and_si256(_mm256_cvtepu8_epi16(load16(block, 0)), _mm256_set1_epi16(15));
  }
  static constexpr int unit_at = 80, offset_unit_at = 82;
  static float unit(const std::byte* block) { return f16_at(block, unit_at); }
  static __m256i minimums(const std::byte* block) {
    return _mm256_srli_epi16(_mm256_cvtepu8_epi16(load16(block, 0)), 4);
  }
  static float offset_unit(const std::byte* block) { return -f16_at(block, offset_unit_at); }

  template <typename Columns>
  static auto factors(const Columns& at, int g) {
    return field(at(g / 4 * 4), g % 4 * 8, 15);
  }
  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_low(at(80));
  }
  template <typename Columns>
  static auto minimums(const Columns& at, int g) {
    return field(at(g / 4 * 4), g % 4 * 8 + 4, 15);
  }
  template <typename Columns>
  static auto offset_unit(const Columns& at) {
    return -f16_of_high(at(80));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
