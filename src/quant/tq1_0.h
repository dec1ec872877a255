// TQ1_0: 256 weights of -1, 0 or 1 times one scale, five to a byte. {u8 qs[48]; u8 qh[4]; f16 d}.
// A byte b is a fraction of 256 whose base-3 digits are weights: digit n is 3 (3^n b mod 256) / 256
// rounded down. Here both stand in the upper half of 16 bits: multiplied by 256 3^n, whatever is
// above the byte falls out. Weights 0..159 are digits 0..4 of qs[0..31], digit by digit; 160..239
// are digits 0..4 of qs[32..47]; 240..255 are digits 0..3 of qh.
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

/// What brings digit n to the front.
inline constexpr int16_t tq1_0_powers[] = {256, 3 * 256, 9 * 256, 27 * 256, 81 * 256};

/// What a look-up yields: the first or the second of two digits, which stand as 3 first + second,
/// or a digit that stands alone.
enum class TernaryDigit { First, Second, Alone };

/// Tables of it for the lower and for the upper half of a vector.
template <TernaryDigit lower, TernaryDigit upper>
struct TernaryTables {
  alignas(32) uint8_t entries[2][16] = {};
  consteval TernaryTables() {
    const TernaryDigit of[] = {lower, upper};
    for (int half = 0; half < 2; ++half)
      for (int i = 0; i < 9; ++i) {
        const int yields[] = {i / 3, i % 3, i};
        entries[half][i] = static_cast<uint8_t>(yields[static_cast<int>(of[half])]);
      }
  }
};
template <TernaryDigit lower, TernaryDigit upper>
inline constexpr TernaryTables<lower, upper> ternary_tables;

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
    const __m128i second = of_qh();
    return digits(_mm256_set_m128i(qh, qs), _mm256_set_m128i(second, first));
  }
  // Of half of group i and of group i + 4, for i < 4. Two digits are made at once and told apart by
  // tables, as what makes them takes longer than a look-up.
  static __m256i codes_of_pair(const std::byte* block, int i, int half) {
    const __m256i qs = load_twice(block + 16 * half), rest = load_twice(block + 32);
    const auto upper_of = [](__m256i lower, __m256i upper) {
      return _mm256_blend_epi32(lower, upper, 0xf0);
    };
    const auto lower_halves = [](__m256i lower, __m256i upper) {
      return _mm256_inserti128_si256(lower, _mm256_castsi256_si128(upper), 1);
    };
    // Digits 0 and 1 as one number, then digit 4.
    const auto outer = [](__m256i b) { return leading(b, set_words(1, 81), set_words(9, 3)); };
    // Digits 2 and 3.
    const auto inner_of_first = [=] {
      const __m256i b = upper_of(load_twice(block), rest);
      return leading(b, set_words(9, 9), set_words(9, 9));
    };
    const auto inner_of_second = [=] {
      const __m256i qh = _mm256_set1_epi32(static_cast<int>(u32_at(block, 48)));
      const __m128i powers = _mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27);
      return leading(upper_of(load_twice(block + 16), qh),
                     _mm256_set_m128i(powers, _mm_set1_epi16(9)), set_words(9, 3));
    };
    using enum TernaryDigit;
    switch (2 * i + half) {
      case 0:
      case 1:
        return look_up<First, Alone>(outer(qs));
      case 2:
        return look_up<Second, First>(lower_halves(outer(qs), outer(rest)));
      case 3:
        return look_up<Second, Second>(lower_halves(outer(qs), outer(rest)));
      case 4:
        return look_up<First, First>(inner_of_first());
      case 5:
        return look_up<First, Second>(upper_of(inner_of_second(), inner_of_first()));
      case 6:
        return look_up<Second, Alone>(upper_of(inner_of_first(), outer(rest)));
      default:
        return look_up<Second, Alone>(inner_of_second());
    }
  }
#ifdef __AVX512BW__
  // Of weights 32 i and 32 (i + 4) on, for i < 4: the digits of two vectors of bytes.
  static __m512i codes_of_halves(const std::byte* block, int i) {
    const __m512i qs = _mm512_broadcast_i64x4(load32(block, 0));
    const __m512i rest = _mm512_mask_broadcast_i32x4(qs, 0xff00, load16(block, 32));
    switch (i) {
      case 0:
        return digits(qs, powers_of(0, 4, 4));
      case 1:
        return digits(rest, powers_of(1, 0, 1));
      case 2:
        return digits(rest, powers_of(2, 2, 3));
      default: {
        const __m512i last =
            _mm512_mask_set1_epi32(rest, 0xf000, static_cast<int>(u32_at(block, 48)));
        const __m512i powers = _mm512_inserti32x4(powers_of(3, 4, 0), of_qh(), 3);
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
  static constexpr const auto& powers = tq1_0_powers;
#ifdef __AVX2__
  // For the digits of four bytes, of which two have the same power.
  static __m128i of_qh() {
    return _mm_setr_epi16(powers[0], powers[0], powers[1], powers[1], powers[2], powers[2],
                          powers[3], powers[3]);
  }

  // The digits that numbers of two digits, or of one, stand for.
  template <TernaryDigit lower, TernaryDigit upper>
  static __m256i look_up(__m256i v) {
    const auto* const tables =
        reinterpret_cast<const __m256i*>(ternary_tables<lower, upper>.entries);
    return _mm256_shuffle_epi8(_mm256_load_si256(tables), v);
  }
  static __m256i set_words(short lower, short upper) {
    return _mm256_set_m128i(_mm_set1_epi16(upper), _mm_set1_epi16(lower));
  }
  // What stands before the point of bytes, fractions of 256, times a power of 3, whose whole part
  // falls out, times a factor.
  static __m256i leading(__m256i b, __m256i power, __m256i factor) {
    const __m256i upper = _mm256_set1_epi16(-256);
    const __m256i power_of_even = _mm256_slli_epi16(power, 8);
    const __m256i even = _mm256_mulhi_epu16(_mm256_mullo_epi16(b, power_of_even), factor);
    const __m256i odd =
        _mm256_mulhi_epu16(_mm256_mullo_epi16(b & upper, power), _mm256_slli_epi16(factor, 8));
    return even | (odd & upper);
  }
#endif

  static uint8_t digit(uint8_t b, int n) { return static_cast<uint16_t>(b * powers[n]) * 3 >> 16; }

#ifdef __AVX2__
  // The digits that these powers (one for each two bytes) bring to the front. Bytes are moved by
  // what shuffles, as multiplications take the ports that shift.
  static __m256i digits(__m256i b, __m256i power) {
    asm("" : "+x"(power));  // GCC 12 would make shifts and additions of some multiplications
    const __m256i three = _mm256_set1_epi16(3);
    const __m256i even = _mm256_mulhi_epu16(_mm256_mullo_epi16(b, power), three);
    const __m256i odd =
        _mm256_mulhi_epu16(_mm256_mullo_epi16(_mm256_bsrli_epi128(b, 1), power), three);
    return even | _mm256_bslli_epi128(odd, 1);
  }
#endif
#ifdef __AVX512BW__
  // For the first digit in the lower half of a vector, the others in a quarter each.
  static __m512i powers_of(int lower, int third, int fourth) {
    const __m256i upper =
        _mm256_set_m128i(_mm_set1_epi16(powers[fourth]), _mm_set1_epi16(powers[third]));
    return _mm512_inserti64x4(_mm512_set1_epi16(powers[lower]), upper, 1);
  }
  static __m512i digits(__m512i b, __m512i power) {
    // Three times a byte: the digit, and in the byte below what is left. One instruction drops that
    // and puts the other digits there.
    const __m512i three = _mm512_set1_epi16(3), upper = _mm512_set1_epi16(-256);
    const __m512i even = _mm512_mulhi_epu16(_mm512_mullo_epi16(b, power), three);
    const __m512i odd = _mm512_mulhi_epu16(_mm512_mullo_epi16(_mm512_bsrli_epi128(b, 1), power),
                                           _mm512_slli_epi16(three, 8));
    return even | (odd & upper);
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
