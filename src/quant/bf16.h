// BF16: one weight a block, the upper half of an IEEE single-precision number.
#pragma once

#include <bit>

#include "quant/block.h"

namespace weld::quant {

/// The BF16 number nearest to a float, of two the even one.
[[gnu::always_inline]] inline uint16_t to_bf16(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  const uint32_t nearest = (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16, quiet_nan = bits >> 16 | 64U;
  return static_cast<uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet_nan : nearest);
}

inline namespace WELD_TARGET {

struct BF16 {
  static constexpr Type type = Type::BF16;

  static float value(const std::byte* block) {
    return from_bits(static_cast<uint32_t>(u16_at(block, 0)) << 16);
  }

#ifdef __AVX2__
  static __m256 values(const std::byte* block) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load16(block, 0)), 16));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
