// 32 codes of 5 bits, as Q5_0 and Q5_1 have them: a dword with the top bit of each, bit i of code
// i, then 16 bytes with the other four, low nibbles first, then high ones.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

template <int begin>
struct FiveBits {
  static constexpr int fifth_bits = begin, nibbles = begin + 4;

  static uint8_t code(const std::byte* block, int i) {
    const int low = byte_at(block, nibbles + i % 16) >> 4 * (i / 16) & 15;
    return low | (u32_at(block, fifth_bits) >> i & 1) << 4;
  }

#ifdef __AVX2__
  static __m256i codes(const std::byte* block, int) { return codes_of(RowBytes{block}); }
  /// Of any 32 weights: at.bits(o) has a byte for each, all ones where its bit in the dword at byte
  /// o is set.
  template <typename Bytes>
  static __m256i codes_of(const Bytes& at) {
    return at.nibbles(nibbles) | (at.bits(fifth_bits) & _mm256_set1_epi8(16));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
