// The sizes of a model, and the tensors and metadata that follow from them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace weld::synth {

/// The defaults are a small model, whose rows suit every type with blocks of 32.
struct Shape {
  std::string architecture = "llama";
  int layers = 2;
  int vocabulary = 80;
  int context = 256;
  int embedding = 64;
  int heads = 4;
  int key_value_heads = 2;
  int key_size = 32;
  int value_size = 32;
  int feed_forward = 96;
  int experts = 0;  ///< 0: dense
  int experts_used = 0;
  int expert_feed_forward = 0;
  int window = 0;     ///< of windowed layers, where the architecture has them
  bool tied = false;  ///< the embedding is the output matrix
  float rope_base = 10000;
  float epsilon = 1e-5F;
  bool rope_factors = false;
  std::string scaling = {};  ///< of rotary positions: "linear", "yarn"; empty: none
  float scaling_factor = 1;
  int original_context = 0;  ///< before scaling
  bool bare = false;         ///< metadata only where it has no default
};

/// What a tensor is for, which decides on its values.
enum class Role { Matrix, Router, Norm, Bias, Sinks, RopeFactors };

struct TensorShape {
  std::string name;
  Role role;
  std::vector<uint64_t> dims;  ///< dims[0] is the row length

  uint64_t elements() const;
};

/// All tensors, in the order in which a model reads them. Merged: Q, K and V are one tensor, and so
/// are gate and up of experts. Throws Error if weld knows no such architecture.
std::vector<TensorShape> tensors_of(const Shape& shape, bool merged);

using Value = std::variant<uint32_t, float, std::string>;

/// The architecture and the hyperparameters, without a name and a tokenizer.
std::vector<std::pair<std::string, Value>> metadata_of(const Shape& shape);

}  // namespace weld::synth
