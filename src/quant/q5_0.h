// Q5_0: 32 weights, one scale, 5 bits each. {f16 d; u32 qh; u8 qs[16]}; weight = d * (q - 16).
// The low 4 bits are in qs, low nibbles first, then high ones; bit i of qh tops weight i.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q5_0 {
  static constexpr Type type = Type::Q5_0;
  static constexpr int group = 32, zero = 16, max_code = 31;
  static constexpr bool has_offset = false;
  static constexpr int fifth_bits = 2, nibbles = 6;

  static uint8_t code(const std::byte* block, int i) {
    const int low = byte_at(block, nibbles + i % 16) >> 4 * (i / 16) & 15;
    return low | (u32_at(block, fifth_bits) >> i & 1) << 4;
  }
  static float scale(const std::byte* block, int) { return f16_at(block, 0); }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static __m256i codes(const std::byte* block, int) {
    const __m256i top =
        _mm256_and_si256(byte_mask(u32_at(block, fifth_bits)), _mm256_set1_epi8(16));
    return _mm256_or_si256(quant::nibbles(block, nibbles), top);
  }
  template <typename Blocks>
  static void scales(const Blocks& blocks, float* scale, float*) {
    _mm256_storeu_ps(scale, blocks.f16(0));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
