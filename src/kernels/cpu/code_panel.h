// The product of quantized rows with many tokens: a panel of 32 rows is decoded once, transposed so
// that a vector holds one step of k for 8 or 16 rows, and swept over all tokens. A sum needs no
// horizontal addition, and lane, row and token each keep their own order of additions whatever
// stands beside them.
#pragma once

#include <bit>

#include "kernels/cpu/panel.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

/// How the products of a block type's codes are summed.
enum class Sums {
  Bytes8,  ///< vpmaddubsw; 8 of its results fit in 16 bits before they are widened
  Bytes4,
  Bytes2,
  Bytes1,
  Words,  ///< weights and activations in 16 bits, vpmaddwd
  Vnni,   ///< vpdpbusd
};

template <typename Block>
constexpr Sums sums_of() {
#ifdef __AVX512VNNI__
  return Sums::Vnni;
#else
  // A result of vpmaddubsw is at most 2 * 127 * max_code; half a group is 4 steps of 4 codes.
  constexpr int fit = 32767 / (2 * 127 * Block::max_code);
  if (fit >= 8 && Block::group == 32) return Sums::Bytes8;
  if (fit >= 4) return Sums::Bytes4;
  if (fit >= 2) return Sums::Bytes2;
  return fit >= 1 ? Sums::Bytes1 : Sums::Words;
#endif
}

/// Decoded rows. A step is 128 bytes: 4 codes (or 2 of 16 bits) of each of 32 rows.
struct Panel {
  alignas(64) uint8_t codes[2 * code_strip * tile_rows];
  alignas(64) float scales[code_strip / 16 * tile_rows];   ///< [group][row]
  alignas(64) float offsets[code_strip / 16 * tile_rows];  ///< [group][row]
};

/// from: [row][group] of 8 rows; to: [group][row] of all.
template <int groups>
void transpose_scales(const float* from, float* to) {
  int g = 0;
  for (; g + 8 <= groups; g += 8) {
    __m256i row[8], group[8];
    for (int r = 0; r < 8; ++r) row[r] = _mm256_castps_si256(_mm256_load_ps(from + r * groups + g));
    transpose(row, group);
    for (int i = 0; i < 8; ++i)
      _mm256_store_ps(to + (g + i) * tile_rows, _mm256_castsi256_ps(group[i]));
  }
  if constexpr (groups % 8 != 0)
    for (; g < groups; ++g)
      for (int r = 0; r < 8; ++r) to[g * tile_rows + r] = from[r * groups + g];
}

/// The scales (and offsets) of blocks `begin` up to `end` of all rows.
template <typename Block>
void decode_scales(const RowBlock& rows, int begin, int end, Panel& panel) {
  constexpr int groups = quant::groups<Block>;
  for (int first = 0; first < rows.rows; first += 8) {
    const Rows<8> row(rows, first);
    for (int b = begin; b < end; ++b) {
      const std::byte* blocks[8];
      for (int r = 0; r < 8; ++r)
        blocks[r] = row.at[r] + static_cast<size_t>(b) * quant::bytes<Block>;
      const int at = (b - begin) * groups * tile_rows + first;
      if constexpr (groups == 1) {
        Block::scales(blocks, panel.scales + at, panel.offsets + at);
      } else {
        alignas(32) float scales[8 * groups], offsets[8 * groups];  // [row][group]
        for (int r = 0; r < 8; ++r)
          quant::scales<Block>(blocks[r], scales + r * groups, offsets + r * groups);
        transpose_scales<groups>(scales, panel.scales + at);
        if constexpr (Block::has_offset) transpose_scales<groups>(offsets, panel.offsets + at);
      }
    }
  }
}

/// A block of each row, transposed: a vector has a dword of each.
template <typename Block>
class Columns {
 public:
  Columns(const std::byte* const rows[lanes], ptrdiff_t block) {
    // 16 bytes at a time, the last ones in part once more.
    for (int i = begin; i < end; i += 16) {
      const int at = i + 16 <= end ? i : end - 16;
      transpose_bytes(rows, block + at, dwords_ + (at - begin) / 4);
    }
    if constexpr (has_apart) transpose_bytes(rows, block + Block::columns_apart, apart_);
  }
  /// The dwords at byte i of the block.
  Ints operator()(int i) const {
    if constexpr (has_apart)
      if ((i - begin) % 4 != 0) return apart_[(i - Block::columns_apart) / 4];
    return dwords_[(i - begin) / 4];
  }

 private:
  static constexpr int begin = Block::columns_begin, end = Block::columns_end;
  static constexpr bool has_apart = requires { Block::columns_apart; };
  static_assert((end - begin) % 4 == 0);
  Ints dwords_[(end - begin) / 4];
  Ints apart_[has_apart ? 4 : 1];
};

/// Transposed rows, for Block::codes: the codes of step `step` of 32 codes of each row.
template <typename Block>
struct ColumnBytes {
  const Columns<Block>& at;
  int step;
  Ints operator()(int i) const { return at(i + 4 * step); }
  Ints nibbles(int i) const { return quant::bit_field(at(i + step % 4 * 4), step / 4 * 4, 15); }
};

/// Stores a step of `lanes` rows from `first` on.
template <typename Block>
[[gnu::always_inline]] inline void store_step(Ints codes, int step, int first, Panel& panel) {
  const auto to = [&](int i) {
    return reinterpret_cast<Ints*>(panel.codes + static_cast<ptrdiff_t>(i) * 128 + first * 4);
  };
#ifndef __AVX512F__
  if constexpr (sums_of<Block>() == Sums::Words) {
    const __m256i zero = _mm256_set1_epi16(Block::zero);
    const __m256i pair = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1));
    const __m256i next_pair = _mm256_add_epi8(pair, _mm256_set1_epi16(2));
    *to(2 * step) = _mm256_sub_epi16(_mm256_shuffle_epi8(codes, pair), zero);
    *to(2 * step + 1) = _mm256_sub_epi16(_mm256_shuffle_epi8(codes, next_pair), zero);
    return;
  }
#endif
  *to(step) = codes;
}

/// The codes of a block of some rows, from a step of the panel on.
template <typename Block>
[[gnu::always_inline]] inline void decode_codes(const std::byte* const rows[lanes], ptrdiff_t block,
                                                int step, int first, Panel& panel) {
  unroll<quant::elements<Block> / 32>([&](auto i) __attribute__((always_inline)) {
    Ints steps[8];
    transpose_rows([&](int r) { return quant::codes<Block>(rows[r] + block, i); }, steps);
    for (int s = 0; s < 8; ++s) store_step<Block>(steps[s], step + i * 8 + s, first, panel);
  });
}

/// The same of rows that were transposed as they are stored: there are fewer bytes than codes.
template <typename Block>
[[gnu::always_inline]] inline void decode_codes(const Columns<Block>& columns, int step, int first,
                                                Panel& panel) {
  unroll<quant::elements<Block> / 32>([&](auto i) __attribute__((always_inline)) {
    if constexpr (quant::is_bytewise<Block>) {
      unroll<8>([&](auto s) __attribute__((always_inline)) {
        const ColumnBytes<Block> at{columns, s};
        store_step<Block>(Block::codes(at, i), step + i * 8 + s, first, panel);
      });
    } else {
      Ints steps[8];
      Block::code_steps(columns, i, steps);
      for (int s = 0; s < 8; ++s) store_step<Block>(steps[s], step + i * 8 + s, first, panel);
    }
  });
}

/// The scales (and offsets) of a block of some rows.
template <typename Block>
[[gnu::always_inline]] inline void decode_scales(const Columns<Block>& columns, float* scales,
                                                 float* offsets) {
  const Floats unit = Block::unit(columns);
  unroll<quant::groups<Block>>([&](auto g) __attribute__((always_inline)) {
    Floats scale = unit;
    if constexpr (requires { Block::factors(columns, g); })
      scale = unit * to_floats(Block::factors(columns, g));
    store(scales + g * tile_rows, scale);
  });
  if constexpr (Block::has_offset) {
    const Floats offset_unit = Block::offset_unit(columns);
    unroll<quant::groups<Block>>([&](auto g) __attribute__((always_inline)) {
      Floats offset = offset_unit;
      if constexpr (requires { Block::minimums(columns, g); })
        offset = offset_unit * to_floats(Block::minimums(columns, g));
      store(offsets + g * tile_rows, offset);
    });
  }
}

/// Blocks `begin` up to `end` of all rows.
template <typename Block>
void decode(const RowBlock& rows, int begin, int end, Panel& panel) {
  constexpr int groups = quant::groups<Block>;
  for (int first = 0; first < rows.rows; first += lanes) {
    const Rows<lanes> row(rows, first);
    for (int b = 0; b < end - begin; ++b) {
      const ptrdiff_t block = static_cast<ptrdiff_t>(begin + b) * quant::bytes<Block>;
      const int step = b * quant::elements<Block> / 4;
      if constexpr (quant::has_columns<Block>) {
        const Columns<Block> columns(row.at, block);
        decode_codes(columns, step, first, panel);
        const int group = b * groups * tile_rows + first;
        if constexpr (quant::has_column_scales<Block>)
          decode_scales(columns, panel.scales + group, panel.offsets + group);
      } else {
        decode_codes<Block>(row.at, block, step, first, panel);
      }
    }
  }
  if constexpr (!quant::has_column_scales<Block>) decode_scales<Block>(rows, begin, end, panel);
}

/// A tile's tokens: where their activations for the panel begin, and what goes with each group.
template <int Tokens>
struct Tile {
  static constexpr int groups = code_strip / 16;
  const int8_t* codes[Tokens];  ///< or 16-bit codes
  float* out;                   ///< [Tokens][tile_rows]
  /// Where sums start: at what the zeros take off, -zero * sum of the codes; on AVX-512 lifted.
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

/// Here conversions have ports that do not multiply (AMD Zen), and sums without zeros no start.
constexpr float lift = 0;

inline Floats add_scaled(__m256i sum, Floats scales, Floats x_scale, Floats, Floats total) {
  return fma(_mm256_cvtepi32_ps(sum), scales * x_scale, total);
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
    constexpr int run = sums == Sums::Bytes8 ? 8
                        : sums == Sums::Bytes4 ? 4
                        : sums == Sums::Bytes2 ? 2
                                               : 1;
    __m256i pairs[Tokens][2];
    unroll<Steps>([&](auto s) __attribute__((always_inline)) {
      const ptrdiff_t step = ptrdiff_t{group} * Steps + s;
      const __m256i rows[2] = {load_panel(panel + step * 128), load_panel(panel + step * 128 + 32)};
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        const __m256i x = _mm256_set1_epi32(load_int(tile.codes[t] + step * 4));
        unroll<2>([&](auto v) __attribute__((always_inline)) {
          __m256i total = _mm256_maddubs_epi16(rows[v], x);
          if constexpr (s % run != 0) total = _mm256_add_epi16(pairs[t][v], total);
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
  for (int first = 0; first < rows; first += row_step)
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
          Floats total = add_scaled(sum[t][v], load(scales + v * lanes), x_scale, unlift,
                                    load(out + v * lanes));
          if constexpr (HasOffset) total = fma(load(offsets + v * lanes), x_sum, total);
          store(out + v * lanes, total);
        });
      });
    }
}

/// What goes with 8 groups of a token's codes, in the tile from group g on.
template <typename Block, int Zero, int Tokens>
[[gnu::always_inline]] inline void enter_groups(const float* scales, const int16_t* half_sums,
                                                int t, int g, Tile<Tokens>& tile) {
  __m256 scale;
  __m256i sums;
  if constexpr (Block::group == 32) {
    scale = _mm256_loadu_ps(scales + g);
    const auto* halves = reinterpret_cast<const __m256i*>(half_sums + 2 * g);
    sums = _mm256_madd_epi16(_mm256_loadu_si256(halves), _mm256_set1_epi16(1));
  } else {
    const __m256 four = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(scales + g / 2));
    scale = _mm256_permutevar_ps(four, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    const auto* halves = reinterpret_cast<const __m128i*>(half_sums + g);
    sums = _mm256_cvtepi16_epi32(_mm_loadu_si128(halves));
  }
  _mm256_store_ps(&tile.scales[t][g], scale);
  if constexpr (lift != 0 || Zero != 0) {
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
      enter_groups<Block, zero>(x.scales + code / 32, x.half_sums + code / 16, t, g, at);
  }
  sweep_codes<sums, Block::group, zero != 0, Block::has_offset, Tokens>(panel, rows, columns, at);
}

/// Asks for the part of each row that is decoded next, some rows at each call: while tokens sweep
/// over one panel, memory delivers the next.
class NextPanel {
 public:
  /// `calls` is how often the tokens' tiles will call.
  NextPanel(const std::byte* first, size_t row_bytes, int calls)
      : row_(first), row_bytes_(row_bytes), rows_((tile_rows + calls - 1) / calls) {}

  template <int bytes>
  void prefetch_some() {
    for (int i = 0; i < rows_ && left_ > 0; ++i, --left_, row_ += row_bytes_)
      prefetch<bytes, _MM_HINT_T1>(row_);
  }

 private:
  const std::byte* row_;
  size_t row_bytes_;
  int rows_;
  int left_ = tile_rows;
};

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
    const std::byte* following = end < blocks
                                     ? rows.data + static_cast<ptrdiff_t>(end) * quant::bytes<Block>
                                 : rows.next ? rows.next
                                             : rows.data;
    NextPanel next(following, rows.row_bytes, (tokens + tile_tokens - 1) / tile_tokens);
    for_each_tile<tile_tokens>(tokens, [&](auto n, int token) {
      next.prefetch_some<panel_bytes>();
      sweep<Block, n>(panel, rows.rows, (end - begin) * quant::elements<Block>,
                      begin * quant::elements<Block>, x, index, token, tile);
    });
  }
}

}  // namespace weld::kernels::WELD_TARGET
