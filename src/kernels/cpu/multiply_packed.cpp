// The product of any rows with many tokens where the processor has AMX, which multiplies 16 rows
// with 16 tokens by one instruction, of BF16 numbers: 16 times as many as a multiply-add of floats.
//
// Weights with codes are rounded to BF16 as they are decoded, activations as they are packed. That
// errs less than activations quantized to 8 bits: by 2^-9 of each number at most, and not of the
// largest one of 32. Floats are split into as many BF16 numbers as have their digits, and the
// products of the parts are summed up.
#include "kernels/cpu/packed_panel.h"
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// A tile's sums, [16 rows][16 tokens], two for 32 rows.
constexpr int tile_sums = 16 * packed_tokens;

/// Adds the products of a panel with the tokens of one or two tiles to their sums.
template <int parts, int tiles>
void sweep(const PackedPanel* panels, int column, int columns, const Activations& x, int tile,
           float* sums) {
  unroll<2 * tiles>([&](auto i) __attribute__((always_inline)) {
    constexpr int to = tiles == 2 ? i : 2 * i;
    if (column == 0)
      clear<to>();
    else
      load<to>(sums + (i % tiles * 2 + i / tiles) * tile_sums);
  });
  const size_t next_tile = packed_size(x.columns);
  const int steps = (columns + packed_columns - 1) / packed_columns;
  unroll<parts>([&](auto i) __attribute__((always_inline)) {
    unroll<parts - i>([&](auto j) __attribute__((always_inline)) {
      multiply_tiles<tiles>(panels[i].numbers, strip_steps * tile_numbers,
                            x.packed_at(j, tile, column), next_tile, steps);
    });
  });
  unroll<2 * tiles>([&](auto i) __attribute__((always_inline)) {
    constexpr int from = tiles == 2 ? i : 2 * i;
    store<from>(sums + (i % tiles * 2 + i / tiles) * tile_sums);
  });
}

/// From [half of rows][16 rows][16 tokens] to [16 tokens][32 rows].
void transpose_sums(float* sums) {
  __m512i from[16], to[2][16];
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 16; ++i)
      from[i] = _mm512_load_si512(sums + half * tile_sums + i * packed_tokens);
    transpose(from, to[half]);
  }
  for (int i = 0; i < 16; ++i)
    for (int half = 0; half < 2; ++half)
      _mm512_store_si512(sums + i * tile_rows + half * 16, to[half][i]);
}

template <typename Block>
void multiply(const RowBlock& rows, const Activations& x, const Selection& selection, float* tile) {
  constexpr int parts = parts_of(Block::type);
  const TileRegisters registers;
  PackedPanel panels[parts];
  const int tiles = packed_tiles(selection.tokens);
  for_each_panel<Block, strip>(
      rows, x.columns, selection.tokens, tile,
      [&](const RowBlock& part, int column, int columns, float* sums) {
        decode<Block>(part, columns, panels);
        NextPanel next(part, (tiles + 1) / 2);
        for (int t = 0; t < tiles; t += 2, sums += 4 * tile_sums) {
          next.prefetch_some<strip / quant::elements<Block> * quant::bytes<Block>>();
          if (t + 1 < tiles)
            sweep<parts, 2>(panels, column, columns, x, selection.first_tile + t, sums);
          else
            sweep<parts, 1>(panels, column, columns, x, selection.first_tile + t, sums);
        }
      });
  for_each_row_tile(rows, selection.tokens, tile, [&](const RowBlock&, float* sums) {
    for (int t = 0; t < tiles; ++t, sums += 2 * tile_sums) transpose_sums(sums);
  });
}

}  // namespace

void pack(const float* const* rows, int tokens, int columns, const PackedTile& out) {
  uint16_t* to = out.data;
  for (int begin = 0; begin < columns; begin += packed_columns, to += tile_numbers) {
    __m512 low[packed_tokens] = {}, high[packed_tokens] = {};
    const auto first = [=](int n) { return n < 0 ? 0 : n > lanes ? lanes : n; };
    for (int t = 0; t < tokens; ++t) {
      low[t] = load_first(rows[t] + begin, first(columns - begin));
      high[t] = load_first(rows[t] + begin + lanes, first(columns - begin - lanes));
    }
    for (int part = 0; part < out.parts; ++part) {
      __m512i of_tokens[packed_tokens], pairs[packed_tokens];
      for (int t = 0; t < packed_tokens; ++t) {
        of_tokens[t] = to_bf16(low[t], high[t]);
        subtract(of_tokens[t], low[t], high[t]);
      }
      transpose(of_tokens, pairs);
      for (int i = 0; i < packed_tokens; ++i)
        _mm512_store_si512(to + static_cast<size_t>(part) * out.part_size + i * packed_columns,
                           pairs[i]);
    }
  }
}

int packed_parts(gguf::Type type, int tokens) { return tokens < many_tokens ? 0 : parts_of(type); }

void multiply_packed(const RowBlock& rows, const Activations& x, const Selection& selection,
                     float* tile) {
  quant::visit(rows.type, [&]<typename Block>() { multiply<Block>(rows, x, selection, tile); });
}

}  // namespace weld::kernels::WELD_TARGET
