// Q4_0: 32 weights, one scale, 4 bits each. {f16 d; u8 qs[16]}; low nibbles first, then high ones.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q4_0 {
  static constexpr Type type = Type::Q4_0;
  static constexpr int group = 32, zero = 8, max_code = 15;
  static constexpr bool has_offset = false;
  static constexpr int nibbles = 2;

  static uint8_t code(const std::byte* block, int i) {
    return i < 16 ? byte_at(block, 2 + i) & 15 : byte_at(block, 2 + i - 16) >> 4;
  }
  static float scale(const std::byte* block, int) { return f16_at(block, 0); }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 2, columns_end = 18, columns_apart = 0;
  template <typename Bytes>
  static auto codes(const Bytes& at, int) {
    return at.nibbles(nibbles);
  }
  template <typename Blocks>
  static void scales(const Blocks& blocks, float* scale, float*) {
    _mm256_storeu_ps(scale, blocks.f16(0));
  }

  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_low(at(0));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
