// IQ1_M: 256 weights in 16 groups of 16, a scale a group; for eight weights an 11-bit codeword and
// a shift. {u8 qs[32]; u8 qh[16]; u16 scales[4]}; weight = d * (2 scale + 1) * (codeword's +- 1/8).
// For the k-th eight weights byte k of qs is the low part of the codeword's index, the low 3 bits
// of nibble k of qh are the high part, and its top bit makes the shift -1/8. Each u16 of scales
// holds four groups' scales of 3 bits and, at the top, a nibble of the f16 d.
// The codes count eighths; the scale has the 1/8.
#pragma once

#include "quant/columns.h"
#include "quant/iq1_codebook.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ1_M {
  static constexpr Type type = Type::IQ1_M;
  static constexpr int group = 16, zero = 9, max_code = 18;
  static constexpr bool has_offset = false;
  static constexpr float fraction = 0.125F;

  static uint8_t code(const std::byte* block, int i) {
    const int shift = qh(block, i / 8) >> 3 ? -1 : 1;
    return weight_of(iq1.words[index(block, i / 8)], i % 8) + shift;
  }
  static float scale(const std::byte* block, int g) {
    const int scale = u16_at(block, 48 + g / 4 * 2) >> 3 * (g % 4) & 7;
    return odd_scale(d(block) * fraction, scale);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr const auto& codebook = iq1;
  static void store_indices(const std::byte* block, uint16_t* out) {
    const __m128i first = _mm_setr_epi8(0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3, -1);
    const __m128i second = _mm_setr_epi8(4, -1, 4, -1, 5, -1, 5, -1, 6, -1, 6, -1, 7, -1, 7, -1);
    const __m256i to_bit_8 = _mm256_set1_epi32(0x0010'0100);
    for (int i = 0; i < 2; ++i)
      store_sixteen(indices(load16(block, 16 * i), spread(u64_at(block, 32 + 8 * i), first, second),
                            to_bit_8, 0x700),
                    i, out);
  }
  static __m256i shifts(const std::byte* block) {
    const __m128i qh = load16(block, 32), bit = _mm_set1_epi8(8);
    const __m128i even = _mm_and_si128(qh, bit), odd = _mm_and_si128(_mm_srli_epi16(qh, 4), bit);
    const __m256i in_order =
        _mm256_set_m128i(_mm_unpackhi_epi8(even, odd), _mm_unpacklo_epi8(even, odd));
    return _mm256_cmpeq_epi8(in_order, _mm256_set1_epi8(8)) | _mm256_set1_epi8(1);
  }
  static __m256i factors(const std::byte* block) {
    const __m256i shifts = _mm256_setr_epi32(0, 3, 6, 9, 16, 19, 22, 25);
    const __m128i first = odd_factors(words_of_dwords(bit_fields(u32_at(block, 48), shifts, 7)));
    const __m128i second = odd_factors(words_of_dwords(bit_fields(u32_at(block, 52), shifts, 7)));
    return _mm256_set_m128i(second, first);
  }
  static float unit(const std::byte* block) { return d(block) * fraction; }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 0, columns_end = 56;
  static constexpr int codewords = 2048;
  static constexpr const auto& book = iq1_split;
  static constexpr const CodeTable& code_table = iq1_codes;
  template <typename At>
  [[gnu::always_inline]] static Eights words(const At& at) {
    const __m512i qh = at.words(32);
    const __m512i bit = fields(qh, 3, 4, 0) & _mm512_set1_epi8(1);
    return {indices(at.dwords(0), fields(qh, 0, 4, 0), 3),
            _mm512_sub_epi8(_mm512_setzero_si512(), bit)};
  }
  template <typename At>
  static __m512i factors(const At& at) {
    const __m512i six = at.bits(48, [](int g) { return g / 2 * 16 + g % 2 * 6; });
    return odd_factors_of_two(six, 3, 7);
  }
  template <typename At>
  static __m512 unit(const At& at) {
    const auto nibbles = [](__m512i scales) {
      return field(scales, 12, 15) | field(scales, 24, 0xf0);
    };
    return f16_of_low(nibbles(at(48)) | _mm512_slli_epi32(nibbles(at(52)), 8)) * fraction;
  }
#endif

 private:
  static int qh(const std::byte* block, int k) {
    return byte_at(block, 32 + k / 2) >> 4 * (k % 2) & 15;
  }
  static unsigned index(const std::byte* block, int k) {
    return byte_at(block, k) | (qh(block, k) & 7U) << 8;
  }
  static float d(const std::byte* block) {
    const auto nibble = [&](int k) { return u16_at(block, 48 + 2 * k) >> 12 << 4 * k; };
    return f16(nibble(0) | nibble(1) | nibble(2) | nibble(3));
  }
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
