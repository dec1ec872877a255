// Files in several shards: their names, and what each must say about itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gguf/header.h"

namespace weld::gguf {

/// `STEM-00002-of-00003.gguf`: shard 2 of 3.
struct ShardName {
  std::string stem;  ///< with the folder
  uint32_t number = 1;
  uint32_t count = 1;
};

/// The shard that a path names; nullopt where it is not named like one. Throws if there is no such
/// shard.
std::optional<ShardName> parse_shard_name(const std::string& path);

/// The path of one shard, counted from 1.
std::string shard_path(const ShardName& name, uint32_t number);

/// Throws unless the header's `split.no` (from 0) and `split.count` agree with the file's name.
void check_split(const std::string& path, const Header& header);

/// Throws if the header counts the tensors of all shards (`split.tensors.count`) and is wrong.
void check_split_tensors(std::string_view path, const Header& header, uint64_t tensors);

}  // namespace weld::gguf
