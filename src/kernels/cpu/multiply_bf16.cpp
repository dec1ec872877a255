// The product of BF16 rows with many tokens by vdpbf16ps, which multiplies pairs of BF16 numbers
// and adds them in float32: twice the rate of float32's multiply-add. Built for AVX-512 alone.
#include <cstring>

#include "kernels/cpu/panel.h"
#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"
#include "quant/bf16.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// Rows as they are in the file, 2 columns of 32 rows a step; what a row lacks to the last step is
/// 0.
struct Panel {
  alignas(64) uint16_t pairs[value_strip * tile_rows];
};

/// 16 BF16 numbers, the first n of them from memory and the others 0.
__m256i load_numbers(const std::byte* p, int n) {
  return _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1U << n) - 1), p);
}

void gather(const RowBlock& rows, int columns, Panel& panel) {
  for (int first = 0; first < rows.rows; first += 8) {
    const Rows<8> row(rows, first);
    for (int k = 0; k < columns; k += 16) {
      __m256i numbers[8], steps[8];
      const int n = columns - k < 16 ? columns - k : 16;
      for (int r = 0; r < 8; ++r)
        numbers[r] = load_numbers(row.at[r] + 2 * static_cast<ptrdiff_t>(k), n);
      transpose(numbers, steps);
      for (int s = 0; s < 8; ++s)
        _mm256_store_si256(
            reinterpret_cast<__m256i*>(panel.pairs + (k / 2 + s) * 2 * tile_rows + 2 * first),
            steps[s]);
    }
  }
}

__m512bh load_pairs(const uint16_t* p) { return reinterpret_cast<__m512bh>(_mm512_load_si512(p)); }

/// A pair of columns in all lanes.
__m512bh broadcast_pair(const uint16_t* p) {
  int pair;
  std::memcpy(&pair, p, sizeof pair);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

template <int Tokens>
void sweep(const Panel& panel, int steps, const uint16_t* const x[Tokens], float* out) {
  Floats sum[Tokens][2];
  load_sums(out, sum);
  for (int s = 0; s < steps; ++s) {
    const uint16_t* const pairs = panel.pairs + ptrdiff_t{s} * 2 * tile_rows;
    const __m512bh rows[2] = {load_pairs(pairs), load_pairs(pairs + tile_rows)};
    unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
      const __m512bh pair = broadcast_pair(x[t] + ptrdiff_t{2} * s);
      unroll<2>([&](auto v) __attribute__((always_inline)) {
        sum[t][v] = _mm512_dpbf16_ps(sum[t][v], rows[v], pair);
      });
    });
  }
  store_sums(sum, out);
}

}  // namespace

void multiply_matrix_bf16(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                          float* tile) {
  Panel panel;
  for_each_panel<quant::BF16, value_strip>(
      rows, x.columns, tokens, tile, [&](const RowBlock& part, int column, int columns, float* to) {
        if (column == 0) clear_tile(to, tokens);
        gather(part, columns, panel);
        NextPanel next(part, tiles<tile_tokens>(tokens));
        for_each_tile<tile_tokens>(tokens, [&](auto n, int token) {
          next.prefetch_some<2 * value_strip>();
          const uint16_t* pairs[n];
          for (int t = 0; t < n; ++t)
            pairs[t] = x.rounded + x.value_at(index ? index[token + t] : token + t, column);
          sweep<n>(panel, (columns + 1) / 2, pairs, to + static_cast<ptrdiff_t>(token) * tile_rows);
        });
      });
}

}  // namespace weld::kernels::WELD_TARGET
