// Random weights of every block type, as a file stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "gguf/type.h"
#include "synth/shape.h"

namespace weld::synth {

/// xoshiro256**, https://arxiv.org/abs/1805.01407: a seed gives the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t next();
  /// From `least` to `most`, every value alike.
  float uniform(float least, float most);

 private:
  uint64_t state_[4];
};

/// Fills whole blocks of a type with random weights: finite, of both signs, and of the order of
/// 0.05.
void fill_weights(gguf::Type type, std::span<std::byte> blocks, Random& random);

/// Fills a tensor, or whole blocks of a matrix, with values for its role: weights as above, norms
/// about 1, small biases and sinks. All but matrices and routers must be F32, and whole.
void fill_tensor(Role role, gguf::Type type, std::span<std::byte> blocks, Random& random);

}  // namespace weld::synth
