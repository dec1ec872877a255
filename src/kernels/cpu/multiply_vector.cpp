// Vector builds of the product for one token or a few. Rows whose codewords are looked up in
// registers are in multiply_codewords.cpp.
#include "kernels/cpu/dot_rows.h"
#include "kernels/cpu/target.h"

#ifdef __AVX512VNNI__
#include "kernels/cpu/dot_nibbles.h"
#else
#include "kernels/cpu/dot_codes.h"
#endif

namespace weld::kernels::WELD_TARGET {
namespace {

/// Products of rows of a float type with tokens, whose numbers are given; the last few weights of a
/// row, less than a step, one by one.
template <typename Block, int Rows, int Tokens>
void dot_values(const RowGroup<Rows>& rows, const Activations& x, const int* tokens,
                float (&out)[Rows][Tokens]) {
  constexpr int ahead =
      Rows * Tokens < 4 ? 4 : 2;  // sums in flight, to hide the latency of the multiply-add
  constexpr int step = 8 * ahead;
  static_assert(value_strip % step == 0);
  __m256 sum[Rows][Tokens][ahead];
  for (auto& rows : sum)
    for (auto& sums : rows)
      for (__m256& s : sums) s = _mm256_setzero_ps();
  const int whole = x.columns / step * step;
  for (int i = 0; i < whole;) {
    const float* values[Tokens];
    for (int t = 0; t < Tokens; ++t) values[t] = x.values + x.value_at(tokens[t], i);
    const int end = i + value_strip < whole ? i + value_strip : whole;
    for (; i < end; i += step) {
      for (int r = 0; r < Rows; ++r)
        prefetch<step * quant::bytes<Block>, _MM_HINT_T1>(rows.later[r] +
                                                          ptrdiff_t{i} * quant::bytes<Block>);
      for (int a = 0; a < ahead; ++a)
        for (int r = 0; r < Rows; ++r) {
          const __m256 weights =
              Block::values(rows.row[r] + (ptrdiff_t{i} + 8 * a) * quant::bytes<Block>);
          for (int t = 0; t < Tokens; ++t)
            sum[r][t][a] =
                _mm256_fmadd_ps(weights, _mm256_loadu_ps(values[t] + 8 * a), sum[r][t][a]);
        }
      for (const float*& v : values) v += step;
    }
  }
  for (int r = 0; r < Rows; ++r)
    for (int t = 0; t < Tokens; ++t) {
      __m256 total = sum[r][t][0];
      for (int a = 1; a < ahead; ++a) total = total + sum[r][t][a];
      out[r][t] = sum_of_lanes(total);
      for (int i = whole; i < x.columns; ++i)
        out[r][t] = __builtin_fmaf(Block::value(rows.row[r] + ptrdiff_t{i} * quant::bytes<Block>),
                                   x.values[x.value_at(tokens[t], i)], out[r][t]);
    }
}

/// All rows of a block of a float type.
template <typename Block, int Tokens>
void multiply_values(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  int tokens[Tokens];
  for (int t = 0; t < Tokens; ++t) tokens[t] = index ? index[t] : t;
  with_streams<Block, Tokens>(rows, [&](auto at_once) {
    for_each_group<at_once>(rows, [&](const RowGroup<at_once>& group) {
      float out[at_once][Tokens];
      dot_values<Block>(group, x, tokens, out);
      for (int r = 0; r < at_once; ++r)
        for (int t = 0; t < Tokens; ++t) product_at<Tokens>(tile, group.index[r], t) = out[r][t];
    });
  });
}

}  // namespace

void multiply_vector(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile) {
  quant::visit(rows.type, [&]<typename Block>() {
    with_tokens(tokens, [&](auto n) {
      if constexpr (quant::is_float<Block>)
        multiply_values<Block, n>(rows, x, index, tile);
      else if constexpr (!quant::has_codewords<Block>)
        multiply_rows<Block, n>(rows, x, index, tile);
    });
  });
}

}  // namespace weld::kernels::WELD_TARGET
