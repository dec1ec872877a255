// Files in several shards, as gguf-split names and marks them.
#include "gguf/shards.h"

#include <algorithm>
#include <charconv>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::gguf {
namespace {

constexpr size_t digits = 5;

/// Five digits as a number.
std::optional<uint32_t> parse_digits(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::optional<ShardName> parse_shard_name(const std::string& path) {
  constexpr std::string_view dash = "-";
  constexpr std::string_view of = "-of-";
  constexpr std::string_view suffix = ".gguf";
  constexpr size_t tail = dash.size() + digits + of.size() + digits + suffix.size();
  if (path.size() < tail) return std::nullopt;
  const size_t stem = path.size() - tail;
  const std::string_view end = std::string_view(path).substr(stem);
  const size_t of_at = dash.size() + digits;
  const auto number = parse_digits(end.substr(dash.size(), digits));
  const auto count = parse_digits(end.substr(of_at + of.size(), digits));
  if (!end.starts_with(dash) || end.substr(of_at, of.size()) != of || !end.ends_with(suffix) ||
      !number || !count)
    return std::nullopt;
  if (*number < 1 || *number > *count)
    fail("{}: file name: shard {} of {} cannot be", plain(path), *number, *count);
  return ShardName{path.substr(0, stem), *number, *count};
}

std::string shard_path(const ShardName& name, uint32_t number) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", name.stem, number, name.count);
}

void check_split(const std::string& path, const Header& header) {
  const std::string shown = plain(path);
  const auto name = parse_shard_name(path);
  const auto number = find_uint(path, header, "split.no");
  const auto count = find_uint(path, header, "split.count");
  if (!name) {
    if (count && *count > 1)
      fail(
          "{}: split.count: is {}, but the file is not named like a shard "
          "(NAME-00001-of-{:05}.gguf)",
          shown, *count, *count);
    return;
  }
  // A model in one piece may be named 1 of 1 without being marked so.
  if (name->count == 1 && !number && !count) return;
  if (!count) fail("{}: split.count: is missing, the file's name says {}", shown, name->count);
  if (*count != name->count)
    fail("{}: split.count: must be {} as in the file's name, is {}", shown, name->count, *count);
  if (!number) fail("{}: split.no: is missing, it must be {}", shown, name->number - 1);
  if (*number != name->number - 1)
    fail("{}: split.no: must be {} for shard {}, is {}", shown, name->number - 1, name->number,
         *number);
}

void check_split_tensors(std::string_view path, const Header& header, uint64_t tensors) {
  const auto said = find_uint(path, header, "split.tensors.count");
  if (said && *said != tensors)
    fail("{}: split.tensors.count: must be {}, the tensors of all shards, is {}", plain(path),
         tensors, *said);
}

}  // namespace weld::gguf
