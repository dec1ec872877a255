// The product of quantized rows with many tokens: a panel of 32 rows is decoded once and swept over
// all tokens. A sum needs no horizontal addition, and lane, row and token each keep their own order
// of additions whatever stands beside them.
#pragma once

#include "kernels/cpu/code_panel.h"
#include "kernels/cpu/panel.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {

/// A tile's tokens: where their activations for the panel begin, and what goes with each group.
template <int Tokens>
struct Tile {
  const int8_t* codes[Tokens];        ///< or 16-bit codes
  const GroupTerms* terms[Tokens];    ///< by the groups of summing_of()
  const GroupTerms* offsets[Tokens];  ///< by those of offset_summing_of()
};

inline int load_int(const int8_t* p) {
  int v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

/// Rows that tokens meet at once.
constexpr int row_step = 2 * lanes;

/// Whether totals stay in registers from group to group: 12 of them, 12 sums, 2 rows and a token
/// fit into 32.
constexpr bool keeps_totals = lanes == 16;

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
/// total + sum * scales * x_scale.
inline Floats add_scaled(Ints sum, Floats scales, Floats x_scale, Floats unlift, Floats total) {
  return fma(fma(as_floats(sum), x_scale, unlift), scales, total);
}

/// sum = the group's start and the products of its columns, for row_step rows from `first` on.
template <Plan plan, int Tokens>
[[gnu::always_inline]] inline void sum_products(const Panel& panel, int first,
                                                const Tile<Tokens>& tile, int group,
                                                Ints (&sum)[Tokens][2]) {
  constexpr int steps = plan.group / 4;
  const uint8_t* const codes = panel.codes + first * 4;
  unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
    sum[t][0] = sum[t][1] = set_all(tile.terms[t][group].start);
  });
  unroll<steps>([&](auto s) __attribute__((always_inline)) {
    const ptrdiff_t step = ptrdiff_t{group} * steps + s;
    const Ints rows[2] = {load_aligned(codes + step * 128),
                          load_aligned(codes + step * 128 + sizeof(Ints))};
    unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
      const Ints x = set_all(load_int(tile.codes[t] + step * 4));
      unroll<2>([&](auto v) __attribute__((always_inline)) {
        Ints total = add_byte_products(sum[t][v], rows[v], x);
        settle(total);
        sum[t][v] = total;
      });
    });
  });
}
#else
inline Floats add_scaled(__m256i sum, Floats scales, Floats x_scale, Floats, Floats total) {
  return fma(to_floats(sum), scales * x_scale, total);
}

/// sum = the group's start and the products of its columns, for row_step rows from `first` on.
template <Plan plan, int Tokens>
[[gnu::always_inline]] inline void sum_products(const Panel& panel, int first,
                                                const Tile<Tokens>& tile, int group,
                                                __m256i (&sum)[Tokens][2]) {
  constexpr int steps = plan.group / 4;
  const uint8_t* const codes = panel.codes + first * 4;
  // Starts are added as late as possible: until then they would take up registers.
  const auto add = [&](auto is_first, auto t, auto v, __m256i part) __attribute__((always_inline)) {
    if constexpr (!is_first)
      part = _mm256_add_epi32(part, sum[t][v]);
    else if constexpr (plan.has_zero && !plan.wraps)
      part = _mm256_add_epi32(part, _mm256_set1_epi32(tile.terms[t][group].start));
    settle(part);
    sum[t][v] = part;
  };
  if constexpr (plan.products == Products::Words) {
    unroll<2 * steps>([&](auto s) __attribute__((always_inline)) {
      const ptrdiff_t step = ptrdiff_t{group} * 2 * steps + s;
      const __m256i rows[2] = {load_aligned(codes + step * 128),
                               load_aligned(codes + step * 128 + 32)};
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        const __m256i x = _mm256_set1_epi32(load_int(tile.codes[t] + step * 4));
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          add(std::bool_constant<s == 0>{}, t, v, _mm256_madd_epi16(rows[v], x));
        });
      });
    });
  } else {
    constexpr int run = plan.run, runs = steps / run;
    __m256i pairs[Tokens][2];
    unroll<steps>([&](auto s) __attribute__((always_inline)) {
      const ptrdiff_t step = ptrdiff_t{group} * steps + s;
      const __m256i rows[2] = {load_aligned(codes + step * 128),
                               load_aligned(codes + step * 128 + 32)};
      const int32_t* const factors = panel.factors + (group * runs + s / run) * tile_rows + first;
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        const __m256i x = _mm256_set1_epi32(load_int(tile.codes[t] + step * 4));
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          __m256i total = _mm256_maddubs_epi16(rows[v], x);
          if constexpr (s % run != 0)
            total = _mm256_add_epi16(pairs[t][v], total);
          else if constexpr (plan.wraps)
            total = _mm256_add_epi16(_mm256_set1_epi32(tile.terms[t][group * runs + s / run].start),
                                     total);
          settle(total);
          pairs[t][v] = total;
          if constexpr (s % run == run - 1)
            add(std::bool_constant<s / run == 0>{}, t, v,
                _mm256_madd_epi16(total, plan.has_factors ? load_aligned(factors + v * lanes)
                                                          : _mm256_set1_epi16(1)));
        });
      });
    });
  }
}
#endif

/// One panel times a tile of tokens, added to out, [Tokens][tile_rows]. `columns` is a multiple of
/// the group.
template <Plan plan, int Tokens>
void sweep_codes(const Panel& panel, int rows, int columns, const Tile<Tokens>& tile, float* to) {
  constexpr int groups_of_scale = plan.has_factors ? 256 / plan.group : 1;  // those of a block
  constexpr int offset_group = plan.has_factors ? plan.group / 2 : plan.group;
  // Rows' factors are multiplied in between two groups that start each for itself.
  constexpr int terms_a_group = plan.has_factors && plan.products != Products::Vnni ? 2 : 1;
  static_assert(terms_a_group == 1 || plan.wraps || !plan.has_zero);
  for (int first = 0; first < rows; first += row_step) {
    Floats total[Tokens][2];
    if constexpr (keeps_totals || plan.has_offset) load_sums(to + first, total);
    // All offsets before all products, so that totals stay in registers for them on AVX2 too (Q4_K
    // 3 to 4% faster, Q2_K 6%).
    if constexpr (plan.has_offset) {
      for (int g = 0; g < columns / offset_group; ++g) {
        const float* at = panel.offsets + g * tile_rows + first;
        const Floats offsets[2] = {load(at), load(at + lanes)};
        unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
          const Floats x_sum = broadcast(tile.offsets[t][g].sum);
          for (int v = 0; v < 2; ++v) total[t][v] = fma(offsets[v], x_sum, total[t][v]);
        });
      }
      if constexpr (!keeps_totals) store_sums(total, to + first);
    }
    for (int g = 0; g < columns / plan.group; ++g) {
      Ints sum[Tokens][2];
      sum_products<plan>(panel, first, tile, g, sum);
      const float* scales = panel.scales + g / groups_of_scale * tile_rows + first;
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        float* out = to + t * tile_rows + first;
        const GroupTerms& terms = tile.terms[t][g * terms_a_group];
        const Floats x_scale = broadcast(terms.scale), unlift = broadcast(terms.unlift);
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          Floats& one = total[t][v];
          if constexpr (!keeps_totals) one = load(out + v * lanes);
          one = add_scaled(sum[t][v], load(scales + v * lanes), x_scale, unlift, one);
          if constexpr (!keeps_totals) store(out + v * lanes, one);
        });
      });
    }
    if constexpr (keeps_totals) store_sums(total, to + first);
  }
}

/// The tile of tokens from `token` of the selection on, from a column on.
template <typename Block, int Tokens>
[[gnu::always_inline]] inline Tile<Tokens> tile_of(const Activations& x, const GroupTerms* terms,
                                                   const GroupTerms* offsets, const int* index,
                                                   int token, int column) {
  constexpr Plan plan = plan_of<Block>();
  Tile<Tokens> tile;
  for (int t = 0; t < Tokens; ++t) {
    const size_t code = x.code_at(index ? index[token + t] : token + t, column);
    tile.codes[t] = plan.products == Products::Words
                        ? reinterpret_cast<const int8_t*>(x.wide_codes + code)
                        : x.codes + code;
    tile.terms[t] = terms + code / summing_of<Block>().group;
    if constexpr (plan.has_offset)
      tile.offsets[t] = offsets + code / offset_summing_of<Block>().group;
  }
  return tile;
}

template <typename Block>
void multiply_codes(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                    float* tile) {
  constexpr int panel_bytes = code_strip / quant::elements<Block> * quant::bytes<Block>;
  const GroupTerms* const terms = x.terms_for(summing_of<Block>());
  const GroupTerms* const offsets =
      Block::has_offset ? x.terms_for(offset_summing_of<Block>()) : nullptr;
  Panel panel;
  for_each_panel<Block, code_strip>(
      rows, x.columns, tokens, tile, [&](const RowBlock& part, int column, int columns, float* to) {
        if (column == 0) clear_tile(to, tokens);
        decode<Block>(part, columns / quant::elements<Block>, panel);
        NextPanel next(part, tiles<tile_tokens>(tokens));
        for_each_tile<tile_tokens>(tokens, [&](auto n, int token) {
          next.prefetch_some<panel_bytes>();
          sweep_codes<plan_of<Block>()>(panel, part.rows, columns,
                                        tile_of<Block, n>(x, terms, offsets, index, token, column),
                                        to + static_cast<ptrdiff_t>(token) * tile_rows);
        });
      });
}

}  // namespace weld::kernels::WELD_TARGET
