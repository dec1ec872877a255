// Panels of decoded rows: 32 rows of block types, transposed so that a vector holds one step of k
// for 8 or 16 rows.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/cpu/panel.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

/// The instruction that multiplies codes.
enum class Products {
  Bytes,  ///< vpmaddubsw
  Words,  ///< vpmaddwd, of weights and activations in 16 bits
  Vnni,   ///< vpdpbusd
};

/// How the products of a block type's codes are summed and scaled.
struct Plan {
  Products products = Products::Vnni;
  int group = 32;           ///< columns that are summed in integers
  int run = 0;              ///< of Bytes: steps of 4 columns that are summed in 16 bits
  bool wraps = false;       ///< a run's sum may overflow on the way; see plan_of()
  bool has_zero = false;    ///< sums start at what the zeros take off
  bool has_offset = false;  ///< as Block::has_offset
  /// The two halves of a group are scaled by the rows' integers: their sums, or with VNNI their
  /// codes as they are decoded.
  bool has_factors = false;
};

/// The least and the largest product of a code less its zero and a factor.
template <typename Block>
constexpr std::pair<int, int> range_of_products() {
  const int least = -Block::zero, most = Block::max_code - Block::zero;
  return std::minmax({least * Block::least_factor, least * Block::most_factor,
                      most * Block::least_factor, most * Block::most_factor});
}

/// Whether codes are multiplied by their factors as they are decoded, as the products fit a byte.
/// Two groups of 16, which share a scale of the activations, are then one of 32: one sum is scaled
/// instead of two (AVX-512: 120 instructions on the two ports that multiply instead of 144). Where
/// sums have 16 bits they would not hold these products.
template <typename Block>
constexpr bool scales_codes() {
  if constexpr (has_vnni && requires { Block::least_factor; }) {
    static_assert(Block::group == 16 && quant::has_columns<Block> && quant::is_bytewise<Block>);
    const auto [least, most] = range_of_products<Block>();
    return most - least <= 255;
  }
  return false;
}

/// The code of zero in a panel.
template <typename Block>
constexpr int zero_of() {
  if constexpr (scales_codes<Block>()) return -range_of_products<Block>().first;
  return Block::zero;
}

template <typename Block>
constexpr Plan plan_of() {
  Plan plan{
      .group = Block::group, .has_zero = zero_of<Block>() != 0, .has_offset = Block::has_offset};
  if constexpr (scales_codes<Block>()) {
    plan.has_factors = true;
    plan.group = 32;
  }
  if constexpr (has_vnni) return plan;
  constexpr int steps = Block::group / 4;
  constexpr int fit = 32767 / (2 * 127 * Block::max_code);  // results of vpmaddubsw
  constexpr int farthest = std::max(Block::zero, Block::max_code - Block::zero);
  if (fit == 0) {
    plan.products = Products::Words;
    plan.has_zero = false;  // the panel has signed weights
    return plan;
  }
  plan.products = Products::Bytes;
  // Where a whole group of (code - zero) products fits 16 bits, its sum starts at what the zero
  // takes off. In the end it is right, as overflows go round.
  plan.wraps = plan.has_zero && steps * 2 * 127 * farthest <= 32767;
  plan.run = plan.wraps ? steps : fit >= 8 ? std::min(steps, 8) : fit >= 4 ? 4 : 1;
  // Two groups of 16 share a scale of the activations. Where theirs are integers times a unit they
  // are scaled as they are widened, and one conversion does for both.
  if (Block::group == 16 && plan.run == steps && quant::has_columns<Block> &&
      quant::has_factors<Block>) {
    plan.has_factors = true;
    plan.group = 32;
  }
  return plan;
}

/// Decoded rows. A step is 128 bytes: 4 codes (or 2 of 16 bits) of each of 32 rows.
struct Panel {
  alignas(64) uint8_t codes[2 * code_strip * tile_rows];
  alignas(64) float scales[code_strip / 16 * tile_rows];     ///< [group][row]; with factors [block]
  alignas(64) float offsets[code_strip / 16 * tile_rows];    ///< [group][row]
  alignas(64) int32_t factors[code_strip / 16 * tile_rows];  ///< [group][row]; each twice, in words
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

/// The scales (and offsets) of the first blocks of all rows.
template <typename Block>
void decode_scales(const RowBlock& rows, int blocks, Panel& panel) {
  constexpr int groups = quant::groups<Block>;
  for (int first = 0; first < rows.rows; first += 8) {
    const Rows<8> row(rows, first);
    for (int b = 0; b < blocks; ++b) {
      quant::EightBlocks eight;
      for (int r = 0; r < 8; ++r)
        eight.block[r] = row.at[r] + static_cast<size_t>(b) * quant::bytes<Block>;
      const int at = b * groups * tile_rows + first;
      if constexpr (groups == 1) {
        Block::scales(eight, panel.scales + at, panel.offsets + at);
      } else {
        static_assert(!Block::has_offset);
        alignas(32) float scales[8 * groups];  // [row][group]
        for (int r = 0; r < 8; ++r)
          quant::scales<Block>(eight.block[r], scales + r * groups, nullptr);
        transpose_scales<groups>(scales, panel.scales + at);
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
  if constexpr (plan_of<Block>().products == Products::Words) {
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

/// Four codes of group g of each row, as the panel has them.
template <typename Block>
[[gnu::always_inline]] inline Ints scaled(Ints codes, const Columns<Block>& columns, int g) {
  if constexpr (scales_codes<Block>()) {
    const Ints factors = Block::factors(columns, g);
    const Ints zeros = subtract(set_all(zero_of<Block>()), multiply(factors, set_all(Block::zero)));
    // Two bytes at a time. What a negative product of the lower one takes from the upper one comes
    // back with its zero, as both sums are bytes.
    codes = multiply_words(codes, twice(factors));
    codes = add_words(codes, multiply(zeros, set_all(0x01010101)));
  }
  return codes;
}

/// The codes of a block of some rows, from a step of the panel on.
template <typename Block>
[[gnu::always_inline]] inline void decode_codes(const std::byte* const rows[lanes], ptrdiff_t block,
                                                int step, int first, Panel& panel) {
  const auto of_row = [=]<size_t... r>(std::index_sequence<r...>) {
    return std::array{quant::BlockCodes<Block>(rows[r] + block)...};
  }
  (std::make_index_sequence<lanes>{});
  unroll<quant::elements<Block> / 32>([&](auto i) __attribute__((always_inline)) {
    Ints steps[8];
    transpose_rows([&](int r) { return of_row[static_cast<size_t>(r)](i); }, steps);
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
        store_step<Block>(scaled<Block>(Block::codes(at, i), columns, 2 * i + s / 4),
                          step + i * 8 + s, first, panel);
      });
    } else {
      Ints steps[8];
      quant::code_steps<Block>(columns, i, steps);
      for (int s = 0; s < 8; ++s) store_step<Block>(steps[s], step + i * 8 + s, first, panel);
    }
  });
}

/// The scales (and offsets) of a block of some rows.
template <typename Block>
[[gnu::always_inline]] inline void store_scales(const Columns<Block>& columns, int block, int first,
                                                Panel& panel) {
  constexpr int groups = quant::groups<Block>;
  const int at = block * groups * tile_rows + first;
  const Floats unit = Block::unit(columns);
  if constexpr (plan_of<Block>().has_factors) {
    store(panel.scales + block * tile_rows + first, unit);
    if constexpr (!scales_codes<Block>())
      unroll<groups>([&](auto g) __attribute__((always_inline)) {
        *reinterpret_cast<Ints*>(panel.factors + at + g * tile_rows) =
            twice(Block::factors(columns, g));
      });
  } else {
    unroll<groups>([&](auto g) __attribute__((always_inline)) {
      Floats scale = unit;
      if constexpr (requires { quant::group_factors<Block>(columns, g); })
        scale = unit * to_floats(quant::group_factors<Block>(columns, g));
      store(panel.scales + at + g * tile_rows, scale);
    });
  }
  if constexpr (Block::has_offset) {
    const Floats offset_unit = Block::offset_unit(columns);
    unroll<groups>([&](auto g) __attribute__((always_inline)) {
      Floats offset = offset_unit;
      if constexpr (requires { Block::minimums(columns, g); })
        offset = offset_unit * to_floats(Block::minimums(columns, g));
      store(panel.offsets + at + g * tile_rows, offset);
    });
  }
}

/// The first blocks of all rows.
template <typename Block>
void decode(const RowBlock& rows, int blocks, Panel& panel) {
  for (int first = 0; first < rows.rows; first += lanes) {
    const Rows<lanes> row(rows, first);
    for (int b = 0; b < blocks; ++b) {
      const ptrdiff_t block = ptrdiff_t{b} * quant::bytes<Block>;
      const int step = b * quant::elements<Block> / 4;
      if constexpr (quant::has_columns<Block>) {
        const Columns<Block> columns(row.at, block);
        decode_codes(columns, step, first, panel);
        store_scales(columns, b, first, panel);
      } else {
        decode_codes<Block>(row.at, block, step, first, panel);
      }
    }
  }
  if constexpr (!quant::has_columns<Block>) decode_scales<Block>(rows, blocks, panel);
}

}  // namespace weld::kernels::WELD_TARGET
