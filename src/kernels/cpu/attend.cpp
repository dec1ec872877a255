// Sharing out attention: by runs of tokens, by key-value heads, and a long context by parts.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/tokens.h"

namespace weld::kernels {
namespace {

/// Positions of a part at least, so that what is done once a part costs little.
constexpr int min_part = 512;
/// Parts at most: those of 4 key-value heads give 64 threads work.
constexpr int max_parts = 16;

/// The positions that a batch sees, cut into parts. None of this may depend on the number of
/// threads: where parts meet decides on bits.
struct Parts {
  int first;  ///< position, a multiple of cache_block like the size
  int size;
  int count;
};

Parts cut(int first, int end, int tokens) {
  first = first / cache_block * cache_block;
  const int positions = end - first, most = tokens <= max_vector_tokens ? max_parts : 1;
  const int count = std::clamp(positions / min_part, 1, most);
  const int blocks = ((positions + count - 1) / count + cache_block - 1) / cache_block;
  const int size = blocks * cache_block;
  return {first, size, (positions + size - 1) / size};
}

/// One head's output from those of the parts: https://arxiv.org/abs/1805.02867, section 3.1. Part p
/// is at sums + p * sums_stride and softmax[p * softmax_stride].
void join(const Kernels& kernels, int parts, const float* sums, size_t sums_stride,
          const PartialSoftmax* softmax, size_t softmax_stride, int value_size, float* out) {
  float factor[max_parts];
  float largest = softmax[0].largest, total = 0;
  for (int p = 1; p < parts; ++p)
    largest = std::max(largest, softmax[static_cast<size_t>(p) * softmax_stride].largest);
  for (int p = 0; p < parts; ++p) {
    const PartialSoftmax& part = softmax[static_cast<size_t>(p) * softmax_stride];
    factor[p] = std::exp(part.largest - largest);
    total += factor[p] * part.total;
  }
  std::fill_n(out, value_size, 0.0F);
  for (int p = 0; p < parts; ++p)
    kernels.add_scaled(sums + static_cast<size_t>(p) * sums_stride, factor[p] / total, value_size,
                       out);
}

}  // namespace

void attend(Context& context, const Heads& heads, const LayerCache& cache, int position, int tokens,
            const float* qkv, float* out) {
  const int group = heads.query / heads.key_value;
  // Several tokens share a pass over the cache; not too many, or the masked corner of the last
  // block and the uneven lengths of the passes would cost more than that saves.
  const int most = context.kernels.attention_rows;
  const int run = std::clamp(most / group, 1, most / 4);
  const int runs = (tokens + run - 1) / run, pieces = runs * heads.key_value;
  const int oldest = heads.window ? std::max(0, position - heads.window + 1) : 0;
  const Parts parts = cut(oldest, position + tokens, tokens);

  const size_t width = static_cast<size_t>(heads.query) * static_cast<size_t>(heads.value_size);
  const size_t rows = static_cast<size_t>(tokens) * static_cast<size_t>(heads.query);
  const size_t size = static_cast<size_t>(tokens) * width;
  float* sums = out;
  PartialSoftmax* softmax = nullptr;  // [part][key-value head][token][group]
  if (parts.count > 1) {
    sums = context.part_sums.at_least(static_cast<size_t>(parts.count) * size);
    softmax = context.part_softmax.at_least(static_cast<size_t>(parts.count) * rows);
  }

  context.run(pieces * parts.count, [&](int piece, int) noexcept {
    // Of a part the longest passes first: the last tokens see most positions.
    const int first = (runs - 1 - piece / heads.key_value % runs) * run;
    const int head = piece % heads.key_value;
    const int part = piece / pieces;
    AttentionTask task;
    task.cache = cache.head(head);
    task.position = position + first;
    task.tokens = std::min(run, tokens - first);
    task.batch = tokens;
    task.heads = group;
    task.window = heads.window;
    task.scale = 1.0F / std::sqrt(static_cast<float>(heads.key_size));
    // A sink's score counts once.
    if (heads.sinks && part == 0) task.sinks = heads.sinks + static_cast<ptrdiff_t>(head) * group;
    task.query_stride = static_cast<size_t>(heads.width());
    task.query = qkv + static_cast<size_t>(first) * task.query_stride +
                 static_cast<ptrdiff_t>(head) * group * heads.key_size;
    task.output_stride = width;
    task.output = sums + static_cast<size_t>(part) * size +
                  static_cast<size_t>(first) * task.output_stride +
                  static_cast<ptrdiff_t>(head) * group * heads.value_size;
    if (softmax) {
      task.begin = parts.first + part * parts.size;
      task.end = task.begin + parts.size;
      task.softmax = softmax + static_cast<size_t>(part) * rows +
                     (static_cast<ptrdiff_t>(head) * tokens + first) * group;
    }
    context.kernels.attend(task);
  });
  if (!softmax) return;
  for_each_row(context, tokens * heads.query, parts.count * heads.value_size, [&](int row) {
    const int token = row / heads.query, head = row % heads.query;
    const size_t at = static_cast<size_t>(row) * static_cast<size_t>(heads.value_size);
    const PartialSoftmax* first =
        softmax + (static_cast<ptrdiff_t>(head / group) * tokens + token) * group + head % group;
    join(context.kernels, parts.count, sums + at, size, first, rows, heads.value_size, out + at);
  });
}

}  // namespace weld::kernels
