// Panels of 32 rows decoded to BF16 numbers, as tile registers read them.
#pragma once

#include "kernels/cpu/bf16_parts.h"
#include "kernels/cpu/code_panel.h"
#include "kernels/cpu/panel.h"
#include "kernels/cpu/tile_registers.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

constexpr int strip = 512;  // columns that are decoded at once
constexpr int strip_steps = strip / packed_columns;

/// BF16 numbers that have a weight's digits: 8 each, of 11 (F16) and 24 (F32). Of products of parts
/// those are left out that are smaller than what the last part rounds.
constexpr int parts_of(gguf::Type type) {
  return type == gguf::Type::F32 ? 3 : type == gguf::Type::F16 ? 2 : 1;
}

/// A part of 32 decoded rows, as tile registers read them: [half][step][row][column].
struct PackedPanel {
  alignas(64) uint16_t numbers[tile_rows * strip];
  uint16_t* at(int row, int step) {
    return numbers + ((row / 16 * strip_steps + step) * 16 + row % 16) * packed_columns;
  }
};

/// Transposes 16 x 16 dwords.
[[gnu::always_inline]] inline void transpose(const __m512i from[16], __m512i to[16]) {
  __m512i four[16];  // transposed within their 16 bytes
  for (int i = 0; i < 16; i += 4) transpose_lanes(from + i, four + i);
  for (int i = 0; i < 4; ++i) {
    const __m512i a = _mm512_shuffle_i32x4(four[i], four[4 + i], 0x44);
    const __m512i b = _mm512_shuffle_i32x4(four[i], four[4 + i], 0xee);
    const __m512i c = _mm512_shuffle_i32x4(four[8 + i], four[12 + i], 0x44);
    const __m512i d = _mm512_shuffle_i32x4(four[8 + i], four[12 + i], 0xee);
    to[i] = _mm512_shuffle_i32x4(a, c, 0x88);
    to[4 + i] = _mm512_shuffle_i32x4(a, c, 0xdd);
    to[8 + i] = _mm512_shuffle_i32x4(b, d, 0x88);
    to[12 + i] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

/// The dwords at a byte of each row's block, read where they are.
struct Gathered {
  const Rows<16>& rows;
  ptrdiff_t block;
  __m512i operator()(int i) const {
    const auto eight = [&](int first) {
      const __m512i base = _mm512_set1_epi64(reinterpret_cast<int64_t>(rows.at[0]));
      const __m512i offsets = _mm512_sub_epi64(_mm512_loadu_si512(rows.at + first), base);
      return _mm512_i64gather_epi32(offsets, rows.at[0] + block + i, 1);
    };
    return _mm512_inserti64x4(_mm512_castsi256_si512(eight(0)), eight(8), 1);
  }
};

/// Scales of 256 columns of 16 rows, and what is added to a code times its scale: [group][row].
template <typename Block>
struct ChunkScales {
  static constexpr int groups = 256 / Block::group;
  alignas(64) float scale[groups][16];
  alignas(64) float offset[groups][16];

  ChunkScales(const Rows<16>& rows, ptrdiff_t at, int blocks) {
    constexpr int of_block = quant::groups<Block>;
    for (int b = 0; b < blocks; ++b, at += quant::bytes<Block>)
      if constexpr (quant::has_columns<Block>)
        read_columns(Gathered{rows, at}, b * of_block);
      else if constexpr (of_block == 1)
        for (int r = 0; r < 16; r += 8) read_eight(rows.at + r, at, r, b);
      else
        for (int r = 0; r < 16; ++r) read_row(rows.at[r] + at, r, b * of_block);
  }

 private:
  template <typename At>
  [[gnu::always_inline]] void read_columns(const At& at, int first) {
    const Floats unit = Block::unit(at);
    Floats offset_unit;
    if constexpr (Block::has_offset) offset_unit = Block::offset_unit(at);
    unroll<quant::groups<Block>>([&](auto g) __attribute__((always_inline)) {
      Floats of_group = unit;
      if constexpr (requires { quant::group_factors<Block>(at, g); })
        of_group = unit * to_floats(quant::group_factors<Block>(at, g));
      store(scale[first + g], of_group);
      Floats added = of_group * broadcast(-Block::zero);
      if constexpr (requires { Block::minimums(at, g); })
        added += offset_unit * to_floats(Block::minimums(at, g));
      else if constexpr (Block::has_offset)
        added += offset_unit;
      store(offset[first + g], added);
    });
  }
  void read_eight(const std::byte* const rows[8], ptrdiff_t at, int row, int group) {
    quant::EightBlocks blocks;
    for (int r = 0; r < 8; ++r) blocks.block[r] = rows[r] + at;
    alignas(32) float offsets[8] = {};
    Block::scales(blocks, scale[group] + row, offsets);
    for (int r = 0; r < 8; ++r)
      offset[group][row + r] = scale[group][row + r] * -Block::zero + offsets[r];
  }
  void read_row(const std::byte* block, int row, int first) {
    constexpr int of_block = quant::groups<Block>;
    alignas(64) float scales[of_block], offsets[of_block] = {};
    quant::scales<Block>(block, scales, offsets);
    for (int g = 0; g < of_block; ++g) {
      scale[first + g][row] = scales[g];
      offset[first + g][row] = scales[g] * -Block::zero + offsets[g];
    }
  }
};

/// 32 weights of a row from column 32 i of a chunk on.
template <typename Block>
[[gnu::always_inline]] inline __m512i weights(__m256i codes, const ChunkScales<Block>& scales,
                                              int row, int i) {
  constexpr int groups = 32 / Block::group;
  const int g = i * groups;
  const auto half = [&](__m128i bytes, int group) {
    return fma(to_floats(_mm512_cvtepu8_epi32(bytes)), broadcast(scales.scale[group][row]),
               broadcast(scales.offset[group][row]));
  };
  return to_bf16(half(_mm256_castsi256_si128(codes), g),
                 half(_mm256_extracti128_si256(codes, 1), g + groups - 1));
}

/// 32 codes as words, for Block::codes: indices of tables.
struct Words {
  __m512i words;
};
inline Words bit_field(Words v, int right, int mask) {
  const auto count = static_cast<unsigned>(right < 0 ? -right : right);
  const __m512i moved =
      right < 0 ? _mm512_slli_epi16(v.words, count) : _mm512_srli_epi16(v.words, count);
  return {moved & _mm512_set1_epi16(static_cast<short>(mask))};
}
inline Words operator|(Words a, Words b) { return {a.words | b.words}; }
/// What would be looked up is in the table of weights already.
inline Words lookup(const uint8_t (&)[16], Words indices) { return indices; }

/// One row's block, for Block::codes.
struct RowWords {
  const std::byte* block;
  Words operator()(int i) const { return {_mm512_cvtepu8_epi16(quant::load32(block, i))}; }
  Words nibbles(int i) const {
    const __m256i twice = _mm256_broadcastsi128_si256(quant::load16(block, i));
    const __m512i shifts = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(4), 1);
    const __m512i moved = _mm512_srlv_epi16(_mm512_cvtepu8_epi16(twice), shifts);
    return {moved & _mm512_set1_epi16(15)};
  }
};

/// Whether a type has 16 codes at most, so that weights can be looked up by them.
template <typename Block>
constexpr bool has_few_codes() {
  if constexpr (!quant::is_bytewise<Block>)
    return false;
  else
    return Block::max_code < 16 || quant::is_looked_up<Block>;
}

/// The codes that have an index, as floats; less the zero where there are no offsets to take it
/// off.
template <typename Block>
struct CodesOfIndices {
  alignas(64) float values[16];
};
template <typename Block>
constexpr CodesOfIndices<Block> codes_of_indices() {
  CodesOfIndices<Block> codes{};
  for (int i = 0; i < 16; ++i) {
    codes.values[i] = static_cast<float>(i);
    if constexpr (quant::is_looked_up<Block>) codes.values[i] = static_cast<float>(Block::table[i]);
    if constexpr (!Block::has_offset) codes.values[i] -= Block::zero;
  }
  return codes;
}

/// Weights of a type with few codes: for each group a table of what its codes stand for, two to a
/// vector.
template <typename Block>
[[gnu::always_inline]] inline void look_up_weights(const std::byte* block, int columns,
                                                   const ChunkScales<Block>& scales, int row,
                                                   uint16_t* to) {
  static constexpr CodesOfIndices<Block> codes = codes_of_indices<Block>();
  const auto table = [&](int g) {
    const auto weights = [&](int group) {
      const Floats scale = broadcast(scales.scale[group][row]);
      if constexpr (!Block::has_offset) return load(codes.values) * scale;
      return fma(load(codes.values), scale, broadcast(scales.offset[group][row]));
    };
    return to_bf16(weights(g), weights(g + 1));
  };
  const auto indices = [&](auto i) __attribute__((always_inline)) {
    constexpr int in_block = 32 * i % quant::elements<Block> / 32;
    const RowWords words{block + 32 * i / quant::elements<Block> * quant::bytes<Block>};
    return Block::codes(words, in_block).words;
  };
  const __m512i second = _mm512_set1_epi16(16);
  unroll<4>([&](auto pair) __attribute__((always_inline)) {
    constexpr std::integral_constant<int, 2 * pair> i;
    constexpr std::integral_constant<int, 2 * pair + 1> next;
    if (32 * i >= columns) return;
    if constexpr (Block::group == 32) {
      const __m512i both = table(i);
      _mm512_store_si512(to + i * tile_numbers, _mm512_permutexvar_epi16(indices(i), both));
      if (32 * next < columns)
        _mm512_store_si512(to + next * tile_numbers,
                           _mm512_permutexvar_epi16(indices(next) | second, both));
    } else {
      const __m512i upper = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(16), 1);
      _mm512_store_si512(to + i * tile_numbers,
                         _mm512_permutexvar_epi16(indices(i) | upper, table(2 * i)));
      if (32 * next < columns)
        _mm512_store_si512(to + next * tile_numbers,
                           _mm512_permutexvar_epi16(indices(next) | upper, table(2 * next)));
    }
  });
}

/// Up to 256 columns of 16 rows with codes: `blocks` blocks from byte `at` of each row on.
template <typename Block>
void decode_chunk(const Rows<16>& rows, ptrdiff_t at, int blocks, int row, int step,
                  PackedPanel& panel) {
  const int columns = blocks * quant::elements<Block>;
  [[maybe_unused]] alignas(64) __m512i codes[16][4];
  if constexpr (quant::has_codewords<Block>) {
    const Columns<Block> bytes(rows.at, at);
    unroll<4>([&](auto i) __attribute__((always_inline)) {
      __m512i steps[16], of_rows[16];
      quant::code_steps<Block>(bytes, 2 * i, steps);
      quant::code_steps<Block>(bytes, 2 * i + 1, steps + 8);
      transpose(steps, of_rows);
      for (int r = 0; r < 16; ++r) codes[r][i] = of_rows[r];
    });
  }
  const ChunkScales<Block> scales(rows, at, blocks);
  for (int r = 0; r < 16; ++r) {
    const std::byte* const block = rows.at[r] + at;
    uint16_t* const to = panel.at(row + r, step);
    if constexpr (has_few_codes<Block>()) {
      look_up_weights<Block>(block, columns, scales, r, to);
      continue;
    }
    unroll<8>([&](auto i) __attribute__((always_inline)) {
      if (32 * i >= columns) return;
      constexpr int in_block = 32 * i % quant::elements<Block> / 32;
      __m256i of_row;
      if constexpr (quant::has_codewords<Block>)
        of_row = i % 2 == 0 ? _mm512_castsi512_si256(codes[r][i / 2])
                            : _mm512_extracti64x4_epi64(codes[r][i / 2], 1);
      else
        of_row = quant::BlockCodes<Block>(block + 32 * i / quant::elements<Block> *
                                                      quant::bytes<Block>)(in_block);
      _mm512_store_si512(to + i * tile_numbers, weights<Block>(of_row, scales, r, i));
    });
  }
}

/// The first columns of a row of floats.
template <typename Block>
void decode_values(const std::byte* row, int columns, int r, PackedPanel* parts) {
  for (int step = 0, k = 0; k < columns; ++step, k += packed_columns) {
    const std::byte* const from = row + static_cast<ptrdiff_t>(k) * quant::bytes<Block>;
    __m512 low, high;
    if (k + packed_columns <= columns) {
      const auto eight = [=](int i) { return Block::values(from + i * quant::bytes<Block>); };
      low = _mm512_insertf32x8(_mm512_castps256_ps512(eight(0)), eight(8), 1);
      high = _mm512_insertf32x8(_mm512_castps256_ps512(eight(16)), eight(24), 1);
    } else {
      float values[packed_columns] = {};
      for (int i = 0; i < columns - k; ++i)
        values[i] = Block::value(from + static_cast<ptrdiff_t>(i) * quant::bytes<Block>);
      low = load(values);
      high = load(values + lanes);
    }
    for (int part = 0; part < parts_of(Block::type); ++part) {
      const __m512i numbers = to_bf16(low, high);
      _mm512_store_si512(parts[part].at(r, step), numbers);
      subtract(numbers, low, high);
    }
  }
}

template <typename Block>
void decode(const RowBlock& block, int columns, PackedPanel* parts) {
  for (int first = 0; first < tile_rows; first += 16) {
    const Rows<16> rows(block, first);
    if constexpr (quant::is_float<Block>) {
      for (int r = 0; r < 16; ++r) decode_values<Block>(rows.at[r], columns, first + r, parts);
    } else {
      constexpr int chunk = 256 / quant::elements<Block>;
      const int blocks = columns / quant::elements<Block>;
      for (int b = 0; b < blocks; b += chunk)
        decode_chunk<Block>(rows, static_cast<ptrdiff_t>(b) * quant::bytes<Block>,
                            b + chunk <= blocks ? chunk : blocks - b, first,
                            b * quant::elements<Block> / packed_columns, *parts);
    }
  }
}

}  // namespace weld::kernels::WELD_TARGET
