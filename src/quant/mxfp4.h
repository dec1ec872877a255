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
  static constexpr int nibbles = 1;

  static uint8_t code(const std::byte* block, int i) {
    return e2m1_codes[byte_at(block, 1 + i % 16) >> 4 * (i / 16) & 15];
  }
  static float scale(const std::byte* block, int) {
    const uint32_t e = byte_at(block, 0);
    return from_bits(e < 2 ? 0x00200000U << e : (e - 1) << 23);  // the first two are subnormal
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr int columns_begin = 1, columns_end = 17, columns_apart = 0;
  static constexpr const uint8_t (&table)[16] = e2m1_codes;
  template <typename Bytes>
  static auto codes(const Bytes& at, int) {
    return lookup(e2m1_codes, at.nibbles(nibbles));
  }
  template <typename Blocks>
  static void scales(const Blocks& blocks, float* scale, float*) {
    _mm256_storeu_ps(scale, halved_powers(blocks.first_bytes()));
  }

  template <typename Columns>
  static auto unit(const Columns& at) {
    return halved_powers(field(at(0), 0, 255));
  }
#endif

 private:
  // scale() of each exponent. The two that are subnormal are the larger of both integers.
#ifdef __AVX2__
  static __m256 halved_powers(__m256i e) {
    const __m256i two = _mm256_set1_epi32(2), first = _mm256_set1_epi32(0x00200000);
    const __m256i subnormal = _mm256_sllv_epi32(first, _mm256_min_epi32(e, two));
    const __m256i normal = _mm256_slli_epi32(minus(e, 1), 23);
    return _mm256_castsi256_ps(_mm256_max_epi32(subnormal, normal));
  }
#endif
#ifdef __AVX512F__
  static __m512 halved_powers(__m512i e) {
    const __m512i two = _mm512_set1_epi32(2), first = _mm512_set1_epi32(0x00200000);
    const __m512i subnormal = _mm512_sllv_epi32(first, _mm512_min_epi32(e, two));
    const __m512i normal = _mm512_slli_epi32(minus(e, 1), 23);
    return _mm512_castsi512_ps(_mm512_max_epi32(subnormal, normal));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
