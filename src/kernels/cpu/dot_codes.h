// Products of a span of a quantized row with the codes of one token: 256 columns, all in registers.
// The sums of 8 groups come together in one vector, which meets 8 scales.
#pragma once

#include <immintrin.h>

#include "kernels/cpu/activations.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

/// Columns that are multiplied together: 8 groups of the activations, so that scales come 8 to a
/// vector; a block of most types.
constexpr int span = padded_columns;

/// One token's activations from some column on.
struct Token {
  const int8_t* codes;
  const float* scales;
  const int16_t* half_sums;
};

inline Token token_at(const Activations& x, int token, int column) {
  const size_t at = x.code_at(token, column);
  return {x.codes + at, x.scales + at / 32, x.half_sums + at / 16};
}

/// The columns must be a multiple of 32.
inline Token operator+(const Token& x, ptrdiff_t columns) {
  return {x.codes + columns, x.scales + columns / 32, x.half_sums + columns / 16};
}

#ifdef __AVX512VNNI__
template <typename Block>
inline constexpr bool signed_codes = quant::has_signs<Block>;
#else
/// vpmaddubsw adds two products in 16 signed bits: codes up to 128 fit. Larger ones are lifted
/// signed numbers; they go back to their own sign, which moves over to the activations. So do signs
/// that are stored apart.
template <typename Block>
inline constexpr bool signed_codes = Block::max_code > 128 || quant::has_signs<Block>;
#endif

/// What a product of codes still lacks, (code - zero) instead of code: made up for through the
/// activations' sums.
template <typename Block>
inline constexpr int missing_zero = signed_codes<Block> ? 0 : Block::zero;

/// 8 sums of 4 products of codes each.
inline __m256i products(__m256i codes, __m256i x) {
#ifdef __AVX512VNNI__
  return _mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, x);
#else
  return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1));
#endif
}

/// The same of a block's codes from 32 i on.
template <typename Block>
[[gnu::always_inline]] inline __m256i products(const std::byte* block, int i, const int8_t* codes) {
  const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  if constexpr (quant::has_signs<Block>) {
    return products(Block::magnitudes(block, i), _mm256_sign_epi8(x, Block::signs(block, i)));
  } else if constexpr (signed_codes<Block>) {
    const __m256i weights = Block::signed_codes(quant::RowBytes{block}, i);
    return products(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
  } else {
    return products(quant::codes<Block>(block, i), x);
  }
}

/// Adds neighbours of a and of b, in each half: {a0 + a1, a2 + a3, b0 + b1, b2 + b3}. Where 16 bits
/// hold the magnitudes, packing and vpmaddwd take two instructions, and vphaddd three.
template <int magnitude>
[[gnu::always_inline]] inline __m256i add_neighbours(__m256i a, __m256i b) {
  if constexpr (magnitude <= 32767)
    return _mm256_madd_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(1));
  else
    return _mm256_hadd_epi32(a, b);
}

/// Products of Count groups from group First of a span. Each half of a sum has the Count groups'
/// half groups, in order: for 4 groups, the first halves of all of them in the lower half.
template <typename Block, int First, int Count>
[[gnu::always_inline]] inline __m256i half_sums(const std::byte* blocks, const int8_t* x) {
  if constexpr (Count == 1) {
    constexpr int in_block = quant::elements<Block> / 32;
    return products<Block>(blocks + First / in_block * quant::bytes<Block>, First % in_block,
                           x + ptrdiff_t{First} * 32);
  } else {
    constexpr int half = Count / 2;
    constexpr int weight = signed_codes<Block> ? Block::zero : Block::max_code;
    return add_neighbours<Count * 2 * 127 * weight>(
        half_sums<Block, First, half>(blocks, x), half_sums<Block, First + half, half>(blocks, x));
  }
}

/// The scales of a span.
template <typename Block>
struct SpanScales {
  static constexpr int count = span / Block::group;
  alignas(32) float scales[count];
  alignas(32) float offsets[8];  ///< of blocks of 32

  [[gnu::always_inline]] explicit SpanScales(const std::byte* blocks) {
    if constexpr (quant::groups<Block> == 1) {
      const std::byte* block[8];
      unroll<8>([&](auto i) { block[i] = blocks + i * quant::bytes<Block>; });
      Block::scales(block, scales, offsets);
    } else if constexpr (quant::has_factors<Block>) {
      quant::store_scales(scales, Block::unit(blocks), Block::factors(blocks));
    } else {
      unroll<span / quant::elements<Block>>([&](auto i) {
        Block::scales(blocks + i * quant::bytes<Block>, scales + i * quant::groups<Block>);
      });
    }
  }
};

/// 8 scales, or 8 of the 16 of half groups in the order of half_sums().
template <typename Block>
[[gnu::always_inline]] inline __m256 in_order(const float* eight) {
  const __m256 v = _mm256_load_ps(eight);
  if constexpr (Block::group == 32) return v;
  return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}

inline __m256i load_words(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

/// The sums of the activations' codes that 8 scales meet, in the scales' order, times a factor.
template <typename Block>
[[gnu::always_inline]] inline __m256i code_sums(const int16_t* half_sums, short factor) {
  if constexpr (Block::group == 32) {
    return _mm256_madd_epi16(load_words(half_sums), _mm256_set1_epi16(factor));
  } else {
    const auto* halves = reinterpret_cast<const __m128i*>(half_sums);
    const __m128i even = _mm_set1_epi32(static_cast<uint16_t>(factor));
    const __m256i factors = _mm256_set_m128i(_mm_slli_epi32(even, 16), even);
    return _mm256_madd_epi16(_mm256_broadcastsi128_si256(_mm_loadu_si128(halves)), factors);
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
  if constexpr (quant::has_factors<Block>) {
    const __m256i minimums = of_half_groups(Block::minimums(blocks));
    const __m256i sums = _mm256_madd_epi16(load_words(x.half_sums), minimums);
    return _mm256_cvtepi32_ps(sums) * _mm256_set1_ps(Block::offset_unit(blocks));
  } else {
    return _mm256_cvtepi32_ps(code_sums<Block>(x.half_sums, 1)) * _mm256_load_ps(of.offsets);
  }
}

/// Adds a span of a row, times a token, to 8 lanes.
template <typename Block>
[[gnu::always_inline]] inline __m256 add_token(const std::byte* blocks, const SpanScales<Block>& of,
                                               const Token& x, __m256 sum) {
  __m256i sums[2] = {half_sums<Block, 0, 4>(blocks, x.codes),
                     half_sums<Block, 4, 4>(blocks, x.codes)};
  if constexpr (Block::group == 32)
    sums[0] = _mm256_add_epi32(_mm256_permute2x128_si256(sums[0], sums[1], 0x20),
                               _mm256_permute2x128_si256(sums[0], sums[1], 0x31));
  for (int i = 0; i < SpanScales<Block>::count / 8; ++i) {
    const auto* x_scales = reinterpret_cast<const __m128*>(x.scales + 4 * i);
    const __m256 x_scale =
        Block::group == 32 ? _mm256_loadu_ps(x.scales) : _mm256_broadcast_ps(x_scales);
    if constexpr (missing_zero<Block> != 0)
      sums[i] =
          _mm256_add_epi32(sums[i], code_sums<Block>(x.half_sums + 8 * i, -missing_zero<Block>));
    sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[i]), in_order<Block>(of.scales + 8 * i) * x_scale,
                          sum);
  }
  if constexpr (Block::has_offset)
    sum = _mm256_fmadd_ps(offset_sums<Block>(blocks, of, x), _mm256_loadu_ps(x.scales), sum);
  return sum;
}

}  // namespace weld::kernels::WELD_TARGET
