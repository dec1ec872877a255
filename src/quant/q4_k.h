// Q4_K: 256 weights in 8 groups of 32, a scale and a minimum a group, 4 bits a weight.
// {f16 d; f16 dmin; u8 scales[12]; u8 qs[128]}; weight = d * scale * q - dmin * minimum.
// Each 32 bytes of qs hold two groups: the low nibbles one, the high nibbles the next.
#pragma once

#include "quant/block.h"
#include "quant/k_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q4_K : KScales {
  static constexpr Type type = Type::Q4_K;
  static constexpr int group = 32, zero = 0, max_code = 15;
  static constexpr bool has_offset = true;

  static uint8_t code(const std::byte* block, int i) {
    return byte_at(block, 16 + i / 64 * 32 + i % 32) >> 4 * (i / 32 % 2) & 15;
  }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 144;
  static constexpr int half_apart(int) { return 64; }
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    return bit_field(at(16 + i / 2 * 32), i % 2 * 4, 15);
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
