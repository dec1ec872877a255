// Q5_K: 256 weights in 8 groups of 32, a scale and a minimum a group, 5 bits a weight.
// {f16 d; f16 dmin; u8 scales[12]; u8 qh[32]; u8 qs[128]}; weight = d * scale * q - dmin * minimum.
// Each 32 bytes of qs hold the low 4 bits of two groups: the low nibbles one, the high nibbles the
// next. The top bits of group g are bit g of qh.
#pragma once

#include "quant/block.h"
#include "quant/k_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q5_K : KScales {
  static constexpr Type type = Type::Q5_K;
  static constexpr int group = 32, zero = 0, max_code = 31;
  static constexpr bool has_offset = true;

  static uint8_t code(const std::byte* block, int i) {
    const int low = byte_at(block, 48 + i / 64 * 32 + i % 32) >> 4 * (i / 32 % 2) & 15;
    return low | (byte_at(block, 16 + i % 32) >> i / 32 & 1) << 4;
  }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 176;
  static constexpr int half_apart(int at) { return at < 48 ? 0 : 64; }
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    const auto low = bit_field(at(48 + i / 2 * 32), i % 2 * 4, 15);
    const auto top = bit_field(at(16), i - 4, 16);
    return low | top;
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
