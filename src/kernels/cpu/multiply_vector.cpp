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

/// Columns of float rows that are multiplied in a step.
constexpr int step = 16;

/// Products of rows of a float type with tokens, whose values are given, in 8 lanes each: of the
/// first columns, a multiple of a step. `next_strip` is how far it is from a token's strip to its
/// next.
template <typename Block, typename How>
[[gnu::always_inline]] inline void dot_values(const RowGroup<How>& rows, int columns,
                                              const std::array<const float*, How::tokens>& x,
                                              ptrdiff_t next_strip,
                                              __m256 (&out)[How::rows][How::tokens]) {
  // At least 8 sums in flight hide the latency of the multiply-add.
  constexpr int vectors = step / 8;
  static_assert(vectors == 2 && How::rows * How::tokens * vectors >= 8 && value_strip % step == 0);
  __m256 sum[vectors][How::rows][How::tokens] = {};
  for (int i = 0; i < columns;) {
    std::array<const float*, How::tokens> values = x;
    for (const float*& v : values) v += i / value_strip * next_strip;
    for (const int end = std::min(i + value_strip, columns); i < end; i += step) {
      const ptrdiff_t at = ptrdiff_t{i} * quant::bytes<Block>;
      const ptrdiff_t later = place_in_later(at, rows.later);
      for (int r = 0; r < How::rows; ++r)
        prefetch<step * quant::bytes<Block>, How::cache>(rows.row[r] + later);
      for (int v = 0; v < vectors; ++v)
        for (int r = 0; r < How::rows; ++r) {
          const __m256 weights =
              Block::values(rows.row[r] + at + ptrdiff_t{8} * v * quant::bytes<Block>);
          for (size_t t = 0; t < How::tokens; ++t)
            sum[v][r][t] = fma(weights, _mm256_loadu_ps(values[t] + 8 * v), sum[v][r][t]);
        }
      for (const float*& v : values) v += step;
    }
  }
  for (int r = 0; r < How::rows; ++r)
    for (size_t t = 0; t < How::tokens; ++t) out[r][t] = sum[0][r][t] + sum[1][r][t];
}

/// All rows of a block of a float type; index as for multiply_rows(). The last few weights of a
/// row, less than a step, are multiplied one by one.
template <typename Block, typename How>
void multiply_values(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  const auto value_at = [&](int t, int column) {
    return x.values + x.value_at(index ? index[t] : t, column);
  };
  const auto values =
      for_tokens<How::tokens>([&](size_t t) { return value_at(static_cast<int>(t), 0); });
  const ptrdiff_t next_strip = ptrdiff_t{x.tokens} * value_strip;
  const int whole = x.columns / step * step;
  RowProducts<How::tokens> products;
  dot_rows<How>(
      rows, products, [&](const auto& group, auto& out) __attribute__((always_inline)) {
        dot_values<Block>(group, whole, values, next_strip, out);
      });
  for (int i = whole; i < x.columns; ++i)
    for (int r = 0; r < rows.runs * rows.rows; ++r) {
      const std::byte* const row = rows.row(r / rows.rows, r % rows.rows);
      const float weight = Block::value(row + ptrdiff_t{i} * quant::bytes<Block>);
      for (int t = 0; t < How::tokens; ++t)
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): dot_rows() made those of all rows
        products.of[t][r] = __builtin_fmaf(weight, *value_at(t, i), products.of[t][r]);
    }
  products.put_into(tile, rows);
}

}  // namespace

void multiply_vector(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile) {
  quant::visit(rows.type, [&]<typename Block>() {
    with_reading<Block>(rows, tokens, [&]<typename How>(How) {
      if constexpr (quant::is_float<Block>)
        multiply_values<Block, How>(rows, x, index, tile);
      else if constexpr (!quant::has_codewords<Block>)
        multiply_rows<Block, How>(rows, x, index, tile);
    });
  });
}

}  // namespace weld::kernels::WELD_TARGET
