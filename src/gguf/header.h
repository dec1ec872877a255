// One file's header, checked entry by entry: version, metadata, tensor table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/name_index.h"

namespace weld::gguf {

inline constexpr uint32_t max_rank = 4;
inline constexpr uint64_t max_key_bytes = 65535;  ///< the format's own limit
/// The format says 64, and writers exceed it.
inline constexpr uint64_t max_tensor_name_bytes = 255;
/// No writer nests at all; the format sets no limit, and a reader's stack needs one.
inline constexpr int max_array_depth = 4;

/// What a file begins with, in place of "GGUF", while weld rewrites it in place: no reader may take
/// it for a model.
inline constexpr std::string_view rewriting_magic = "WELD";
inline constexpr std::string_view whole_magic = "GGUF";

/// Also where only some bytes of one magic were written over the other.
constexpr bool is_rewriting_magic(std::string_view magic) {
  bool whole = true;
  for (size_t i = 0; i < whole_magic.size(); ++i) {
    if (magic[i] != whole_magic[i] && magic[i] != rewriting_magic[i]) return false;
    whole = whole && magic[i] == whole_magic[i];
  }
  return !whole;
}

inline constexpr std::string_view alignment_key = "general.alignment";
inline constexpr uint32_t default_alignment = 32;
/// The format asks for a multiple of 8; so the numbers in a tensor lie as the processor likes them.
inline constexpr uint32_t min_alignment = 8;
/// A large page: nothing gains from more.
inline constexpr uint32_t max_alignment = 1U << 21U;

/// Whether the format and weld allow it: a power of two in the limits above.
constexpr bool is_alignment(uint64_t bytes) {
  return bytes >= min_alignment && bytes <= max_alignment && (bytes & (bytes - 1)) == 0;
}

/// The least multiple of the alignment that is not below the offset, which must be below 2^63.
constexpr uint64_t align_up(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

/// What a header says. Views point into the bytes that it was read from.
struct Header {
  uint32_t version = 0;
  uint64_t alignment = default_alignment;
  std::vector<KeyValue> metadata;
  NameIndex keys;
  std::vector<Tensor> tensors;    ///< without their data, until place_tensors() finds it
  std::vector<uint64_t> offsets;  ///< of each tensor, from data_start
  uint64_t data_start = 0;  ///< where the data section begins; past the end if there is no data

  const Value* find(std::string_view key) const;
};

// Errors of all these name the path, the field and its value.

/// Reads and checks all that can be checked without the data section; tensor names may still
/// repeat.
Header read_header(std::string_view path, std::span<const std::byte> file);

/// Finds each tensor's data, checking that it lies aligned inside the file and apart from all
/// others.
void place_tensors(std::string_view path, std::span<const std::byte> file, int shard,
                   Header& header);

/// Throws unless the bytes are exactly one well-formed value of their type.
void check_value(std::string_view path, std::string_view key, const Value& value);

/// Throws because a metadata value is not what is wanted of it: "a float".
[[noreturn]] void fail_value(std::string_view path, std::string_view key, std::string_view wanted,
                             const Value& value);

/// A metadata value that must be an integer from 0 to `max`; nullopt where the key is absent.
std::optional<uint64_t> find_uint(std::string_view path, const Header& header, std::string_view key,
                                  uint64_t max = UINT64_MAX);

}  // namespace weld::gguf
