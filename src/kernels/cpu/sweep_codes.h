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
  /// and of Sums::Wrapped two numbers of 16 bits.
  alignas(32) int32_t starts[Tokens][groups];
  alignas(32) float scales[Tokens][groups];
  alignas(32) float unlifts[Tokens][groups];  ///< -lift * scale
  /// What offsets are multiplied with: scale * sum of the group's codes.
  alignas(32) float sums[Tokens][groups];
};

inline int load_int(const int8_t* p) {
  int v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

#ifdef __AVX512VNNI__
constexpr int row_step = 32;

/// Whether totals stay in registers from group to group: 12 of them, 12 sums, 2 rows and a token
/// fit into 32.
constexpr bool keeps_totals = true;

/// Sums start at the bits of 1.5 * 2^23, a float whose last place is one, so that their bits are
/// those of the float lift + sum while |sum| < 2^22; 32 products of 8 by 8 bits are 2^20 at most.
/// A multiply-add then turns a sum into a float, takes the lift off and multiplies by the token's
/// scale, all exactly but for one rounding, as lift * scale is exact for a short_scale(). A
/// conversion and a multiplication would take one instruction more on the two ports that multiply.
constexpr float lift = 12582912.0F;

/// total + sum * scales * x_scale.
inline Floats add_scaled(__m512i sum, Floats scales, Floats x_scale, Floats unlift, Floats total) {
  return fma(fma(_mm512_castsi512_ps(sum), x_scale, unlift), scales, total);
}

/// sum = the group's start and the products of its columns, `Steps` steps of 4 codes, for 32 rows.
template <Sums, bool, int Steps, int Tokens>
[[gnu::always_inline]] inline void sum_products(const uint8_t* panel, const Tile<Tokens>& tile,
                                                int group, __m512i (&sum)[Tokens][2]) {
  unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
    sum[t][0] = sum[t][1] = _mm512_set1_epi32(tile.starts[t][group]);
  });
  unroll<Steps>([&](auto s) __attribute__((always_inline)) {
    const ptrdiff_t step = ptrdiff_t{group} * Steps + s;
    const __m512i rows[2] = {_mm512_load_si512(panel + step * 128),
                             _mm512_load_si512(panel + step * 128 + 64)};
    unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
      const __m512i x = _mm512_set1_epi32(load_int(tile.codes[t] + step * 4));
      unroll<2>([&](auto v) __attribute__((always_inline)) {
        __m512i total = _mm512_dpbusd_epi32(sum[t][v], rows[v], x);
        settle(total);
        sum[t][v] = total;
      });
    });
  });
}
#else
constexpr int row_step = 16;
constexpr bool keeps_totals = false;

/// Here conversions have ports that do not multiply (AMD Zen), and sums without zeros no start.
constexpr float lift = 0;

inline Floats add_scaled(__m256i sum, Floats scales, Floats x_scale, Floats, Floats total) {
  return fma(to_floats(sum), scales * x_scale, total);
}

inline __m256i load_panel(const uint8_t* p) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
}

/// sum = the group's start and the products of its columns, `Steps` steps of 4 codes, for 16 rows.
template <Sums sums, bool HasZero, int Steps, int Tokens>
[[gnu::always_inline]] inline void sum_products(const uint8_t* panel, const Tile<Tokens>& tile,
                                                int group, __m256i (&sum)[Tokens][2]) {
  // Starts are added as late as possible: until then they would take up registers.
  const auto add = [&](auto first, auto t, auto v, __m256i part) __attribute__((always_inline)) {
    if constexpr (!first)
      part = _mm256_add_epi32(part, sum[t][v]);
    else if constexpr (HasZero)
      part = _mm256_add_epi32(part, _mm256_set1_epi32(tile.starts[t][group]));
    settle(part);
    sum[t][v] = part;
  };
  if constexpr (sums == Sums::Words) {
    unroll<2 * Steps>([&](auto s) __attribute__((always_inline)) {
      const ptrdiff_t step = ptrdiff_t{group} * 2 * Steps + s;
      const __m256i rows[2] = {load_panel(panel + step * 128), load_panel(panel + step * 128 + 32)};
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        const __m256i x = _mm256_set1_epi32(load_int(tile.codes[t] + step * 4));
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          add(std::bool_constant<s == 0>{}, t, v, _mm256_madd_epi16(rows[v], x));
        });
      });
    });
  } else {
    constexpr int run = sums == Sums::Wrapped  ? Steps
                        : sums == Sums::Bytes8 ? 8
                        : sums == Sums::Bytes4 ? 4
                                               : 1;
    __m256i pairs[Tokens][2];
    unroll<Steps>([&](auto s) __attribute__((always_inline)) {
      const ptrdiff_t step = ptrdiff_t{group} * Steps + s;
      const __m256i rows[2] = {load_panel(panel + step * 128), load_panel(panel + step * 128 + 32)};
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        const __m256i x = _mm256_set1_epi32(load_int(tile.codes[t] + step * 4));
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          __m256i total = _mm256_maddubs_epi16(rows[v], x);
          if constexpr (s % run != 0)
            total = _mm256_add_epi16(pairs[t][v], total);
          else if constexpr (sums == Sums::Wrapped)
            total = _mm256_add_epi16(_mm256_set1_epi32(tile.starts[t][group]), total);
          settle(total);
          pairs[t][v] = total;
          if constexpr (s % run == run - 1)
            add(std::bool_constant<s / run == 0>{}, t, v,
                _mm256_madd_epi16(total, _mm256_set1_epi16(1)));
        });
      });
    });
  }
}
#endif

/// One panel times a tile of tokens, added to out. `columns` is a multiple of the group.
template <Sums sums, int Group, bool HasZero, bool HasOffset, int Tokens>
void sweep_codes(const Panel& panel, int rows, int columns, const Tile<Tokens>& tile) {
  for (int first = 0; first < rows; first += row_step) {
    Floats total[Tokens][2];
    const auto for_each_total = [&](auto f) __attribute__((always_inline)) {
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        for (int v = 0; v < 2; ++v) f(total[t][v], tile.out + t * tile_rows + first + v * lanes);
      });
    };
    if constexpr (keeps_totals)
      for_each_total([](Floats& one, const float* out) { one = load(out); });
    for (int g = 0; g < columns / Group; ++g) {
      Ints sum[Tokens][2];
      sum_products<sums, HasZero, Group / 4>(panel.codes + first * 4, tile, g, sum);
      const float* scales = panel.scales + g * tile_rows + first;
      const float* offsets = panel.offsets + g * tile_rows + first;
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        float* out = tile.out + t * tile_rows + first;
        const Floats x_scale = broadcast(tile.scales[t][g]);
        const Floats unlift = broadcast(tile.unlifts[t][g]);
        const Floats x_sum = broadcast(HasOffset ? tile.sums[t][g] : 0.0F);
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          Floats& one = total[t][v];
          if constexpr (!keeps_totals) one = load(out + v * lanes);
          one = add_scaled(sum[t][v], load(scales + v * lanes), x_scale, unlift, one);
          if constexpr (HasOffset) one = fma(load(offsets + v * lanes), x_sum, one);
          if constexpr (!keeps_totals) store(out + v * lanes, one);
        });
      });
    }
    if constexpr (keeps_totals)
      for_each_total([](const Floats& one, float* out) { store(out, one); });
  }
}

/// The lane sums of 8 groups of a token's codes from group g on, 32 bits a group.
template <typename Block>
[[gnu::always_inline]] inline __m256i lane_sums_of_groups(const int16_t* lane_sums, int g) {
  const auto* halves = reinterpret_cast<const __m256i*>(lane_sums + g * (Block::group / 8));
  const __m256i first = _mm256_loadu_si256(halves);
  if constexpr (Block::group == 16) return first;
  const __m256 a = _mm256_castsi256_ps(first);
  const __m256 b = _mm256_castsi256_ps(_mm256_loadu_si256(halves + 1));
  const __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0b10'00'10'00));
  const __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0b11'01'11'01));
  return _mm256_permute4x64_epi64(_mm256_add_epi16(even, odd), 0b11'01'10'00);
}

/// What goes with 8 groups of a token's codes, in the tile from group g on.
template <typename Block, int Zero, int Tokens>
[[gnu::always_inline]] inline void enter_groups(const Activations& x, size_t code, int t, int g,
                                                Tile<Tokens>& tile) {
  const float* const scales = x.scales + code / 32;
  const int16_t* const half_sums = x.half_sums + code / 16;
  __m256 scale;
  __m256i sums;
  if constexpr (Block::group == 32) {
    scale = _mm256_loadu_ps(scales + g);
    settle(scale);  // GCC 12 would make a call of memmove of the copying
    const auto* halves = reinterpret_cast<const __m256i*>(half_sums + 2 * g);
    sums = _mm256_madd_epi16(_mm256_loadu_si256(halves), _mm256_set1_epi16(1));
  } else {
    const __m256 four = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(scales + g / 2));
    scale = _mm256_permutevar_ps(four, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    const auto* halves = reinterpret_cast<const __m128i*>(half_sums + g);
    sums = _mm256_cvtepi16_epi32(_mm_loadu_si128(halves));
  }
  _mm256_store_ps(&tile.scales[t][g], scale);
  if constexpr (sums_of<Block>() == Sums::Wrapped) {
    const __m256i starts = _mm256_mullo_epi16(lane_sums_of_groups<Block>(x.lane_sums + code / 8, g),
                                              _mm256_set1_epi16(static_cast<short>(-Zero)));
    _mm256_store_si256(reinterpret_cast<__m256i*>(&tile.starts[t][g]), starts);
  } else if constexpr (lift != 0 || Zero != 0) {
    const __m256i start = _mm256_sub_epi32(_mm256_set1_epi32(std::bit_cast<int32_t>(lift)),
                                           _mm256_mullo_epi32(sums, _mm256_set1_epi32(Zero)));
    _mm256_store_si256(reinterpret_cast<__m256i*>(&tile.starts[t][g]), start);
  }
  if constexpr (lift != 0) _mm256_store_ps(&tile.unlifts[t][g], scale * _mm256_set1_ps(-lift));
  if constexpr (Block::has_offset)
    _mm256_store_ps(&tile.sums[t][g], scale * _mm256_cvtepi32_ps(sums));
}

template <typename Block, int Tokens>
void sweep(const Panel& panel, int rows, int columns, int first_column, const Activations& x,
           const int* index, int token, float* tile) {
  constexpr Sums sums = sums_of<Block>();
  constexpr int zero = sums == Sums::Words ? 0 : Block::zero;
  Tile<Tokens> at;
  at.out = tile + static_cast<ptrdiff_t>(token) * tile_rows;
  for (int t = 0; t < Tokens; ++t) {
    const int row = index ? index[token + t] : token + t;
    const size_t code = x.code_at(row, first_column);
    at.codes[t] =
        sums == Sums::Words ? reinterpret_cast<const int8_t*>(x.wide_codes + code) : x.codes + code;
    for (int g = 0; g < columns / Block::group; g += 8)
      enter_groups<Block, zero>(x, code, t, g, at);
  }
  sweep_codes<sums, Block::group, zero != 0 && sums != Sums::Wrapped, Block::has_offset, Tokens>(
      panel, rows, columns, at);
}

template <typename Block>
void multiply_codes(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                    float* tile) {
  constexpr int panel_blocks = code_strip / quant::elements<Block>;
  constexpr int panel_bytes = panel_blocks * quant::bytes<Block>;
  Panel panel;
  const int blocks = x.columns / quant::elements<Block>;
  for (int begin = 0; begin < blocks; begin += panel_blocks) {
    const int end = begin + panel_blocks < blocks ? begin + panel_blocks : blocks;
    decode<Block>(rows, begin, end, panel);
    NextPanel next(rows, ptrdiff_t{end} * quant::bytes<Block>, end < blocks,
                   tiles<tile_tokens>(tokens));
    for_each_tile<tile_tokens>(tokens, [&](auto n, int token) {
      next.prefetch_some<panel_bytes>();
      sweep<Block, n>(panel, rows.rows, (end - begin) * quant::elements<Block>,
                      begin * quant::elements<Block>, x, index, token, tile);
    });
  }
}

}  // namespace weld::kernels::WELD_TARGET
