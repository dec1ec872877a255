// Q6_K: 256 weights in 16 groups of 16, a scale a group, 6 bits a weight.
// {u8 ql[128]; u8 qh[64]; i8 scales[16]; f16 d}; weight = d * scale * (q - 32).
// Each half of the block (128 weights) has 64 bytes of ql and 32 of qh. Its quarter j (32 weights)
// takes its low 4 bits from ql's bytes 32 (j % 2) and on, low nibbles for j < 2, else high ones,
// and its high 2 bits from bits 2 j and 2 j + 1 of qh.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct Q6_K {
  static constexpr Type type = Type::Q6_K;
  static constexpr int group = 16, zero = 32, max_code = 63;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    const int half = i / 128, j = i / 32 % 4, l = i % 32;
    const int low = byte_at(block, 64 * half + 32 * (j % 2) + l) >> 4 * (j / 2) & 15;
    const int high = byte_at(block, 128 + 32 * half + l) >> 2 * j & 3;
    return low | high << 4;
  }
  static float scale(const std::byte* block, int g) {
    return f16_at(block, 208) * static_cast<float>(static_cast<int8_t>(block[192 + g]));
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 0, columns_end = 208, columns_apart = 194;
  static constexpr int half_apart(int at) { return at < 128 ? 64 : 32; }
  template <typename Bytes>
  static auto codes(const Bytes& at, int i) {
    const int half = i / 4, j = i % 4;
    const auto low = bit_field(at(64 * half + 32 * (j % 2)), 4 * (j / 2), 15);
    const auto high = bit_field(at(128 + 32 * half), 2 * j - 4, 0x30);
    return low | high;
  }
  static __m256i factors(const std::byte* block) {
    return _mm256_cvtepi8_epi16(load16(block, 192));
  }
  static constexpr int unit_at = 208;
  static float unit(const std::byte* block) { return f16_at(block, unit_at); }

  template <typename Columns>
  static auto factors(const Columns& at, int g) {
    return signed_byte(at(192 + g / 4 * 4), g % 4);
  }
  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_high(at(206));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
