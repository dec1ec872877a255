// Products of rows with one token or a few: each row is read once, along its length, decoded in
// registers and multiplied with all tokens. This is bound by memory; no decoded weight is stored.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/cpu/dot_span.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {

/// How a block's rows meet the tokens: so many side by side, read from parts as far apart as the
/// block allows, while what comes later is asked into this cache.
template <int Tokens, int Rows, decltype(_MM_HINT_T0) Cache>
struct Reading {
  static constexpr int tokens = Tokens;
  static constexpr int rows = Rows;
  static constexpr auto cache = Cache;
};

/// f(how up to max_vector_tokens tokens meet the rows). Memory delivers more from several pages at
/// once than from one (AVX-512 on Intel, one token: 28 GB/s for 20). What is said to be faster or
/// slower was measured with one token, 2048 columns.
template <typename Block, typename F>
void with_reading([[maybe_unused]] const RowBlock& rows, int tokens, const F& f) {
  static_assert(max_vector_tokens == 3);
#if defined(WELD_ZEN)
  // Zen 5: eight rows 37, four 40, and 41 GB/s into the first-level cache.
  constexpr int side_by_side = 4;
  constexpr auto cache = _MM_HINT_T0;
#elif defined(__AVX512F__)
  // Intel: four rows 28.8, eight 30.7 GB/s of 32.5 (Q4_K); in short blocks, and where codewords
  // take the time, eight are slower.
  constexpr int side_by_side = 4;
  constexpr auto cache = _MM_HINT_T1;
  if constexpr (!quant::has_codewords<Block>)
    if (tokens == 1 && rows.runs * rows.rows >= 64) return f(Reading<1, 8, cache>{});
#else
  constexpr int side_by_side = quant::is_float<Block> ? 4 : 1;
  constexpr auto cache = _MM_HINT_T1;
#endif
  constexpr int of_more = std::min(side_by_side, 2);
  if (tokens == 1)
    f(Reading<1, side_by_side, cache>{});
  else if (tokens == 2)
    f(Reading<2, of_more, cache>{});
  else if (tokens == 3)
    f(Reading<3, of_more, cache>{});
}

/// Parts of a block that rows are read from, if it is one run: where one is multiplied at a time,
/// from four in turn (AVX2 on Intel, rows of Q8_0: 20 to 22 for 18 GB/s).
template <typename How>
inline constexpr int block_parts = How::rows == 1 ? 4 : How::rows;

/// How far ahead of what is multiplied each part is asked for, in whole rows: all parts together
/// cover the memory's latency (100 ns at 40 GB/s are 4 KiB), and stay in the cache. Rows of experts
/// are short: at 768 columns of Q4_0, AVX2 on Zen 5, asking one row ahead gave 26 GB/s, three 41.
template <typename How>
inline int rows_ahead(size_t row_bytes) {
  constexpr int least = How::rows == 1 ? 1 : 2;
  constexpr size_t bytes = How::rows == 1 ? 1024 : 2048;
  return std::max(least, static_cast<int>((bytes + row_bytes - 1) / row_bytes));
}

/// Rows that are multiplied together.
template <typename How>
struct RowGroup {
  int index[How::rows];
  const std::byte* row[How::rows];
  ptrdiff_t later;  ///< from each row to the one that is prefetched meanwhile
};

/// The same place in the row that is prefetched. GCC 12 is not told how it is computed, or it would
/// keep a pointer for each row, for which there are too few registers.
[[gnu::always_inline]] inline ptrdiff_t place_in_later(ptrdiff_t place, ptrdiff_t later) {
  place += later;
  asm("" : "+r"(place));
  return place;
}

/// f(group) for all rows, which are those of the runs or else of parts of the only one; where parts
/// run out of rows the last one is repeated. What is done for each row counts, as a row may be
/// three spans: f is inlined, and nothing is multiplied or divided to find a row.
template <typename How, typename F>
[[gnu::always_inline]] inline void for_each_group(const RowBlock& rows, const F& f) {
  const bool is_one = rows.runs == 1;
  const int parts = is_one ? block_parts<How> : rows.runs;
  const int apart = is_one ? (rows.rows + parts - 1) / parts : rows.rows;
  const int all = is_one ? rows.rows : parts * apart;
  const int further = std::min(apart, rows_ahead<How>(rows.row_bytes));
  const auto bytes = [&](int n) { return n * static_cast<ptrdiff_t>(rows.row_bytes); };
  const ptrdiff_t part_bytes = is_one ? bytes(apart) : static_cast<ptrdiff_t>(rows.run_bytes);
  // What comes after a part is the same part of the next block.
  const ptrdiff_t to_next = rows.next ? rows.next - rows.data : 0;
  for (int r = 0; r < apart; ++r) {
    const ptrdiff_t later = r + further < apart ? bytes(further) : to_next + bytes(further - apart);
    const std::byte* row = rows.row(0, r);
    for (int at = r; at < all;) {
      RowGroup<How> group;
      group.later = later;
      for (int s = 0; s < How::rows; ++s) {
        const bool is_row = at < all;
        group.index[s] = is_row ? at : all - 1;
        group.row[s] = is_row ? row : rows.end() - rows.row_bytes;
        at += apart;
        row += part_bytes;
      }
      f(group);
    }
  }
}

/// Products of a block's rows with some tokens.
template <int Tokens>
struct RowProducts {
  float of[Tokens][max_rows];  ///< run after run

  void put_into(float* tile, const RowBlock& rows) const {
    const int all = rows.runs * rows.rows, step = rows.runs == 1 ? tile_rows : rows.rows;
    for (int first = 0; first < all; first += step, tile += tile_size(Tokens))
      for (int t = 0; t < Tokens; ++t)
        std::copy_n(of[t] + first, std::min(step, all - first), tile + ptrdiff_t{t} * tile_rows);
  }
};

/// Products of all rows: dot(group, out) makes those of a group in 8 lanes each. Lanes are added up
/// 8 rows at a time: a row's would keep the next row waiting.
template <typename How, typename Dot>
[[gnu::always_inline]] inline void dot_rows(const RowBlock& rows,
                                            RowProducts<How::tokens>& products, const Dot& dot) {
  constexpr int together = 8, tokens = How::tokens;
  static_assert(together % How::rows == 0);
  __m256 lanes[tokens][together] = {};
  int row_of[together], waiting = 0;
  const auto add_up = [&](int count) __attribute__((always_inline)) {
    for (int t = 0; t < tokens; ++t) {
      float sums[together];
      _mm256_storeu_ps(sums, sums_of_lanes(lanes[t]));
      for (int i = 0; i < count; ++i) products.of[t][row_of[i]] = sums[i];
    }
    waiting = 0;
  };
  for_each_group<How>(
      rows, [&](const RowGroup<How>& group) __attribute__((always_inline)) {
        __m256 out[How::rows][tokens];
        dot(group, out);
        for (int r = 0; r < How::rows; ++r, ++waiting) {
          row_of[waiting] = group.index[r];
          for (int t = 0; t < tokens; ++t) lanes[t][waiting] = out[r][t];
        }
        if (waiting == together) add_up(together);
      });
  if (waiting > 0) add_up(waiting);
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
template <typename Block, typename How>
[[gnu::always_inline]] inline void dot_codes(const RowGroup<How>& rows, const std::byte* end,
                                             int columns, std::array<TokenOf<Block>, How::tokens> x,
                                             ptrdiff_t next_strip,
                                             __m256 (&out)[How::rows][How::tokens]) {
  constexpr size_t Tokens = How::tokens;
  using Sums = RowSums<Block, Tokens>;
  static_assert(How::rows % Sums::rows == 0);
  Sums sums[How::rows / Sums::rows];
  const auto make_input = [&](size_t t) __attribute__((always_inline)) {
    return typename Sums::Input(x[t]);
  };
  const int spans = columns / span;
  for (int i = 0; i < spans; ++i) {
    const ptrdiff_t at = ptrdiff_t{i} * span_bytes<Block>;
    const ptrdiff_t later = place_in_later(at, rows.later);
    const auto input = for_tokens<Tokens>(make_input);
    unroll<How::rows / Sums::rows>([&](auto sum) __attribute__((always_inline)) {
      constexpr int r = sum * Sums::rows;
      for (int n = 0; n < Sums::rows; ++n)
        prefetch<span_bytes<Block>, How::cache>(rows.row[r + n] + later);
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
      unroll<How::rows>([&](auto r) __attribute__((always_inline)) {
        const std::byte* const last = rows.row[r] + ptrdiff_t{spans} * span_bytes<Block>;
        prefetch<span_bytes<Block> / 2, How::cache>(last + rows.later);
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
  unroll<How::rows / Sums::rows>([&](auto i) __attribute__((always_inline)) {
    sums[i].finish();
    for (int n = 0; n < Sums::rows; ++n)
      for (size_t t = 0; t < Tokens; ++t)
        out[i * Sums::rows + n][t] = sums[i].lanes_of(n, static_cast<int>(t));
  });
}

/// All rows of a block of a quantized type; index[t] says which token is the t-th, null that they
/// are in order.
template <typename Block, typename How>
void multiply_rows(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  const auto token = for_tokens<How::tokens>(
      [&](size_t t) { return TokenOf<Block>(x, index ? index[t] : static_cast<int>(t)); });
  const ptrdiff_t next_strip = ptrdiff_t{x.tokens} * code_strip;
  RowProducts<How::tokens> products;
  dot_rows<How>(
      rows, products, [&](const auto& group, auto& out) __attribute__((always_inline)) {
        dot_codes<Block>(group, rows.end(), x.columns, token, next_strip, out);
      });
  products.put_into(tile, rows);
}

}  // namespace weld::kernels::WELD_TARGET
