// TQ2_0: 256 weights, one scale, 2 bits each. {u8 qs[64]; f16 d}; weight = d * (q - 1), meant to be
// -1, 0 or 1 times d, though a file may hold a 3. Each half of the block (128 weights) has 32 bytes
// of qs, and bits 2 j and 2 j + 1 of these are its quarter j (32 weights).
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct TQ2_0 {
  static constexpr Type type = Type::TQ2_0;
  static constexpr int group = 32, zero = 1, max_code = 3;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    return byte_at(block, i / 128 * 32 + i % 32) >> 2 * (i / 32 % 4) & 3;
  }
  static float scale(const std::byte* block, int) { return f16_at(block, 64); }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 64, columns_apart = 50;
  static constexpr int half_apart(int) { return 32; }
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    return bit_field(at(i / 4 * 32), 2 * (i % 4), 3);
  }
  static __m128i factors(const std::byte*) { return _mm_set1_epi16(1); }
  static constexpr int unit_at = 64;
  static float unit(const std::byte* block) { return f16_at(block, unit_at); }

  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_high(at(62));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
