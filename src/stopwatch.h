// How long something takes.
#pragma once

#include <algorithm>
#include <chrono>

namespace weld {

/// Runs from when it is made.
class Stopwatch {
 public:
  /// Never 0, so that rates can be made of it.
  double seconds() const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    return std::max(passed.count(), 1e-9);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace weld
