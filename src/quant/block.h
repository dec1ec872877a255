// How a block type is described: once, here and in one file a type, for every kernel of every
// backend.
//
// A quantized type is a struct with
//   type        its gguf::Type (which gives the block's elements and bytes)
//   group       weights that share a scale: 16 or 32 (or 256: then say 32 and repeat the scale)
//   zero        value = scale * (code - zero) + offset, with 0 <= code <= max_code <= 255
//   max_code    the largest code there is; kernels choose their sums' width by it
//   has_offset  whether groups have an offset of their own (else it is 0)
//   code(block, i)     the code of weight i of the block
//   scale(block, g)    the scale of group g of the block
//   offset(block, g)   the offset of group g
// in plain C++, which is the specification, and for AVX2 and wider
//   codes(at, i)       the codes of weights 32 i .. 32 i + 31 as 32 bytes of a vector: at(o) is the
//                      32 bytes at byte o, at.nibbles(o) the 16 bytes there spread to 32 nibbles.
//                      What it does with them, it does byte by byte, so that the same function also
//                      decodes halves of two groups side by side, two blocks in the halves of a
//                      vector of 64 bytes, and many rows at once that lie transposed (below).
//   nibbles            if all that codes() wants is at.nibbles(nibbles), in blocks of 256
//                      at.nibbles(nibbles + 16 * i)
//   fifth_bits         in blocks of 32, where a dword is with a bit more for each code
//   codes_of(at)       with fifth bits, the codes: at(o) and at.nibbles(o) as above, at.bits(o) all
//                      ones for each bit of the dword at byte o that is set
//   half_apart(o)      in blocks of 256, how far after byte o lies what group i + 4 has in its
//                      place, for i < 4; 0: in the same byte, four bits on
//   table              if these are entries of a table of 16 at nibbles
//   signed_codes(at, i)  if max_code exceeds 128: codes - zero, as signed bytes
//   codebook           instead of codes, words that are looked up, a byte a weight (codebook.h),
//   index(block, k)    and the index of word k of the block, if it is a byte; else
//   store_indices(block, out)  those of all words, in 16 bits each
//   minuses(block)     with a codebook of magnitudes, a bit for each weight, set where it is
//                      negative: code = zero + magnitude * sign
//   shifts(block)      with another codebook, 1 or -1 for each eight weights: code = word + shift
//   codes(block, i)    instead, if that is not how a type is stored
//   codes_of_pair(block, i, half)  with AVX2, if there is neither codes(at, i) nor codes_of(at):
//                      those of half of group i and of group i + 4 for i < 4
//   factors(block), unit(block)   for blocks of 256: scale = unit * factor, a factor a group, in
//                      16 bits each
//   least_factor, most_factor  with codes(at, i) and groups of 16, where the products of codes and
//                      factors fit a byte: the bounds of a factor
//   minimums(block), offset_unit(block)  the same for offsets, if it has any
//   unit_at            where the unit is, if it is a half-precision number and nothing else;
//   offset_unit_at     where the negative of the offset unit is
//   scales_and_offsets(block)  with AVX-512, where both at once are quicker: eight scales, then
//                      eight offsets, a float a group
//   codes_of_halves(block, i)  with AVX-512, if there is no codes(at, i): those of groups i and
//                      i + 4 for i < 4, in the halves of a vector
//   scales(blocks, scale, offset) for blocks of 32: the scales (and offsets) of eight of them:
//                      blocks.f16(o) is the half-precision number at byte o of each
//   scales(block, scale)          for others: all groups' scales
// A type with codes(at, i) is decoded for 8 or 16 rows at once, transposed so that a vector has a
// dword of each row:
//   columns_begin, columns_end  the bytes of a block that are transposed; whole dwords
//   columns_apart      16 more bytes, if the scale does not lie whole dwords from these
//   unit(at), factors(at, g)   the scales of group g: at(o) is the dword at byte o of each block;
//                      without factors every group's scale is the unit
//   offset_unit(at), minimums(at, g)   the same for offsets
// A type with a codebook is decoded by 64 codewords at once (columns.h), with AVX-512 VBMI. It has
// columns_begin, columns_end and
//   codewords, book    how many there are, and they
//   code_table         codes by a weight's two or three bits in a codeword and the sign above them
//   words(at)          Eights or Fours, as codewords are of eight or of four weights
//                      (at: a view of 16 groups of 32 weights)
//   unit(at), numbers(at)   the scales of groups of 32: unit * (2 number + 1), with numbers in the
//                      lowest bits of a dword
//   number_mask        these bits; the others are of no use
//   fraction           what the half-precision number at byte 0 is multiplied with to be the unit
//   unit(at), factors(at)   of groups of 16: unit * factor, two factors of 16 bits
// A float type is a struct with `type`, `value(block)` and, for AVX2, `values(block)`: 8 weights as
// floats.
//
// The headers are compiled once for each instruction set, so everything in them lives in a
// namespace of that instruction set: the linker must never take one build's function for another's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gguf/type.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifndef WELD_TARGET
#define WELD_TARGET portable
#endif

namespace weld::quant {
using gguf::Type;
inline namespace WELD_TARGET {

/// Elements and bytes of a block type's block, and its groups.
template <typename Block>
inline constexpr int elements = static_cast<int>(gguf::info(Block::type).block_elements);
template <typename Block>
inline constexpr int bytes = static_cast<int>(gguf::info(Block::type).block_bytes);
template <typename Block>
inline constexpr int groups = elements<Block> / Block::group;

/// Whether a type's weights are floats by themselves, without codes and scales.
template <typename Block>
inline constexpr bool is_float = elements<Block> == 1;

inline uint8_t byte_at(const std::byte* p, int i) { return static_cast<uint8_t>(p[i]); }
inline uint16_t u16_at(const std::byte* p, int i) {
  uint16_t v;
  std::memcpy(&v, p + i, sizeof v);
  return v;
}
inline uint32_t u32_at(const std::byte* p, int i) {
  uint32_t v;
  std::memcpy(&v, p + i, sizeof v);
  return v;
}
inline uint64_t u64_at(const std::byte* p, int i) {
  uint64_t v;
  std::memcpy(&v, p + i, sizeof v);
  return v;
}

/// The float whose bits these are.
inline float from_bits(uint32_t bits) {
  float v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

/// The value of an IEEE half-precision number, exactly; NaNs become quiet, as in hardware.
inline float f16(uint16_t half) {
#ifdef __F16C__
  return _cvtsh_ss(half);
#else
  // Shift the 15 bits below the sign to float's place and mend the exponent's bias by a
  // multiplication, which is exact and takes subnormals in its stride; infinities and NaNs keep
  // their exponent full.
  const uint32_t h = half;
  const uint32_t magnitude = (h & 0x7fffU) << 13;
  const float scaled = from_bits(magnitude) * 0x1p112F;
  uint32_t bits;
  std::memcpy(&bits, &scaled, sizeof bits);
  if ((h & 0x7c00U) == 0x7c00U) bits = magnitude | 0x7f800000U;
  if ((h & 0x7fffU) > 0x7c00U) bits |= 0x00400000U;
  return from_bits(bits | (h & 0x8000U) << 16);
#endif
}

/// The half-precision number at byte i of p.
inline float f16_at(const std::byte* p, int i) { return f16(u16_at(p, i)); }

#ifdef __AVX2__
inline __m128i load8(const std::byte* p, int i) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + i));
}
inline __m128i load16(const std::byte* p, int i) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
}
inline __m256i load32(const std::byte* p, int i) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i));
}

/// 16 bytes, twice.
inline __m256i load_twice(const void* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}

/// Each byte shifted right (left where `right` is negative) and masked; the mask must drop what the
/// shift moves over from the neighbouring byte.
inline __m256i bit_field(__m256i v, int right, int mask) {
  const __m256i moved = right < 0 ? _mm256_slli_epi16(v, -right) : _mm256_srli_epi16(v, right);
  return _mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(mask)));
}

/// Each dword shifted right (left where `right` is negative) and masked.
inline __m256i field(__m256i v, int right, int mask) {
  const __m256i moved = right < 0 ? _mm256_slli_epi32(v, -right) : _mm256_srli_epi32(v, right);
  return _mm256_and_si256(moved, _mm256_set1_epi32(mask));
}

/// Byte k of each dword, as a signed number.
inline __m256i signed_byte(__m256i v, int k) {
  return _mm256_srai_epi32(_mm256_slli_epi32(v, 24 - 8 * k), 24);
}

/// Each dword less a number.
inline __m256i minus(__m256i v, int number) {
  return _mm256_sub_epi32(v, _mm256_set1_epi32(number));
}

/// The half-precision number in the lower half of each dword.
inline __m256 f16_of_low(__m256i v) {
  const __m256i words = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(words, words), 0b11'01'10'00);
  return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
}

/// The 16 bytes of 4-bit codes at byte i of p as 32 bytes: the low nibbles, then the high ones.
inline __m256i nibbles(const std::byte* p, int i) {
  const __m256i both = _mm256_srlv_epi64(load_twice(p + i), _mm256_setr_epi64x(0, 0, 4, 4));
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/// Each byte plus 128, modulo 256.
inline __m256i plus_128(__m256i v) { return v ^ _mm256_set1_epi8(-128); }

/// Each byte's entry of a table of 16; the bytes are less than 16.
inline __m256i lookup(const uint8_t (&table)[16], __m256i indices) {
  const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), indices);
}

#ifdef __AVX512BW__
inline __m512i bit_field(__m512i v, int right, int mask) {
  const auto count = static_cast<unsigned>(right < 0 ? -right : right);
  const __m512i moved = right < 0 ? _mm512_slli_epi16(v, count) : _mm512_srli_epi16(v, count);
  return moved & _mm512_set1_epi8(static_cast<char>(mask));
}
inline __m512i field(__m512i v, int right, int mask) {
  const auto count = static_cast<unsigned>(right < 0 ? -right : right);
  const __m512i moved = right < 0 ? _mm512_slli_epi32(v, count) : _mm512_srli_epi32(v, count);
  return moved & _mm512_set1_epi32(mask);
}
/// Bits of a, whose register is taken, where the mask has ones, else of b.
inline __m512i choose(uint32_t mask, __m512i a, __m512i b) {
  return _mm512_ternarylogic_epi32(a, b, _mm512_set1_epi32(static_cast<int>(mask)), 0xe4);
}
inline __m512i join(__m256i lower, __m256i upper) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(lower), upper, 1);
}
inline __m512i signed_byte(__m512i v, int k) {
  return _mm512_srai_epi32(_mm512_slli_epi32(v, static_cast<unsigned>(24 - 8 * k)), 24);
}
inline __m512i minus(__m512i v, int number) {
  return _mm512_sub_epi32(v, _mm512_set1_epi32(number));
}
inline __m512 f16_of_low(__m512i v) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v)); }
inline __m512i plus_128(__m512i v) { return v ^ _mm512_set1_epi8(-128); }
inline __m512i lookup(const uint8_t (&table)[16], __m512i indices) {
  const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(entries), indices);
}
#endif

/// The half-precision number in the upper half of each dword.
template <typename Dwords>
[[gnu::always_inline]] inline auto f16_of_high(Dwords v) {
  return f16_of_low(field(v, 16, 0xffff));
}

/// Eight times each of four bytes: two of the lower 16, two of the upper.
inline __m256i eight_of_each(__m256i from, int first, int second, int third, int fourth) {
  const auto eight = [](int byte) { return byte * 0x0101010101010101; };
  return _mm256_shuffle_epi8(
      from, _mm256_setr_epi64x(eight(first), eight(second), eight(third), eight(fourth)));
}

/// Of eight times a byte: all ones where the bit is set, else zero.
inline __m256i mask_of_bits(__m256i eights) {
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  return _mm256_cmpeq_epi8(_mm256_and_si256(eights, bit), bit);
}

/// 32 bytes: all ones where the bit is set, else zero.
inline __m256i byte_mask(uint32_t bits) {
#ifdef __AVX512BW__
  return _mm256_movm_epi8(bits);
#else
  return mask_of_bits(eight_of_each(_mm256_set1_epi32(static_cast<int>(bits)), 0, 1, 2, 3));
#endif
}

/// Eight fields of a word, each shifted to the bottom and masked.
inline __m256i bit_fields(uint32_t word, __m256i shifts, int mask) {
  const __m256i shifted = _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(word)), shifts);
  return _mm256_and_si256(shifted, _mm256_set1_epi32(mask));
}

/// Eight blocks, wherever each of them is, for Block::scales.
struct EightBlocks {
  const std::byte* block[8];

  /// The half-precision number at byte i of each.
  __m256 f16(int i) const {
    __m128i halves = _mm_cvtsi32_si128(u16_at(block[0], i));
    halves = _mm_insert_epi16(halves, u16_at(block[1], i), 1);
    halves = _mm_insert_epi16(halves, u16_at(block[2], i), 2);
    halves = _mm_insert_epi16(halves, u16_at(block[3], i), 3);
    halves = _mm_insert_epi16(halves, u16_at(block[4], i), 4);
    halves = _mm_insert_epi16(halves, u16_at(block[5], i), 5);
    halves = _mm_insert_epi16(halves, u16_at(block[6], i), 6);
    halves = _mm_insert_epi16(halves, u16_at(block[7], i), 7);
    return _mm256_cvtph_ps(halves);
  }
  /// The first byte of each.
  __m256i first_bytes() const {
    __m128i bytes = _mm_cvtsi32_si128(byte_at(block[0], 0));
    bytes = _mm_insert_epi8(bytes, byte_at(block[1], 0), 1);
    bytes = _mm_insert_epi8(bytes, byte_at(block[2], 0), 2);
    bytes = _mm_insert_epi8(bytes, byte_at(block[3], 0), 3);
    bytes = _mm_insert_epi8(bytes, byte_at(block[4], 0), 4);
    bytes = _mm_insert_epi8(bytes, byte_at(block[5], 0), 5);
    bytes = _mm_insert_epi8(bytes, byte_at(block[6], 0), 6);
    bytes = _mm_insert_epi8(bytes, byte_at(block[7], 0), 7);
    return _mm256_cvtepu8_epi32(bytes);
  }
};

/// One row's block, for Block::codes.
struct RowBytes {
  const std::byte* block;
  __m256i operator()(int i) const { return load32(block, i); }
  __m256i nibbles(int i) const { return quant::nibbles(block, i); }
  __m256i bits(int i) const { return byte_mask(u32_at(block, i)); }
};

/// Whether a type's codes are made byte by byte, and so for transposed rows too.
template <typename Block>
inline constexpr bool is_bytewise = requires(RowBytes at) {
  Block::codes(at, 0);
};

/// Whether a type's nibbles lie group by group.
template <typename Block>
inline constexpr bool has_nibbles = requires {
  Block::nibbles;
};

/// Whether a type's codes are entries of a table of 16.
template <typename Block>
inline constexpr bool is_looked_up = requires {
  Block::table;
};

/// Whether a type has a codebook that can be looked up by 64 codewords at once.
template <typename Block>
inline constexpr bool has_codewords = requires {
  Block::codewords;
};

/// Whether a type's codes and scales can be made for many rows at once.
template <typename Block>
inline constexpr bool has_columns = requires {
  Block::columns_begin;
};

/// The factors of group g of transposed rows.
template <typename Block, typename Columns>
requires requires(const Columns& at) { Block::factors(at, 0); }
[[gnu::always_inline]] inline auto group_factors(const Columns& at, int g) {
  return Block::factors(at, g);
}

/// Whether a type's codes are looked up in a codebook.
template <typename Block>
inline constexpr bool has_codebook = requires {
  Block::codebook;
};

/// Whether what a codebook says are magnitudes, and signs stand apart.
template <typename Block>
inline constexpr bool has_signs = requires {
  Block::minuses(nullptr);
};

/// The codes of a block.
template <typename Block>
class BlockCodes {
 public:
  explicit BlockCodes(const std::byte* block) : block_(block) {}

  /// Of weights 32 i .. 32 i + 31.
  [[gnu::always_inline]] __m256i operator()(int i) const {
    if constexpr (is_bytewise<Block>)
      return Block::codes(RowBytes{block_}, i);
    else
      return Block::codes(block_, i);
  }

 private:
  const std::byte* block_;
};

/// The bytes of two 32-bit words as eight 16-bit words.
inline __m128i words_of_bytes(uint32_t first, uint32_t second) {
  const uint64_t bytes = first | static_cast<uint64_t>(second) << 32;
  return _mm_cvtepu8_epi16(_mm_cvtsi64_si128(static_cast<int64_t>(bytes)));
}

/// Eight small integers of 32 bits in 16.
inline __m128i words_of_dwords(__m256i v) {
  return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

/// Whether a type's scales are integers times one float a block.
template <typename Block>
inline constexpr bool has_factors = elements<Block> == 256;

/// Scales (or offsets): a unit times eight factors, or sixteen.
inline void store_scales(float* out, float unit, __m128i factors) {
  const __m256 floats = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(factors));
  _mm256_storeu_ps(out, _mm256_mul_ps(_mm256_set1_ps(unit), floats));
}
inline void store_scales(float* out, float unit, __m256i factors) {
  store_scales(out, unit, _mm256_castsi256_si128(factors));
  store_scales(out + 8, unit, _mm256_extracti128_si256(factors, 1));
}

/// The scales and offsets of all groups of a block.
template <typename Block>
void scales(const std::byte* block, float* scale, float* offset) {
  if constexpr (has_factors<Block>) {
    store_scales(scale, Block::unit(block), Block::factors(block));
    if constexpr (Block::has_offset)
      store_scales(offset, Block::offset_unit(block), Block::minimums(block));
  } else {
    Block::scales(block, scale);
  }
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
