// F16: one weight a block, IEEE half precision.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct F16 {
  static constexpr Type type = Type::F16;

  static float value(const std::byte* block) { return f16_at(block, 0); }

#ifdef __AVX2__
  static __m256 values(const std::byte* block) { return _mm256_cvtph_ps(load16(block, 0)); }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
