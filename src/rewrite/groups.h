// Which tensors go together: the members of a group, and the one tensor that can hold them all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weld::rewrite {

/// Members that merge into one tensor, their rows one after the other in this order.
struct Group {
  const char* name;    ///< as people know it: "qkv"
  const char* merged;  ///< "attn_qkv"
  std::span<const char* const> members;
};

/// Q, K and V; gate and up of experts.
std::span<const Group> groups();

/// A tensor's name taken apart: `blk.3.attn_k.bias` is member 1 of the qkv group of `blk.3.`. Views
/// point into the name.
struct GroupName {
  std::string_view block;  ///< with the dot: "blk.3."
  const Group* group;
  std::optional<size_t> member;  ///< nullopt: the merged tensor
  std::string_view suffix;       ///< with the dot: ".bias"
};

/// Nullopt for a tensor that is in no group.
std::optional<GroupName> parse_name(std::string_view name);

/// The number of a block: 3 for "blk.3.".
uint64_t block_number(std::string_view block);

/// How a tensor of a group goes into the merged one.
enum class Joining {
  Rows,   ///< weights: along dimension 1, expert by expert
  Items,  ///< biases: along dimension 0, expert by expert
  Equal,  ///< scales: all members have the same, and so has the merged tensor
};
/// Nullopt for a suffix that is not known.
std::optional<Joining> joining(std::string_view suffix);

}  // namespace weld::rewrite
