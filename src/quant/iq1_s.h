// IQ1_S: 256 weights in 8 groups of 32, a scale and a shift a group; for eight weights an 11-bit
// codeword. {f16 d; u8 qs[32]; u16 qh[8]}; weight = d * (2 scale + 1) * (codeword's +- 1/8).
// Each byte of qs is the low part of a codeword's index. In qh of a group bits 3 k to 3 k + 2 are
// the high part of its k-th index, bits 12 to 14 the scale, and bit 15 makes the shift -1/8.
// The codes count eighths; the scale has the 1/8.
#pragma once

#include "quant/columns.h"
#include "quant/iq1_codebook.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ1_S {
  static constexpr Type type = Type::IQ1_S;
  static constexpr int group = 32, zero = 9, max_code = 18;
  static constexpr bool has_offset = false;
  static constexpr float fraction = 0.125F;

  static uint8_t code(const std::byte* block, int i) {
    const int g = i / 32, shift = qh(block, g) >> 15 ? -1 : 1;
    return weight_of(iq1.words[index(block, g, i / 8 % 4)], i % 8) + shift;
  }
  static float scale(const std::byte* block, int g) {
    return odd_scale(f16_at(block, 0) * fraction, qh(block, g) >> 12 & 7);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static constexpr const auto& codebook = iq1;
  static void store_indices(const std::byte* block, uint16_t* out) {
    const __m128i first = _mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3);
    const __m128i second = _mm_setr_epi8(4, 5, 4, 5, 4, 5, 4, 5, 6, 7, 6, 7, 6, 7, 6, 7);
    // A multiplication moves bits to the left only: all to bit 13, and back from there.
    const __m256i to_bit_13 = _mm256_set1_epi64x(0x0010'0080'0400'2000);
    for (int i = 0; i < 2; ++i) {
      const __m256i at_13 =
          _mm256_mullo_epi16(spread(u64_at(block, 34 + 8 * i), first, second), to_bit_13);
      store_sixteen(_mm256_cvtepu8_epi16(load16(block, 2 + 16 * i)) |
                        (_mm256_srli_epi16(at_13, 5) & _mm256_set1_epi16(0x700)),
                    i, out);
    }
  }
  static __m256i shifts(const std::byte* block) {
    const __m128i minus = _mm_srai_epi16(load16(block, 34), 15);
    const __m256i four_of_each =
        _mm256_setr_epi8(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10,
                         12, 12, 12, 12, 14, 14, 14, 14);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(minus), four_of_each) |
           _mm256_set1_epi8(1);
  }
  static __m128i factors(const std::byte* block) {
    return odd_factors(_mm_and_si128(_mm_srli_epi16(load16(block, 34), 12), _mm_set1_epi16(7)));
  }
  static float unit(const std::byte* block) { return f16_at(block, 0) * fraction; }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 2, columns_end = 50, columns_apart = 0;
  static constexpr int codewords = 2048;
  static constexpr const auto& book = iq1_split;
  static constexpr const CodeTable& code_table = iq1_codes;
  template <typename At>
  [[gnu::always_inline]] static Eights words(const At& at) {
    const __m512i qh = at.words(34);
    const __m512i shift = _mm512_srai_epi32(_mm512_slli_epi32(qh, 16), 31);
    return {indices(at.dwords(2), fields(qh, 0, 3, 0), 3), shift};
  }
  static constexpr uint32_t number_mask = 7;
  template <typename At>
  static __m512i numbers(const At& at) {
    return _mm512_srli_epi32(at.words(34), 12);
  }
  template <typename At>
  static __m512 unit(const At& at) {
    return f16(at, 0) * fraction;
  }
#endif

 private:
  static int qh(const std::byte* block, int g) { return u16_at(block, 34 + 2 * g); }
  static unsigned index(const std::byte* block, int g, int k) {
    return byte_at(block, 2 + 4 * g + k) | (qh(block, g) >> 3 * k & 7U) << 8;
  }
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
