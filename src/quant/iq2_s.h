// IQ2_S: 256 weights in 16 groups of 16, a scale a group; for eight weights a 10-bit codeword and
// 8 signs. {f16 d; u8 qs[32]; u8 signs[32]; u8 qh[8]; u8 scales[8]}.
// weight = d * (2 scale + 1) / 8 * magnitude * sign.
// For the k-th eight weights byte k of qs is the low part of the codeword's index, bits 2 k and
// 2 k + 1 of qh are the high part, and byte k of signs has the signs. Nibble g of scales is the
// scale of group g.
#pragma once

#include "quant/columns.h"
#include "quant/iq2_codebooks.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ2_S {
  static constexpr Type type = Type::IQ2_S;
  static constexpr int group = 16, zero = 43, max_code = 86;
  static constexpr bool has_offset = false;
  static constexpr float fraction = 0.125F;

  static uint8_t code(const std::byte* block, int i) {
    const int magnitude = weight_of(iq2_s.words[index(block, i / 8)], i % 8);
    const bool minus = byte_at(block, 34 + i / 8) >> i % 8 & 1;
    return minus ? zero - magnitude : zero + magnitude;
  }
  static float scale(const std::byte* block, int g) {
    const int scale = byte_at(block, 74 + g / 2) >> 4 * (g % 2) & 15;
    return odd_scale(f16_at(block, 0) * fraction, scale);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr const auto& codebook = iq2_s;
  static void store_indices(const std::byte* block, uint16_t* out) {
    const __m128i first = _mm_setr_epi8(0, -1, 0, -1, 0, -1, 0, -1, 1, -1, 1, -1, 1, -1, 1, -1);
    const __m128i second = _mm_setr_epi8(2, -1, 2, -1, 2, -1, 2, -1, 3, -1, 3, -1, 3, -1, 3, -1);
    const __m256i to_bit_8 = _mm256_set1_epi64x(0x0004'0010'0040'0100);
    for (int i = 0; i < 2; ++i)
      store_sixteen(indices(load16(block, 2 + 16 * i),
                            spread(u32_at(block, 66 + 4 * i), first, second), to_bit_8, 0x300),
                    i, out);
  }
  static __m256i minuses(const std::byte* block) { return load32(block, 34); }
  static __m256i factors(const std::byte* block) { return odd_factors_of_nibbles(block + 74); }
  static float unit(const std::byte* block) { return f16_at(block, 0) * fraction; }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 2, columns_end = 82, columns_apart = 0;
  static constexpr int codewords = 1024;
  static constexpr const auto& book = iq2_s_split;
  static constexpr CodeTable code_table = signed_codes(iq2_magnitudes, zero);
  template <typename At>
  [[gnu::always_inline]] static Eights words(const At& at) {
    const __m512i high = fields(at.bits(66, [](int g) { return 8 * g; }), 0, 2, 0);
    return {indices(at.dwords(2), high, 2), at.dwords(34)};
  }
  template <typename At>
  static __m512i factors(const At& at) {
    return odd_factors_of_two(at.bits(74, [](int g) { return 8 * g; }), 4, 15);
  }
  template <typename At>
  static __m512 unit(const At& at) {
    return f16(at, 0) * fraction;
  }
#endif

 private:
  static unsigned index(const std::byte* block, int k) {
    return byte_at(block, 2 + k) | (byte_at(block, 66 + k / 4) >> 2 * (k % 4) & 3U) << 8;
  }
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
