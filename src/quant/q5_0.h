// Q5_0: 32 weights, one scale, 5 bits each. {f16 d; u32 qh; u8 qs[16]}; weight = d * (q - 16).
#pragma once

#include "quant/five_bits.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q5_0 : FiveBits<2> {
  static constexpr Type type = Type::Q5_0;
  static constexpr int group = 32, zero = 16, max_code = 31;
  static constexpr bool has_offset = false;

  static float scale(const std::byte* block, int) { return f16_at(block, 0); }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  template <typename Blocks>
  static void scales(const Blocks& blocks, float* scale, float*) {
    _mm256_storeu_ps(scale, blocks.f16(0));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
