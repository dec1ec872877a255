// What products of a row with a token are made of in any vector build: a span of the row and its
// scales, and a token's activations.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "kernels/cpu/activations.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

/// Columns that are multiplied together: 8 groups of the activations, so that scales come 8 to a
/// vector; a block of most types.
inline constexpr int span = padded_columns;

template <typename Block>
inline constexpr int span_bytes = (span / quant::elements<Block> * quant::bytes<Block>);

/// Whose byte i is, for the fourth group after a group, what byte i of this block is for the group.
template <typename Block>
[[gnu::always_inline]] inline const std::byte* fourth_after(const std::byte* block, int i) {
  if constexpr (quant::elements<Block> == span)
    return block + Block::half_apart(i);
  else
    return block + span_bytes<Block> / 2;
}

/// One token's activations from some column on.
class Token {
 public:
  Token(const Activations& x, int token) : x_(&x), at_(x.code_at(token, 0)) {}

  const int8_t* codes() const { return x_->codes + at_; }
  const int8_t* pairs() const { return x_->pairs + 2 * at_; }
  const int8_t* places() const { return x_->places + 2 * at_; }
  const float* scales() const { return x_->scales + at_ / 32; }
  const int16_t* half_sums() const { return x_->half_sums + at_ / 16; }

  /// The columns must be a multiple of 32.
  Token operator+(ptrdiff_t columns) const {
    Token later = *this;
    later.at_ += static_cast<size_t>(columns);
    return later;
  }

 private:
  // One number to count, not a pointer for each form: GCC 12 would keep pointers in memory.
  const Activations* x_;
  size_t at_;
};

/// The same of activations in the order of codewords, by pointers: one number leaves GCC 12 fewer
/// registers in their loop (IQ3_S 77 instructions for 256 weights, so 70, 1.07 times the speed).
class CodewordToken {
 public:
  CodewordToken(const Activations& x, int token)
      : places_(x.places + 2 * x.code_at(token, 0)),
        scales_(x.scales + x.code_at(token, 0) / 32),
        half_sums_(x.half_sums + x.code_at(token, 0) / 16) {}

  const int8_t* places() const { return places_; }
  const float* scales() const { return scales_; }
  const int16_t* half_sums() const { return half_sums_; }

  /// The columns must be a multiple of 32.
  CodewordToken operator+(ptrdiff_t columns) const {
    CodewordToken later = *this;
    later.places_ += 2 * columns;
    later.scales_ += columns / 32;
    later.half_sums_ += columns / 16;
    return later;
  }

 private:
  const int8_t* places_;
  const float* scales_;
  const int16_t* half_sums_;
};

/// What rows of a type are multiplied with.
template <typename Block>
using TokenOf = std::conditional_t<quant::has_codewords<Block>, CodewordToken, Token>;

/// Sums of the products of so many rows at once with some tokens: add() takes a span of a row,
/// add_first() less than one, finish() what is left to do at a row's end; lanes_of() has the sums
/// in 8 lanes. Input is what is made of a token's activations for all rows.
template <typename Block, int Tokens>
class RowSums;

/// The bytes of a block of 32 weights before its codes.
template <typename Block>
constexpr int header_bytes() {
  if constexpr (quant::has_nibbles<Block>)
    return Block::nibbles;
  else
    return 2;
}

/// Eight blocks of a row, one after the other, for Block::scales.
template <typename Block>
struct BlocksInRow {
  const std::byte* first;

#ifdef __AVX512BW__
  /// The half-precision number at byte i, 0 or 2, of each.
  __m256 f16(int i) const {
    const __m512i words = headers();
    return _mm256_cvtph_ps(i == 0 ? _mm512_castsi512_si128(words)
                                  : _mm512_extracti32x4_epi32(words, 1));
  }
  __m256i first_bytes() const {
#ifdef __AVX512VBMI__
    static constexpr Places<uint8_t, __mmask64> places([](int block, int) { return 4 * block; });
    __m512i found = _mm512_setzero_si512();
    for (int l = 0; l < loads; ++l)
      found =
          _mm512_mask_permutexvar_epi8(found, places.mask[l], _mm512_load_si512(places.index[l]),
                                       _mm512_loadu_si512(first + begin(l)));
    return _mm512_castsi512_si256(found);
#else
    // Where blocks have an odd number of bytes, every other one's is the upper half of a word.
    const __m128i shifts = bytes % 2 ? _mm_set1_epi32(8 << 16) : _mm_setzero_si128();
    const __m256i dwords =
        _mm256_cvtepu16_epi32(_mm_srlv_epi16(_mm512_castsi512_si128(headers()), shifts));
    return _mm256_and_si256(dwords, _mm256_set1_epi32(255));
#endif
  }

  /// The words before the blocks' nibbles: the first of each, the second of each, and so on;
  /// rounded down to an even place.
  __m512i headers() const {
    static constexpr Places<uint16_t, __mmask32> places(
        [](int block, int word) { return 8 * word + block; });
    __m512i found = _mm512_setzero_si512();
    for (int l = 0; l < loads; ++l)
      found =
          _mm512_mask_permutexvar_epi16(found, places.mask[l], _mm512_load_si512(places.index[l]),
                                        _mm512_loadu_si512(first + begin(l)));
    return found;
  }

 private:
  static constexpr int bytes = quant::bytes<Block>, header = header_bytes<Block>();
  // Words are taken out of 64 bytes at a time: one instruction does for several blocks.
  static constexpr int blocks_a_load = (64 - header) / bytes + 1;
  static constexpr int loads = (8 + blocks_a_load - 1) / blocks_a_load;
  /// Where the bytes begin that are loaded at once. They end within the span.
  static constexpr int begin(int load) {
    return std::min(load * blocks_a_load * bytes, 8 * bytes - 64);
  }
  /// Where in the bytes of each load what goes to lane_of(block, number) is, a header's words or
  /// bytes being numbered.
  template <typename Index, typename Mask>
  struct Places {
    alignas(64) Index index[loads][64 / sizeof(Index)] = {};
    Mask mask[loads] = {};

    template <typename LaneOf>
    consteval explicit Places(LaneOf lane_of) {
      constexpr int size = sizeof(Index), numbers = std::max(header / size, 1);
      for (int block = 0; block < 8; ++block)
        for (int i = 0; i < numbers; ++i) {
          const int load = block / blocks_a_load, lane = lane_of(block, i);
          index[load][lane] = static_cast<Index>((block * bytes - begin(load)) / size + i);
          mask[load] |= Mask{1} << lane;
        }
    }
  };
#else
  __m256 f16(int i) const { return all().f16(i); }
  __m256i first_bytes() const { return all().first_bytes(); }

 private:
  quant::EightBlocks all() const {
    quant::EightBlocks blocks;
    unroll<8>([&](auto i) { blocks.block[i] = first + i * quant::bytes<Block>; });
    return blocks;
  }
#endif
};

/// Scales and offsets of a span of small blocks, group by group.
template <typename Block>
struct GroupScales {
  alignas(32) float scale[span / Block::group];
  alignas(32) float offset[span / Block::group];

  [[gnu::always_inline]] explicit GroupScales(const std::byte* blocks) {
    if constexpr (quant::groups<Block> == 1) {
      Block::scales(BlocksInRow<Block>{blocks}, scale, offset);
    } else {
      unroll<span / quant::elements<Block>>([&](auto i) {
        Block::scales(blocks + i * quant::bytes<Block>, scale + i * quant::groups<Block>);
      });
    }
  }
};

}  // namespace weld::kernels::WELD_TARGET
