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
  static constexpr int columns_begin = 1, columns_end = 17;
  template <typename Bytes>
  static auto codes(const Bytes& at, int) {
    return lookup(e2m1_codes, at.nibbles(1));
  }
  static void scales(const EightBlocks& blocks, float* scale, float*) {
    __m128i bytes = _mm_cvtsi32_si128(byte_at(blocks[0], 0));
    bytes = _mm_insert_epi8(bytes, byte_at(blocks[1], 0), 1);
    bytes = _mm_insert_epi8(bytes, byte_at(blocks[2], 0), 2);
    bytes = _mm_insert_epi8(bytes, byte_at(blocks[3], 0), 3);
    bytes = _mm_insert_epi8(bytes, byte_at(blocks[4], 0), 4);
    bytes = _mm_insert_epi8(bytes, byte_at(blocks[5], 0), 5);
    bytes = _mm_insert_epi8(bytes, byte_at(blocks[6], 0), 6);
    bytes = _mm_insert_epi8(bytes, byte_at(blocks[7], 0), 7);
    const __m256i e = _mm256_cvtepu8_epi32(bytes);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
    const __m256i bits = _mm256_blendv_epi8(normal, subnormal, small);
    _mm256_storeu_ps(scale, _mm256_castsi256_ps(bits));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
