// Writing whole GGUF files (version 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"

namespace weld::gguf {

/// Takes a tensor's bytes, piece after piece.
using Sink = std::function<void(std::span<const std::byte>)>;
/// Hands a tensor's bytes over, the same ones whenever it is called.
using Source = std::function<void(const Sink&)>;

/// The bytes of a header, put together entry by entry. Nothing is checked.
class HeaderBytes {
 public:
  HeaderBytes(uint32_t version, uint64_t tensors, uint64_t entries);
  void add_entry(std::string_view key, const Value& value);
  /// `offset` is that of the tensor's data from the start of the data section.
  void add_tensor(std::string_view name, Type type, std::span<const uint64_t> dims,
                  uint64_t offset);
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// What to write: metadata in order, then tensors in order. Values are owned bytes or copied from a
/// File.
class Writer {
 public:
  void add(std::string_view key, const Value& value);  ///< copied as it is, type and all
  void add_u32(std::string_view key, uint32_t value);
  void add_i32(std::string_view key, int32_t value);
  void add_u64(std::string_view key, uint64_t value);
  void add_f32(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, std::span<const std::string> values);
  void add_i32s(std::string_view key, std::span<const int32_t> values);
  void add_f32s(std::string_view key, std::span<const float> values);

  /// A tensor whose bytes stay where they are until write() returns. `dims[0]` is the row length.
  void add_tensor(std::string_view name, Type type, std::span<const uint64_t> dims,
                  std::span<const std::byte> data);
  /// A tensor whose `bytes` bytes are made or gathered while they are written.
  void add_tensor(std::string_view name, Type type, std::span<const uint64_t> dims, uint64_t bytes,
                  Source source);

  /// Writes the file; the alignment is `general.alignment` if that was added, else 32.
  /// The file appears complete or not at all, and replaces one that is there (which may still be
  /// mapped). Throws Error if it cannot be written, or if File::open() would refuse it.
  void write(const std::string& path) const;

  /// The same into an open file, from its current offset on; messages call it `shown`.
  void write(int descriptor, const std::string& shown) const;

 private:
  struct Entry {
    std::string key;
    ValueType type;
    std::vector<std::byte> bytes;
  };
  struct Item {
    std::string name;
    Type type;
    std::vector<uint64_t> dims;
    uint64_t bytes;
    Source source;
  };

  uint64_t alignment() const;
  std::vector<std::byte> header() const;
  /// Throws where the reader would.
  void check(const std::string& path, std::span<const std::byte> header) const;
  /// Hands over the whole file, whose header is given.
  void send(const std::string& shown, std::span<const std::byte> header, const Sink& sink) const;

  std::vector<Entry> entries_;
  std::vector<Item> items_;
};

}  // namespace weld::gguf
