// Vector builds of attention: one pass over the cache, 64 positions at a time, for all query heads
// of a key-value head and several tokens.
#include "kernels/cpu/attention.h"

#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {
namespace {

constexpr int vectors_a_block = cache_block / lanes;
/// Query rows whose scores are summed side by side, and blocks of keys that they meet at once: 8
/// sums on AVX2, 16 on AVX-512, so that loads (8 rows and 2 blocks: 10 for 16 multiply-adds) take
/// less time than what they feed.
constexpr int row_tile = lanes / 2;
constexpr int score_blocks = 2 / vectors_a_block;
/// Rows whose values are summed side by side, 8 and 16 sums too, and a value is loaded once for
/// all.
constexpr int value_tile = lanes / 4;
constexpr int value_vectors = 4;

/// n cached numbers as floats; n is a multiple of 16.
void widen(CacheType type, const std::byte* from, int n, float* to) {
  if (type == CacheType::F16) {
    for (int i = 0; i < n; i += lanes)
      store(to + i, load_f16(from + 2 * static_cast<ptrdiff_t>(i)));
  } else {
    for (int i = 0; i < n; i += lanes)
      store(to + i, load(reinterpret_cast<const float*>(from) + i));
  }
}

/// scores[r][0 .. Blocks * 16 - 1] = query[r] . keys, for row_tile rows and blocks that lie one
/// after the other.
template <int Blocks>
void score_rows(const float* const query[row_tile], const float* keys, int key_size, float scale,
                float* const scores[row_tile]) {
  constexpr int vectors = Blocks * vectors_a_block;
  Floats sum[row_tile][vectors];
  for (auto& row : sum)
    for (Floats& v : row) v = broadcast(0);
  for (int d = 0; d < key_size; ++d) {
    const auto key = [=](int v) {
      const int block = v / vectors_a_block, first = v % vectors_a_block * lanes;
      return load(keys + (static_cast<ptrdiff_t>(block) * key_size + d) * cache_block + first);
    };
    for (int r = 0; r < row_tile; ++r) {
      const Floats q = broadcast(query[r][d]);
      for (int v = 0; v < vectors; ++v) sum[r][v] = fma(q, key(v), sum[r][v]);
    }
  }
  for (int r = 0; r < row_tile; ++r)
    for (int v = 0; v < vectors; ++v) store(scores[r] + v * lanes, sum[r][v] * broadcast(scale));
}

/// output = output * shrink + weights . values of the block at `block` of the span, for `Rows`
/// rows.
template <int Rows>
void add_values(const Row* rows, int block, const float* values, int value_size) {
  const float* weights[Rows];
  Floats shrink[Rows];
  for (int r = 0; r < Rows; ++r) {
    weights[r] = rows[r].scores + block;
    // Only the first block that the row sees meets sums of an earlier span.
    shrink[r] = broadcast(block <= rows[r].begin ? rows[r].shrink : 1.0F);
  }
  int i = 0;
  for (; i + value_vectors * lanes <= value_size; i += value_vectors * lanes) {
    Floats sum[Rows][value_vectors];
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < value_vectors; ++v)
        sum[r][v] = load(rows[r].output + i + v * lanes) * shrink[r];
    for (int p = 0; p < cache_block; ++p) {
      const float* value = values + static_cast<ptrdiff_t>(p) * value_size + i;
      Floats weight[Rows];
      for (int r = 0; r < Rows; ++r) weight[r] = broadcast(weights[r][p]);
      for (int v = 0; v < value_vectors; ++v) {
        Floats one = load(value + v * lanes);
        settle(one);
        for (int r = 0; r < Rows; ++r) sum[r][v] = fma(weight[r], one, sum[r][v]);
      }
    }
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < value_vectors; ++v) store(rows[r].output + i + v * lanes, sum[r][v]);
  }
  for (; i < value_size; i += lanes) {
    const int n = value_size - i < lanes ? value_size - i : lanes;
    for (int r = 0; r < Rows; ++r) {
      Floats sum = load_first(rows[r].output + i, n) * shrink[r];
      for (int p = 0; p < cache_block; ++p)
        sum = fma(broadcast(weights[r][p]),
                  load_first(values + static_cast<ptrdiff_t>(p) * value_size + i, n), sum);
      store_first(rows[r].output + i, n, sum);
    }
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
  alignas(64) float cached[score_blocks * max_head_size * cache_block];
  alignas(64) float scores[(max_attention_rows + 1) * span];  // the last for copies
  Row row[max_attention_rows];

  const CacheView& cache = task.cache;
  const int rows = task.tokens * task.heads;
  begin_rows(task, scores, row);
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < cache.value_size; ++i) row[r].output[i] = 0;

  const int oldest = first_seen(task, task.position) / cache_block * cache_block;
  const int end = end_seen(task, task.position + task.tokens - 1);
  for (int start = oldest / span * span; start < end; start += span) {
    const int first_block = oldest > start ? oldest - start : 0;
    const int blocks_end = end - start < span ? end - start : span;
    for (int block = first_block; block < blocks_end;) {
      const int blocks = blocks_end - block > cache_block ? score_blocks : 1;
      for (int b = 0; b < blocks; ++b)
        widen(cache.type, block_of(cache, start + block + b * cache_block),
              cache.key_size * cache_block,
              cached + static_cast<ptrdiff_t>(b) * cache.key_size * cache_block);
      for (int r = 0; r < rows; r += row_tile) {
        const float* query[row_tile];
        float* to[row_tile];
        for (int i = 0; i < row_tile; ++i) {
          const bool copy = r + i >= rows;  // fills up the last tile
          query[i] = row[copy ? rows - 1 : r + i].query;
          to[i] = (copy ? scores + static_cast<ptrdiff_t>(max_attention_rows) * span
                        : row[r + i].scores) +
                  block;
        }
        if (blocks == 1)
          score_rows<1>(query, cached, cache.key_size, task.scale, to);
        else
          score_rows<score_blocks>(query, cached, cache.key_size, task.scale, to);
      }
      block += blocks * cache_block;
    }
    weigh_span(task, start, row);
    for (int block = first_block; block < blocks_end; block += cache_block) {
      widen(cache.type, block_of(cache, start + block) + cache.value_offset,
            cache.value_size * cache_block, cached);
      const auto sees = [&](int r) {
        return row[r].begin < block + cache_block && block < row[r].end;
      };
      for (int r = 0; r < rows;) {
        int seeing = 0;
        while (seeing < value_tile && r + seeing < rows && sees(r + seeing)) ++seeing;
        if (seeing == value_tile) {
          add_values<value_tile>(row + r, block, cached, cache.value_size);
        } else {
          for (int i = 0; i < seeing; ++i)
            add_values<1>(row + r + i, block, cached, cache.value_size);
          ++seeing;  // the next does not
        }
        r += seeing;
      }
    }
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
