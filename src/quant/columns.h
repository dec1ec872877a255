// 64 codewords at once, for AVX-512 VBMI: tables of bytes lie in registers, and one instruction
// looks up 64 bytes. One by one each codeword is a load of its own.
#pragma once

#include <initializer_list>
#include <utility>

#include "quant/codebook.h"
#include "quant/iq_scales.h"

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

/// The same codes by a field of so many bits that begins at bit `field` of an index, and a sign
/// bit.
consteval CodeTable by_field(const CodeTable& table, int bits, int field, int sign) {
  CodeTable moved{};
  for (int i = 0; i < 64; ++i)
    moved.codes[i] = table.codes[(i >> field & ((1 << bits) - 1)) | (i >> sign & 1) << bits];
  return moved;
}

/// For each of two rows' eight groups a byte of the row's 8 bytes, from bit Place{}(group) on, in
/// the lowest byte of a dword.
template <typename Place>
struct GroupPlaces {
  alignas(64) uint8_t bits[64] = {};

  consteval GroupPlaces() {
    for (int i = 0; i < 16; ++i) bits[ptrdiff_t{4} * i] = static_cast<uint8_t>(Place{}(i % 8));
  }
};

inline namespace WELD_TARGET {

#ifdef __AVX512VBMI__
// All of this is inlined: most arguments are constants, and so are the vectors made of them.

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

struct TwoVectors {
  __m512i of[2];
};

/// The even and the odd bytes of a dword of `a` and the same of `b`.
[[gnu::always_inline]] inline TwoVectors bytes_apart(__m512i a, __m512i b) {
  const __m512i in_order = _mm512_set4_epi32(0x0f0d0e0c, 0x0b090a08, 0x07050604, 0x03010200);
  const __m512i even = choose(0x00ff00ff, a, _mm512_slli_epi32(b, 8));
  const __m512i odd = choose(0x00ff00ff, _mm512_srli_epi32(a, 8), b);
  return {{_mm512_shuffle_epi8(even, in_order), _mm512_shuffle_epi8(odd, in_order)}};
}

// What codewords are made of is read through one of two views of 16 groups of 32 weights. Both have
//   at(o)            the dword at byte o of a group's block
//   at.dwords(o)     the group's dword, of those that begin at byte o
//   at.lower(o), at.upper(o)  the group's qword: its lower and its upper dword
//   at.words(o)      the group's word; the dword's upper half is of no use
//   at.field(o, width)  the group's field of the dword at byte o, so many bits a group; the other
//                    bits are of no use
//   at.bits(o, place)   eight bits of the 8 bytes at byte o, from bit place(group) on
//                    (the other bits are of no use)
//   at.fours(o)      the group's qword: four bytes, and the other four
//   at.bits_of_fours(bytes)  a bit for each of these eight, each the lowest of a byte

/// A group of 16 rows, whose blocks are transposed.
template <typename Columns>
struct GroupOfRows {
  const Columns& columns;
  int group;

  __m512i operator()(int o) const { return columns(o); }
  __m512i dwords(int o) const { return columns(o + 4 * group); }
  __m512i lower(int o) const { return columns(o + 8 * group); }
  __m512i upper(int o) const { return columns(o + 8 * group + 4); }
  __m512i words(int o) const { return shifted(o, 16 * group); }
  __m512i field(int o, int width) const { return shifted(o, width * group); }
  template <typename Place>
  __m512i bits(int o, Place place) const {
    return shifted(o, place(group));
  }
  TwoVectors fours(int o) const { return {{lower(o), upper(o)}}; }
  static TwoVectors bits_of_fours(__m512i bytes) {
    return {{fields(bytes, 0, 1, 0), fields(bytes, 4, 1, 0)}};
  }

 private:
  __m512i shifted(int o, int bits) const {
    const __m512i dwords = columns(o + bits / 32 * 4);
    return bits % 32 == 0 ? dwords : _mm512_srli_epi32(dwords, static_cast<unsigned>(bits % 32));
  }
};

/// All groups of two rows, eight of a block of each.
struct GroupsOfTwo {
  const std::byte *first, *second;

  __m512i operator()(int o) const {
    return _mm512_mask_set1_epi32(_mm512_set1_epi32(static_cast<int>(u32_at(first, o))), 0xff00,
                                  static_cast<int>(u32_at(second, o)));
  }
  __m512i dwords(int o) const { return join(load32(first, o), load32(second, o)); }
  __m512i lower(int o) const { return every_other(o, even()); }
  __m512i upper(int o) const { return every_other(o, even() | _mm512_set1_epi32(1)); }
  __m512i words(int o) const {
    return join(_mm256_cvtepu16_epi32(load16(first, o)), _mm256_cvtepu16_epi32(load16(second, o)));
  }
  __m512i field(int o, int width) const {
    const __m512i group = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7);
    return _mm512_srlv_epi32((*this)(o), _mm512_mullo_epi32(group, _mm512_set1_epi32(width)));
  }
  template <typename Place>
  __m512i bits(int o, Place) const {
    static constexpr GroupPlaces<Place> places;
    const __m512i both = _mm512_mask_broadcastq_epi64(_mm512_broadcastq_epi64(load8(first, o)),
                                                      0xf0, load8(second, o));
    return _mm512_multishift_epi64_epi8(_mm512_load_si512(places.bits), both);
  }
  TwoVectors fours(int o) const { return bytes_apart(lower(o), upper(o)); }
  static TwoVectors bits_of_fours(__m512i bytes) {
    return {{fields(bytes, 0, 2, 0), fields(bytes, 1, 2, 0)}};
  }

 private:
  static __m512i even() {
    return _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  }
  __m512i every_other(int o, __m512i dwords) const {
    return _mm512_permutex2var_epi32(_mm512_loadu_si512(first + o), dwords,
                                     _mm512_loadu_si512(second + o));
  }
};

/// The half-precision number at byte o of each lane's block.
template <typename At>
[[gnu::always_inline]] inline __m512 f16(const At& at, int o) {
  return f16_of_low(at(o));
}
[[gnu::always_inline]] inline __m512 f16(const GroupsOfTwo& at, int o) {
  // Converted as it is loaded, with seven neighbours, it need not be brought into a register first.
  const auto of = [o](const std::byte* block) {
    return _mm256_castps256_ps128(_mm256_cvtph_ps(load16(block, o)));
  };
  return _mm512_mask_broadcastss_ps(_mm512_broadcastss_ps(of(at.first)), 0xff00, of(at.second));
}

/// 64 indices.
struct Indices {
  __m512i low;        ///< eight bits of each
  __mmask64 high[5];  ///< bits 6 and 7 of each, and what there is of bits 8, 9 and 10
};

[[gnu::always_inline]] inline Indices indices(__m512i low) {
  return {low, {_mm512_test_epi8_mask(low, _mm512_set1_epi8(64)), _mm512_movepi8_mask(low)}};
}

/// The same with `bits` bits more, which are the lowest of the bytes of `high`.
[[gnu::always_inline]] inline Indices indices(__m512i low, __m512i high, int bits) {
  Indices index = indices(low);
  for (int b = 0; b < bits; ++b)
    index.high[2 + b] = _mm512_test_epi8_mask(high, _mm512_set1_epi8(static_cast<char>(1 << b)));
  return index;
}

/// The bytes of a table at 64 indices.
template <int n>
[[gnu::always_inline]] inline __m512i look_up(const uint8_t* table, const Indices& index) {
  if constexpr (n == 256) {
    const auto part = [=](int i) { return _mm512_load_si512(table + ptrdiff_t{64} * i); };
#ifdef WELD_ZEN
    // One micro-operation each.
    return _mm512_mask_blend_epi8(index.high[1],
                                  _mm512_permutex2var_epi8(part(0), index.low, part(1)),
                                  _mm512_permutex2var_epi8(part(2), index.low, part(3)));
#else
    // Four of vpermb, a micro-operation each, where two of vpermi2b take three each.
    const __mmask64 masks[] = {index.high[0], index.high[1], index.high[0] & index.high[1]};
    __m512i found = _mm512_permutexvar_epi8(index.low, part(0));
    for (int i = 1; i < 4; ++i)
      found = _mm512_mask_permutexvar_epi8(found, masks[i - 1], index.low, part(i));
    return found;
#endif
  } else {
    constexpr int top_bit = n == 512 ? 2 : n == 1024 ? 3 : 4;
    return _mm512_mask_blend_epi8(index.high[top_bit], look_up<n / 2>(table, index),
                                  look_up<n / 2>(table + n / 2, index));
  }
}

/// The codes of 64 bytes whose lower six bits say which.
[[gnu::always_inline]] inline __m512i look_up_codes(const uint8_t (&codes)[64], __m512i bytes) {
  return _mm512_permutexvar_epi8(bytes, _mm512_load_si512(codes));
}

/// Signs, a bit a weight, from patterns of 7 bits; a 1 is a minus. The eighth, for which the byte's
/// own is ignored, makes their number even.
inline __m512i signs_of_patterns(__m512i patterns) {
  // Bit i of the product is the parity of the byte and the matrix's byte 7 - i.
  return _mm512_gf2p8affine_epi64_epi8(patterns, _mm512_set1_epi64(0x010204081020407f), 0);
}

/// Bytes whose bit i is bit from[i] of those given, or 0.
inline __m512i bits_moved(__m512i bytes, std::initializer_list<int> from) {
  uint64_t matrix = 0;  // byte 7 - i of it chooses bit i
  int to = 0;
  for (const int bit : from) matrix |= (bit < 0 ? 0 : uint64_t{1} << bit) << 8 * (7 - to++);
  return _mm512_gf2p8affine_epi64_epi8(bytes, _mm512_set1_epi64(static_cast<int64_t>(matrix)), 0);
}

/// Codewords of eight weights, four for each of 16 groups.
struct Eights {
  Indices index;
  /// A byte a codeword: bit w is the third bit of what its weight w is looked up by.
  __m512i signs;
};

/// Codewords of four weights, eight for each of 16 groups.
struct Fours {
  Indices index[2];  ///< of two times four, as the view's fours()
  __m512i signs;     ///< a byte for each two codewords: bit w is the fourth bit for weight w
};

/// to[i] = f(i) for each i, a constant each time.
template <typename F, int... i>
[[gnu::always_inline]] inline void make_each(std::integer_sequence<int, i...>, F f, __m512i* to) {
  ((to[i] = f(i)), ...);
}

/// steps[s]: the codes of weights 4 s to 4 s + 3 of each group.
template <typename Block>
[[gnu::always_inline]] inline void codes_in_order(const Eights& word, __m512i steps[8]) {
  constexpr auto& book = Block::book;
  const __m512i parts[2] = {look_up<Block::codewords>(book.in_order[0], word.index),
                            look_up<Block::codewords>(book.in_order[1], word.index)};
  const auto step = [&](int s) __attribute__((always_inline)) {
    const __m512i code =
        choose(0x03030303, fields(parts[s % 2], s / 2 * 8, 2, 0), fields(word.signs, 4 * s, 1, 2));
    return look_up_codes(Block::code_table.codes, code);
  };
  make_each(std::make_integer_sequence<int, 8>{}, step, steps);
}
template <typename Block>
[[gnu::always_inline]] inline void codes_in_order(const Fours& word, __m512i steps[8]) {
  constexpr auto& book = Block::book;
  for (int half = 0; half < 2; ++half) {
    const __m512i low = look_up<Block::codewords>(book.in_order[0], word.index[half]);
    const __m512i third = look_up<Block::codewords>(book.in_order[1], word.index[half]);
    const auto step = [&](int s) __attribute__((always_inline)) {
      const __m512i upper = choose(0x04040404, fields(third, s * 8, 1, 2),
                                   fields(word.signs, 16 * half + 4 * s, 1, 3));
      return look_up_codes(Block::code_table.codes,
                           choose(0x03030303, fields(low, s * 8, 2, 0), upper));
    };
    make_each(std::make_integer_sequence<int, 4>{}, step, steps + ptrdiff_t{half} * 4);
  }
}

/// f(w, the codes of weight w of each eight), for each w. Two weights are looked up by the same
/// byte, which takes fewer instructions than four in a row.
template <typename Block, typename F>
[[gnu::always_inline]] inline void codes_by_place(const Eights& word, const F& f) {
  static constexpr CodeTable upper[] = {by_field(Block::code_table, 2, 2, 0),
                                        by_field(Block::code_table, 2, 4, 1)};
  static constexpr CodeTable lower[] = {by_field(Block::code_table, 2, 0, 4),
                                        by_field(Block::code_table, 2, 2, 5)};
  for (int part = 0; part < 2; ++part) {
    const __m512i signs = part == 0 ? word.signs : _mm512_srli_epi16(word.signs, 2);
    const __m512i pairs = look_up<Block::codewords>(Block::book.pairs[part], word.index);
    const __m512i by_lower = choose(0x0f0f0f0f, pairs, signs);
    const __m512i by_upper = choose(0xfcfcfcfc, _mm512_srli_epi16(pairs, 2), signs);
    for (int weight = 0; weight < 2; ++weight) {
      f(2 * part + weight, look_up_codes(upper[weight].codes, by_upper));
      f(2 * part + 4 + weight, look_up_codes(lower[weight].codes, by_lower));
    }
  }
}
template <typename Block, typename F>
[[gnu::always_inline]] inline void codes_by_place(const Fours& word, const F& f) {
  // The signs of weights 1, 3, 0 and 2 of each four are moved to bits 0, 1, 3 and 4, which the
  // other weight of a pair leaves to them.
  static constexpr CodeTable tables[] = {
      by_field(Block::code_table, 3, 0, 3), by_field(Block::code_table, 3, 3, 0),
      by_field(Block::code_table, 3, 0, 4), by_field(Block::code_table, 3, 3, 1)};
  for (int half = 0; half < 2; ++half) {
    const __m512i signs = half == 0 ? bits_moved(word.signs, {1, 3, -1, 0, 2})
                                    : bits_moved(word.signs, {5, 7, -1, 4, 6});
    for (int part = 0; part < 2; ++part) {
      const __m512i pairs = look_up<Block::codewords>(Block::book.pairs[part], word.index[half]);
      const int w = 4 * half + 2 * part;
      f(w, look_up_codes(tables[2 * part].codes, choose(0x07070707, pairs, signs)));
      f(w + 1, look_up_codes(tables[2 * part + 1].codes, choose(0x38383838, pairs, signs)));
    }
  }
}

/// The codes of group g of 16 rows: step s has weights 4 s to 4 s + 3 of each row.
template <typename Block, typename Columns>
[[gnu::always_inline]] inline void code_steps(const Columns& columns, int g, __m512i steps[8]) {
  codes_in_order<Block>(Block::words(GroupOfRows<Columns>{columns, g}), steps);
}

/// The factors of group g of 16 rows.
template <typename Block, typename Columns>
requires has_codewords<Block>
[[gnu::always_inline]] inline __m512i group_factors(const Columns& columns, int g) {
  if constexpr (Block::group == 32) {
    return odd_factors(Block::numbers(GroupOfRows<Columns>{columns, g}), Block::number_mask);
  } else {
    const __m512i two = Block::factors(GroupOfRows<Columns>{columns, g / 2});
    return g % 2 == 0 ? two & _mm512_set1_epi32(0xffff) : _mm512_srli_epi32(two, 16);
  }
}
#else
/// Builds without these instructions have no type that they would call this for.
template <typename Block, typename Columns, typename Ints>
void code_steps(const Columns& columns, int g, Ints* steps);
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
