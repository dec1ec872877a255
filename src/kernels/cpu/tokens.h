// Operations that go token by token: norm, rotation, the key-value cache, attention.
#pragma once

#include <cstddef>

#include "kernels/cpu/context.h"
#include "kernels/cpu/kernels.h"

namespace weld::kernels {

/// y[r] = rms_norm(x[r]) * weight for rows of n floats; y may be x.
void norm_rows(Context& context, const float* x, int rows, int n, const float* weight,
               float epsilon, float* y);

/// Cosines and sines of a batch: [tokens][pairs].
struct Rotation {
  const float* cosine = nullptr;
  const float* sine = nullptr;
  int pairs = 0;        ///< the first 2 * pairs numbers of a head are rotated
  bool halves = false;  ///< pairs (i, i + pairs) rather than (2i, 2i + 1)
};

/// The heads of one layer's attention.
struct Heads {
  int query = 0;
  int key_value = 0;
  int key_size = 0;
  int value_size = 0;
  float epsilon = 0;                  ///< of the norms
  const float* query_norm = nullptr;  ///< [key_size] or null
  const float* key_norm = nullptr;    ///< [key_size] or null
  const float* sinks = nullptr;       ///< [query] or null
  int window = 0;                     ///< positions a token sees, itself included; 0: all

  /// Floats of one token's queries, keys and values, which lie in this order.
  int query_width() const { return query * key_size; }
  int width() const { return query_width() + key_value * (key_size + value_size); }
};

/// One layer's cache: that of head h begins `h * head_stride` bytes after that of head 0.
struct LayerCache {
  CacheView head0;
  size_t head_stride = 0;

  CacheView head(int h) const {
    CacheView view = head0;
    view.data += static_cast<size_t>(h) * head_stride;
    return view;
  }
};

/// Norms and rotates the queries and keys of `tokens` tokens from `position` on, and stores keys
/// and values. qkv is [tokens][heads.width()].
void enter_cache(Context& context, const Heads& heads, const Rotation& rotation,
                 const LayerCache& cache, int position, int tokens, float* qkv);

/// out[t] = the attention outputs of all query heads, [query][value_size], over what is cached.
void attend(Context& context, const Heads& heads, const LayerCache& cache, int position, int tokens,
            const float* qkv, float* out);

}  // namespace weld::kernels
