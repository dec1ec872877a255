// What merge writes into a file's metadata so that split can make the original file again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "gguf/file.h"

namespace weld::rewrite {

/// All of weld's own keys begin so.
inline constexpr std::string_view own_prefix = "weld.";
/// u32s: for each merged tensor its index in the tensor table, then for each member its position in
/// the original's table and its rows (0 for what all members share).
inline constexpr std::string_view merged_key = "weld.merged";
/// u32s: tensors of each of the original's shards; absent if that was one file.
inline constexpr std::string_view shards_key = "weld.shards";
/// u32s: for each shard, by how much the original ended before its last tensor's padding did;
/// absent if by nothing.
inline constexpr std::string_view tail_key = "weld.tail";
/// u64s: each tensor's offset in the original, then the size of each shard's data; absent if the
/// tensors followed each other in the order of the table.
inline constexpr std::string_view offsets_key = "weld.offsets";
/// A string of spaces that keeps the data where it starts, in files that were rewritten in place.
inline constexpr std::string_view filler_key = "weld.filler";

/// Those keys' values.
struct Record {
  struct Member {
    uint32_t position = 0;
    uint32_t rows = 0;
  };
  struct Merged {
    uint32_t index = 0;
    std::vector<Member> members;
  };
  std::vector<Merged> merged;  ///< by index
  std::vector<uint32_t> shards;
  std::vector<uint32_t> tails;
  std::vector<uint64_t> offsets;
};

/// Whether merge has written into the file.
bool has_record(const gguf::File& file);

/// The record, checked against the file's tensor table: indices are those of merged tensors, in
/// ascending order, with as many members as the group has; positions are distinct and inside the
/// original's table. Throws Error where that is not so.
Record read_record(const gguf::File& file);

/// A metadata entry that owns its bytes.
struct OwnedEntry {
  std::string_view key;
  gguf::ValueType type{};
  std::vector<std::byte> bytes;

  gguf::KeyValue view() const { return {key, {type, bytes}}; }
};

/// The record as metadata.
std::vector<OwnedEntry> encode(const Record& record);

/// A filler whose entry takes exactly so many bytes of a header, at least filler_least.
OwnedEntry make_filler(uint64_t entry_bytes);
inline constexpr uint64_t filler_least = 8 + filler_key.size() + 4 + 8;

}  // namespace weld::rewrite
