// Vector builds of attention: one pass over the cache, 16 positions at a time, for all query heads
// of a key-value head and several tokens (online softmax, https://arxiv.org/abs/1805.02867).
#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// Lower than any score, and finite: differences to it are never infinity minus infinity.
constexpr float no_score = -1e30F;
/// Query rows whose scores are summed side by side: 4 rows by 16 positions are 8 AVX2 sums, which
/// with two keys and a query leaves registers to spare.
constexpr int row_tile = 4;
constexpr int vectors_a_block = cache_block / lanes;

std::byte* block_of(const CacheView& cache, int position) {
  return cache.data +
         static_cast<size_t>(position / cache_block % cache.blocks) * cache.block_stride;
}

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
                float* scores) {
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
      store(scores + r * cache_block + v * lanes, sum[r][v] * broadcast(scale));
}

/// out = out * shrink + weights . values, for one row.
void add_values(const float* weights, const float* values, int value_size, float shrink,
                float* out) {
  constexpr int width = 4;  // sums that hide the latency of the multiply-add
  int i = 0;
  for (; i + width * lanes <= value_size; i += width * lanes) {
    Floats sum[width];
    for (int v = 0; v < width; ++v) sum[v] = load(out + i + v * lanes) * broadcast(shrink);
    for (int p = 0; p < cache_block; ++p) {
      const Floats weight = broadcast(weights[p]);
      const float* value = values + static_cast<ptrdiff_t>(p) * value_size + i;
      for (int v = 0; v < width; ++v) sum[v] = fma(weight, load(value + v * lanes), sum[v]);
    }
    for (int v = 0; v < width; ++v) store(out + i + v * lanes, sum[v]);
  }
  for (; i < value_size; i += lanes) {
    const int n = value_size - i < lanes ? value_size - i : lanes;
    Floats sum = load_first(out + i, n) * broadcast(shrink);
    for (int p = 0; p < cache_block; ++p)
      sum = fma(broadcast(weights[p]),
                load_first(values + static_cast<ptrdiff_t>(p) * value_size + i, n), sum);
    store_first(out + i, n, sum);
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
  alignas(64) float keys[max_head_size * cache_block];
  alignas(64) float values[max_head_size * cache_block];
  alignas(64) float scores[max_attention_rows * cache_block];
  float largest[max_attention_rows], total[max_attention_rows];
  const float* query[max_attention_rows + row_tile];
  float* output[max_attention_rows];

  const CacheView& cache = task.cache;
  const int rows = task.tokens * task.heads;
  for (int r = 0; r < rows; ++r) {
    const int token = r / task.heads, head = r % task.heads;
    query[r] = task.query + static_cast<size_t>(token) * task.query_stride +
               static_cast<ptrdiff_t>(head) * cache.key_size;
    output[r] = task.output + static_cast<size_t>(token) * task.output_stride +
                static_cast<ptrdiff_t>(head) * cache.value_size;
    largest[r] = task.sinks ? task.sinks[head] : no_score;
    total[r] = task.sinks ? 1.0F : 0.0F;
    for (int i = 0; i < cache.value_size; ++i) output[r][i] = 0;
  }
  // The last tile of rows is filled up with copies of the last row.
  for (int r = rows; r < rows + row_tile; ++r) query[r] = query[rows - 1];

  const int end = task.position + task.tokens;
  const int oldest =
      task.window && task.position >= task.window ? task.position - task.window + 1 : 0;
  for (int start = oldest / cache_block * cache_block; start < end; start += cache_block) {
    const std::byte* block = block_of(cache, start);
    widen(cache.type, block, cache.key_size * cache_block, keys);
    widen(cache.type, block + cache.value_offset, cache.value_size * cache_block, values);
    for (int r = 0; r < rows; r += row_tile) {
      alignas(64) float tile[row_tile * cache_block];
      score_rows(query + r, keys, cache.key_size, task.scale, tile);
      const int n = rows - r < row_tile ? rows - r : row_tile;
      for (int i = 0; i < n * cache_block; ++i) scores[r * cache_block + i] = tile[i];
    }
    for (int r = 0; r < rows; ++r) {
      float* row = scores + static_cast<ptrdiff_t>(r) * cache_block;
      const int position = task.position + r / task.heads;
      const int first = task.window && position >= task.window ? position - task.window + 1 : 0;
      if (start > position || start + cache_block <= first) continue;
      for (int p = 0; p < cache_block; ++p)
        if (start + p > position || start + p < first) row[p] = no_score;
      Floats top = load(row);
      for (int v = 1; v < vectors_a_block; ++v) top = max(top, load(row + v * lanes));
      const float tallest = max_of_lanes(top);
      const float next = tallest > largest[r] ? tallest : largest[r];
      alignas(64) float shrink[lanes];
      store(shrink, exp(broadcast(largest[r] - next)));
      Floats sum = broadcast(0);
      for (int v = 0; v < vectors_a_block; ++v) {
        const Floats weight = exp(load(row + v * lanes) - broadcast(next));
        store(row + v * lanes, weight);
        sum = sum + weight;
      }
      largest[r] = next;
      total[r] = total[r] * shrink[0] + sum_of_lanes(sum);
      add_values(row, values, cache.value_size, shrink[0], output[r]);
    }
  }
  for (int r = 0; r < rows; ++r) {
    const float factor = 1.0F / total[r];
    for (int i = 0; i < cache.value_size; ++i) output[r][i] *= factor;
  }
}

}  // namespace weld::kernels::WELD_TARGET
