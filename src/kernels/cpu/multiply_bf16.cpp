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

/// Activations of a tile of tokens, rounded to BF16.
struct Rounded {
  alignas(64) uint16_t values[tile_tokens][value_strip];
};

void round_values(const float* from, int columns, uint16_t* to) {
  for (int k = 0; k < columns; k += lanes) {
    const Floats v = load_first(from + k, columns - k < lanes ? columns - k : lanes);
    const __m256bh rounded = _mm512_cvtneps_pbh(v);
    std::memcpy(to + k, &rounded, sizeof rounded);
  }
}

template <int Tokens>
void sweep(const Panel& panel, int steps, const Rounded& x, float* const* out) {
  Floats sum[Tokens][2];
  for (int t = 0; t < Tokens; ++t)
    for (int v = 0; v < 2; ++v) sum[t][v] = load(out[t] + v * lanes);
  for (int s = 0; s < steps; ++s) {
    __m512bh rows[2];
    std::memcpy(rows, panel.pairs + static_cast<ptrdiff_t>(s) * 2 * tile_rows, sizeof rows);
    for (int t = 0; t < Tokens; ++t) {
      int pair;
      std::memcpy(&pair, x.values[t] + 2 * static_cast<ptrdiff_t>(s), sizeof pair);
      const __m512i both = _mm512_set1_epi32(pair);
      __m512bh value;
      std::memcpy(&value, &both, sizeof value);
      for (int v = 0; v < 2; ++v) sum[t][v] = _mm512_dpbf16_ps(sum[t][v], rows[v], value);
    }
  }
  for (int t = 0; t < Tokens; ++t)
    for (int v = 0; v < 2; ++v) store(out[t] + v * lanes, sum[t][v]);
}

}  // namespace

void multiply_matrix_bf16(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                          float* tile) {
  Panel panel;
  Rounded rounded;
  for_each_panel<quant::BF16, value_strip>(
      rows, x.columns, tokens, tile, [&](const RowBlock& part, int column, int columns, float* to) {
        if (column == 0) clear_tile(to, tokens);
        gather(part, columns, panel);
        NextPanel next(part, tiles<tile_tokens>(tokens));
        for_each_tile<tile_tokens>(tokens, [&](auto n, int token) {
          next.prefetch_some<2 * value_strip>();
          float* out[n];
          for (int t = 0; t < n; ++t) {
            const int row = index ? index[token + t] : token + t;
            round_values(x.values + x.value_at(row, column), columns, rounded.values[t]);
            out[t] = to + static_cast<ptrdiff_t>(token + t) * tile_rows;
          }
          sweep<n>(panel, (columns + 1) / 2, rounded, out);
        });
      });
}

}  // namespace weld::kernels::WELD_TARGET
