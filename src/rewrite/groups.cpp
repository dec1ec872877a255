// Names of groups and members.
#include "rewrite/groups.h"

#include <charconv>

namespace weld::rewrite {
namespace {

constexpr const char* qkv_members[] = {"attn_q", "attn_k", "attn_v"};
constexpr const char* gate_up_members[] = {"ffn_gate_exps", "ffn_up_exps"};
constexpr Group table[] = {{"qkv", "attn_qkv", qkv_members},
                           {"gate-up", "ffn_gate_up_exps", gate_up_members}};

constexpr std::string_view block_prefix = "blk.";

}  // namespace

std::span<const Group> groups() { return table; }

std::optional<GroupName> parse_name(std::string_view name) {
  if (!name.starts_with(block_prefix)) return std::nullopt;
  uint64_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + block_prefix.size(), end, number);
  if (error != std::errc() || stop == end || *stop != '.') return std::nullopt;
  // Two spellings of one number would be one block.
  if (name[block_prefix.size()] == '0' && number != 0) return std::nullopt;
  const auto block_bytes = static_cast<size_t>(stop + 1 - name.data());
  const size_t dot = name.find('.', block_bytes);
  if (dot == std::string_view::npos) return std::nullopt;

  const std::string_view stem = name.substr(block_bytes, dot - block_bytes);
  GroupName result{name.substr(0, block_bytes), nullptr, std::nullopt, name.substr(dot)};
  for (const Group& group : table) {
    result.group = &group;
    if (stem == group.merged) return result;
    for (size_t i = 0; i < group.members.size(); ++i) {
      result.member = i;
      if (stem == group.members[i]) return result;
    }
    result.member.reset();
  }
  return std::nullopt;
}

uint64_t block_number(std::string_view block) {
  uint64_t number = 0;
  std::from_chars(block.data() + block_prefix.size(), block.data() + block.size(), number);
  return number;
}

std::optional<Joining> joining(std::string_view suffix) {
  if (suffix == ".weight") return Joining::Rows;
  if (suffix == ".bias") return Joining::Items;
  if (suffix == ".scale" || suffix == ".input_scale") return Joining::Equal;
  return std::nullopt;
}

}  // namespace weld::rewrite
