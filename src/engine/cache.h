// The key-value cache: address space for a whole context, memory for what is used of it.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/cpu/tokens.h"
#include "model/model.h"

namespace weld::engine {

/// Keys and values of all layers. A windowed layer has a ring of blocks that holds its window and
/// one batch.
class Cache {
 public:
  /// Room for `context` positions, entered at most `batch` at a time. Throws Error if the address
  /// space for it cannot be had.
  Cache(const model::Model& model, kernels::CacheType type, int context, int batch);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const std::vector<kernels::LayerCache>& layers() const { return layers_; }
  /// Whether all that a token at `position` sees is still there after `written` positions were
  /// entered: a windowed layer's ring holds only the last of them.
  bool holds(int position, int written) const;
  /// Bytes that `positions` positions take.
  size_t bytes_of(int positions) const;

 private:
  std::byte* memory_ = nullptr;
  size_t size_ = 0;
  std::vector<kernels::LayerCache> layers_;
  std::vector<int> windows_;  ///< of each layer; 0: it sees everything
};

}  // namespace weld::engine
