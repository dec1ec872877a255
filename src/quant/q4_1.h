// Q4_1: 32 weights, a scale and a minimum, 4 bits each. {f16 d; f16 m; u8 qs[16]}.
// weight = d * q + m; low nibbles first, then high ones.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q4_1 {
  static constexpr Type type = Type::Q4_1;
  static constexpr int group = 32, zero = 0, max_code = 15;
  static constexpr bool has_offset = true;
  static constexpr int nibbles = 4;

  static uint8_t code(const std::byte* block, int i) {
    return byte_at(block, 4 + i % 16) >> 4 * (i / 16) & 15;
  }
  static float scale(const std::byte* block, int) { return f16_at(block, 0); }
  static float offset(const std::byte* block, int) { return f16_at(block, 2); }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 20;
  template <typename Bytes>
  static auto codes(const Bytes& at, int) {
    return at.nibbles(nibbles);
  }
  template <typename Blocks>
  static void scales(const Blocks& blocks, float* scale, float* offset) {
    _mm256_storeu_ps(scale, blocks.f16(0));
    _mm256_storeu_ps(offset, blocks.f16(2));
  }

  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_low(at(0));
  }
  template <typename Columns>
  static auto offset_unit(const Columns& at) {
    return f16_of_high(at(0));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
