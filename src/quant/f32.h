// F32: one weight a block, IEEE single precision.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct F32 {
  static constexpr Type type = Type::F32;

  static float value(const std::byte* block) { return from_bits(u32_at(block, 0)); }

#ifdef __AVX2__
  static __m256 values(const std::byte* block) { return _mm256_castsi256_ps(load32(block, 0)); }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
