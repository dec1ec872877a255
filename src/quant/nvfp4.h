// NVFP4: 64 weights in 4 groups of 16, a scale a group, 4-bit floats. {u8 d[4]; u8 qs[32]}.
// A group has 8 bytes of qs, low nibbles first, then high ones. The scales are 8-bit floats with 4
// bits of exponent (bias 7) and 3 of mantissa; the sign bit says nothing, and what would be a NaN
// is 0. The codes are doubled floats, so the scale is halved.
#pragma once

#include "quant/block.h"
#include "quant/e2m1.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct NVFP4 {
  static constexpr Type type = Type::NVFP4;
  static constexpr int group = 16, zero = e2m1_zero, max_code = 24;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    return e2m1_codes[byte_at(block, 4 + i / 16 * 8 + i % 8) >> 4 * (i / 8 % 2) & 15];
  }
  static float scale(const std::byte* block, int g) {
    const int magnitude = byte_at(block, g) & 0x7f;
    return magnitude == 0x7f ? 0 : f16(static_cast<uint16_t>(magnitude << 7)) * rebias;
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static __m256i codes(const std::byte* block, int i) {
    // From low nibbles of two groups, high nibbles of two groups to group after group.
    const __m256i indices = _mm256_permute4x64_epi64(nibbles(block, 4 + 16 * i), 0b11'01'10'00);
    return lookup(e2m1_codes, indices);
  }
  static void scales(const std::byte* block, float* scale) {
    const auto magnitudes = static_cast<int>(u32_at(block, 0) & 0x7f7f7f7fU);
    const __m128i words = _mm_cvtepu8_epi16(_mm_cvtsi32_si128(magnitudes));
    const __m128i nan = _mm_cmpeq_epi16(words, _mm_set1_epi16(0x7f));
    const __m128i halves = _mm_andnot_si128(nan, _mm_slli_epi16(words, 7));
    _mm_storeu_ps(scale, _mm_mul_ps(_mm_cvtph_ps(halves), _mm_set1_ps(rebias)));
  }
#endif

 private:
  // Moved to their places in half precision, the exponent's bits have a bias that is 8 too large,
  // which a multiplication mends exactly; one less halves the scale. Conversion takes subnormals
  // in its stride, where float arithmetic would take a hundred cycles for each.
  static constexpr float rebias = 128;
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
