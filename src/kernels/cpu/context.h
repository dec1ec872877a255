// What the operations share: threads, the chosen kernels, scratch memory, and counts of what was
// done.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/cpu/activations.h"
#include "kernels/cpu/buffer.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/pool.h"

namespace weld::kernels {

/// Up to this many floats the calling thread is done before the others would have begun.
inline constexpr size_t serial_values = 16384;

/// How often the expensive things were done.
struct Counters {
  int64_t dispatches = 0;  ///< operations shared out among the threads; each ends with one barrier
  int64_t quantizations = 0;  ///< inputs quantized
};

struct Context {
  explicit Context(int threads) : pool(threads), tiles(static_cast<size_t>(threads)) {}

  Pool pool;
  const Kernels& kernels = kernels::kernels();

  /// Shares out pieces of work; see Pool::run.
  template <typename Work>
  void run(int pieces, const Work& work) {
    ++counters.dispatches;
    pool.run(pieces, work);
  }

  ActivationBuffers input;           ///< of the current operation
  std::vector<Buffer<float>> tiles;  ///< outputs, for each thread
  Buffer<float> expert_outputs;      ///< of a few tokens, [slots][rows]
  Buffer<float> part_sums;           ///< of attention to parts of the cache
  Buffer<PartialSoftmax> part_softmax;
  Counters counters;  ///< last: written while others read what stands first
};

/// work(row) for all rows of `width` floats: shared out if there is enough of it.
template <typename Work>
void for_each_row(Context& context, int rows, int width, const Work& work) {
  if (static_cast<size_t>(rows) * static_cast<size_t>(width) <= serial_values)
    for (int row = 0; row < rows; ++row) work(row);
  else
    context.run(rows, [&](int row, int) noexcept { work(row); });
}

}  // namespace weld::kernels
