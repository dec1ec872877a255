// The product of quantized rows with many tokens: a panel of 32 rows is decoded once and swept over
// all tokens. A sum needs no horizontal addition, and lane, row and token each keep their own order
// of additions whatever stands beside them.
#pragma once

#include <bit>

#include "kernels/cpu/code_panel.h"
#include "kernels/cpu/panel.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {

/// A tile's tokens: where their activations for the panel begin, and what goes with each group.
template <int Tokens>
struct Tile {
  static constexpr int groups = code_strip / 16;
  const int8_t* codes[Tokens];  ///< or 16-bit codes
  float* out;                   ///< [Tokens][tile_rows]
  /// Where sums start: at what the zeros take off, -zero * sum of the codes; on AVX-512 lifted,
  /// and two numbers of 16 bits where runs wrap.
  alignas(64) int32_t starts[Tokens][groups];
  alignas(64) float scales[Tokens][groups];
  alignas(64) float unlifts[Tokens][groups];  ///< -lift * scale
  /// What offsets are multiplied with: scale * sum of the group's codes.
  alignas(64) float sums[Tokens][groups];
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
/// Sums start at the bits of 1.5 * 2^23, a float whose last place is one, so that their bits are
/// those of the float lift + sum while |sum| < 2^22; 32 products of 8 by 8 bits are 2^20 at most.
/// A multiply-add then turns a sum into a float, takes the lift off and multiplies by the token's
/// scale, all exactly but for one rounding, as lift * scale is exact for a short_scale(). A
/// conversion and a multiplication would take one instruction more on the two ports that multiply.
constexpr float lift = 12582912.0F;

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
    sum[t][0] = sum[t][1] = set_all(tile.starts[t][group]);
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
/// Here conversions have ports that do not multiply (AMD Zen), and sums without zeros no start.
constexpr float lift = 0;

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
      part = _mm256_add_epi32(part, _mm256_set1_epi32(tile.starts[t][group]));
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
            total =
                _mm256_add_epi16(_mm256_set1_epi32(tile.starts[t][group * runs + s / run]), total);
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

/// One panel times a tile of tokens, added to out. `columns` is a multiple of the group.
template <Plan plan, int Tokens>
void sweep_codes(const Panel& panel, int rows, int columns, const Tile<Tokens>& tile) {
  constexpr int groups_of_scale = plan.has_factors ? 256 / plan.group : 1;  // those of a block
  constexpr int offset_group = plan.has_factors ? plan.group / 2 : plan.group;
  for (int first = 0; first < rows; first += row_step) {
    Floats total[Tokens][2];
    if constexpr (keeps_totals || plan.has_offset) load_sums(tile.out + first, total);
    // All offsets before all products, so that totals stay in registers for them on AVX2 too (Q4_K
    // 3 to 4% faster, Q2_K 6%).
    if constexpr (plan.has_offset) {
      for (int g = 0; g < columns / offset_group; ++g) {
        const float* at = panel.offsets + g * tile_rows + first;
        const Floats offsets[2] = {load(at), load(at + lanes)};
        unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
          const Floats x_sum = broadcast(tile.sums[t][g]);
          for (int v = 0; v < 2; ++v) total[t][v] = fma(offsets[v], x_sum, total[t][v]);
        });
      }
      if constexpr (!keeps_totals) store_sums(total, tile.out + first);
    }
    for (int g = 0; g < columns / plan.group; ++g) {
      Ints sum[Tokens][2];
      sum_products<plan>(panel, first, tile, g, sum);
      const float* scales = panel.scales + g / groups_of_scale * tile_rows + first;
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        float* out = tile.out + t * tile_rows + first;
        const Floats x_scale = broadcast(tile.scales[t][g]);
        const Floats unlift = broadcast(tile.unlifts[t][g]);
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          Floats& one = total[t][v];
          if constexpr (!keeps_totals) one = load(out + v * lanes);
          one = add_scaled(sum[t][v], load(scales + v * lanes), x_scale, unlift, one);
          if constexpr (!keeps_totals) store(out + v * lanes, one);
        });
      });
    }
    if constexpr (keeps_totals) store_sums(total, tile.out + first);
  }
}

/// The scales of `lanes` groups of a token from group g on.
template <int Group>
[[gnu::always_inline]] inline Floats scales_of_groups(const float* scales, int g) {
  if constexpr (Group == 32) return load(scales + g);
  scales += g / 2;
#ifdef __AVX512F__
  return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),
                               _mm512_castps256_ps512(_mm256_loadu_ps(scales)));
#else
  const __m256 four = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(scales));
  return _mm256_permutevar_ps(four, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
#endif
}

/// The sums of the codes of `lanes` groups.
template <int Group>
[[gnu::always_inline]] inline Ints sums_of_groups(const int16_t* half_sums, int g) {
  const int16_t* const halves = half_sums + g * (Group / 16);
#ifdef __AVX512F__
  if constexpr (Group == 16) return _mm512_cvtepi16_epi32(load_ints(halves));
  return _mm512_madd_epi16(_mm512_loadu_si512(halves), _mm512_set1_epi16(1));
#else
  if constexpr (Group == 16)
    return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves)));
  return _mm256_madd_epi16(load_ints(halves), _mm256_set1_epi16(1));
#endif
}

/// The lane sums of 8 groups, 32 bits a group.
template <int Group>
[[gnu::always_inline]] inline __m256i lane_sums_of_groups(const int16_t* lane_sums, int g) {
  const auto* halves = reinterpret_cast<const __m256i*>(lane_sums + g * (Group / 8));
  const __m256i first = _mm256_loadu_si256(halves);
  if constexpr (Group == 16) return first;
  const __m256 a = _mm256_castsi256_ps(first);
  const __m256 b = _mm256_castsi256_ps(_mm256_loadu_si256(halves + 1));
  const __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0b10'00'10'00));
  const __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0b11'01'11'01));
  return _mm256_permute4x64_epi64(_mm256_add_epi16(even, odd), 0b11'01'10'00);
}

template <typename Block, int Tokens>
void sweep(const Panel& panel, int rows, int columns, int first_column, const Activations& x,
           const int* index, int token, float* tile) {
  constexpr Plan plan = plan_of<Block>();
  Tile<Tokens> at;
  at.out = tile + static_cast<ptrdiff_t>(token) * tile_rows;
  for (int t = 0; t < Tokens; ++t) {
    const int row = index ? index[token + t] : token + t;
    const size_t code = x.code_at(row, first_column);
    at.codes[t] = plan.products == Products::Words
                      ? reinterpret_cast<const int8_t*>(x.wide_codes + code)
                      : x.codes + code;
    const float* const x_scales = x.scales + code / 32;
    const int16_t* const half_sums = x.half_sums + code / 16;
    const auto starts = [&](int g) { return reinterpret_cast<Ints*>(&at.starts[t][g]); };
    // Whole vectors: the last strip has room for code_strip columns too, and what is beyond
    // `columns` is not used.
    for (int g = 0; g < columns / plan.group; g += lanes) {
      Floats scales = scales_of_groups<plan.group>(x_scales, g);
      settle(scales);  // GCC 12 would make a call of memmove of the copying
      store(&at.scales[t][g], scales);
      if constexpr (lift != 0) store(&at.unlifts[t][g], scales * broadcast(-lift));
      if constexpr (!plan.wraps && (lift != 0 || plan.has_zero))
        *starts(g) =
            subtract(set_all(std::bit_cast<int32_t>(lift)),
                     multiply(sums_of_groups<plan.group>(half_sums, g), set_all(zero_of<Block>())));
    }
    for (int g = 0; g < columns / Block::group; g += lanes) {
      if constexpr (plan.wraps)
        *starts(g) = multiply_words(lane_sums_of_groups<Block::group>(x.lane_sums + code / 8, g),
                                    _mm256_set1_epi16(static_cast<short>(-Block::zero)));
      if constexpr (plan.has_offset)
        store(&at.sums[t][g], scales_of_groups<Block::group>(x_scales, g) *
                                  to_floats(sums_of_groups<Block::group>(half_sums, g)));
    }
  }
  sweep_codes<plan, Tokens>(panel, rows, columns, at);
}

template <typename Block>
void multiply_codes(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                    float* tile) {
  constexpr int panel_bytes = code_strip / quant::elements<Block> * quant::bytes<Block>;
  Panel panel;
  for_each_panel<Block, code_strip>(
      rows, x.columns, tokens, tile, [&](const RowBlock& part, int column, int columns, float* to) {
        if (column == 0) clear_tile(to, tokens);
        decode<Block>(part, columns / quant::elements<Block>, panel);
        NextPanel next(part, tiles<tile_tokens>(tokens));
        for_each_tile<tile_tokens>(tokens, [&](auto n, int token) {
          next.prefetch_some<panel_bytes>();
          sweep<Block, n>(panel, part.rows, columns, column, x, index, token, to);
        });
      });
}

}  // namespace weld::kernels::WELD_TARGET
