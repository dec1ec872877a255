// Sharing out the token-by-token operations.
#include "kernels/cpu/tokens.h"

#include <algorithm>
#include <cmath>

namespace weld::kernels {

void norm_rows(Context& context, const float* x, int rows, int n, const float* weight,
               float epsilon, float* y) {
  for_each_row(context, rows, n, [&](int row) {
    const size_t at = static_cast<size_t>(row) * static_cast<size_t>(n);
    context.kernels.rms_norm(x + at, weight, epsilon, n, y + at);
  });
}

void enter_cache(Context& context, const Heads& heads, const Rotation& rotation,
                 const LayerCache& cache, int position, int tokens, float* qkv) {
  const Kernels& kernels = context.kernels;
  for_each_row(context, tokens, heads.width(), [&](int t) {
    float* query = qkv + static_cast<size_t>(t) * static_cast<size_t>(heads.width());
    float* key = query + heads.query_width();
    const float* value = key + static_cast<ptrdiff_t>(heads.key_value) * heads.key_size;
    const size_t angles = static_cast<size_t>(t) * static_cast<size_t>(rotation.pairs);
    const auto prepare_head = [&](float* head, const float* norm) {
      if (norm) kernels.rms_norm(head, norm, heads.epsilon, heads.key_size, head);
      kernels.rotate(head, rotation.cosine + angles, rotation.sine + angles, rotation.pairs,
                     rotation.halves);
    };
    for (int h = 0; h < heads.query; ++h)
      prepare_head(query + static_cast<ptrdiff_t>(h) * heads.key_size, heads.query_norm);
    for (int h = 0; h < heads.key_value; ++h) {
      float* head = key + static_cast<ptrdiff_t>(h) * heads.key_size;
      prepare_head(head, heads.key_norm);
      kernels.store(cache.head(h), position + t, head,
                    value + static_cast<ptrdiff_t>(h) * heads.value_size);
    }
  });
}

void attend(Context& context, const Heads& heads, const LayerCache& cache, int position, int tokens,
            const float* qkv, float* out) {
  const int group = heads.query / heads.key_value;
  // Several tokens share a pass over the cache; not too many, or the masked corner of the last
  // block and the uneven lengths of the passes would cost more than that saves.
  const int most = context.kernels.attention_rows;
  const int run = std::clamp(most / group, 1, most / 4);
  const int runs = (tokens + run - 1) / run;
  context.run(runs * heads.key_value, [&](int piece, int) noexcept {
    // The longest passes first: the last tokens see most positions.
    const int first = (runs - 1 - piece / heads.key_value) * run;
    const int head = piece % heads.key_value;
    AttentionTask task;
    task.cache = cache.head(head);
    task.position = position + first;
    task.tokens = std::min(run, tokens - first);
    task.batch = tokens;
    task.heads = group;
    task.window = heads.window;
    task.scale = 1.0F / std::sqrt(static_cast<float>(heads.key_size));
    if (heads.sinks) task.sinks = heads.sinks + static_cast<ptrdiff_t>(head) * group;
    task.query_stride = static_cast<size_t>(heads.width());
    task.query = qkv + static_cast<size_t>(first) * task.query_stride +
                 static_cast<ptrdiff_t>(head) * group * heads.key_size;
    task.output_stride = static_cast<size_t>(heads.query) * static_cast<size_t>(heads.value_size);
    task.output = out + static_cast<size_t>(first) * task.output_stride +
                  static_cast<ptrdiff_t>(head) * group * heads.value_size;
    context.kernels.attend(task);
  });
}

}  // namespace weld::kernels
