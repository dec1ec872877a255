// Products of a span of a quantized row with the codes of one token: 256 columns, whose products
// stay in registers. With AVX-512 two spans lie side by side, each in its half of vectors twice as
// long. The sums of 8 groups of a span come together in one vector, or half of one, which meets 8
// scales.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/cpu/activations.h"
#include "kernels/cpu/spans.h"
#include "kernels/cpu/unroll.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

template <typename Block>
inline constexpr int span_bytes = (span / quant::elements<Block> * quant::bytes<Block>);

/// What span s has in place of these bytes of the first.
template <typename Block>
const std::byte* of_span(const std::byte* blocks, int s) {
  return blocks + ptrdiff_t{s} * span_bytes<Block>;
}

/// Spans that are multiplied side by side. Signs stored apart move over to the activations, for
/// which AVX-512 has no instruction.
#ifdef __AVX512VNNI__
template <typename Block>
inline constexpr int spans_at_once = quant::has_signs<Block> ? 1 : 2;
#else
template <typename Block>
inline constexpr int spans_at_once = 1;
#endif

/// One token's activations from some column on.
struct Token {
  const int8_t* codes;
  size_t magnitudes_at;
  const float* scales;
  const int16_t* half_sums;
};

inline Token token_at(const Activations& x, int token, int column) {
  const size_t at = x.code_at(token, column);
  return {x.codes + at, x.magnitudes_at, x.scales + at / 32, x.half_sums + at / 16};
}

/// The columns must be a multiple of 32.
inline Token operator+(const Token& x, ptrdiff_t columns) {
  return {x.codes + columns, x.magnitudes_at, x.scales + columns / 32, x.half_sums + columns / 16};
}

#ifdef __AVX512VNNI__
template <typename Block>
inline constexpr bool signed_codes = quant::has_signs<Block>;
#else
/// vpmaddubsw adds two products in 16 signed bits: codes up to 128 fit. Larger ones are lifted
/// signed numbers; they go back to their own sign, and take over that of the activations, whose
/// magnitudes are left. Signs that are stored apart move over to the activations.
template <typename Block>
inline constexpr bool signed_codes = Block::max_code > 128 || quant::has_signs<Block>;
#endif

/// What a product of codes still lacks, (code - zero) instead of code: made up for through the
/// activations' sums.
template <typename Block>
inline constexpr int missing_zero = signed_codes<Block> ? 0 : Block::zero;

/// The blocks at the same place of each span, for Block::codes.
template <typename Block, int Spans>
struct BlockBytes {
  const std::byte* block;
  auto operator()(int i) const {
    return side_by_side<Spans>(
        [=, this](int s) { return quant::load32(of_span<Block>(block, s), i); });
  }
  auto nibbles(int i) const {
    if constexpr (Spans == 1) {
      return quant::nibbles(block, i);
    } else {
      const __m512i first = _mm512_broadcast_i32x4(quant::load16(block, i));
      const __m128i second = quant::load16(of_span<Block>(block, 1), i);
      const __m512i both = _mm512_srlv_epi64(_mm512_mask_broadcast_i32x4(first, 0xff00, second),
                                             _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4));
      return both & _mm512_set1_epi8(15);
    }
  }
};

/// products() of a block's codes from 32 i on.
template <typename Block, int Spans>
[[gnu::always_inline]] inline auto block_products(const std::byte* block, int i,
                                                  const Token& token) {
  const auto x =
      side_by_side<Spans>([&](int s) { return load_ints(token.codes + ptrdiff_t{s} * span); });
  if constexpr (quant::has_signs<Block>) {
    return products(Block::magnitudes(block, i), _mm256_sign_epi8(x, Block::signs(block, i)));
  } else if constexpr (signed_codes<Block>) {
    const __m256i weights = Block::signed_codes(quant::RowBytes{block}, i);
    if constexpr (Block::zero == 128)  // -128 has no opposite
      return products(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
    else
      return products(load_ints(token.codes + token.magnitudes_at), _mm256_sign_epi8(weights, x));
  } else if constexpr (quant::is_bytewise<Block>) {
    return products(Block::codes(BlockBytes<Block, Spans>{block}, i), x);
  } else {
    return products(side_by_side<Spans>(
                        [=](int s) { return quant::codes<Block>(of_span<Block>(block, s), i); }),
                    x);
  }
}

/// Products of Count groups from group First of the spans. Each 16 bytes of a span's sum have the
/// Count groups' half groups, in order: for 4 groups, the first halves of all of them in the lower
/// 16.
template <typename Block, int Spans, int First, int Count>
[[gnu::always_inline]] inline auto half_products(const std::byte* blocks, const Token& x) {
  if constexpr (Count == 1) {
    constexpr int in_block = quant::elements<Block> / 32;
    return block_products<Block, Spans>(blocks + First / in_block * quant::bytes<Block>,
                                        First % in_block, x + ptrdiff_t{First} * 32);
  } else {
    constexpr int half = Count / 2;
    constexpr int weight = signed_codes<Block> ? Block::zero : Block::max_code;
    constexpr int largest = Count * 2 * 127 * weight;  // of a and b: sums of 2 Count products
    const auto a = half_products<Block, Spans, First, half>(blocks, x);
    const auto b = half_products<Block, Spans, First + half, half>(blocks, x);
    return largest <= 32767 ? add_short_neighbours(a, b) : add_neighbours(a, b);
  }
}

/// The scales of spans, 8 of each to a vector.
template <typename Block, int Spans>
struct SpanScales {
  using Vector = decltype(to_floats(load_spans<Spans>(nullptr)));
  static constexpr int count = span / Block::group / 8;
  Vector scales[count];
  Vector offsets;  ///< of blocks of 32

  [[gnu::always_inline]] explicit SpanScales(const std::byte* blocks) {
    if constexpr (quant::has_factors<Block>) {
      const Vector unit = side_by_side<Spans>(
          [=](int s) { return _mm256_set1_ps(Block::unit(of_span<Block>(blocks, s))); });
      unroll<count>([&](auto i) __attribute__((always_inline)) {
        scales[i] = unit * floats_of_words(side_by_side<Spans>([=](int s) {
                      return eight_words<i>(Block::factors(of_span<Block>(blocks, s)));
                    }));
      });
    } else {
      alignas(32) float scale[Spans][span / Block::group], offset[Spans][8];
      unroll<Spans>([&](auto s) __attribute__((always_inline)) {
        store_scales(of_span<Block>(blocks, s), scale[s], offset[s]);
      });
      unroll<count>([&](auto i) __attribute__((always_inline)) {
        scales[i] = side_by_side<Spans>([&](int s) { return _mm256_load_ps(scale[s] + 8 * i); });
      });
      if constexpr (Block::has_offset)
        offsets = side_by_side<Spans>([&](int s) { return _mm256_load_ps(offset[s]); });
    }
  }

  /// Makes the scales beyond the first groups zeros, whatever stands there.
  [[gnu::always_inline]] void keep_first(int groups) {
    const auto keep = [](Vector& v, int n) {
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
  /// Of a span of small blocks.
  [[gnu::always_inline]] static void store_scales(const std::byte* blocks, float* scale,
                                                  float* offset) {
    if constexpr (quant::groups<Block> == 1) {
      const std::byte* block[8];
      unroll<8>([&](auto i) { block[i] = blocks + i * quant::bytes<Block>; });
      Block::scales(block, scale, offset);
    } else {
      unroll<span / quant::elements<Block>>([&](auto i) {
        Block::scales(blocks + i * quant::bytes<Block>, scale + i * quant::groups<Block>);
      });
    }
  }
};

/// The sums of the activations' codes that the part-th scales meet, in the order of
/// half_products(), times a factor.
template <typename Block, int Spans, int part>
[[gnu::always_inline]] inline auto code_sums(const int16_t* half_sums, short factor) {
  if constexpr (Block::group == 32) {
    const __m256i factors = _mm256_set1_epi16(factor);
    return multiply_add_words(load_spans<Spans>(half_sums),
                              side_by_side<Spans>([=](int) { return factors; }));
  } else {
    const __m128i even = _mm_set1_epi32(static_cast<uint16_t>(factor));
    const __m256i factors = _mm256_set_m128i(_mm_slli_epi32(even, 16), even);
    return multiply_add_words(load_twice<Spans, part>(half_sums),
                              side_by_side<Spans>([=](int) { return factors; }));
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
template <typename Block, int Spans>
[[gnu::always_inline]] inline auto offset_sums(const std::byte* blocks,
                                               const SpanScales<Block, Spans>& of, const Token& x) {
  if constexpr (quant::has_factors<Block>) {
    const auto minimums = side_by_side<Spans>(
        [=](int s) { return of_half_groups(Block::minimums(of_span<Block>(blocks, s))); });
    const auto unit = side_by_side<Spans>(
        [=](int s) { return _mm256_set1_ps(Block::offset_unit(of_span<Block>(blocks, s))); });
    return to_floats(multiply_add_words(load_spans<Spans>(x.half_sums), minimums)) * unit;
  } else {
    return to_floats(code_sums<Block, Spans, 0>(x.half_sums, 1)) * of.offsets;
  }
}

/// Adds spans of a row with groups of 16, times a token, to 8 lanes a span.
template <typename Block, int Spans, typename Vector>
[[gnu::always_inline]] inline Vector add_halves_of_groups(const std::byte* blocks,
                                                          const SpanScales<Block, Spans>& of,
                                                          const Token& x, Vector sum) {
  const auto first = half_products<Block, Spans, 0, 4>(blocks, x);
  const auto second = half_products<Block, Spans, 4, 4>(blocks, x);
  unroll<2>([&](auto i) __attribute__((always_inline)) {
    auto sums = i == 0 ? first : second;
    const Vector scales = even_then_odd(of.scales[i]) * as_floats(load_twice<Spans, i>(x.scales));
    if constexpr (missing_zero<Block> != 0)
      sums = add(sums, code_sums<Block, Spans, i>(x.half_sums, -missing_zero<Block>));
    sum = fma(to_floats(sums), scales, sum);
  });
  return sum;
}

/// Spans of a row with groups of 32, times a token, before they are added to the row's sum.
template <typename Block, int Spans>
struct SpanProducts {
  using Ints = decltype(load_spans<Spans>(nullptr));
  Ints first, second;  ///< half_products() of groups 0 to 3, and 4 to 7
  Ints zeros;          ///< what they lack
  typename SpanScales<Block, Spans>::Vector scales;
};

template <typename Block, int Spans>
[[gnu::always_inline]] inline SpanProducts<Block, Spans> multiply_token(
    const std::byte* blocks, const SpanScales<Block, Spans>& of, const Token& x) {
  SpanProducts<Block, Spans> made;
  made.scales = of.scales[0] * as_floats(load_spans<Spans>(x.scales));
  if constexpr (missing_zero<Block> != 0)
    made.zeros = code_sums<Block, Spans, 0>(x.half_sums, -missing_zero<Block>);
  made.first = half_products<Block, Spans, 0, 4>(blocks, x);
  made.second = half_products<Block, Spans, 4, 4>(blocks, x);
  return made;
}

/// Adds products to 8 lanes a span.
template <typename Block, int Spans, typename Vector>
[[gnu::always_inline]] inline Vector add_products(const SpanProducts<Block, Spans>& products,
                                                  Vector sum) {
  auto sums = add_halves(products.first, products.second);
  if constexpr (missing_zero<Block> != 0) sums = add(sums, products.zeros);
  return fma(to_floats(sums), products.scales, sum);
}

/// Sums of a row's spans and some tokens.
template <typename Block, int Spans, int Tokens>
class RowSums {
 public:
  [[gnu::always_inline]] void add(const std::byte* blocks, const Token* x) {
    add(blocks, SpanScales<Block, Spans>(blocks), x);
  }

  /// Adds the first columns of a span. Of the others the activations are zeros, but the weights may
  /// be anything that can be read, infinite too.
  [[gnu::always_inline]] void add_first(int columns, const std::byte* blocks, const Token* x) {
    SpanScales<Block, Spans> scales(blocks);
    scales.keep_first(columns / Block::group);
    add(blocks, scales, x);
  }

  /// Completes the last token's sum.
  [[gnu::always_inline]] void finish() {
    if constexpr (is_late) add_late(Tokens - 1);
  }

  __m256 lanes_of(int token) const { return sum_of_spans(sum_[token]); }

 private:
  using Vector = typename SpanScales<Block, Spans>::Vector;

  [[gnu::always_inline]] void add(const std::byte* blocks, const SpanScales<Block, Spans>& scales,
                                  const Token* x) {
    unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
      if constexpr (is_late) {
        const SpanProducts<Block, Spans> products = multiply_token(blocks, scales, x[t]);
        add_late(t == 0 ? Tokens - 1 : t - 1);
        late_ = products;
      } else {
        sum_[t] = add_halves_of_groups(blocks, scales, x[t], sum_[t]);
      }
      if constexpr (Block::has_offset)
        sum_[t] = fma(offset_sums<Block, Spans>(blocks, scales, x[t]),
                      as_floats(load_spans<Spans>(x[t].scales)), sum_[t]);
    });
  }

  /// Products are added one step late. In line right behind what it waits for, an addition would
  /// take one of the few places of what waits (64 for vectors on AMD Zen 3) from the next products.
  /// Those of groups of 16 are too many to keep in registers.
  static constexpr bool is_late = Block::group == 32;
  [[gnu::always_inline]] void add_late(int token) {
    sum_[token] = add_products(late_, sum_[token]);
  }

  Vector sum_[Tokens] = {};
  SpanProducts<Block, Spans> late_{};
};

}  // namespace weld::kernels::WELD_TARGET
