// The scales and minimums of Q4_K and Q5_K: eight of each, 6 bits a number, in 12 bytes.
//   bytes 0..3   low 6 bits: scales 0..3;    high 2 bits: the top of scales 4..7
//   bytes 4..7   low 6 bits: minimums 0..3;  high 2 bits: the top of minimums 4..7
//   bytes 8..11  low nibbles: the rest of scales 4..7;  high nibbles: the rest of minimums 4..7
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

inline int k_scale(const std::byte* packed, int g) {
  if (g < 4) return byte_at(packed, g) & 63;
  return (byte_at(packed, g + 4) & 15) | (byte_at(packed, g - 4) >> 6 << 4);
}

inline int k_minimum(const std::byte* packed, int g) {
  if (g < 4) return byte_at(packed, g + 4) & 63;
  return byte_at(packed, g + 4) >> 4 | (byte_at(packed, g) >> 6 << 4);
}

#ifdef __AVX2__
/// The eight scales; four bytes at a time.
inline __m128i k_scales(const std::byte* packed) {
  const uint32_t a = u32_at(packed, 0), c = u32_at(packed, 8);
  return words_of_bytes(a & 0x3f3f3f3fU, (c & 0x0f0f0f0fU) | (a >> 2 & 0x30303030U));
}

/// The eight minimums.
inline __m128i k_minimums(const std::byte* packed) {
  const uint32_t b = u32_at(packed, 4), c = u32_at(packed, 8);
  return words_of_bytes(b & 0x3f3f3f3fU, (c >> 4 & 0x0f0f0f0fU) | (b >> 2 & 0x30303030U));
}

/// Scale g of many rows, from their first and third four bytes.
template <typename Dwords>
[[gnu::always_inline]] inline Dwords k_scales(Dwords a, Dwords c, int g) {
  const int byte = g % 4 * 8;
  if (g < 4) return field(a, byte, 63);
  return field(c, byte, 15) | field(a, byte + 2, 0x30);
}

/// Minimum g of many rows, from their second and third four bytes.
template <typename Dwords>
[[gnu::always_inline]] inline Dwords k_minimums(Dwords b, Dwords c, int g) {
  const int byte = g % 4 * 8;
  if (g < 4) return field(b, byte, 63);
  return field(c, byte + 4, 15) | field(b, byte + 2, 0x30);
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
