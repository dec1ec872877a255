// Products of a span of a quantized row with the codes of some tokens, for AVX-512: 256 columns,
// with groups 0 to 3 in the lower halves of vectors and groups 4 to 7 in the upper ones. The sums
// of all groups come together in one vector, which meets all scales at once.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstddef>

#include "kernels/cpu/dot_span.h"

namespace weld::kernels::WELD_TARGET {

/// The bytes of a group and of the fourth after it, for Block::codes.
template <typename Block>
struct HalvesBytes {
  const std::byte* block;

  __m512i operator()(int i) const {
    if constexpr (quant::elements<Block> == span) {
      if (Block::half_apart(i) == 32) {
        __m512i both = _mm512_loadu_si512(block + i);
        settle(both);  // GCC 12 would load it again for each use, across two cache lines
        return both;
      }
      if (Block::half_apart(i) == 0)  // in the same bytes, four bits on
        return _mm512_srlv_epi64(_mm512_broadcast_i64x4(quant::load32(block, i)),
                                 _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4));
    }
    return quant::join(quant::load32(block, i), quant::load32(fourth_after<Block>(block, i), i));
  }
  __m512i nibbles(int i) const {
    const __m512i lower = _mm512_broadcast_i32x4(quant::load16(block, i));
    const __m512i twice =
        _mm512_mask_broadcast_i32x4(lower, 0xff00, quant::load16(fourth_after<Block>(block, i), i));
    const __m512i both = _mm512_srlv_epi64(twice, _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4));
    return both & _mm512_set1_epi8(15);
  }
};

/// The codes of group i of a span and of group i + 4, for each i.
template <typename Block>
[[gnu::always_inline]] inline void codes_of_halves(const std::byte* blocks, __m512i (&codes)[4]) {
  constexpr int in_block = quant::elements<Block> / 32;
  const auto block_of = [=](int group) {
    return blocks + ptrdiff_t{group / in_block} * quant::bytes<Block>;
  };
  if constexpr (quant::has_codebook<Block>) {
    const quant::BlockCodes<Block> of(blocks);
    unroll<4>([&](auto i) { codes[i] = quant::join(of(i), of(i + 4)); });
  } else {
    unroll<4>([&](auto i) {
      if constexpr (requires { Block::codes_of_halves(blocks, i); })
        codes[i] = Block::codes_of_halves(blocks, i);
      else if constexpr (quant::is_bytewise<Block>)
        codes[i] = Block::codes(HalvesBytes<Block>{block_of(i)}, i % in_block);
      else
        codes[i] = quant::join(Block::codes(block_of(i), i % in_block),
                               Block::codes(block_of(i + 4), (i + 4) % in_block));
    });
  }
}

/// Adds neighbours of a and of b, in each 16 bytes: {a0 + a1, a2 + a3, b0 + b1, b2 + b3}. Sums that
/// fit into 16 bits take two instructions instead of three.
template <int largest>
[[gnu::always_inline]] inline __m512i add_neighbours(__m512i a, __m512i b) {
  if constexpr (largest <= 32767) {
    return _mm512_madd_epi16(_mm512_packs_epi32(a, b), _mm512_set1_epi16(1));
  } else {
    const __m512 first = _mm512_castsi512_ps(a), second = _mm512_castsi512_ps(b);
    return _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(first, second, 0b10'00'10'00)),
                            _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0b11'01'11'01)));
  }
}

/// What there is of each half group, or of each group, in the order of their sums: the first halves
/// of groups 0 to 3, their second halves, then those of groups 4 to 7.
inline __m512i order_of_sums() {
  return _mm512_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
}
inline __m512 in_order_of_sums(__m512 of_half_groups) {
  return _mm512_permutexvar_ps(order_of_sums(), of_half_groups);
}
inline __m512 in_order_of_sums(__m256 of_groups) {
  const __m512 v = _mm512_castps256_ps512(of_groups);
  return _mm512_shuffle_f32x4(v, v, 0b01'01'00'00);
}

inline __m256 floats_of_words(__m128i v) { return to_floats(_mm256_cvtepi16_epi32(v)); }
inline __m512 floats_of_words(__m256i v) { return to_floats(_mm512_cvtepi16_epi32(v)); }

/// The half-precision number at byte `at` of a block, in all lanes. Converted as it is loaded, with
/// seven neighbours, it need not be brought into a register first.
template <typename Block, int at>
[[gnu::always_inline]] inline __m512 f16_in_all_lanes(const std::byte* block) {
  constexpr int from = at + 16 <= quant::bytes<Block> ? at : quant::bytes<Block> - 16;
  const __m512 eight = _mm512_castps256_ps512(_mm256_cvtph_ps(quant::load16(block, from)));
  return _mm512_permutexvar_ps(_mm512_set1_epi32((at - from) / 2), eight);
}
/// The unit of a block's scales, in all lanes.
template <typename Block>
[[gnu::always_inline]] inline __m512 unit(const std::byte* block) {
  if constexpr (requires { Block::unit_at; })
    return f16_in_all_lanes<Block, Block::unit_at>(block);
  else
    return _mm512_set1_ps(Block::unit(block));
}

/// A float for each group of a span.
template <typename Block>
auto load_groups(const float* p) {
  if constexpr (Block::group == 16)
    return _mm512_loadu_ps(p);
  else
    return _mm256_loadu_ps(p);
}
template <typename Block>
using GroupFloats = decltype(load_groups<Block>(nullptr));

/// The scales of a span of a row.
template <typename Block>
struct SpanScales {
  __m512 scales;               ///< in the order of sums
  GroupFloats<Block> offsets;  ///< group by group

  [[gnu::always_inline]] explicit SpanScales(const std::byte* blocks) {
    if constexpr (requires { Block::scales_and_offsets(blocks); }) {
      const __m512 both = Block::scales_and_offsets(blocks);
      scales = in_order_of_sums(low_half(both));
      offsets = high_half(both);
    } else if constexpr (quant::has_factors<Block>) {
      scales = in_order_of_sums(floats_of_words(Block::factors(blocks))) * unit<Block>(blocks);
      if constexpr (Block::has_offset)
        offsets = -(floats_of_words(Block::minimums(blocks)) *
                    f16_in_all_lanes<Block, Block::offset_unit_at>(blocks));
    } else {
      const GroupScales<Block> of(blocks);
      scales = in_order_of_sums(load_groups<Block>(of.scale));
      if constexpr (Block::has_offset) offsets = load_groups<Block>(of.offset);
    }
  }

  /// The same of no more than the first groups; whatever stands in place of the others, infinite
  /// too, counts as zero.
  [[gnu::always_inline]] SpanScales(const std::byte* blocks, int groups) {
    const GroupScales<Block> of(blocks);
    float scale[span / Block::group] = {}, offset[span / Block::group] = {};
    std::copy_n(of.scale, groups, scale);
    scales = in_order_of_sums(load_groups<Block>(scale));
    if constexpr (Block::has_offset) {
      std::copy_n(of.offset, groups, offset);
      offsets = load_groups<Block>(offset);
    }
  }
};

/// One token's activations of a span, as they meet the codes of any row.
template <typename Block>
struct SpanInput {
  __m512i codes[4];
  __m512i zeros;  ///< what products with codes lack, since (code - zero) counts instead of code
  __m512 scales;  ///< in the order of sums
  GroupFloats<Block> sums;  ///< of the values, group by group, for offsets

  [[gnu::always_inline]] explicit SpanInput(const Token& x) {
    for (int i = 0; i < 4; ++i)
      codes[i] = quant::join(load_ints(x.codes() + ptrdiff_t{i} * 32),
                             load_ints(x.codes() + ptrdiff_t{i} * 32 + span / 2));
    const __m256 of_groups = _mm256_loadu_ps(x.scales());
    scales = in_order_of_sums(of_groups);
    const __m256i half_sums = load_ints(x.half_sums());
    if constexpr (Block::zero != 0)
      zeros = _mm512_mullo_epi32(
          _mm512_permutexvar_epi32(order_of_sums(), _mm512_cvtepi16_epi32(half_sums)),
          _mm512_set1_epi32(-Block::zero));
    if constexpr (Block::has_offset && Block::group == 32)
      sums = to_floats(_mm256_madd_epi16(half_sums, _mm256_set1_epi16(1))) * of_groups;
    if constexpr (Block::has_offset && Block::group == 16)
      sums =
          floats_of_words(half_sums) *
          _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),
                                _mm512_castps256_ps512(of_groups));
  }
};

template <typename Block, int Tokens>
class RowSums {
 public:
  using Input = SpanInput<Block>;
  static constexpr int rows = 1;

  [[gnu::always_inline]] void add(const std::byte* const* row, ptrdiff_t at, const Input* x) {
    const std::byte* const blocks = *row + at;
    add(blocks, SpanScales<Block>(blocks), x);
  }

  /// Adds the first columns of a span of small blocks. Of the others the activations are zeros, but
  /// the weights may be anything that can be read.
  [[gnu::always_inline]] void add_first(int columns, const std::byte* blocks, const Input* x) {
    add(blocks, SpanScales<Block>(blocks, columns / Block::group), x);
  }

  void finish() {}

  __m256 lanes_of(int, int token) const {
    const __m256 sum = low_half(sum_[token]) + high_half(sum_[token]);
    if constexpr (!Block::has_offset)
      return sum;
    else if constexpr (Block::group == 16)
      return sum + (low_half(offset_[token]) + high_half(offset_[token]));
    else
      return sum + offset_[token];
  }

 private:
  [[gnu::always_inline]] void add(const std::byte* blocks, const SpanScales<Block>& of,
                                  const Input* x) {
    __m512i codes[4];
    codes_of_halves<Block>(blocks, codes);
    for (int t = 0; t < Tokens; ++t) {
      constexpr int largest = 4 * 127 * Block::max_code;  // sum of 4 products
      const auto products = [&](int i) {
        return _mm512_dpbusd_epi32(_mm512_setzero_si512(), codes[i], x[t].codes[i]);
      };
      __m512i sums = add_neighbours<2 * largest>(add_neighbours<largest>(products(0), products(1)),
                                                 add_neighbours<largest>(products(2), products(3)));
      if constexpr (Block::zero != 0) sums = _mm512_add_epi32(sums, x[t].zeros);
      sum_[t] = fma(to_floats(sums), of.scales * x[t].scales, sum_[t]);
      if constexpr (Block::has_offset) offset_[t] = fma(of.offsets, x[t].sums, offset_[t]);
    }
  }

  __m512 sum_[Tokens] = {};
  GroupFloats<Block> offset_[Tokens] = {};
};

}  // namespace weld::kernels::WELD_TARGET
