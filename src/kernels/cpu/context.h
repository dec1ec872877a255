// What the operations share: threads, the chosen kernels, scratch memory, and counts of what was
// done.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/pool.h"

namespace weld::kernels {

/// Memory that grows and is never cleared, aligned to cache lines (and to AVX-512 vectors).
template <typename T>
class Buffer {
 public:
  /// Room for n elements; what was there before is lost.
  T* at_least(size_t n) {
    if (n > size_) {
      data_.reset();
      data_.reset(static_cast<T*>(::operator new(n * sizeof(T), alignment)));
      size_ = n;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T* p) const { ::operator delete(p, alignment); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

/// How often the expensive things were done.
struct Counters {
  int64_t dispatches = 0;  ///< operations shared out among the threads; each ends with one barrier
  int64_t quantizations = 0;  ///< inputs quantized
};

struct Context {
  explicit Context(int threads) : pool(threads), tiles(static_cast<size_t>(threads)) {}

  Pool pool;
  const Kernels& kernels = kernels::kernels();
  Counters counters;

  /// Shares out pieces of work; see Pool::run.
  template <typename Work>
  void run(int pieces, const Work& work) {
    ++counters.dispatches;
    pool.run(pieces, work);
  }

  // The quantized input of the current operation, and the output tiles of each thread.
  Buffer<int8_t> codes;
  Buffer<int16_t> wide_codes;
  Buffer<float> scales;
  Buffer<int16_t> half_sums;
  std::vector<Buffer<float>> tiles;
};

}  // namespace weld::kernels
