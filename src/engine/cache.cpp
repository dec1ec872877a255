// Reserving and laying out the key-value cache.
#include "engine/cache.h"

#include <sys/mman.h>

#include <algorithm>

#include "fail.h"

namespace weld::engine {

Cache::Cache(const model::Model& model, kernels::CacheType type, int context, int batch) {
  const size_t number = type == kernels::CacheType::F16 ? 2 : 4;
  std::vector<size_t> offsets;
  for (const model::Layer& layer : model.layers()) {
    const kernels::Heads& heads = layer.heads;
    kernels::LayerCache cache;
    kernels::CacheView& view = cache.head0;
    view.type = type;
    view.key_size = heads.key_size;
    view.value_size = heads.value_size;
    view.value_offset = static_cast<size_t>(heads.key_size) * kernels::cache_block * number;
    cache.head_stride =
        static_cast<size_t>(heads.key_size + heads.value_size) * kernels::cache_block * number;
    view.block_stride = cache.head_stride * static_cast<size_t>(heads.key_value);
    // A batch's first token still sees the window before it; one block more, since neither begins
    // at a block's edge.
    const int64_t seen =
        heads.window ? std::min<int64_t>(context, int64_t{heads.window} + batch) : context;
    view.blocks = static_cast<int>((seen + kernels::cache_block - 1) / kernels::cache_block) + 1;
    offsets.push_back(size_);
    // A layer has less than 2^59 bytes. Their sum stops where no address space is that large, or
    // many layers' would overflow.
    size_ = std::min(size_ + view.block_stride * static_cast<size_t>(view.blocks), size_t{1} << 62);
    layers_.push_back(cache);
    windows_.push_back(heads.window);
  }
  // Pages are committed when they are first written: a long context costs nothing until it is used.
  void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    fail(
        "{}: a context of {} tokens needs {} MiB of address space, which cannot be had; try a "
        "smaller -c",
        model.file().path(), context, size_ >> 20);
  memory_ = static_cast<std::byte*>(memory);
  for (size_t i = 0; i < layers_.size(); ++i) layers_[i].head0.data = memory_ + offsets[i];
}

Cache::~Cache() { munmap(memory_, size_); }

bool Cache::holds(int position, int written) const {
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (windows_[i] == 0 || written == 0) continue;
    const int first_held = (written - 1) / kernels::cache_block - layers_[i].head0.blocks + 1;
    if (std::max(position - windows_[i], 0) / kernels::cache_block < first_held) return false;
  }
  return true;
}

size_t Cache::bytes_of(int positions) const {
  size_t bytes = 0;
  for (const kernels::LayerCache& layer : layers_) {
    const int blocks = (positions + kernels::cache_block - 1) / kernels::cache_block;
    bytes += layer.head0.block_stride * static_cast<size_t>(std::min(blocks, layer.head0.blocks));
  }
  return bytes;
}

}  // namespace weld::engine
