// Products of a span of a quantized row with the codes of some tokens, for AVX2: 256 columns, whose
// products stay in registers. The sums of 8 groups come together in one vector, which meets 8
// scales.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/cpu/dot_span.h"

namespace weld::kernels::WELD_TARGET {

/// vpmaddubsw adds two products in 16 signed bits: codes up to 128 fit. Larger ones are lifted
/// signed numbers; they go back to their own sign, and take over that of the activations, whose
/// magnitudes are left. Signs that are stored apart move over to the activations.
template <typename Block>
inline constexpr bool signed_codes =
    (Block::max_code > 128 && !has_vnni) || quant::has_signs<Block>;

/// What a product of codes still lacks, (code - zero) instead of code: made up for through the
/// activations' sums.
template <typename Block>
inline constexpr int missing_zero = signed_codes<Block> ? 0 : Block::zero;

/// 8 sums of 4 products of codes each.
inline __m256i products(__m256i codes, __m256i x) {
#ifdef __AVXVNNI__
  return add_byte_products(_mm256_setzero_si256(), codes, x);
#else
  return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1));
#endif
}
/// Adds neighbours of a and of b, in each 16 bytes: {a0 + a1, a2 + a3, b0 + b1, b2 + b3}. Sums that
/// fit into 16 bits take two instructions instead of three.
template <int largest>
[[gnu::always_inline]] inline __m256i add_neighbours(__m256i a, __m256i b) {
  if constexpr (largest <= 32767)
    return _mm256_madd_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(1));
  else
    return _mm256_hadd_epi32(a, b);
}
/// Lanes in the order of half_products(): the even ones, then the odd ones.
inline __m256 even_then_odd(__m256 v) {
  return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}
/// 16 bytes, then 16 other ones.
inline __m256i load_two(const std::byte* first, const std::byte* second) {
  return _mm256_set_m128i(quant::load16(second, 0), quant::load16(first, 0));
}

/// Half of a group's bytes and the same half of the fourth group's after it, for Block::codes: the
/// groups of a pair meet their sums in the lower and in the upper half of vectors.
template <typename Block>
struct PairBytes {
  const std::byte* block;
  int half;

  __m256i operator()(int i) const {
    if constexpr (quant::elements<Block> == span)
      if (Block::half_apart(i) == 0)  // in the same bytes, four bits on
        return _mm256_srlv_epi64(quant::load_twice(block + i + 16 * half),
                                 _mm256_setr_epi64x(0, 0, 4, 4));
    return load_two(block + i + 16 * half, fourth_after<Block>(block, i) + i + 16 * half);
  }
  __m256i nibbles(int i) const {
    return quant::bit_field(load_two(block + i, fourth_after<Block>(block, i) + i), 4 * half, 15);
  }
  __m256i bits(int i) const {
    const int first = 2 * half, second = first + 1;
    return quant::mask_of_bits(quant::eight_of_each(
        load_two(block + i, fourth_after<Block>(block, i) + i), first, second, first, second));
  }
};

/// The codes of a span.
template <typename Block>
class SpanCodes {
 public:
  explicit SpanCodes(const std::byte* blocks) : blocks_(blocks) {}
  /// Of a group.
  __m256i operator()(int group) const {
    constexpr int in_block = quant::elements<Block> / 32;
    return quant::BlockCodes<Block>(block(group / in_block))(group % in_block);
  }
  /// Of half of group i and of group i + 4.
  __m256i pair(int i, int half) const {
    if constexpr (requires { Block::codes_of_pair(nullptr, i, half); })
      return Block::codes_of_pair(blocks_, i, half);
    else if constexpr (quant::is_bytewise<Block>)
      return Block::codes(pair_bytes(i, half), i);
    else
      return Block::codes_of(pair_bytes(i, half));
  }
  PairBytes<Block> pair_bytes(int i, int half) const {
    return {quant::elements<Block> == span ? blocks_ : block(i), half};
  }

 private:
  const std::byte* block(int i) const { return blocks_ + ptrdiff_t{i} * quant::bytes<Block>; }

  const std::byte* blocks_;
};
template <typename Block>
requires quant::has_codebook<Block>
class SpanCodes<Block> : public quant::BlockCodes<Block> {
 public:
  using quant::BlockCodes<Block>::BlockCodes;
  static quant::Sixteens in_pair(int i, int half) { return {2 * i + half, 2 * i + half + 8}; }
  __m256i pair(int i, int half) const { return (*this)(in_pair(i, half)); }
};

/// What is multiplied byte by byte: codes without a sign, and numbers with one.
struct Factors {
  __m256i codes, x;
};

/// Those of half of group i and of group i + 4.
template <typename Block>
[[gnu::always_inline]] inline Factors pair_factors(const SpanCodes<Block>& codes, int i, int half,
                                                   const Token& token) {
  const int8_t* const at = token.pairs() + ptrdiff_t{32} * (2 * i + half);
  const __m256i x = load_ints(at);
  if constexpr (quant::has_signs<Block>) {
    const quant::Sixteens of = codes.in_pair(i, half);
    return {codes.magnitudes(of), _mm256_sign_epi8(x, codes.signs(of))};
  } else if constexpr (signed_codes<Block>) {
    const __m256i weights = Block::signed_codes(codes.pair_bytes(i, half), i);
    if constexpr (Block::zero == 128)  // -128 has no opposite
      return {_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights)};
    else
      return {load_ints(at + span), _mm256_sign_epi8(weights, x)};
  } else {
    return {codes.pair(i, half), x};
  }
}

/// The largest of the codes that are multiplied.
template <typename Block>
inline constexpr int max_factor = signed_codes<Block> ? Block::zero : Block::max_code;

/// Products of group i and of group i + 4: four sums in each half of the vector.
template <typename Block>
[[gnu::always_inline]] inline __m256i pair_products(const SpanCodes<Block>& codes, int i,
                                                    const Token& x) {
  const Factors first = pair_factors(codes, i, 0, x), second = pair_factors(codes, i, 1, x);
#ifdef __AVXVNNI__
  return add_byte_products(products(first.codes, first.x), second.codes, second.x);
#else
  if constexpr (4 * 127 * max_factor<Block> <= 32767) {
    const __m256i sums = _mm256_add_epi16(_mm256_maddubs_epi16(first.codes, first.x),
                                          _mm256_maddubs_epi16(second.codes, second.x));
    return _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
  } else {
    return _mm256_add_epi32(products(first.codes, first.x), products(second.codes, second.x));
  }
#endif
}

/// products() of a group of 32, of which each half has its own scale.
template <typename Block>
[[gnu::always_inline]] inline __m256i group_products(const SpanCodes<Block>& codes, int group,
                                                     const Token& token) {
  const __m256i x = load_ints(token.codes() + ptrdiff_t{32} * group);
  if constexpr (quant::has_signs<Block>) {
    const quant::Sixteens of{2 * group, 2 * group + 1};
    return products(codes.magnitudes(of), _mm256_sign_epi8(x, codes.signs(of)));
  } else {
    static_assert(!signed_codes<Block>);
    return products(codes(group), x);
  }
}

/// Products of four groups from group First of the span: the first halves of all of them in the
/// lower 16 bytes, the second halves in the upper ones.
template <typename Block, int First>
[[gnu::always_inline]] inline __m256i half_products(const SpanCodes<Block>& codes, const Token& x) {
  constexpr int largest = 4 * 127 * max_factor<Block>;  // sum of 4 products
  const auto group = [&](int i) __attribute__((always_inline)) {
    return group_products(codes, First + i, x);
  };
  return add_neighbours<2 * largest>(add_neighbours<largest>(group(0), group(1)),
                                     add_neighbours<largest>(group(2), group(3)));
}

/// The scales of a span, 8 to a vector.
template <typename Block>
struct SpanScales {
  static constexpr int count = span / Block::group / 8;
  __m256 scales[count];
  __m256 offsets;  ///< of blocks of 32

  [[gnu::always_inline]] explicit SpanScales(const std::byte* blocks) {
    if constexpr (quant::has_factors<Block>) {
      const __m256 unit = _mm256_set1_ps(Block::unit(blocks));
      unroll<count>([&](auto i) __attribute__((always_inline)) {
        scales[i] = unit * to_floats(_mm256_cvtepi16_epi32(eight_words<i>(Block::factors(blocks))));
      });
    } else {
      const GroupScales<Block> of(blocks);
      unroll<count>([&](auto i) __attribute__((always_inline)) {
        scales[i] = _mm256_load_ps(of.scale + 8 * i);
      });
      if constexpr (Block::has_offset) offsets = _mm256_load_ps(of.offset);
    }
  }

  /// Makes the scales beyond the first groups zeros, whatever stands there.
  [[gnu::always_inline]] void keep_first(int groups) {
    const auto keep = [](__m256& v, int n) {
      v = _mm256_and_ps(v, _mm256_castsi256_ps(first_lanes(n)));
    };
    for (int i = 0; i < count; ++i) keep(scales[i], groups - 8 * i);
    if constexpr (Block::has_offset) keep(offsets, groups);
  }

 private:
  template <int>
  static __m128i eight_words(__m128i factors) {
    return factors;
  }
  template <int i>
  static __m128i eight_words(__m256i factors) {
    return _mm256_extracti128_si256(factors, i);
  }
};

/// The sums of the activations' codes that the part-th scales meet, in the order of their products,
/// times a factor.
template <typename Block, int part>
[[gnu::always_inline]] inline __m256i code_sums(const int16_t* half_sums, short factor) {
  if constexpr (Block::group == 32) {
    return _mm256_madd_epi16(load_ints(half_sums), _mm256_set1_epi16(factor));
  } else {
    const __m128i even = _mm_set1_epi32(static_cast<uint16_t>(factor));
    return _mm256_madd_epi16(quant::load_twice(half_sums + ptrdiff_t{8} * part),
                             _mm256_set_m128i(_mm_slli_epi32(even, 16), even));
  }
}

/// The minimum of each of 16 half groups, from those of 16 groups or 8.
inline __m256i of_half_groups(__m256i minimums) { return minimums; }
inline __m256i of_half_groups(__m128i minimums) {
  const __m256i once = _mm256_cvtepu16_epi32(minimums);
  return _mm256_or_si256(once, _mm256_slli_epi32(once, 16));
}

/// Offsets times the sums of the activations' codes, a lane for each group of activations, before
/// their scales.
template <typename Block>
[[gnu::always_inline]] inline __m256 offset_sums(const std::byte* blocks,
                                                 const SpanScales<Block>& of, const Token& x) {
  if constexpr (quant::has_factors<Block>)
    return to_floats(_mm256_madd_epi16(load_ints(x.half_sums()),
                                       of_half_groups(Block::minimums(blocks)))) *
           _mm256_set1_ps(Block::offset_unit(blocks));
  else
    return to_floats(code_sums<Block, 0>(x.half_sums(), 1)) * of.offsets;
}

/// Adds a span of a row with groups of 16, times a token, to 8 lanes.
template <typename Block>
[[gnu::always_inline]] inline __m256 add_halves_of_groups(const SpanCodes<Block>& codes,
                                                          const SpanScales<Block>& of,
                                                          const Token& x, __m256 sum) {
  const __m256i first = half_products<Block, 0>(codes, x);
  const __m256i second = half_products<Block, 4>(codes, x);
  unroll<2>([&](auto i) __attribute__((always_inline)) {
    __m256i sums = i == 0 ? first : second;
    const __m256 scales =
        even_then_odd(of.scales[i]) * _mm256_castsi256_ps(quant::load_twice(x.scales() + 4 * i));
    if constexpr (missing_zero<Block> != 0)
      sums = _mm256_add_epi32(sums, code_sums<Block, i>(x.half_sums(), -missing_zero<Block>));
    sum = fma(to_floats(sums), scales, sum);
  });
  return sum;
}

/// Of pair_products(): sums of 8 products.
template <typename Block>
inline constexpr int largest_sum = 8 * 127 * max_factor<Block>;

/// A span of a row with groups of 32, times a token, before it is added to the row's sum.
template <typename Block>
struct SpanProducts {
  __m256i first, second;  ///< two sums each of groups 0, 1, 4, 5, and of the others
  __m256i zeros;          ///< what they lack
  __m256 scales;
};

/// Of the first `pairs` pairs, 2 or 4, of groups; of the others no products are made.
template <typename Block, int pairs>
[[gnu::always_inline]] inline SpanProducts<Block> multiply_token(const SpanCodes<Block>& codes,
                                                                 const SpanScales<Block>& of,
                                                                 const Token& x) {
  SpanProducts<Block> made;
  made.scales = of.scales[0] * _mm256_loadu_ps(x.scales());
  if constexpr (missing_zero<Block> != 0)
    made.zeros = code_sums<Block, 0>(x.half_sums(), -missing_zero<Block>);
  const auto pair = [&](int i) __attribute__((always_inline)) {
    return pair_products(codes, i, x);
  };
  made.first = add_neighbours<largest_sum<Block>>(pair(0), pair(1));
  if constexpr (pairs == 4)
    made.second = add_neighbours<largest_sum<Block>>(pair(2), pair(3));
  else
    made.second = _mm256_setzero_si256();
  return made;
}

/// Adds products to 8 lanes.
template <typename Block>
[[gnu::always_inline]] inline __m256 add_products(const SpanProducts<Block>& products, __m256 sum) {
  __m256i sums = add_neighbours<2 * largest_sum<Block>>(products.first, products.second);
  if constexpr (missing_zero<Block> != 0) sums = _mm256_add_epi32(sums, products.zeros);
  return fma(to_floats(sums), products.scales, sum);
}

template <typename Block, int Tokens>
class RowSums {
 public:
  using Input = Token;
  static constexpr int rows = 1;

  [[gnu::always_inline]] void add(const std::byte* const* row, ptrdiff_t at, const Token* x) {
    const std::byte* const blocks = *row + at;
    add<4>(blocks, SpanScales<Block>(blocks), x);
  }

  /// Adds the first columns of a span. Of the others the activations are zeros, but the weights may
  /// be anything that can be read, infinite too.
  [[gnu::always_inline]] void add_first(int columns, const std::byte* blocks, const Token* x) {
    SpanScales<Block> scales(blocks);
    scales.keep_first(columns / Block::group);
    if (is_late && columns <= 64)  // of 2880 columns, as gpt-oss-20b has
      add<2>(blocks, scales, x);
    else
      add<4>(blocks, scales, x);
  }

  /// Completes the sums.
  [[gnu::always_inline]] void finish() {
    if constexpr (is_late) add_late(Tokens - 1);
  }

  __m256 lanes_of(int, int token) const { return sum_[token]; }

 private:
  template <int pairs>
  [[gnu::always_inline]] void add(const std::byte* blocks, const SpanScales<Block>& scales,
                                  const Token* x) {
    const SpanCodes<Block> codes{blocks};
    unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
      if constexpr (is_late) {
        const SpanProducts<Block> products = multiply_token<Block, pairs>(codes, scales, x[t]);
        add_late(t == 0 ? Tokens - 1 : t - 1);
        late_ = products;
      } else {
        sum_[t] = add_halves_of_groups(codes, scales, x[t], sum_[t]);
      }
      if constexpr (Block::has_offset)
        sum_[t] =
            fma(offset_sums<Block>(blocks, scales, x[t]), _mm256_loadu_ps(x[t].scales()), sum_[t]);
    });
  }

  /// Products are added one step late. In line right behind what it waits for, an addition would
  /// take one of the few places of what waits (64 for vectors on AMD Zen 3) from the next products.
  /// Those of groups of 16 are too many to keep in registers.
  static constexpr bool is_late = Block::group == 32;
  [[gnu::always_inline]] void add_late(int token) {
    sum_[token] = add_products(late_, sum_[token]);
  }

  __m256 sum_[Tokens] = {};
  SpanProducts<Block> late_{};
};

}  // namespace weld::kernels::WELD_TARGET
