// IQ2_XS: 256 weights in 16 groups of 16, a scale a group; for eight weights a 9-bit codeword and
// 7 bits of signs. {f16 d; u16 qs[32]; u8 scales[8]}.
// weight = d * (2 scale + 1) / 8 * magnitude * sign.
// The low bits of a u16 of qs are the codeword's index, the high ones the signs. Nibble g of scales
// is the scale of group g.
#pragma once

#include "quant/columns.h"
#include "quant/iq2_codebooks.h"
#include "quant/iq_scales.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct IQ2_XS {
  static constexpr Type type = Type::IQ2_XS;
  static constexpr int group = 16, zero = 43, max_code = 86;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    const int k = i / 8;
    const auto sign =
        static_cast<int8_t>(weight_of(even_signs_of_byte.words[sign_byte(block, k)], i % 8));
    return zero + sign * weight_of(iq2_xs.words[index(block, k)], i % 8);
  }
  static float scale(const std::byte* block, int g) {
    const int scale = byte_at(block, 66 + g / 2) >> 4 * (g % 2) & 15;
    return odd_scale(f16_at(block, 0) * 0.125F, scale);
  }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static __m256i magnitudes(const std::byte* block, int i) {
    return words_at(iq2_xs, [=](int n) { return index(block, 4 * i + n); });
  }
  static __m256i signs(const std::byte* block, int i) {
    return words_at(even_signs_of_byte, [=](int n) { return sign_byte(block, 4 * i + n); });
  }
  static __m256i factors(const std::byte* block) { return odd_factors_of_nibbles(block + 66); }
  static float unit(const std::byte* block) { return f16_at(block, 0) * 0.125F; }
#endif

#ifdef __AVX512VBMI__
  static constexpr int columns_begin = 2, columns_end = 74, columns_apart = 0;
  static constexpr int codeword = 8;
  template <Steps order = Steps::ByColumns, typename Columns>
  [[gnu::always_inline]] static void code_steps(const Columns& at, int g, __m512i steps[8]) {
    static constexpr CodeTable codes = signed_codes(iq2_magnitudes, zero);
    // The bytes of two dwords, lower and higher apart, then in the codewords' order.
    const __m512i a = at(2 + 8 * g), b = at(6 + 8 * g);
    const __m512i in_order = _mm512_set4_epi32(0x0f0d0e0c, 0x0b090a08, 0x07050604, 0x03010200);
    const __m512i low =
        _mm512_shuffle_epi8(choose(0x00ff00ff, a, _mm512_slli_epi32(b, 8)), in_order);
    const __m512i high =
        _mm512_shuffle_epi8(choose(0x00ff00ff, _mm512_srli_epi32(a, 8), b), in_order);
    const __m512i signs = signs_of_patterns(_mm512_srli_epi16(high, 1));
    const auto sign = [=](int s) { return signs_of_eights<order>(signs, s); };
    look_up_eights<order>(iq2_xs_split, codes, indices(low, high, 1), sign, steps);
  }
  template <typename Columns>
  static __m512i factors(const Columns& at, int g) {
    return odd_factors(field(at(66 + g / 8 * 4), g % 8 * 4, 15));
  }
  template <typename Columns>
  static __m512 unit(const Columns& at) {
    return f16_of_low(at(0)) * 0.125F;
  }
#endif

 private:
  static unsigned index(const std::byte* block, int k) { return u16_at(block, 2 + 2 * k) & 511U; }
  static unsigned sign_byte(const std::byte* block, int k) { return byte_at(block, 3 + 2 * k); }
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
