// Products of a span of two quantized rows whose codewords are looked up, for AVX-512 VBMI: 64 runs
// of eight weights, half of them of either row. A vector has the same one of each run, and meets
// activations that lie in the same order, so that codes need not be brought into any other.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/cpu/dot_span.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

/// One token's activations of a span, twice side by side.
template <typename Block>
struct CodewordInput {
  const int8_t* places;
  /// Of codes: in groups of 32 times -zero, in groups of 16 in the words of a dword.
  __m512i sums;
  __m512 scales;

  [[gnu::always_inline]] explicit CodewordInput(const CodewordToken& x)
      : places(x.places()),
        sums(_mm512_broadcast_i64x4(load_ints(x.half_sums()))),
        scales(_mm512_broadcast_f32x8(_mm256_loadu_ps(x.scales()))) {
    if constexpr (Block::group == 32)
      sums = _mm512_madd_epi16(sums, _mm512_set1_epi16(-Block::zero));
  }

  /// Those that meet weight w of each run.
  [[gnu::always_inline]] __m512i place(int w) const {
    return _mm512_loadu_si512(places + ptrdiff_t{w} * (span / 4));
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
    __m512 scales;
    __m512i sums[Tokens];
    if constexpr (Block::group == 32) {
      scales = quant::f16(of, 0) * quant::odd_fractions<Block>(Block::numbers(of));
      for (int t = 0; t < Tokens; ++t) sums[t] = x[t].sums;
      add_products(of, x, sums, [](__m512i sum, __m512i codes, __m512i with) {
        return _mm512_dpbusd_epi32(sum, codes, with);
      });
    } else {
      static_assert(2 * 127 * Block::max_code <= 32767);
      scales = Block::unit(of);
      const __m512i factors = Block::factors(of);
      const __m512i zeros = _mm512_mullo_epi16(factors, _mm512_set1_epi16(-Block::zero));
      for (int t = 0; t < Tokens; ++t) sums[t] = _mm512_madd_epi16(x[t].sums, zeros);
      add_products(of, x, sums, [=](__m512i sum, __m512i codes, __m512i with) {
        return _mm512_dpwssd_epi32(sum, _mm512_maddubs_epi16(codes, with), factors);
      });
    }
    for (int t = 0; t < Tokens; ++t)
      sum_[t] = fma(to_floats(sums[t]), scales * x[t].scales, sum_[t]);
  }

  void finish() {}

  __m256 lanes_of(int row, int token) const {
    return row == 0 ? low_half(sum_[token]) : high_half(sum_[token]);
  }

 private:
  /// Adds the products of each group's codes to what the zeros take off. Every other one goes to a
  /// second sum, as one would wait for eight additions in a row.
  template <typename Add>
  [[gnu::always_inline]] static void add_products(const quant::GroupsOfTwo& of, const Input* x,
                                                  __m512i (&sums)[Tokens], const Add& add) {
    __m512i others[Tokens];
    for (__m512i& other : others) other = _mm512_setzero_si512();
    quant::codes_by_place<Block>(
        Block::words(of), [&](int w, __m512i codes) __attribute__((always_inline)) {
          for (int t = 0; t < Tokens; ++t) {
            __m512i& sum = w % 2 == 0 ? sums[t] : others[t];
            sum = add(sum, codes, x[t].place(w));
          }
        });
    for (int t = 0; t < Tokens; ++t) sums[t] = _mm512_add_epi32(sums[t], others[t]);
  }

  __m512 sum_[Tokens] = {};
};

}  // namespace weld::kernels::WELD_TARGET
