// Model files of a given shape with random weights: as fast as a real one, without a download.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gguf/type.h"
#include "gguf/writer.h"
#include "synth/pattern.h"
#include "synth/shape.h"

namespace weld::synth {

/// Gives a type to the matrices in whose names the pattern is found.
struct TypeRule {
  Pattern pattern;
  gguf::Type type;
};

/// What to write.
struct Recipe {
  std::string name;  ///< becomes `general.name`
  Shape shape;
  gguf::Type type{};  ///< of all matrices but the following
  gguf::Type embedding = gguf::Type::Q8_0;
  gguf::Type output = gguf::Type::Q6_K;
  std::vector<TypeRule> rules;  ///< the last that applies counts
  bool merged = false;
  uint64_t seed = 1;
};

/// A tensor of the file. Norms, biases and routers are F32 in every recipe.
struct PlannedTensor {
  TensorShape shape;
  gguf::Type type{};
  /// Its rows are no multiple of the block of the type it was to have, so it has another.
  bool substituted = false;

  uint64_t bytes() const;
};

std::vector<PlannedTensor> plan(const Recipe& recipe);
uint64_t bytes_of(const std::vector<PlannedTensor>& tensors);
uint64_t parameters_of(const std::vector<PlannedTensor>& tensors);

/// Called with the number of bytes of each piece that is written; may throw, which ends the
/// writing.
using Progress = std::function<void(uint64_t bytes)>;

/// The file, ready to be written: the weights are made while they are written. The same recipe
/// gives the same bytes. A tokenizer with a token a byte comes with it where the vocabulary has
/// room.
gguf::Writer make(const Recipe& recipe, const Progress& progress);

}  // namespace weld::synth
