// Vector builds of the product for one token or a few: each row is read once, along its length,
// decoded in registers and multiplied with all tokens. This is bound by memory; no decoded weight
// is stored.
#include <algorithm>

#include "kernels/cpu/dot_codes.h"
#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// Rows from what is computed to what is prefetched: at 1 to 4 KiB a row enough bytes to cover the
/// memory's latency (about 100 ns, 1.5 KiB at 15 GB/s), and little enough to stay in the cache.
constexpr int prefetched_rows = 4;

/// Products of a row with some tokens, in 8 lanes each; weights can be read up to `end`;
/// `next_strip` is how far it is from a token's strip to its next.
template <typename Block, int Tokens>
[[gnu::always_inline]] inline void dot_codes(const std::byte* row, const std::byte* later,
                                             const std::byte* end, int columns, const Token* x,
                                             ptrdiff_t next_strip, __m256 (&out)[Tokens]) {
  constexpr int at_once = spans_at_once<Block>;
  static_assert(code_strip == 2 * span);
  RowSums<Block, at_once, Tokens> sums;
  RowSums<Block, 1, Tokens> rest;  // of what is less than `at_once` spans
  Token token[Tokens];
  std::copy_n(x, Tokens, token);
  const int spans = columns / span;
  int i = 0;
  for (; i + at_once <= spans; i += at_once) {
    const ptrdiff_t at = ptrdiff_t{i} * span_bytes<Block>;
    prefetch<at_once * span_bytes<Block>, _MM_HINT_T1>(later + at);
    sums.add(row + at, token);
    const ptrdiff_t step = at_once == 2 ? next_strip : i % 2 == 0 ? span : next_strip - span;
    for (Token& t : token) t = t + step;
  }
  if (at_once > 1 && i < spans) {
    const ptrdiff_t at = ptrdiff_t{i} * span_bytes<Block>;
    prefetch<span_bytes<Block>, _MM_HINT_T1>(later + at);
    rest.add(row + at, token);
    for (Token& t : token) t = t + span;
  }
  if (quant::elements<Block> < span && columns % span != 0) {
    // What a row has beyond whole spans, and of the next rows what fills up a span; zeros where
    // that is more than can be read.
    const std::byte* const last = row + ptrdiff_t{spans} * span_bytes<Block>;
    if (end - last >= span_bytes<Block>) {
      rest.add_first(columns % span, last, token);
    } else {
      std::byte blocks[span_bytes<Block>] = {};
      std::copy_n(last, columns % span / quant::elements<Block> * quant::bytes<Block>, blocks);
      rest.add_first(columns % span, blocks, token);
    }
  }
  sums.finish();
  rest.finish();
  for (int t = 0; t < Tokens; ++t) out[t] = sums.lanes_of(t) + rest.lanes_of(t);
}

/// Products of rows of a float type with tokens, whose numbers are given; the last few weights of a
/// row, less than a step, one by one.
template <typename Block, int Rows, int Tokens>
void dot_values(const std::byte* const* row, const std::byte* const* later, const Activations& x,
                const int* tokens, float (*out)[Tokens]) {
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
        prefetch<step * quant::bytes<Block>, _MM_HINT_T1>(later[r] +
                                                          ptrdiff_t{i} * quant::bytes<Block>);
      for (int a = 0; a < ahead; ++a)
        for (int r = 0; r < Rows; ++r) {
          const __m256 weights =
              Block::values(row[r] + (ptrdiff_t{i} + 8 * a) * quant::bytes<Block>);
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
        out[r][t] = __builtin_fmaf(Block::value(row[r] + ptrdiff_t{i} * quant::bytes<Block>),
                                   x.values[x.value_at(tokens[t], i)], out[r][t]);
    }
}

const std::byte* row_at(const RowBlock& rows, int row) {
  return rows.data + static_cast<size_t>(row) * rows.row_bytes;
}

/// A row of this block, or of what follows it.
const std::byte* row_ahead(const RowBlock& rows, int row) {
  if (row < rows.rows) return row_at(rows, row);
  return rows.next ? rows.next + static_cast<size_t>(row - rows.rows) * rows.row_bytes : rows.data;
}

/// All rows of a block.
template <typename Block, int Tokens>
void multiply_rows(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  int tokens[Tokens];
  for (int t = 0; t < Tokens; ++t) tokens[t] = index ? index[t] : t;
  if constexpr (quant::is_float<Block>) {
    constexpr int step = Tokens == 1 ? 4 : 2;  // rows in flight: as many sums as registers hold
    for (int first = 0; first < rows.rows; first += step) {
      const std::byte *row[step], *later[step];
      for (int r = 0; r < step; ++r) {
        // The last step repeats the last row rather than take another path.
        const int at = first + r < rows.rows ? first + r : rows.rows - 1;
        row[r] = row_at(rows, at);
        later[r] = row_ahead(rows, at + prefetched_rows);
      }
      float out[step][Tokens];
      dot_values<Block, step, Tokens>(row, later, x, tokens, out);
      for (int r = 0; r < step && first + r < rows.rows; ++r)
        for (int t = 0; t < Tokens; ++t) tile[t * tile_rows + first + r] = out[r][t];
    }
  } else {
    Token token[Tokens];
    for (int t = 0; t < Tokens; ++t) token[t] = token_at(x, tokens[t], 0);
    const ptrdiff_t next_strip = ptrdiff_t{x.tokens} * code_strip;
    // Lanes are added up 8 rows at a time: a row's would keep the next row waiting. After the last
    // row what stands in the other places goes to entries that are undefined.
    constexpr int together = 8;
    __m256 lanes[Tokens][together] = {};
    for (int r = 0; r < rows.rows; ++r) {
      __m256 out[Tokens];
      dot_codes<Block, Tokens>(row_at(rows, r), row_ahead(rows, r + prefetched_rows),
                               row_at(rows, rows.rows), x.columns, token, next_strip, out);
      for (int t = 0; t < Tokens; ++t) lanes[t][r % together] = out[t];
      if (r % together == together - 1 || r == rows.rows - 1)
        for (int t = 0; t < Tokens; ++t)
          _mm256_storeu_ps(tile + t * tile_rows + r - r % together, sums_of_lanes(lanes[t]));
    }
  }
}

}  // namespace

void multiply_vector(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile) {
  static_assert(max_vector_tokens == 3);
  quant::visit(rows.type, [&]<typename Block>() {
    if (tokens == 1)
      multiply_rows<Block, 1>(rows, x, index, tile);
    else if (tokens == 2)
      multiply_rows<Block, 2>(rows, x, index, tile);
    else if (tokens == 3)
      multiply_rows<Block, 3>(rows, x, index, tile);
  });
}

}  // namespace weld::kernels::WELD_TARGET
