// Q8_0: 32 weights, one scale, 8 bits each. {f16 d; i8 qs[32]}.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q8_0 {
  static constexpr Type type = Type::Q8_0;
  static constexpr int group = 32, zero = 128, max_code = 255;
  static constexpr bool has_offset = false;

  // Flipping the sign bit of a two's complement number adds 128 to it.
  static uint8_t code(const std::byte* block, int i) { return byte_at(block, 2 + i) ^ 128; }
  static float scale(const std::byte* block, int) { return f16_at(block, 0); }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 2, columns_end = 34, columns_apart = 0;
  template <typename Bytes>
  static auto codes(const Bytes& at, int) {
    return plus_128(at(2));
  }
  template <typename Bytes>
  static auto signed_codes(const Bytes& at, int) {
    return at(2);
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
