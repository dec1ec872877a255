// Small models for tests: made from a few numbers and a seed, changed at will, then written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "model/model.h"

namespace weld::test {

/// A whole GGUF file in memory.
class Draft {
 public:
  struct Tensor {
    std::string name;
    gguf::Type type;
    std::vector<uint64_t> dims;  ///< dims[0] is the row length
    std::vector<std::byte> data;
  };

  Draft() = default;
  explicit Draft(const gguf::File& file);

  // Sets a metadata value, whether it is there or not.
  void set_u32(std::string_view key, uint32_t value);
  void set_i32(std::string_view key, int32_t value);
  void set_f32(std::string_view key, float value);
  void set_string(std::string_view key, std::string_view value);
  void set_strings(std::string_view key, std::span<const std::string> values);
  /// Takes a metadata value away.
  void unset(std::string_view key);

  std::vector<Tensor>& tensors() { return tensors_; }
  bool has(std::string_view name) const;
  /// The tensor of this name; there must be one.
  Tensor& tensor(std::string_view name);
  void add(Tensor tensor) { tensors_.push_back(std::move(tensor)); }
  void add_f32(std::string name, std::vector<uint64_t> dims, std::span<const float> values);
  /// Takes the tensor out and returns it; there must be one.
  Tensor take(std::string_view name);

  void write(const std::string& path) const;
  /// The model, from a file that is gone by the time this returns.
  model::Model open() const;

 private:
  struct Field {
    std::string key;
    gguf::ValueType type;
    std::vector<std::byte> bytes;
  };
  template <typename T>
  void set(std::string_view key, gguf::ValueType type, T value);
  void set_bytes(std::string_view key, gguf::ValueType type, std::vector<std::byte> bytes);

  std::vector<Field> fields_;
  std::vector<Tensor> tensors_;
};

/// What a small model is made from. The defaults suit every type with blocks of 32.
struct Micro {
  std::string architecture = "llama";
  int layers = 2;
  int vocabulary = 80;
  int context = 256;
  int embedding = 64;
  int heads = 4;
  int key_value_heads = 2;
  int key_size = 32;
  int value_size = 32;
  int feed_forward = 96;  ///< of each expert, where there are any
  int experts = 0;
  int experts_used = 2;
  int window = 16;
  bool tied = false;
  gguf::Type type = gguf::Type::F32;
  /// Types of single tensors, by name without "blk.N." and ".weight"; null: all have `type`. The
  /// embedding and output matrices and the router ask here too.
  std::function<gguf::Type(std::string_view name, gguf::Type type)> choose_type;
  uint32_t seed = 1;
};

/// The model with random weights, every tensor separate and every hyperparameter spelled out.
Draft make(const Micro& micro);

/// `rows * columns` random weights as a file stores them, finite and of the order of a tenth.
std::vector<std::byte> random_weights(gguf::Type type, size_t count, std::mt19937& random);

/// Makes one tensor (weights, and biases where there are any) of separate members, or separate ones
/// of one; where types differ, members stay as they are. Returns how many tensors of weights were
/// made.
int merge(Draft& draft, const model::Config& config);
int split(Draft& draft, const model::Config& config);

}  // namespace weld::test
