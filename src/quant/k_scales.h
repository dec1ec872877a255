// What blocks of Q4_K and Q5_K begin with: {f16 d; f16 dmin; u8 scales[12]}, from which come a
// scale and a minimum for each of 8 groups, 6 bits a number. scale = d * number, offset = -dmin *
// number.
//   bytes 0..3   low 6 bits: scales 0..3;    high 2 bits: the top of scales 4..7
//   bytes 4..7   low 6 bits: minimums 0..3;  high 2 bits: the top of minimums 4..7
//   bytes 8..11  low nibbles: the rest of scales 4..7;  high nibbles: the rest of minimums 4..7
#pragma once

#include "quant/block.h"

namespace weld::quant {
inline namespace WELD_TARGET {

struct KScales {
  static constexpr int scales_at = 4;

  static float scale(const std::byte* block, int g) {
    const auto byte = [=](int i) { return byte_at(block, scales_at + i); };
    const int number = g < 4 ? byte(g) & 63 : (byte(g + 4) & 15) | (byte(g - 4) >> 6 << 4);
    return f16_at(block, 0) * static_cast<float>(number);
  }
  static float offset(const std::byte* block, int g) {
    const auto byte = [=](int i) { return byte_at(block, scales_at + i); };
    const int number = g < 4 ? byte(g + 4) & 63 : byte(g + 4) >> 4 | (byte(g) >> 6 << 4);
    return -f16_at(block, 2) * static_cast<float>(number);
  }

#ifdef __AVX2__
  // Of one row, four bytes at a time.
  static __m128i factors(const std::byte* block) {
    const uint32_t a = u32_at(block, scales_at), c = u32_at(block, scales_at + 8);
    return words_of_bytes(a & 0x3f3f3f3fU, (c & 0x0f0f0f0fU) | (a >> 2 & 0x30303030U));
  }
  static __m128i minimums(const std::byte* block) {
    const uint32_t b = u32_at(block, scales_at + 4), c = u32_at(block, scales_at + 8);
    return words_of_bytes(b & 0x3f3f3f3fU, (c >> 4 & 0x0f0f0f0fU) | (b >> 2 & 0x30303030U));
  }
  static float unit(const std::byte* block) { return f16_at(block, 0); }
  static float offset_unit(const std::byte* block) { return -f16_at(block, 2); }

#ifdef __AVX512F__
  // Eight scales, then eight offsets, of one row.
  static __m512 scales_and_offsets(const std::byte* block) {
    const __m128i all = load16(block, 0);
    const __m128i acbc =
        _mm_srlv_epi32(_mm_shuffle_epi32(all, 0b11'10'11'01), _mm_setr_epi32(0, 0, 0, 4));
    const __m128i low =
        _mm_and_si128(acbc, _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    const __m128i tops = _mm_srli_epi32(_mm_shuffle_epi32(all, 0b10'00'01'00), 2);
    const __m128i top = _mm_and_si128(tops, _mm_setr_epi32(0, 0x30303030, 0, 0x30303030));
    const __m512 numbers = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_or_si128(low, top)));
    const __m512i of_d_or_dmin = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    const __m128i minus = _mm_setr_epi32(static_cast<int>(0x80000000), 0, 0, 0);
    const __m512 units = _mm512_permutexvar_ps(
        of_d_or_dmin, _mm512_castps128_ps512(_mm_cvtph_ps(_mm_xor_si128(all, minus))));
    return numbers * units;
  }
#endif

  // Of many rows.
  template <typename Columns>
  static auto factors(const Columns& at, int g) {
    const auto a = at(scales_at), c = at(scales_at + 8);
    const int byte = g % 4 * 8;
    return g < 4 ? field(a, byte, 63) : field(c, byte, 15) | field(a, byte + 2, 0x30);
  }
  template <typename Columns>
  static auto minimums(const Columns& at, int g) {
    const auto b = at(scales_at + 4), c = at(scales_at + 8);
    const int byte = g % 4 * 8;
    return g < 4 ? field(b, byte, 63) : field(c, byte + 4, 15) | field(b, byte + 2, 0x30);
  }
  template <typename Columns>
  static auto unit(const Columns& at) {
    return f16_of_low(at(0));
  }
  template <typename Columns>
  static auto offset_unit(const Columns& at) {
    return -f16_of_high(at(0));
  }
#endif
};

}  // namespace WELD_TARGET
}  // namespace weld::quant
