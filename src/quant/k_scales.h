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
/// scale[g] = d * k_scale and offset[g] = -dmin * k_minimum for the eight groups; four bytes at a
/// time.
inline void k_scales(const std::byte* packed, float d, float dmin, float* scale, float* offset) {
  const auto eight = [](uint32_t first, uint32_t second) {
    const uint64_t bytes = first | static_cast<uint64_t>(second) << 32;
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(bytes)));
  };
  const uint32_t a = u32_at(packed, 0), b = u32_at(packed, 4), c = u32_at(packed, 8);
  const uint32_t low_six = 0x3f3f3f3f, nibble = 0x0f0f0f0f, top_two = 0x30303030;
  store_scales(scale, d, eight(a & low_six, (c & nibble) | (a >> 2 & top_two)));
  store_scales(offset, -dmin, eight(b & low_six, (c >> 4 & nibble) | (b >> 2 & top_two)));
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
