// Sharing out the token-by-token operations.
#include "kernels/cpu/tokens.h"

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

}  // namespace weld::kernels
