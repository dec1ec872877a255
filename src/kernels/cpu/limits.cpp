// Timing the loops of limit_loops.cpp on all threads of a pool.
#include "kernels/cpu/limits.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "stopwatch.h"

namespace weld::kernels {
namespace {

/// Bytes that a thread reads before it takes the next piece: many pages for each of the streams, so
/// that sharing costs nothing.
constexpr size_t piece_bytes = 1 << 20;

/// Steps of a loop between two looks at the clock.
constexpr int64_t steps_at_once = 2000;
constexpr double measuring_seconds = 0.02;

}  // namespace

double measure_multiply_adds(Pool& pool, const Kernels& kernels, Arithmetic arithmetic) {
  const auto loop = arithmetic == Arithmetic::Codes ? kernels.limits->multiply_codes
                                                    : kernels.limits->multiply_floats;
  std::atomic<int64_t> done{0};
  const Stopwatch watch;
  pool.run(pool.threads(), [&](int, int) noexcept {
    int64_t mine = 0;
    while (watch.seconds() < measuring_seconds) mine += loop(steps_at_once);
    done += mine;
  });
  return static_cast<double>(done) / watch.seconds();
}

double measure_reading(Pool& pool, const Kernels& kernels,
                       std::span<const std::span<const std::byte>> runs) {
  std::vector<std::span<const std::byte>> pieces;
  size_t bytes = 0;
  for (const auto& run : runs) {
    bytes += run.size();
    for (size_t at = 0; at < run.size(); at += piece_bytes)
      pieces.push_back(run.subspan(at, std::min(piece_bytes, run.size() - at)));
  }
  const Stopwatch watch;
  pool.run(static_cast<int>(pieces.size()), [&](int piece, int) noexcept {
    const auto part = pieces[static_cast<size_t>(piece)];
    kernels.limits->read(part.data(), part.size());
  });
  return static_cast<double>(bytes) / watch.seconds();
}

}  // namespace weld::kernels
