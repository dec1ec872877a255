// TQ1_0: 256 weights of -1, 0 or 1 times one scale, five to a byte. {u8 qs[48]; u8 qh[4]; f16 d}.
// A byte b is a fraction of 256 whose base-3 digits are weights: digit n is 3 (3^n b mod 256) / 256
// rounded down. Weights 0..159 are digits 0..4 of qs[0..31], digit by digit; 160..239 are digits
// 0..4 of qs[32..47]; 240..255 are digits 0..3 of qh.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct TQ1_0 {
  static constexpr Type type = Type::TQ1_0;
  static constexpr int group = 32, zero = 1, max_code = 2;
  static constexpr bool has_offset = false;

  static uint8_t code(const std::byte* block, int i) {
    if (i < 160) return digit(byte_at(block, i % 32), i / 32);
    if (i < 240) return digit(byte_at(block, 32 + i % 16), (i - 160) / 16);
    return digit(byte_at(block, 48 + i % 4), (i - 240) / 4);
  }
  static float scale(const std::byte* block, int) { return f16_at(block, 52); }
  static float offset(const std::byte*, int) { return 0; }

#ifdef __AVX2__
  static __m256i codes(const std::byte* block, int i) {
    if (i < 5) return digits(load32(block, 0), _mm256_set1_epi16(powers[i]));
    const __m128i qs = load16(block, 32);
    if (i < 7) {  // two digits of the same 16 bytes
      const int n = 2 * (i - 5);
      const __m128i first = _mm_set1_epi16(powers[n]), second = _mm_set1_epi16(powers[n + 1]);
      return digits(_mm256_broadcastsi128_si256(qs), _mm256_set_m128i(second, first));
    }
    const __m128i qh = _mm_set1_epi32(static_cast<int>(u32_at(block, 48)));
    const __m128i first = _mm_set1_epi16(powers[4]);
    const __m128i second = _mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27);
    return digits(_mm256_set_m128i(qh, qs), _mm256_set_m128i(second, first));
  }
#ifdef __AVX512BW__
  // Of weights 32 i and 32 (i + 4) on, for i < 4: the digits of two vectors of bytes.
  static __m512i codes_of_halves(const std::byte* block, int i) {
    const __m512i qs = _mm512_broadcast_i64x4(load32(block, 0));
    const __m512i rest = _mm512_mask_broadcast_i32x4(qs, 0xff00, load16(block, 32));
    switch (i) {
      case 0:
        return digits(qs, powers_of(1, 81, 81));
      case 1:
        return digits(rest, powers_of(3, 1, 3));
      case 2:
        return digits(rest, powers_of(9, 9, 27));
      default: {
        const __m512i last =
            _mm512_mask_set1_epi32(rest, 0xf000, static_cast<int>(u32_at(block, 48)));
        const __m512i powers =
            _mm512_inserti32x4(powers_of(27, 81, 0), _mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27), 3);
        return digits(last, powers);
      }
    }
  }
#endif
  static __m128i factors(const std::byte*) { return _mm_set1_epi16(1); }
  static constexpr int unit_at = 52;
  static float unit(const std::byte* block) { return f16_at(block, unit_at); }
#endif

 private:
  static constexpr int16_t powers[] = {1, 3, 9, 27, 81};

  static uint8_t digit(uint8_t b, int n) { return static_cast<uint8_t>(b * powers[n]) * 3 >> 8; }

#ifdef __AVX2__
  // The digits that these powers (one for each two bytes) bring to the front. A product of 16 bits
  // is the byte times the power, mod 256, when the byte stands in the upper half.
  static __m256i digits(__m256i b, __m256i power) {
    const __m256i three = _mm256_set1_epi16(3), upper = _mm256_set1_epi16(-256);
    const __m256i even = _mm256_mullo_epi16(_mm256_slli_epi16(b, 8), power);
    const __m256i odd = _mm256_mullo_epi16(_mm256_and_si256(b, upper), power);
    return _mm256_or_si256(_mm256_mulhi_epu16(even, three),
                           _mm256_slli_epi16(_mm256_mulhi_epu16(odd, three), 8));
  }
#endif
#ifdef __AVX512BW__
  // The first power for the lower half of a vector, the others for a quarter each.
  static __m512i powers_of(short lower, short third, short fourth) {
    const __m256i upper = _mm256_set_m128i(_mm_set1_epi16(fourth), _mm_set1_epi16(third));
    return _mm512_inserti64x4(_mm512_set1_epi16(lower), upper, 1);
  }
  static __m512i digits(__m512i b, __m512i power) {
    const __m512i three = _mm512_set1_epi16(3), upper = _mm512_set1_epi16(-256);
    const __m512i even = _mm512_mullo_epi16(_mm512_slli_epi16(b, 8), power);
    const __m512i odd = _mm512_mullo_epi16(b & upper, power);
    return _mm512_mulhi_epu16(even, three) | _mm512_slli_epi16(_mm512_mulhi_epu16(odd, three), 8);
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
