// Encoding, decoding and checking the record.
#include "rewrite/record.h"

#include <cstring>
#include <span>

#include "fail.h"
#include "gguf/quoted.h"
#include "gguf/value.h"
#include "rewrite/groups.h"

namespace weld::rewrite {
namespace {

using gguf::ValueType;

template <typename T>
std::vector<T> read_array(const gguf::File& file, std::string_view key, ValueType type) {
  const gguf::Value* value = file.find(key);
  if (!value) return {};
  const auto array = gguf::as_array(*value);
  if (!array || array->type != type)
    fail("{}: {}: must be an array of {}, is {}", gguf::plain(file.path()), key,
         gguf::value_type_name(type), gguf::describe(*value));
  std::vector<T> numbers(array->count);
  if (!numbers.empty()) std::memcpy(numbers.data(), array->bytes.data(), array->bytes.size());
  return numbers;
}

template <typename T>
OwnedEntry write_array(std::string_view key, ValueType type, const std::vector<T>& numbers) {
  OwnedEntry entry{key, ValueType::Array, std::vector<std::byte>(12 + numbers.size() * sizeof(T))};
  const uint64_t count = numbers.size();
  std::memcpy(entry.bytes.data(), &type, 4);
  std::memcpy(entry.bytes.data() + 4, &count, 8);
  if (count > 0) std::memcpy(entry.bytes.data() + 12, numbers.data(), count * sizeof(T));
  return entry;
}

[[noreturn]] void fail_merged(const gguf::File& file, std::string_view what, uint64_t value) {
  fail("{}: {}: does not fit the tensors of this file: {} {}", gguf::plain(file.path()), merged_key,
       what, value);
}

void check_positions(const gguf::File& file, const Record& record) {
  uint64_t total = file.tensors().size();
  for (const Record::Merged& merged : record.merged) total += merged.members.size() - 1;
  std::vector<bool> taken(total);
  for (const Record::Merged& merged : record.merged) {
    for (const Record::Member& member : merged.members) {
      if (member.position >= total || taken[member.position])
        fail_merged(file, "position", member.position);
      taken[member.position] = true;
    }
  }
  uint64_t sum = 0;
  for (const uint32_t count : record.shards) sum += count;
  if (!record.shards.empty() && sum != total)
    fail("{}: {}: must count {} tensors, counts {}", gguf::plain(file.path()), shards_key, total,
         sum);
  const uint64_t shards = record.shards.empty() ? 1 : record.shards.size();
  if (!record.tails.empty() && record.tails.size() != shards)
    fail("{}: {}: must have {} numbers, has {}", gguf::plain(file.path()), tail_key, shards,
         record.tails.size());
  if (!record.offsets.empty() && record.offsets.size() != total + shards)
    fail("{}: {}: must have {} numbers, has {}", gguf::plain(file.path()), offsets_key,
         total + shards, record.offsets.size());
}

}  // namespace

bool has_record(const gguf::File& file) { return file.find(merged_key) != nullptr; }

Record read_record(const gguf::File& file) {
  Record record;
  const auto numbers = read_array<uint32_t>(file, merged_key, ValueType::U32);
  uint64_t next = 0;
  for (size_t i = 0; i < numbers.size();) {
    Record::Merged merged{numbers[i++], {}};
    if (merged.index < next || merged.index >= file.tensors().size())
      fail_merged(file, "tensor", merged.index);
    next = uint64_t{merged.index} + 1;
    const auto name = parse_name(file.tensors()[merged.index].name);
    if (!name || name->member || !joining(name->suffix)) fail_merged(file, "tensor", merged.index);
    for (size_t m = 0; m < name->group->members.size(); ++m) {
      if (numbers.size() - i < 2) fail_merged(file, "numbers:", numbers.size());
      merged.members.push_back({numbers[i], numbers[i + 1]});
      i += 2;
    }
    record.merged.push_back(std::move(merged));
  }
  record.shards = read_array<uint32_t>(file, shards_key, ValueType::U32);
  record.tails = read_array<uint32_t>(file, tail_key, ValueType::U32);
  record.offsets = read_array<uint64_t>(file, offsets_key, ValueType::U64);
  check_positions(file, record);
  return record;
}

std::vector<OwnedEntry> encode(const Record& record) {
  std::vector<uint32_t> numbers;
  for (const Record::Merged& merged : record.merged) {
    numbers.push_back(merged.index);
    for (const Record::Member& member : merged.members) {
      numbers.push_back(member.position);
      numbers.push_back(member.rows);
    }
  }
  std::vector<OwnedEntry> entries;
  entries.push_back(write_array(merged_key, ValueType::U32, numbers));
  if (!record.shards.empty())
    entries.push_back(write_array(shards_key, ValueType::U32, record.shards));
  if (!record.tails.empty()) entries.push_back(write_array(tail_key, ValueType::U32, record.tails));
  if (!record.offsets.empty())
    entries.push_back(write_array(offsets_key, ValueType::U64, record.offsets));
  return entries;
}

OwnedEntry make_filler(uint64_t entry_bytes) {
  const uint64_t spaces = entry_bytes - filler_least;
  OwnedEntry entry{filler_key, ValueType::String,
                   std::vector<std::byte>(8 + spaces, std::byte{' '})};
  std::memcpy(entry.bytes.data(), &spaces, 8);
  return entry;
}

}  // namespace weld::rewrite
