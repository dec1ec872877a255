// Products of rows with one token or a few: each row is read once, along its length, decoded in
// registers and multiplied with all tokens. This is bound by memory; no decoded weight is stored.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "kernels/cpu/dot_span.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

/// Rows that are read side by side, from places as far apart as the block allows: memory delivers
/// more from several pages at once than from one (AVX-512: 28 GB/s for 20).
#ifdef __AVX512F__
template <typename Block, int Tokens>
inline constexpr int streams = Tokens == 1 ? 4 : 2;
/// The same of blocks of 64 rows or more (Q4_K, 2048 columns: 30.7 for 28.8 GB/s of 32.5). In
/// shorter ones, and where codewords take the time, eight are slower.
template <typename Block, int Tokens>
inline constexpr int streams_of_many =
    Tokens == 1 && !quant::has_codewords<Block> ? 8 : streams<Block, Tokens>;
#else
template <typename Block, int Tokens>
inline constexpr int streams = quant::is_float<Block> ? (Tokens == 1 ? 4 : 2) : 1;
template <typename Block, int Tokens>
inline constexpr int streams_of_many = streams<Block, Tokens>;
#endif
constexpr int many_rows = 64;

/// Parts of a block that rows are read from: where one is multiplied at a time, from four in turn
/// (AVX2 on Intel, rows of Q8_0: 20 to 22 for 18 GB/s).
template <int Streams>
inline constexpr int block_parts = Streams == 1 ? 4 : Streams;

/// Rows of a part from what is computed to what is prefetched: at 1 to 4 KiB a row enough bytes to
/// cover the memory's latency (about 100 ns, 1.5 KiB at 15 GB/s), and little enough to stay in the
/// cache.
template <int Streams>
inline constexpr int prefetched_rows = Streams == 1 ? 1 : 2;

/// Rows that are multiplied together.
template <int Streams>
struct RowGroup {
  int index[Streams];
  const std::byte* row[Streams];
  ptrdiff_t later;  ///< from each row to the one that is prefetched meanwhile
};

/// The same place in the row that is prefetched. GCC 12 is not told how it is computed, or it would
/// keep a pointer for each row, for which there are too few registers.
[[gnu::always_inline]] inline ptrdiff_t place_in_later(ptrdiff_t place, ptrdiff_t later) {
  place += later;
  asm("" : "+r"(place));
  return place;
}

inline const std::byte* row_at(const RowBlock& rows, int row) {
  return rows.data + static_cast<size_t>(row) * rows.row_bytes;
}

/// f(group) for all rows; where parts run out of rows the last one is repeated. What is done for
/// each row counts, as a row may be three spans: f is inlined, and nothing is multiplied or divided
/// to find a row.
template <int Streams, typename F>
[[gnu::always_inline]] inline void for_each_group(const RowBlock& rows, const F& f) {
  constexpr int parts = block_parts<Streams>, further = prefetched_rows<Streams>;
  const int apart = (rows.rows + parts - 1) / parts;
  const auto bytes = [&](int n) { return n * static_cast<ptrdiff_t>(rows.row_bytes); };
  // What comes after a part is the same part of the next block.
  const ptrdiff_t to_next = rows.next ? rows.next - rows.data : 0;
  for (int r = 0; r < apart; ++r) {
    const ptrdiff_t later = r + further < apart ? bytes(further) : to_next + bytes(further - apart);
    const std::byte* row = row_at(rows, r);
    for (int at = r; at < rows.rows;) {
      RowGroup<Streams> group;
      group.later = later;
      for (int s = 0; s < Streams; ++s) {
        const bool is_row = at < rows.rows;
        group.index[s] = is_row ? at : rows.rows - 1;
        group.row[s] = is_row ? row : row_at(rows, rows.rows - 1);
        at += apart;
        row += bytes(apart);
      }
      f(group);
    }
  }
}

/// Products of a block's rows with some tokens.
template <int Tokens>
struct RowProducts {
  float of[Tokens][max_rows];

  void put_into(float* tile, int rows) const {
    for (int first = 0; first < rows; first += tile_rows, tile += tile_size(Tokens))
      for (int t = 0; t < Tokens; ++t)
        std::copy_n(of[t] + first, std::min(tile_rows, rows - first),
                    tile + ptrdiff_t{t} * tile_rows);
  }
};

/// Products of all rows, so many at once as suit the block: dot(group, out) makes those of a group
/// in 8 lanes each. Lanes are added up 8 rows at a time: a row's would keep the next row waiting.
template <typename Block, int Tokens, typename Dot>
[[gnu::always_inline]] inline void dot_rows(const RowBlock& rows, RowProducts<Tokens>& products,
                                            const Dot& dot) {
  constexpr int together = 8;
  __m256 lanes[Tokens][together] = {};
  int row_of[together], waiting = 0;
  const auto add_up = [&](int count) __attribute__((always_inline)) {
    for (int t = 0; t < Tokens; ++t) {
      float sums[together];
      _mm256_storeu_ps(sums, sums_of_lanes(lanes[t]));
      for (int i = 0; i < count; ++i) products.of[t][row_of[i]] = sums[i];
    }
    waiting = 0;
  };
  const auto with_streams = [&](auto at_once) __attribute__((always_inline)) {
    static_assert(together % at_once == 0);
    for_each_group<at_once>(
        rows, [&](const RowGroup<at_once>& group) __attribute__((always_inline)) {
          __m256 out[at_once][Tokens];
          dot(group, out);
          for (int r = 0; r < at_once; ++r, ++waiting) {
            row_of[waiting] = group.index[r];
            for (int t = 0; t < Tokens; ++t) lanes[t][waiting] = out[r][t];
          }
          if (waiting == together) add_up(together);
        });
  };
  using Streams = std::integral_constant<int, streams<Block, Tokens>>;
  using StreamsOfMany = std::integral_constant<int, streams_of_many<Block, Tokens>>;
  if (std::is_same_v<Streams, StreamsOfMany> || rows.rows >= many_rows)
    with_streams(StreamsOfMany{});
  else
    with_streams(Streams{});
  if (waiting > 0) add_up(waiting);
}

/// f(n), n a constant: the number of tokens.
template <typename F>
void with_tokens(int tokens, const F& f) {
  static_assert(max_vector_tokens == 3);
  if (tokens == 1)
    f(std::integral_constant<int, 1>{});
  else if (tokens == 2)
    f(std::integral_constant<int, 2>{});
  else if (tokens == 3)
    f(std::integral_constant<int, 3>{});
}

/// make(t) for each token t.
template <size_t Tokens, typename Make>
[[gnu::always_inline]] inline auto for_tokens(const Make& make) {
  return [&]<size_t... t>(std::index_sequence<t...>) __attribute__((always_inline)) {
    return std::array{make(t)...};
  }
  (std::make_index_sequence<Tokens>{});
}

/// Products of rows with some tokens, in 8 lanes each; weights can be read up to `end`;
/// `next_strip` is how far it is from a token's strip to its next.
template <typename Block, int Rows, size_t Tokens>
[[gnu::always_inline]] inline void dot_codes(const RowGroup<Rows>& rows, const std::byte* end,
                                             int columns, std::array<TokenOf<Block>, Tokens> x,
                                             ptrdiff_t next_strip, __m256 (&out)[Rows][Tokens]) {
  using Sums = RowSums<Block, Tokens>;
  static_assert(Rows % Sums::rows == 0);
  Sums sums[Rows / Sums::rows];
  const auto make_input = [&](size_t t) __attribute__((always_inline)) {
    return typename Sums::Input(x[t]);
  };
  const int spans = columns / span;
  for (int i = 0; i < spans; ++i) {
    const ptrdiff_t at = ptrdiff_t{i} * span_bytes<Block>;
    const ptrdiff_t later = place_in_later(at, rows.later);
    const auto input = for_tokens<Tokens>(make_input);
    unroll<Rows / Sums::rows>([&](auto sum) __attribute__((always_inline)) {
      constexpr int r = sum * Sums::rows;
      for (int n = 0; n < Sums::rows; ++n)
        prefetch<span_bytes<Block>, _MM_HINT_T1>(rows.row[r + n] + later);
      sums[sum].add(rows.row + r, at, input.data());
    });
    static_assert(code_strip == 2 * span);
    for (TokenOf<Block>& token : x) token = token + (i % 2 == 0 ? span : next_strip - span);
  }
  if constexpr (quant::elements<Block> < span) {
    // What a row has beyond whole spans, and of the next rows what fills up a span; zeros where
    // that is more than can be read.
    const int left = columns % span;
    if (left > 0) {
      const auto input = for_tokens<Tokens>(make_input);
      unroll<Rows>([&](auto r) __attribute__((always_inline)) {
        const std::byte* const last = rows.row[r] + ptrdiff_t{spans} * span_bytes<Block>;
        prefetch<span_bytes<Block> / 2, _MM_HINT_T1>(last + rows.later);
        std::byte blocks[span_bytes<Block>];
        const bool whole = end - last >= span_bytes<Block>;
        if (!whole) {
          const int readable = left / quant::elements<Block> * quant::bytes<Block>;
          std::fill(std::copy_n(last, readable, blocks), std::end(blocks), std::byte{});
        }
        sums[r].add_first(left, whole ? last : blocks, input.data());
      });
    }
  }
  unroll<Rows / Sums::rows>([&](auto i) __attribute__((always_inline)) {
    sums[i].finish();
    for (int n = 0; n < Sums::rows; ++n)
      for (size_t t = 0; t < Tokens; ++t)
        out[i * Sums::rows + n][t] = sums[i].lanes_of(n, static_cast<int>(t));
  });
}

/// All rows of a block of a quantized type; index[t] says which token is the t-th, null that they
/// are in order.
template <typename Block, int Tokens>
void multiply_rows(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  const auto token = for_tokens<Tokens>(
      [&](size_t t) { return TokenOf<Block>(x, index ? index[t] : static_cast<int>(t)); });
  const ptrdiff_t next_strip = ptrdiff_t{x.tokens} * code_strip;
  RowProducts<Tokens> products;
  dot_rows<Block>(
      rows, products, [&](const auto& group, auto& out) __attribute__((always_inline)) {
        dot_codes<Block>(group, row_at(rows, rows.rows), x.columns, token, next_strip, out);
      });
  products.put_into(tile, rows.rows);
}

}  // namespace weld::kernels::WELD_TARGET
