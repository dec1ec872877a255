// Codewords of 16 rows at once, for AVX-512 VBMI. A vector holds a dword of each row's block,
// tables of bytes lie in registers, and one instruction looks up 64 bytes: row by row each codeword
// is a load of its own, and the rows still have to be transposed.
#pragma once

#include <bit>
#include <utility>

#include "quant/codebook.h"

namespace weld::quant {

/// Codes by the fields that make one up; an index's bits above those are ignored.
struct CodeTable {
  alignas(64) uint8_t codes[64];
};

/// A table of codes zero + m and, from index `choices` rounded up to a power of two on, zero - m.
template <size_t choices>
consteval CodeTable signed_codes(const uint8_t (&magnitudes)[choices], int zero) {
  constexpr int plus = choices <= 4 ? 4 : 8;
  CodeTable table{};
  for (int i = 0; i < 64; ++i)
    if (static_cast<size_t>(i % plus) < choices) {
      const int magnitude = magnitudes[i % plus];
      table.codes[i] =
          static_cast<uint8_t>(i / plus % 2 == 0 ? zero + magnitude : zero - magnitude);
    }
  return table;
}

/// A table of eight codes, again and again.
consteval CodeTable repeat(const uint8_t (&eight)[8]) {
  CodeTable table{};
  for (int i = 0; i < 64; ++i) table.codes[i] = eight[i % 8];
  return table;
}

/// Signs, a bit a weight, from 7 bits; a 1 is a minus. The eighth makes their number even.
struct SignBytes {
  alignas(64) uint8_t bytes[128];
};
consteval SignBytes expand_sign_bits() {
  SignBytes signs{};
  for (unsigned i = 0; i < 128; ++i) signs.bytes[i] = i | std::popcount(i) % 2 << 7;
  return signs;
}
inline constexpr SignBytes sign_bytes = expand_sign_bits();

inline namespace WELD_TARGET {

#ifdef __AVX512VBMI__
// All of this is inlined: most arguments are constants, and so are the vectors made of them.

/// Bits of a where the mask has ones, else of b.
inline __m512i choose(uint32_t mask, __m512i a, __m512i b) {
  return _mm512_ternarylogic_epi32(_mm512_set1_epi32(static_cast<int>(mask)), a, b, 0xca);
}

/// Four fields of each dword, a byte each: field i begins at bit `first` + `width` * i of the dword
/// and goes to bit `to` of the byte. The byte's other bits are of no use.
[[gnu::always_inline]] inline __m512i fields(__m512i dwords, int first, int width, int to) {
  uint64_t places = 0;  // of the eight bits that vpmultishiftqb takes from a qword, for each byte
  for (int i = 0; i < 8; ++i) {
    const int place = i / 4 * 32 + first + width * (i % 4) - to;
    places |= static_cast<uint64_t>(place & 63) << 8 * i;
  }
  return _mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<int64_t>(places)), dwords);
}

/// Which four weights of a row a step has. Step s of ByColumns: weights 4 s to 4 s + 3. Of ByPlace:
/// the same one of each of four codewords, which takes fewer instructions: weight s of codewords
/// of eight; of codewords of four weight s % 4 of the first four, or of the last four.
enum class Steps { ByColumns, ByPlace };

/// The bytes with a bit moved to another place; their other bits are of no use.
[[gnu::always_inline]] inline __m512i move_bit(__m512i bytes, int from, int to) {
  return from < to ? _mm512_slli_epi16(bytes, static_cast<unsigned>(to - from))
                   : _mm512_srli_epi16(bytes, static_cast<unsigned>(from - to));
}

/// The signs of a step, brought to bit 2, from a bit for each of 32 weights: codewords of eight.
template <Steps order>
[[gnu::always_inline]] inline __m512i signs_of_eights(__m512i signs, int step) {
  return order == Steps::ByColumns ? fields(signs, 4 * step, 1, 2) : move_bit(signs, step, 2);
}
/// The same to bit 3 for steps 4 half to 4 half + 3: codewords of four.
template <Steps order>
[[gnu::always_inline]] inline __m512i signs_of_fours(__m512i signs, int half, int step) {
  return order == Steps::ByColumns ? fields(signs, 16 * half + 4 * step, 1, 3)
                                   : move_bit(fields(signs, 16 * half, 4, 0), step, 3);
}

/// 64 indices.
struct Indices {
  __m512i low;        ///< eight bits of each
  __mmask64 high[4];  ///< bit 7 of each, and what there is of bits 8, 9 and 10
};

[[gnu::always_inline]] inline Indices indices(__m512i low) {
  return {low, {_mm512_movepi8_mask(low)}};
}

/// The same with `bits` bits more, which are the lowest of the bytes of `high`.
[[gnu::always_inline]] inline Indices indices(__m512i low, __m512i high, int bits) {
  Indices index = indices(low);
  for (int b = 0; b < bits; ++b)
    index.high[1 + b] = _mm512_test_epi8_mask(high, _mm512_set1_epi8(static_cast<char>(1 << b)));
  return index;
}

/// The bytes of a table at 64 indices.
template <int n>
[[gnu::always_inline]] inline __m512i look_up(const uint8_t* table, const Indices& index) {
  if constexpr (n == 128) {
    return _mm512_permutex2var_epi8(_mm512_load_si512(table), index.low,
                                    _mm512_load_si512(table + 64));
  } else {
    constexpr int top_bit = n == 256 ? 0 : n == 512 ? 1 : n == 1024 ? 2 : 3;
    return _mm512_mask_blend_epi8(index.high[top_bit], look_up<n / 2>(table, index),
                                  look_up<n / 2>(table + n / 2, index));
  }
}

/// Signs, a bit each, of patterns of 7 bits; a byte's eighth bit is ignored.
inline __m512i signs_of_patterns(__m512i patterns) {
  return look_up<128>(sign_bytes.bytes, {patterns, {}});
}

/// steps[s] = step(s) for each s, a constant each time.
template <typename Step, int... s>
[[gnu::always_inline]] inline void make_steps(std::integer_sequence<int, s...>, Step step,
                                              __m512i* steps) {
  ((steps[s] = step(s)), ...);
}

/// Codes of four codewords of eight weights: byte k of a row's dword is the index of the k-th,
/// upper(s) what chooses among the codes of a step by bit 2.
template <Steps order, int n, typename Upper>
[[gnu::always_inline]] inline void look_up_eights(const SplitCodebook<n>& book,
                                                  const CodeTable& codes, const Indices& index,
                                                  Upper upper, __m512i steps[8]) {
  const __m512i parts[2] = {look_up<n>(book.parts[0], index), look_up<n>(book.parts[1], index)};
  const auto step = [&](int s) __attribute__((always_inline)) {
    const __m512i lower = order == Steps::ByColumns ? fields(parts[s % 2], s / 2 * 8, 2, 0)
                                                    : move_bit(parts[s / 4], s % 4 * 2, 0);
    return _mm512_permutexvar_epi8(choose(0x03030303, lower, upper(s)),
                                   _mm512_load_si512(codes.codes));
  };
  make_steps(std::make_integer_sequence<int, 8>{}, step, steps);
}

/// Codes of four codewords of four weights: upper(s) chooses by bit 3.
template <Steps order, int n, typename Upper>
[[gnu::always_inline]] inline void look_up_fours(const SplitCodebook<n>& book,
                                                 const CodeTable& codes, const Indices& index,
                                                 Upper upper, __m512i steps[4]) {
  const __m512i low = look_up<n>(book.parts[0], index), third = look_up<n>(book.parts[1], index);
  const auto step = [&](int s) __attribute__((always_inline)) {
    const bool by_columns = order == Steps::ByColumns;
    const __m512i bit = by_columns ? fields(third, s * 8, 1, 2) : move_bit(third, s, 2);
    const __m512i lower = by_columns ? fields(low, s * 8, 2, 0) : move_bit(low, 2 * s, 0);
    const __m512i code = choose(0x03030303, lower, choose(0x04040404, bit, upper(s)));
    return _mm512_permutexvar_epi8(code, _mm512_load_si512(codes.codes));
  };
  make_steps(std::make_integer_sequence<int, 4>{}, step, steps);
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
