// Vector builds of attention: one pass over the cache, 64 positions at a time, for all query heads
// of a key-value head and several tokens.
#include "kernels/cpu/attention.h"

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {
namespace {

constexpr int vectors_a_block = cache_block / lanes;
constexpr int span_blocks = span / cache_block;
/// Sums that a tile of query rows and positions (or values) has: enough to hide the latency of the
/// multiply-add. On AVX-512 16, as 8 would take more loads than two ports do meanwhile.
constexpr int tile_sums = lanes;
/// Query rows of a tile of scores at most, and of a tile of values.
constexpr int score_rows = lanes / 2;
constexpr int value_rows = lanes / 4;

/// f(size, first) for tiles that make up `count`, their size a constant: as many as there are of
/// `most`, then of half of it, and so on.
template <int most, typename F>
[[gnu::always_inline]] inline void for_tiles(int count, const F& f, int first = 0) {
  for (; first + most <= count; first += most) f(std::integral_constant<int, most>{}, first);
  if constexpr (most > 1) for_tiles<most / 2>(count, f, first);
}

/// Where numbers are read, in halves or floats.
struct Halves {
  const std::byte* data;
  Floats at(ptrdiff_t i) const { return load_f16(data + 2 * i); }
};
struct Singles {
  const float* data;
  Floats at(ptrdiff_t i) const { return load(data + i); }
};

/// The scores of some rows for some blocks of keys, from position `at` of the span on: scale *
/// query . key.
template <int Rows, int Blocks, typename Numbers>
void score(const Row* rows, int at, const Numbers* keys, int key_size, float scale) {
  Floats sum[Blocks][vectors_a_block][Rows];
  for (auto& block : sum)
    for (auto& vector : block)
      for (Floats& v : vector) v = broadcast(0);
  const float* query[Rows];
  for (int r = 0; r < Rows; ++r) query[r] = rows[r].query;
  for (int d = 0; d < key_size; ++d) {
    Floats q[Rows];
    for (int r = 0; r < Rows; ++r) q[r] = broadcast(query[r][d]);
    for (int b = 0; b < Blocks; ++b)
      for (int v = 0; v < vectors_a_block; ++v) {
        const Floats key = keys[b].at(static_cast<ptrdiff_t>(d) * cache_block + v * lanes);
        for (int r = 0; r < Rows; ++r) sum[b][v][r] = fma(q[r], key, sum[b][v][r]);
      }
  }
  for (int r = 0; r < Rows; ++r)
    for (int b = 0; b < Blocks; ++b)
      for (int v = 0; v < vectors_a_block; ++v)
        store(rows[r].scores + at + b * cache_block + v * lanes, sum[b][v][r] * broadcast(scale));
}

/// The same for any number of rows and blocks.
template <typename Numbers>
void score_all(const Row* rows, int count, int at, const Numbers* keys, int blocks, int key_size,
               float scale) {
  for_tiles<score_rows>(count, [&](auto n, int first) {
    constexpr int together = std::min(tile_sums / (n * vectors_a_block), span_blocks);
    int b = 0;
    for (; b + together <= blocks; b += together)
      score<n, together>(rows + first, at + b * cache_block, keys + b, key_size, scale);
    for (; b < blocks; ++b)
      score<n, 1>(rows + first, at + b * cache_block, keys + b, key_size, scale);
  });
}

/// What the sums so far are multiplied with: only the first block that the row sees meets those of
/// an earlier span.
float shrink_of(const Row& row, int block) { return block <= row.begin ? row.shrink : 1.0F; }

/// For some rows and some vectors of values: output = output * shrink + weights . values of the
/// block at `block` of the span.
template <int Rows, int Vectors, typename Numbers>
[[gnu::always_inline]] inline void add_vectors(const Row* rows, int block, const Numbers& values,
                                               int value_size, int first) {
  Floats sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    const Floats shrink = broadcast(shrink_of(rows[r], block));
    for (int v = 0; v < Vectors; ++v) sum[r][v] = load(rows[r].output + first + v * lanes) * shrink;
  }
  for (int p = 0; p < cache_block; ++p) {
    Floats weight[Rows];
    for (int r = 0; r < Rows; ++r) weight[r] = broadcast(rows[r].scores[block + p]);
    for (int v = 0; v < Vectors; ++v) {
      Floats value = values.at(static_cast<ptrdiff_t>(p) * value_size + first + v * lanes);
      settle(value);
      for (int r = 0; r < Rows; ++r) sum[r][v] = fma(weight[r], value, sum[r][v]);
    }
  }
  for (int r = 0; r < Rows; ++r)
    for (int v = 0; v < Vectors; ++v) store(rows[r].output + first + v * lanes, sum[r][v]);
}

/// The same for any number of rows, of which each sees something of the block, and all values.
template <typename Numbers>
void add_values(const Row* rows, int count, int block, const Numbers& values, int value_size) {
  for_tiles<value_rows>(count, [&](auto n, int first) {
    constexpr int vectors = std::min(tile_sums / n, 8);
    for_tiles<vectors>(value_size / lanes, [&](auto m, int vector) {
      add_vectors<n, m>(rows + first, block, values, value_size, vector * lanes);
    });
  });
  if constexpr (std::is_same_v<Numbers, Singles>) {  // what is left is less than a vector
    const int left = value_size % lanes, first = value_size - left;
    for (int r = 0; r < count && left > 0; ++r) {
      Floats sum = load_first(rows[r].output + first, left) * broadcast(shrink_of(rows[r], block));
      for (int p = 0; p < cache_block; ++p)
        sum = fma(broadcast(rows[r].scores[block + p]),
                  load_first(values.data + static_cast<ptrdiff_t>(p) * value_size + first, left),
                  sum);
      store_first(rows[r].output + first, left, sum);
    }
  }
}

/// n halves as floats; n is a multiple of 16.
Singles widen(const std::byte* from, int n, float* to) {
  for (int i = 0; i < n; i += lanes) store(to + i, Halves{from}.at(i));
  return {to};
}

/// The positions of a span, from `start` on, that a task's tokens see: its blocks from `begin` to
/// `end`, both counted in positions from its start.
struct Seen {
  int start, begin, end;
  int blocks() const { return (end - begin + cache_block - 1) / cache_block; }
};

/// The scores of all rows for a span.
void score_span(const AttentionTask& task, const Row* rows, int count, const Seen& seen) {
  const CacheView& cache = task.cache;
  const auto score_as = [&]<typename Numbers>(const Numbers* keys, int begin, int blocks) {
    score_all(rows, count, begin, keys, blocks, cache.key_size, task.scale);
  };
  const auto at = [&](int b) { return block_of(cache, seen.start + seen.begin + b * cache_block); };
  const int blocks = seen.blocks();
  if (cache.type == CacheType::F32) {
    Singles keys[span_blocks];
    for (int b = 0; b < blocks; ++b) keys[b].data = reinterpret_cast<const float*>(at(b));
    score_as(keys, seen.begin, blocks);
  } else if (count <= score_rows) {
    Halves keys[span_blocks];
    for (int b = 0; b < blocks; ++b) keys[b].data = at(b);
    score_as(keys, seen.begin, blocks);
  } else {
    // Keys that several tiles of rows meet are widened once for all.
    constexpr int together = tile_sums / (score_rows * vectors_a_block);
    alignas(64) float room[together][max_head_size * cache_block];
    for (int b = 0; b < blocks; b += together) {
      Singles keys[together];
      const int n = std::min(together, blocks - b);
      for (int i = 0; i < n; ++i) keys[i] = widen(at(b + i), cache.key_size * cache_block, room[i]);
      score_as(keys, seen.begin + b * cache_block, n);
    }
  }
}

/// Adds the weighted values of a span to all outputs.
void add_span(const AttentionTask& task, const Row* rows, int count, const Seen& seen) {
  const CacheView& cache = task.cache;
  const int size = cache.value_size;
  alignas(64) float room[max_head_size * cache_block];
  for (int block = seen.begin; block < seen.end; block += cache_block) {
    const std::byte* from = block_of(cache, seen.start + block) + cache.value_offset;
    const auto add = [&](const auto& values) {
      const auto sees = [&](int r) {
        return r < count && rows[r].begin < block + cache_block && block < rows[r].end;
      };
      for (int r = 0; r < count; ++r) {
        int n = 0;
        while (sees(r + n)) ++n;
        add_values(rows + r, n, block, values, size);
        r += n;
      }
    };
    if (cache.type == CacheType::F32)
      add(Singles{reinterpret_cast<const float*>(from)});
    else if (count <= score_rows && size % lanes == 0)
      add(Halves{from});
    else
      add(widen(from, size * cache_block, room));
  }
}

}  // namespace

void store(const CacheView& cache, int position, const float* key, const float* value) {
  std::byte* block = block_of(cache, position);
  const int slot = position % cache_block;
  std::byte* values = block + cache.value_offset;
  if (cache.type == CacheType::F16) {
    auto* keys = reinterpret_cast<uint16_t*>(block) + slot;
    for (int i = 0; i < cache.key_size; ++i)
      keys[static_cast<ptrdiff_t>(i) * cache_block] = to_f16(key[i]);
    auto* to =
        reinterpret_cast<uint16_t*>(values) + static_cast<ptrdiff_t>(slot) * cache.value_size;
    for (int i = 0; i < cache.value_size; ++i) to[i] = to_f16(value[i]);
  } else {
    float* keys = reinterpret_cast<float*>(block) + slot;
    for (int i = 0; i < cache.key_size; ++i) keys[static_cast<ptrdiff_t>(i) * cache_block] = key[i];
    float* to = reinterpret_cast<float*>(values) + static_cast<ptrdiff_t>(slot) * cache.value_size;
    for (int i = 0; i < cache.value_size; ++i) to[i] = value[i];
  }
}

void attend(const AttentionTask& task) {
  alignas(64) float scores[max_attention_rows * span];
  Row row[max_attention_rows];

  const CacheView& cache = task.cache;
  const int rows = task.tokens * task.heads;
  begin_rows(task, scores, row);
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < cache.value_size; ++i) row[r].output[i] = 0;

  const int oldest = first_seen(task, task.position) / cache_block * cache_block;
  const int end = end_seen(task, task.position + task.tokens - 1);
  for (int start = oldest / span * span; start < end; start += span) {
    const Seen seen{start, std::max(oldest - start, 0), std::min(end - start, span)};
    score_span(task, row, rows, seen);
    weigh_span(task, start, row);
    add_span(task, row, rows, seen);
  }
  for (int r = 0; r < rows; ++r) {
    if (task.softmax) {
      task.softmax[r] = {row[r].largest, row[r].total};
      continue;
    }
    const float factor = 1.0F / row[r].total;
    for (int i = 0; i < cache.value_size; ++i) row[r].output[i] *= factor;
  }
}

}  // namespace weld::kernels::WELD_TARGET
