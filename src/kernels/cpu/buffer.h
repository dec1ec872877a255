// Scratch memory that is kept from one operation to the next.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

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
  T* data() { return data_.get(); }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T* p) const { ::operator delete(p, alignment); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

}  // namespace weld::kernels
