// The product for types with codebooks where the processor has AVX-512 VBMI, which looks codewords
// up for 16 rows at once. With one token or a few codes are multiplied as they are made, with more
// in panels like those of other types.
#include "kernels/cpu/sweep_codes.h"
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// For each byte of a step of Steps::ByPlace, which of 32 columns it is; twice, for two groups.
struct Places {
  alignas(64) uint8_t column[64];
};
consteval Places places(int codeword) {
  Places of{};
  for (int i = 0; i < 64; ++i) {
    const int step = i % 32 / 4, k = i % 4;
    const int column = codeword == 8 ? 8 * k + step : step / 4 * 16 + 4 * k + step % 4;
    of.column[i] = static_cast<uint8_t>(i / 32 * 32 + column);
  }
  return of;
}

/// A token's activations of a strip.
template <typename Block>
struct StripInput {
  static constexpr int groups = code_strip / group_size;
  /// In the order of steps. Where a scale is that of 16 weights, each step has those of two groups:
  /// once the second, once the first half of them are zeros instead.
  static constexpr int orders = Block::group == 16 ? 2 : 1;
  alignas(64) int8_t codes[orders][code_strip];
  int starts[orders][groups];  ///< -zero * sum of the codes
  const float* scales;

  void enter(const Activations& x, int token, int column) {
    static constexpr Places order = places(Block::codeword);
    const size_t at = x.code_at(token, column);
    scales = x.scales + at / group_size;
    for (int i = 0; i < code_strip; i += 64) {
      const __m512i bytes = _mm512_permutexvar_epi8(_mm512_load_si512(order.column),
                                                    _mm512_loadu_si512(x.codes + at + i));
      for (int o = 0; o < orders; ++o) {
        const uint64_t kept = orders == 1 ? ~uint64_t{0} : uint64_t{0x3333333333333333} << 2 * o;
        _mm512_store_si512(codes[o] + i, _mm512_maskz_mov_epi8(kept, bytes));
      }
    }
    const int16_t* const sums = x.half_sums + at / 16;
    for (int g = 0; g < groups; ++g)
      for (int o = 0; o < orders; ++o)
        starts[o][g] =
            -Block::zero * (orders == 2 ? sums[2 * g + o] : sums[2 * g] + sums[2 * g + 1]);
  }
};

/// Adds a block of 16 rows times some tokens, the block-th of the strip, to their totals.
template <typename Block, int Tokens>
[[gnu::always_inline]] inline void add_block(const Columns<Block>& columns, int block,
                                             const StripInput<Block> (&x)[Tokens],
                                             __m512 (&total)[Tokens]) {
  const __m512 unit = Block::unit(columns);
  unroll<quant::elements<Block> / 32>([&](auto g) __attribute__((always_inline)) {
    __m512i steps[8];
    Block::template code_steps<quant::Steps::ByPlace>(columns, g, steps);
    const int group = block * (quant::elements<Block> / group_size) + g;
    unroll<StripInput<Block>::orders>([&](auto o) __attribute__((always_inline)) {
      const __m512 scale =
          unit * to_floats(Block::factors(columns, StripInput<Block>::orders * g + o));
      for (int t = 0; t < Tokens; ++t) {
        __m512i sum = _mm512_set1_epi32(x[t].starts[o][group]);
        for (int s = 0; s < 8; ++s)
          sum = _mm512_dpbusd_epi32(
              sum, steps[s],
              _mm512_set1_epi32(load_int(x[t].codes[o] + ptrdiff_t{group} * group_size + 4 * s)));
        total[t] = fma(to_floats(sum), scale * broadcast(x[t].scales[group]), total[t]);
      }
    });
  });
}

template <typename Block, int Tokens>
void multiply_few(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  constexpr int strip_blocks = code_strip / quant::elements<Block>;
  const int blocks = x.columns / quant::elements<Block>;
  // Meanwhile the next rows are asked for, so many bytes with each block of 16 rows.
  const std::byte* const next = rows.next ? rows.next : rows.data;
  const ptrdiff_t share = ptrdiff_t{lanes} * quant::bytes<Block>;
  ptrdiff_t asked = 0;
  for (int begin = 0; begin < blocks; begin += strip_blocks) {
    StripInput<Block> input[Tokens];
    for (int t = 0; t < Tokens; ++t)
      input[t].enter(x, index ? index[t] : t, begin * quant::elements<Block>);
    for (int first = 0; first < rows.rows; first += lanes) {
      const Rows<lanes> row(rows, first);
      __m512 total[Tokens];
      for (int t = 0; t < Tokens; ++t) total[t] = load(tile + ptrdiff_t{t} * tile_rows + first);
      for (int b = begin; b < begin + strip_blocks && b < blocks; ++b) {
        for (const ptrdiff_t end = asked + share; asked < end; asked += 64)
          prefetch<64, _MM_HINT_T1>(next + asked);
        const Columns<Block> columns(row.at, ptrdiff_t{b} * quant::bytes<Block>);
        add_block<Block, Tokens>(columns, b - begin, input, total);
      }
      for (int t = 0; t < Tokens; ++t) store(tile + ptrdiff_t{t} * tile_rows + first, total[t]);
    }
  }
}

}  // namespace

bool has_codebook(gguf::Type type) {
  return quant::visit(type, []<typename Block>() { return quant::has_code_steps<Block>; });
}

void multiply_codewords(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile) {
  clear_tile(tile, tokens);
  quant::visit(rows.type, [&]<typename Block>() {
    if constexpr (quant::has_code_steps<Block>) {
      static_assert(max_vector_tokens == 3);
      if (tokens == 1)
        multiply_few<Block, 1>(rows, x, index, tile);
      else if (tokens == 2)
        multiply_few<Block, 2>(rows, x, index, tile);
      else if (tokens == 3)
        multiply_few<Block, 3>(rows, x, index, tile);
      else
        multiply_codes<Block>(rows, x, index, tokens, tile);
    }
  });
}

}  // namespace weld::kernels::WELD_TARGET
