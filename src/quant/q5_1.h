// Q5_1: 32 weights, a scale and a minimum, 5 bits each. {f16 d; f16 m; u32 qh; u8 qs[16]}.
// weight = d * q + m.
#pragma once

#include "quant/five_bits.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q5_1 : FiveBits<4> {
  static constexpr Type type = Type::Q5_1;
  static constexpr int group = 32, zero = 0, max_code = 31;
  static constexpr bool has_offset = true;

  static float scale(const std::byte* block, int) { return f16_at(block, 0); }
  static float offset(const std::byte* block, int) { return f16_at(block, 2); }

#ifdef __AVX2__
  template <typename Blocks>
  static void scales(const Blocks& blocks, float* scale, float* offset) {
    _mm256_storeu_ps(scale, blocks.f16(0));
    _mm256_storeu_ps(offset, blocks.f16(2));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
