// Vector builds of the product for many tokens: codes by sweep_codes.h, and float rows in the same
// way.
#include "kernels/cpu/panel.h"
#include "kernels/cpu/sweep_codes.h"
#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// Decoded float rows: [column][row].
struct ValuePanel {
  alignas(64) float values[value_strip * tile_rows];
};

template <typename Block>
void decode_values(const RowBlock& rows, int columns, ValuePanel& panel) {
  for (int first = 0; first < tile_rows; first += 8) {
    const Rows<8> row(rows, first);
    int k = 0;
    for (; k + 8 <= columns; k += 8) {
      __m256i values[8], steps[8];
      for (int r = 0; r < 8; ++r)
        values[r] = _mm256_castps_si256(
            Block::values(row.at[r] + static_cast<ptrdiff_t>(k) * quant::bytes<Block>));
      transpose(values, steps);
      for (int s = 0; s < 8; ++s)
        _mm256_store_ps(panel.values + (k + s) * tile_rows + first, _mm256_castsi256_ps(steps[s]));
    }
    for (; k < columns; ++k)
      for (int r = 0; r < 8; ++r)
        panel.values[k * tile_rows + first + r] =
            Block::value(row.at[r] + static_cast<ptrdiff_t>(k) * quant::bytes<Block>);
  }
}

/// All rows by Tokens tokens, summed in registers over the panel's columns. Meanwhile the next
/// tile's activations are asked for, a few lines at a time: a core can wait for a few only.
template <int Tokens>
void sweep_values(const ValuePanel& panel, int columns, const float* const x[Tokens],
                  const float* const next[Tokens], float* out) {
  constexpr int line = 64 / sizeof(float), vectors = value_tile_vectors;
  Floats sum[Tokens][vectors];
  load_sums(out, sum);
  for (int begin = 0; begin < columns; begin += line) {
    for (int t = 0; t < Tokens; ++t) prefetch<64, _MM_HINT_T0>(next[t] + begin);
    const int end = begin + line < columns ? begin + line : columns;
    for (int k = begin; k < end; ++k) {
      Floats value[Tokens];
      for (int t = 0; t < Tokens; ++t) value[t] = broadcast(x[t][k]);
      unroll<vectors>([&](auto v) __attribute__((always_inline)) {
        const Floats weights = load(panel.values + k * tile_rows + v * lanes);
        unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
          sum[t][v] = fma(weights, value[t], sum[t][v]);
        });
      });
    }
  }
  store_sums(sum, out);
}

template <typename Block>
void multiply_values(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile) {
  ValuePanel panel;
  for_each_panel<Block, value_strip>(
      rows, x.columns, tokens, tile, [&](const RowBlock& part, int column, int columns, float* to) {
        if (column == 0) clear_tile(to, tokens);
        decode_values<Block>(part, columns, panel);
        NextPanel following(part, tiles<value_tile_tokens>(tokens));
        for_each_tile<value_tile_tokens>(tokens, [&](auto n, int token) {
          following.prefetch_some<value_strip * quant::bytes<Block>>();
          const auto at = [&](int t) {
            const int last = t < tokens ? t : tokens - 1;
            return x.values + x.value_at(index ? index[last] : last, column);
          };
          const float *values[n], *next[n];
          for (int t = 0; t < n; ++t) {
            values[t] = at(token + t);
            next[t] = at(token + n + t);
          }
          sweep_values<n>(panel, columns, values, next,
                          to + static_cast<ptrdiff_t>(token) * tile_rows);
        });
      });
}

}  // namespace

void multiply_matrix(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile) {
  quant::visit(rows.type, [&]<typename Block>() {
    if constexpr (quant::is_float<Block>)
      multiply_values<Block>(rows, x, index, tokens, tile);
    else
      multiply_codes<Block>(rows, x, index, tokens, tile);
  });
}

}  // namespace weld::kernels::WELD_TARGET
