// What panels of decoded rows have in common, whatever they hold: eight rows transposed at a time,
// and tiles of tokens that sweep over them.
#pragma once

#include <immintrin.h>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/block.h"

namespace weld::kernels::WELD_TARGET {

#ifdef __AVX512F__
inline constexpr int tile_tokens =
    6;  // 2 vectors of rows by 6 tokens: 12 sums in integers, 12 in floats
#else
inline constexpr int tile_tokens = 4;  // 2 vectors of rows by 4 tokens: 8 sums, in 16 registers
#endif
/// The same for floats, which have no sums but these, of all rows of a panel: 12 hide the latency
/// of the multiply-add, and leave AVX2 registers for the tokens and a vector of rows.
inline constexpr int value_tile_vectors = tile_rows / lanes;
inline constexpr int value_tile_tokens = 12 / value_tile_vectors;

/// A vector of integers, as long as Floats.
#ifdef __AVX512F__
using Ints = __m512i;
inline Ints set_all(int v) { return _mm512_set1_epi32(v); }
inline Ints load_aligned(const void* p) { return _mm512_load_si512(p); }
inline Floats as_floats(Ints bits) { return _mm512_castsi512_ps(bits); }
inline Ints subtract(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
inline Ints multiply(Ints a, Ints b) { return _mm512_mullo_epi32(a, b); }
inline Ints add_words(Ints a, Ints b) { return _mm512_add_epi16(a, b); }
inline Ints multiply_words(Ints a, Ints b) { return _mm512_mullo_epi16(a, b); }
/// The integer of each lane in both its words.
inline Ints twice(Ints v) {
  return _mm512_mask_blend_epi16(0xaaaaaaaa, v, _mm512_slli_epi32(v, 16));
}
#else
using Ints = __m256i;
inline Ints set_all(int v) { return _mm256_set1_epi32(v); }
inline Ints load_aligned(const void* p) {
  return _mm256_load_si256(static_cast<const __m256i*>(p));
}
inline Floats as_floats(Ints bits) { return _mm256_castsi256_ps(bits); }
inline Ints subtract(Ints a, Ints b) { return _mm256_sub_epi32(a, b); }
inline Ints multiply(Ints a, Ints b) { return _mm256_mullo_epi32(a, b); }
inline Ints add_words(Ints a, Ints b) { return _mm256_add_epi16(a, b); }
inline Ints multiply_words(Ints a, Ints b) { return _mm256_mullo_epi16(a, b); }
inline Ints twice(Ints v) { return _mm256_blend_epi16(v, _mm256_slli_epi32(v, 16), 0xaa); }
#endif

/// The low (high) halves of each 16 bytes of a and b, one element of a, one of b.
inline __m256i low_dwords(__m256i a, __m256i b) { return _mm256_unpacklo_epi32(a, b); }
inline __m256i high_dwords(__m256i a, __m256i b) { return _mm256_unpackhi_epi32(a, b); }
inline __m256i low_qwords(__m256i a, __m256i b) { return _mm256_unpacklo_epi64(a, b); }
inline __m256i high_qwords(__m256i a, __m256i b) { return _mm256_unpackhi_epi64(a, b); }
#ifdef __AVX512F__
inline __m512i low_dwords(__m512i a, __m512i b) { return _mm512_unpacklo_epi32(a, b); }
inline __m512i high_dwords(__m512i a, __m512i b) { return _mm512_unpackhi_epi32(a, b); }
inline __m512i low_qwords(__m512i a, __m512i b) { return _mm512_unpacklo_epi64(a, b); }
inline __m512i high_qwords(__m512i a, __m512i b) { return _mm512_unpackhi_epi64(a, b); }
#endif

/// Transposes 4 x 4 dwords within each 16 bytes.
template <typename Vector>
[[gnu::always_inline]] inline void transpose_lanes(const Vector from[4], Vector to[4]) {
  const Vector a = low_dwords(from[0], from[1]), b = high_dwords(from[0], from[1]);
  const Vector c = low_dwords(from[2], from[3]), d = high_dwords(from[2], from[3]);
  to[0] = low_qwords(a, c);
  to[1] = high_qwords(a, c);
  to[2] = low_qwords(b, d);
  to[3] = high_qwords(b, d);
}

/// Transposes 8 x 8 dwords: to[i] of lane r is from[r] of lane i.
[[gnu::always_inline]] inline void transpose(const __m256i from[8], __m256i to[8]) {
  __m256i half[8];
  transpose_lanes(from, half);
  transpose_lanes(from + 4, half + 4);
  for (int i = 0; i < 4; ++i) {
    to[i] = _mm256_permute2x128_si256(half[i], half[i + 4], 0x20);
    to[i + 4] = _mm256_permute2x128_si256(half[i], half[i + 4], 0x31);
  }
}

/// Transposes 32 bytes of `lanes` rows: to[i] of lane r is dword i of row(r).
template <typename Row>
[[gnu::always_inline]] inline void transpose_rows(Row row, Ints to[8]) {
  __m256i from[8];
#ifdef __AVX512F__
  __m256i low[8], high[8];
  for (int r = 0; r < 8; ++r) from[r] = row(r);
  transpose(from, low);
  for (int r = 0; r < 8; ++r) from[r] = row(8 + r);
  transpose(from, high);
  for (int i = 0; i < 8; ++i)
    to[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low[i]), high[i], 1);
#else
  for (int r = 0; r < 8; ++r) from[r] = row(r);
  transpose(from, to);
#endif
}

/// Transposes 16 bytes of `lanes` rows as dwords: to[i] of lane r is dword i at `offset` of row r.
[[gnu::always_inline]] inline void transpose_bytes(const std::byte* const rows[lanes],
                                                   ptrdiff_t offset, Ints to[4]) {
  const auto four = [=](int r) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + offset));
  };
  Ints from[4];  // rows i, 4 + i, ...: the transposition within 16 bytes puts them in order
  for (int i = 0; i < 4; ++i) {
#ifdef __AVX512F__
    from[i] = _mm512_inserti32x4(_mm512_castsi128_si512(four(i)), four(4 + i), 1);
    from[i] = _mm512_inserti32x4(from[i], four(8 + i), 2);
    from[i] = _mm512_inserti32x4(from[i], four(12 + i), 3);
#else
    from[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(four(i)), four(4 + i), 1);
#endif
  }
  transpose_lanes(from, to);
}

/// Pointers to n rows from `first` on, of which those beyond the block repeat its last row.
template <int n>
struct Rows {
  const std::byte* at[n];
  Rows(const RowBlock& rows, int first) {
    for (int r = 0; r < n; ++r) {
      const int row = first + r < rows.rows ? first + r : rows.rows - 1;
      at[r] = rows.data + static_cast<size_t>(row) * rows.row_bytes;
    }
  }
};

/// Zeros, to which panels' products are added.
inline void clear_tile(float* tile, int tokens) {
  for (ptrdiff_t i = 0; i < static_cast<ptrdiff_t>(tokens) * tile_rows; i += lanes)
    store(tile + i, broadcast(0));
}

/// The sums of some tokens and vectors of rows, from where they are in a tile and back. Each is
/// named by constants: GCC 12 would keep an array that is looped over in memory.
template <int tokens, int vectors>
[[gnu::always_inline]] inline void load_sums(const float* tile, Floats (&sums)[tokens][vectors]) {
  unroll<tokens>([&](auto t) __attribute__((always_inline)) {
    unroll<vectors>([&](auto v) __attribute__((always_inline)) {
      sums[t][v] = load(tile + t * tile_rows + v * lanes);
    });
  });
}
template <int tokens, int vectors>
[[gnu::always_inline]] inline void store_sums(const Floats (&sums)[tokens][vectors], float* tile) {
  unroll<tokens>([&](auto t) __attribute__((always_inline)) {
    unroll<vectors>([&](auto v) __attribute__((always_inline)) {
      store(tile + t * tile_rows + v * lanes, sums[t][v]);
    });
  });
}

/// f(the part of a block, its tile) for each tile_rows of its rows.
template <typename F>
void for_each_row_tile(const RowBlock& rows, int tokens, float* tile, const F& f) {
  for (int first = 0; first < rows.rows; first += tile_rows, tile += tile_size(tokens)) {
    RowBlock part = rows;
    part.data += static_cast<size_t>(first) * rows.row_bytes;
    part.rows = rows.rows - first;
    if (part.rows > tile_rows) {
      part.rows = tile_rows;
      part.next = part.data + tile_rows * rows.row_bytes;
    }
    f(part, tile);
  }
}

/// f(rows, column, columns, tile) for each tile_rows rows of a block, strip by strip, as the
/// activations of one stay in the second-level cache for all rows. rows.data is at `column`, where
/// a strip of `columns` columns begins, and rows.next at the next call's, in the last call at what
/// follows the block, if anything does.
template <typename Block, int strip, typename F>
void for_each_panel(const RowBlock& rows, int columns, int tokens, float* tile, const F& f) {
  const auto at = [](int column) {
    return static_cast<ptrdiff_t>(column / quant::elements<Block>) * quant::bytes<Block>;
  };
  for (int begin = 0; begin < columns; begin += strip) {
    const int end = begin + strip < columns ? begin + strip : columns;
    for_each_row_tile(rows, tokens, tile, [&](RowBlock part, float* to) {
      const bool is_last = part.data + static_cast<size_t>(part.rows) * part.row_bytes ==
                           rows.data + static_cast<size_t>(rows.rows) * rows.row_bytes;
      if (!is_last)
        part.next += at(begin);
      else if (end < columns)
        part.next = rows.data + at(end);
      part.data += at(begin);
      f(part, begin, end - begin, to);
    });
  }
}

/// Asks for the part of each row that is decoded next, some rows at each call: while tokens sweep
/// over one panel, memory delivers the next.
class NextPanel {
 public:
  /// The next part begins at rows.next; where that has other rows than these, some are asked for in
  /// vain. `calls` is how often the tokens' tiles will call.
  NextPanel(const RowBlock& rows, int calls)
      : row_(rows.next ? rows.next : rows.data),
        row_bytes_(rows.row_bytes),
        rows_((tile_rows + calls - 1) / calls) {}

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

/// Tiles that so many tokens take.
template <int tile>
constexpr int tiles(int tokens) {
  return (tokens + tile - 1) / tile;
}

/// Calls f with the number of tokens as a constant and the first one, for tiles as even as can be:
/// one of a few tokens would have too few sums to hide the latency of their additions.
template <int tile, typename F>
void for_each_tile(int tokens, F f) {
  int token = 0;
  for (int left = tiles<tile>(tokens); left > 0; --left) {
    const int size = (tokens - token + left - 1) / left;
    unroll<tile>([&](auto n) {
      if (size == n + 1) f(std::integral_constant<int, n + 1>{}, token);
    });
    token += size;
  }
}

}  // namespace weld::kernels::WELD_TARGET
