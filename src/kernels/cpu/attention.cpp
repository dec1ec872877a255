// Vector builds of attention: one pass over the cache, 64 positions at a time, for all query heads
// of a key-value head and several tokens.
#include "kernels/cpu/attention.h"

#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// Query rows whose scores are summed side by side: 8 sums for 16 positions, enough to hide the
/// latency of the multiply-add.
constexpr int row_tile = lanes / 2;
/// Rows whose values are summed side by side: 8 sums too, and a value is loaded once for both.
constexpr int value_tile = 2;
constexpr int vectors_a_block = cache_block / lanes;

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

/// scores[r][0 .. 15] = query[r] . keys, for row_tile rows.
void score_rows(const float* const query[row_tile], const float* keys, int key_size, float scale,
                float* const scores[row_tile]) {
  Floats sum[row_tile][vectors_a_block];
  for (auto& row : sum)
    for (Floats& v : row) v = broadcast(0);
  for (int d = 0; d < key_size; ++d) {
    const float* key = keys + static_cast<ptrdiff_t>(d) * cache_block;
    for (int r = 0; r < row_tile; ++r) {
      const Floats q = broadcast(query[r][d]);
      for (int v = 0; v < vectors_a_block; ++v)
        sum[r][v] = fma(q, load(key + v * lanes), sum[r][v]);
    }
  }
  for (int r = 0; r < row_tile; ++r)
    for (int v = 0; v < vectors_a_block; ++v)
      store(scores[r] + v * lanes, sum[r][v] * broadcast(scale));
}

/// output = output * shrink + weights . values of the block at `block` of the span, for `Rows`
/// rows.
template <int Rows>
void add_values(const Row* rows, int block, const float* values, int value_size) {
  constexpr int width = 8 / value_tile;
  const float* weights[Rows];
  Floats shrink[Rows];
  for (int r = 0; r < Rows; ++r) {
    weights[r] = rows[r].scores + block;
    // Only the first block that the row sees meets sums of an earlier span.
    shrink[r] = broadcast(block <= rows[r].begin ? rows[r].shrink : 1.0F);
  }
  int i = 0;
  for (; i + width * lanes <= value_size; i += width * lanes) {
    Floats sum[Rows][width];
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < width; ++v) sum[r][v] = load(rows[r].output + i + v * lanes) * shrink[r];
    for (int p = 0; p < cache_block; ++p) {
      const float* value = values + static_cast<ptrdiff_t>(p) * value_size + i;
      Floats weight[Rows];
      for (int r = 0; r < Rows; ++r) weight[r] = broadcast(weights[r][p]);
      for (int v = 0; v < width; ++v) {
        Floats one = load(value + v * lanes);
        settle(one);
        for (int r = 0; r < Rows; ++r) sum[r][v] = fma(weight[r], one, sum[r][v]);
      }
    }
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < width; ++v) store(rows[r].output + i + v * lanes, sum[r][v]);
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
  alignas(64) float cached[max_head_size * cache_block];
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
    for (int block = first_block; block < blocks_end; block += cache_block) {
      widen(cache.type, block_of(cache, start + block), cache.key_size * cache_block, cached);
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
        score_rows(query, cached, cache.key_size, task.scale, to);
      }
    }
    weigh_span(task, start, row);
    for (int block = first_block; block < blocks_end; block += cache_block) {
      widen(cache.type, block_of(cache, start + block) + cache.value_offset,
            cache.value_size * cache_block, cached);
      const auto sees = [&](int r) {
        return row[r].begin < block + cache_block && block < row[r].end;
      };
      for (int r = 0; r < rows; ++r) {
        if (!sees(r)) continue;
        if (r + 1 < rows && sees(r + 1))
          add_values<2>(row + r++, block, cached, cache.value_size);
        else
          add_values<1>(row + r, block, cached, cache.value_size);
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
