// IQ4_NL: 32 weights, one scale, a 4-bit index into a codebook each. {f16 d; u8 qs[16]}.
// weight = d * value; low nibbles first, then high ones.
#pragma once

#include "quant/block.h"
#include "quant/iq4.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ4_NL {
  static constexpr Type type = Type::IQ4_NL;
  static constexpr int group = 32, zero = iq4_zero, max_code = 240;
  static constexpr bool has_offset = false;
  static constexpr int nibbles = 2;

  static uint8_t code(const std::byte* block, int i) {
    return iq4_codes[byte_at(block, 2 + i % 16) >> 4 * (i / 16) & 15];
  }
  static float scale(const std::byte* block, int) { return f16_at(block, 0); }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 2, columns_end = 18, columns_apart = 0;
  static constexpr const uint8_t (&table)[16] = iq4_codes;
  template <typename Bytes>
  static auto codes(const Bytes& at, int) {
    return lookup(iq4_codes, at.nibbles(nibbles));
  }
  template <typename Bytes>
  static auto signed_codes(const Bytes& at, int) {
    return lookup(iq4_values.bytes, at.nibbles(nibbles));
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
