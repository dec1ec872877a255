// MXFP4: 32 weights, one scale, 4-bit floats. {u8 e; u8 qs[16]}; low nibbles first, then high ones.
// weight = 2^(e - 127) * float. The codes are doubled floats, so the scale is halved.
#pragma once

#include "quant/block.h"
#include "quant/e2m1.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct MXFP4 {
  static constexpr Type type = Type::MXFP4;
  static constexpr int group = 32, zero = e2m1_zero, max_code = 24;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    return e2m1_codes[byte_at(block, 1 + i % 16) >> 4 * (i / 16) & 15];
  }
  static float scale(const std::byte* block, int) {
    const uint32_t e = byte_at(block, 0);
    return from_bits(e < 2 ? 0x00200000U << e : (e - 1) << 23);  // the first two are subnormal
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static __m256i codes(const std::byte* block, int) {
    return lookup(e2m1_codes, nibbles(block, 1));
  }
  static void scales(const std::byte* block, float* out, float*) { *out = scale(block, 0); }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
