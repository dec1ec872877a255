// What the ways to attend have in common: rows of queries, and the softmax of a span of positions
// (online softmax, https://arxiv.org/abs/1805.02867).
#pragma once

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {

/// Lower than any score, and finite: differences to it are never infinity minus infinity.
constexpr float no_score = -1e30F;
/// Positions between two updates of a row's largest score: 4 blocks, so that an update costs
/// little.
constexpr int span = 4 * cache_block;

inline std::byte* block_of(const CacheView& cache, int position) {
  return cache.data +
         static_cast<size_t>(position / cache_block % cache.blocks) * cache.block_stride;
}

/// A query row: what it reads, and its softmax so far.
struct Row {
  const float* query;
  float* output;  ///< sum of exp(score - largest) * value
  float* scores;  ///< of the span at hand, then exp(score - largest)
  float largest;
  float total;   ///< sum of exp(score - largest)
  float shrink;  ///< what the span multiplies earlier sums with
  int begin;     ///< positions of the span that the row may see
  int end;
};

/// Turns the scores of a span into weights.
inline void weigh(Row& row) {
  const int begin = row.begin / cache_block * cache_block;
  const int end = (row.end + cache_block - 1) / cache_block * cache_block;
  for (int p = begin; p < row.begin; ++p) row.scores[p] = no_score;
  for (int p = row.end; p < end; ++p) row.scores[p] = no_score;
  Floats top = broadcast(row.largest);
  for (int p = begin; p < end; p += lanes) top = max(top, load(row.scores + p));
  const float largest = max_of_lanes(top);
  alignas(64) float shrink[lanes];
  store(shrink, exp(broadcast(row.largest - largest)));
  Floats sum = broadcast(0);
  for (int p = begin; p < end; p += lanes) {
    const Floats weight = exp(load(row.scores + p) - broadcast(largest));
    store(row.scores + p, weight);
    sum = sum + weight;
  }
  row.largest = largest;
  row.shrink = shrink[0];
  row.total = row.total * row.shrink + sum_of_lanes(sum);
}

/// The rows of a task before any position; each has a span of scores.
inline void begin_rows(const AttentionTask& task, float* scores, Row* row) {
  for (int r = 0; r < task.tokens * task.heads; ++r) {
    const int token = r / task.heads, head = r % task.heads;
    row[r].query = task.query + static_cast<size_t>(token) * task.query_stride +
                   static_cast<ptrdiff_t>(head) * task.cache.key_size;
    row[r].output = task.output + static_cast<size_t>(token) * task.output_stride +
                    static_cast<ptrdiff_t>(head) * task.cache.value_size;
    row[r].scores = scores + static_cast<ptrdiff_t>(r) * span;
    row[r].largest = task.sinks ? task.sinks[head] : no_score;
    row[r].total = task.sinks ? 1.0F : 0.0F;
  }
}

/// The first position that the token at a position sees.
inline int first_seen(const AttentionTask& task, int position) {
  const int first = task.window && position >= task.window ? position - task.window + 1 : 0;
  return first > task.begin ? first : task.begin;
}

/// The position after the last one that the token at a position sees.
inline int end_seen(const AttentionTask& task, int position) {
  return position + 1 < task.end ? position + 1 : task.end;
}

/// Turns the scores of the span from `start` on into weights, of the rows that see any of it.
inline void weigh_span(const AttentionTask& task, int start, Row* row) {
  for (int r = 0; r < task.tokens * task.heads; ++r) {
    const int position = task.position + r / task.heads;
    const int first = first_seen(task, position), end = end_seen(task, position);
    row[r].begin = first > start ? first - start : 0;
    row[r].end = end - start < span ? end - start : span;
    if (row[r].begin < row[r].end) weigh(row[r]);
  }
}

}  // namespace weld::kernels::WELD_TARGET
