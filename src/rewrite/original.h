// A file's tensors as they were before anything was merged, and where each one's bytes are now.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "rewrite/groups.h"
#include "rewrite/record.h"

namespace weld::rewrite {

/// Some of a tensor's bytes: runs of `bytes`, `stride` apart, from `offset` on. How many runs there
/// are says what holds the slices.
struct Slices {
  size_t tensor = 0;  ///< index into File::tensors()
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t stride = 0;
};

/// A tensor of the original. `count` is the number of experts where it is a member of a group.
struct Entry {
  std::string name;
  gguf::Type type{};
  int rank = 0;
  std::array<uint64_t, 4> dims{1, 1, 1, 1};
  uint64_t count = 1;
  Slices source;
};

/// The members of one block that merge with each other.
struct Unit {
  uint64_t block = 0;
  const Group* group = nullptr;
  auto operator<=>(const Unit&) const = default;
};

/// A unit that is left as it is, and why.
struct LeftUnit {
  Unit unit;
  std::string reason;
};

/// What a merged tensor becomes that no record tells of: it was merged before weld saw it.
enum class Born { Whole, Split };

struct Original {
  std::vector<Entry> entries;  ///< in the order of the original's table
  std::set<Unit> merged;       ///< units that the file has merged and the original had not
  std::set<Unit> split_born;   ///< units that were merged before weld saw them, and are split here
  std::set<Unit> born_merged;  ///< units that were merged before weld saw them, and are whole here
  std::vector<LeftUnit> left;  ///< those among them that cannot be split
  Record record;               ///< empty where the file has none
};

/// Throws Error where the record does not fit the file.
Original read_original(const gguf::File& file, Born born);

}  // namespace weld::rewrite
