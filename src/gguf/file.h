// A GGUF file, mapped and validated: its metadata and its tensors, over one or several shards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/type.h"

namespace weld::gguf {

/// Kinds of metadata values, as the format numbers them.
enum class ValueType : uint32_t {
  U8 = 0,
  I8 = 1,
  U16 = 2,
  I16 = 3,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  U64 = 10,
  I64 = 11,
  F64 = 12,
};

/// A metadata value: a view of its validated bytes in the mapped file (without the type that
/// precedes them), so that a file can be rewritten with values that weld does not understand.
struct Value {
  ValueType type{};
  std::span<const std::byte> bytes;
};

struct KeyValue {
  std::string_view key;
  Value value;
};

/// A tensor: a name, a shape, and where its bytes are in the mapped file.
struct Tensor {
  std::string_view name;
  Type type{};
  int rank = 0;                              ///< 1 to 4
  std::array<uint64_t, 4> dims{1, 1, 1, 1};  ///< dims[0] is the row length; unused ones are 1
  const std::byte* data = nullptr;
  uint64_t bytes = 0;
  int shard = 0;        ///< the shard it is stored in, from 0
  uint64_t offset = 0;  ///< of its data in the shard's file

  uint64_t columns() const { return dims[0]; }
  uint64_t rows() const { return dims[1] * dims[2] * dims[3]; }
  uint64_t row_bytes() const {
    return dims[0] / info(type).block_elements * info(type).block_bytes;
  }
};

/// One file of those that make up a File.
struct Shard {
  std::string path;
  uint32_t version = 0;
  uint64_t bytes = 0;
  uint64_t alignment = 0;
  uint64_t data_start = 0;  ///< may be past the end where there are no tensors
  std::vector<KeyValue> metadata;
};

/// A mapped, fully validated file; with shards, all of them as one.
class File {
 public:
  /// Opens PATH, and if it is one shard of several (`NAME-00001-of-00003.gguf`) all of them.
  /// Throws Error with file, field and value if anything in any header is wrong.
  static File open(const std::string& path);

  File(File&&) noexcept;
  File& operator=(File&&) noexcept;
  ~File();

  const std::string& path() const;
  /// In order; a file that is not split is one shard.
  std::span<const Shard> shards() const;
  /// Bytes of all shards together.
  uint64_t bytes() const;
  uint32_t version() const;
  /// `general.alignment`, 32 where the file does not say.
  uint64_t alignment() const;
  /// In file order; of the first shard where there are several.
  std::span<const KeyValue> metadata() const;
  /// In file order, shard after shard.
  std::span<const Tensor> tensors() const;

  const Value* find(std::string_view key) const;
  const Tensor* find_tensor(std::string_view name) const;

  // Metadata read as a C++ value: nullopt where the key is absent, Error where its type or range
  // does not fit. Any integer type of the format will do for an integer, F32 or F64 for a float.
  std::optional<uint64_t> find_uint(std::string_view key, uint64_t max = UINT64_MAX) const;
  std::optional<double> find_float(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  std::optional<std::string_view> find_string(std::string_view key) const;
  std::optional<std::vector<std::string_view>> find_strings(std::string_view key) const;
  std::optional<std::vector<int64_t>> find_ints(std::string_view key) const;
  std::optional<std::vector<double>> find_floats(std::string_view key) const;

 private:
  struct State;
  explicit File(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// `u32 42`, `string "abc"`, `i32[3] {1, 2, 3}`: how a value is shown to people, in one line; long
/// ones are cut.
std::string describe(const Value& value);

}  // namespace weld::gguf
