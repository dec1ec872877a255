// Whether files hold the same model, whatever their layouts: member by member.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "rewrite/disk.h"

namespace weld::rewrite {

/// What a comparison reads of a file, for progress.
uint64_t tensor_bytes(const gguf::File& file);

/// Everything in which two files differ, a line each: members' names, types, shapes and bytes, and
/// metadata but for weld's own keys, those that tell of shards, and the alignment. Progress counts
/// the bytes of A.
std::vector<std::string> find_differences(const gguf::File& a, const gguf::File& b,
                                          const Progress& progress);

/// 32 hexadecimal digits that two files share if find_differences() finds none: XXH3 (128 bits)
/// over metadata by key, then members by name, each with type, shape and the XXH3 of its bytes.
std::string checksum(const gguf::File& file, const Progress& progress);

}  // namespace weld::rewrite
