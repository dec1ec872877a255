// Products of a span of groups with 16 bytes of nibbles each, for AVX-512: four groups lie side by
// side in a vector as they are stored, so that one shift separates the halves of all of them, and
// products of both halves add up in the same place.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/cpu/dot_halves.h"

namespace weld::kernels::WELD_TARGET {

/// For each of three blocks' nibbles, in units of `Index`, where in 64 bytes they are.
template <typename Block, typename Index>
struct NibblePlaces {
  /// Where these bytes begin. If the nibbles are in the first 64, scales come from the same load.
  static constexpr int begin = 3 * quant::bytes<Block> <= 64 ? 0 : Block::nibbles;
  alignas(64) Index index[64 / sizeof(Index)] = {};

  consteval NibblePlaces() {
    constexpr int width = 16 / sizeof(Index);
    for (int i = 0; i < 3 * width; ++i)
      index[i] = static_cast<Index>((i / width * quant::bytes<Block> + Block::nibbles - begin) /
                                        static_cast<int>(sizeof(Index)) +
                                    i % width);
  }
};

/// The nibbles of four groups, 16 bytes each. Those of three blocks are within 64 bytes, of which
/// one instruction takes them all.
template <typename Block>
[[gnu::always_inline]] inline __m512i nibbles_of_four(const std::byte* blocks, int four) {
  if constexpr (quant::elements<Block> == span)
    return _mm512_loadu_si512(blocks + Block::nibbles + ptrdiff_t{four} * 64);
  blocks += ptrdiff_t{four} * 4 * quant::bytes<Block>;
  const auto of = [=](int i) {
    return quant::load16(blocks, i * quant::bytes<Block> + Block::nibbles);
  };
  __m512i all;
  if constexpr (quant::bytes<Block> % 2 == 0) {
    static constexpr NibblePlaces<Block, uint16_t> places;
    all = _mm512_permutexvar_epi16(_mm512_load_si512(places.index),
                                   _mm512_loadu_si512(blocks + places.begin));
  } else {
#ifdef __AVX512VBMI__
    static constexpr NibblePlaces<Block, uint8_t> places;
    all = _mm512_permutexvar_epi8(_mm512_load_si512(places.index), _mm512_loadu_si512(blocks));
#else
    all = _mm512_broadcast_i32x4(of(0));
    all = _mm512_mask_broadcast_i32x4(all, 0x00f0, of(1));
    all = _mm512_mask_broadcast_i32x4(all, 0x0f00, of(2));
#endif
  }
  return _mm512_mask_broadcast_i32x4(all, 0xf000, of(3));
}

/// The codes of each byte's lower four bits.
template <typename Block>
[[gnu::always_inline]] inline __m512i codes_of_nibbles(__m512i bytes) {
#ifdef __AVX512VBMI__
  if constexpr (quant::is_looked_up<Block>) {
    // The look-up takes six bits of a byte: whatever the upper two are, the entry is the same.
    const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(Block::table));
    return _mm512_permutexvar_epi8(bytes, _mm512_broadcast_i32x4(entries));
  }
#endif
  const __m512i nibbles = bytes & _mm512_set1_epi8(15);
  if constexpr (quant::is_looked_up<Block>)
    return quant::lookup(Block::table, nibbles);
  else
    return nibbles;
}

/// The fifth bits of the codes of eight blocks that have them apart.
template <typename Block>
class FifthBits {
 public:
  [[gnu::always_inline]] explicit FifthBits(const std::byte* blocks) {
    _mm512_store_si512(headers_, BlocksInRow<Block>{blocks}.headers());
  }

  /// The codes of halves of four groups with their fifth bits.
  [[gnu::always_inline]] __m512i add_to(__m512i nibbles, int four, int half) const {
    const __mmask64 bits = headers_[2 * (Block::fifth_bits / 2 + half) + four];
    return _mm512_mask_add_epi8(nibbles, bits, nibbles, _mm512_set1_epi8(16));
  }

 private:
  alignas(64) __mmask64 headers_[8];  ///< [word of the header][half of the blocks]
};
template <typename Block>
inline constexpr bool has_fifth_bits = requires {
  Block::fifth_bits;
};

/// Nothing where codes are nibbles.
template <typename Block>
requires(!has_fifth_bits<Block>) class FifthBits<Block> {
 public:
  explicit FifthBits(const std::byte*) {}
  [[gnu::always_inline]] __m512i add_to(__m512i nibbles, int, int) const { return nibbles; }
};

/// One of eight dwords or floats for each 16 bytes: the first four or the last.
inline __m512i place_of_four(int four) {
  const int i = 4 * four;
  return _mm512_setr_epi32(i, i, i, i, i + 1, i + 1, i + 1, i + 1, i + 2, i + 2, i + 2, i + 2,
                           i + 3, i + 3, i + 3, i + 3);
}

/// One token's activations of a span, as they meet the nibbles of any row.
template <typename Block>
struct NibbleInput {
  __m512i first[2], second[2];  ///< halves of four groups each
  __m512i start[2];             ///< of sums: what they lack, since (code - zero) counts
  __m256 scales;
  __m256 sums;  ///< of the values, group by group, for offsets

  [[gnu::always_inline]] explicit NibbleInput(const Token& x) {
    const __m256i half_sums = load_ints(x.half_sums());
    const __m256i lacking = _mm256_madd_epi16(half_sums, _mm256_set1_epi16(-Block::zero));
    for (int four = 0; four < 2; ++four) {
      const __m512i two = _mm512_loadu_si512(x.codes() + four * span / 2);
      const __m512i next = _mm512_loadu_si512(x.codes() + four * span / 2 + 64);
      first[four] = _mm512_shuffle_i64x2(two, next, 0b10'00'10'00);
      second[four] = _mm512_shuffle_i64x2(two, next, 0b11'01'11'01);
      start[four] = _mm512_maskz_permutexvar_epi32(0x1111, place_of_four(four),
                                                   _mm512_castsi256_si512(lacking));
    }
    scales = _mm256_loadu_ps(x.scales());
    if constexpr (Block::has_offset)
      sums = to_floats(_mm256_madd_epi16(half_sums, _mm256_set1_epi16(1))) * scales;
  }
};

template <typename Block, int Tokens>
requires quant::has_nibbles<Block>
class RowSums<Block, Tokens> {
 public:
  using Input = NibbleInput<Block>;
  static constexpr int rows = 1;

  [[gnu::always_inline]] void add(const std::byte* const* row, ptrdiff_t at, const Input* x) {
    const std::byte* const blocks = *row + at;
    if constexpr (quant::has_factors<Block>) {
      static_assert(!Block::has_offset);
      const __m256i factors = _mm256_cvtepi16_epi32(Block::factors(blocks));
      add(span, blocks, to_floats(factors) * low_half(unit<Block>(blocks)), _mm256_setzero_ps(), x);
    } else {
      const GroupScales<Block> of(blocks);
      __m256 offsets{};
      if constexpr (Block::has_offset) offsets = _mm256_load_ps(of.offset);
      add(span, blocks, _mm256_load_ps(of.scale), offsets, x);
    }
  }

  /// Adds the first columns of a span. Of the others the activations are zeros, but the weights
  /// may be anything that can be read, infinite too.
  [[gnu::always_inline]] void add_first(int columns, const std::byte* blocks, const Input* x) {
    const GroupScales<Block> of(blocks);
    const auto groups = static_cast<__mmask8>((1U << columns / Block::group) - 1);
    const __m256 scales = _mm256_maskz_load_ps(groups, of.scale);
    __m256 offsets{};
    if constexpr (Block::has_offset) offsets = _mm256_maskz_load_ps(groups, of.offset);
    add(columns, blocks, scales, offsets, x);
  }

  void finish() {}

  __m256 lanes_of(int, int token) const {
    const __m256 sum = low_half(sum_[token]) + high_half(sum_[token]);
    if constexpr (!Block::has_offset)
      return sum;
    else
      return sum + offset_[token];
  }

 private:
  [[gnu::always_inline]] void add(int columns, const std::byte* blocks, __m256 scales,
                                  __m256 offsets, const Input* x) {
    const FifthBits<Block> fifth(blocks);
    unroll<2>([&](auto four) __attribute__((always_inline)) {
      if (four * span / 2 >= columns) return;
      const __m512i both = nibbles_of_four<Block>(blocks, four);
      const __m512i first = fifth.add_to(codes_of_nibbles<Block>(both), four, 0);
      const __m512i second =
          fifth.add_to(codes_of_nibbles<Block>(_mm512_srli_epi16(both, 4)), four, 1);
      for (int t = 0; t < Tokens; ++t) {
        const __m512i sums =
            _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(x[t].start[four], first, x[t].first[four]),
                                second, x[t].second[four]);
        const __m512 scale = _mm512_permutexvar_ps(place_of_four(four),
                                                   _mm512_castps256_ps512(scales * x[t].scales));
        sum_[t] = fma(to_floats(sums), scale, sum_[t]);
      }
    });
    if constexpr (Block::has_offset)
      for (int t = 0; t < Tokens; ++t) offset_[t] = fma(offsets, x[t].sums, offset_[t]);
  }

  __m512 sum_[Tokens] = {};
  __m256 offset_[Tokens] = {};
};

}  // namespace weld::kernels::WELD_TARGET
