// Products of a span of two quantized rows whose codewords are looked up, for AVX-512 VBMI: 64 runs
// of eight weights, half of them of either row. A vector has the same one of each run, and meets
// activations that lie in the same order, so that codes need not be brought into any other.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/cpu/dot_halves.h"

namespace weld::kernels::WELD_TARGET {

/// One token's activations of a span, twice side by side.
template <typename Block>
struct CodewordInput {
  const int8_t* places;
  /// Of codes: in groups of 32 times -zero, in groups of 16 in the words of a dword.
  __m512i sums;
  __m512 scales;

  [[gnu::always_inline]] explicit CodewordInput(const Token& x)
      : places(x.codes + x.places_at),
        sums(_mm512_broadcast_i64x4(load_ints(x.half_sums))),
        scales(_mm512_broadcast_f32x8(_mm256_loadu_ps(x.scales))) {
    if constexpr (Block::group == 32)
      sums = _mm512_madd_epi16(sums, _mm512_set1_epi16(-Block::zero));
  }

  /// Those that meet weight w of each run.
  [[gnu::always_inline]] __m512i place(int w) const {
    return _mm512_broadcast_i64x4(load_ints(places + ptrdiff_t{w} * (span / 8)));
  }
};

template <typename Block, int Tokens>
requires quant::has_codewords<Block>
class RowSums<Block, Tokens> {
 public:
  using Input = CodewordInput<Block>;
  static constexpr int rows = 2;

  [[gnu::always_inline]] void add(const std::byte* const* row, ptrdiff_t at, const Input* x) {
    const quant::GroupsOfTwo of{row[0] + at, row[1] + at};
    __m512i places[8];
    quant::codes_by_place<Block>(Block::words(of), places);
    __m512 scales = Block::unit(of);
    __m512i sums[Tokens];
    if constexpr (Block::group == 32) {
      scales = scales * quant::odd_floats<Block::number_mask>(Block::numbers(of));
      for (int t = 0; t < Tokens; ++t) sums[t] = sum_products(places, x[t]);
    } else {
      const __m512i factors = Block::factors(of);
      for (int t = 0; t < Tokens; ++t) sums[t] = sum_products(places, factors, x[t]);
    }
    for (int t = 0; t < Tokens; ++t)
      sum_[t] = fma(to_floats(sums[t]), scales * x[t].scales, sum_[t]);
  }

  void finish() {}

  __m256 lanes_of(int row, int token) const {
    return row == 0 ? low_half(sum_[token]) : high_half(sum_[token]);
  }

 private:
  /// The sums of the products with (code - zero) of each group of 32.
  [[gnu::always_inline]] static __m512i sum_products(const __m512i (&places)[8], const Input& x) {
    __m512i sum = x.sums;
    for (int w = 0; w < 8; ++w) sum = _mm512_dpbusd_epi32(sum, places[w], x.place(w));
    return sum;
  }
  /// The same of groups of 16, each times a factor of its own.
  [[gnu::always_inline]] static __m512i sum_products(const __m512i (&places)[8], __m512i factors,
                                                     const Input& x) {
    static_assert(2 * 127 * Block::max_code <= 32767);
    __m512i sum =
        _mm512_madd_epi16(x.sums, _mm512_mullo_epi16(factors, _mm512_set1_epi16(-Block::zero)));
    for (int w = 0; w < 8; ++w)
      sum = _mm512_dpwssd_epi32(sum, _mm512_maddubs_epi16(places[w], x.place(w)), factors);
    return sum;
  }

  __m512 sum_[Tokens] = {};
};

}  // namespace weld::kernels::WELD_TARGET
