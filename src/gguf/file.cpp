// Opening a file with all its shards, and reading its metadata as C++ values.
#include "gguf/file.h"

#include <utility>

#include "fail.h"
#include "gguf/header.h"
#include "gguf/mapping.h"
#include "gguf/name_index.h"
#include "gguf/quoted.h"
#include "gguf/shards.h"
#include "gguf/value.h"

namespace weld::gguf {

struct File::State {
  std::string path;
  std::vector<Shard> shards;
  std::vector<Mapping> mappings;
  Header first;  // the first shard's, which has the metadata
  std::vector<Tensor> tensors;
  NameIndex tensor_names;

  /// The value of a key by one of the as_...() functions; nullopt where the key is absent.
  template <typename T>
  std::optional<T> find_as(std::string_view key, std::optional<T> (*as)(const Value&),
                           const char* wanted) const {
    const Value* value = first.find(key);
    if (value == nullptr) return std::nullopt;
    if (auto result = as(*value)) return result;
    fail_value(shards.front().path, key, wanted, *value);
  }

  /// The same for each element of an array.
  template <typename T>
  std::optional<std::vector<T>> find_all_as(std::string_view key,
                                            std::optional<T> (*as)(const Value&),
                                            const char* wanted) const {
    const Value* value = first.find(key);
    if (value == nullptr) return std::nullopt;
    auto array = as_array(*value);
    if (!array) fail_value(shards.front().path, key, wanted, *value);
    std::vector<T> all;
    all.reserve(array->count);
    while (array->count > 0) {
      const auto element = as(take_first(*array));
      if (!element) fail_value(shards.front().path, key, wanted, *value);
      all.push_back(*element);
    }
    return all;
  }
};

namespace {

void check_names_differ(const std::vector<Shard>& shards, const std::vector<Tensor>& tensors,
                        const NameIndex& names) {
  const auto twins = names.duplicate();
  if (!twins) return;
  const std::string& here = shards[static_cast<size_t>(tensors[twins->second].shard)].path;
  const std::string& there = shards[static_cast<size_t>(tensors[twins->first].shard)].path;
  fail("{}: tensor {}: the name is already used in {}", plain(here),
       quoted(tensors[twins->second].name),
       here == there ? std::string("this file") : plain(there));
}

}  // namespace

File::File(std::unique_ptr<State> state) : state_(std::move(state)) {}
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;
File::~File() = default;

File File::open(const std::string& path) {
  auto state = std::make_unique<State>();
  const auto name = parse_shard_name(path);
  const uint32_t count = name ? name->count : 1;
  std::vector<Header> headers;
  for (uint32_t number = 1; number <= count; ++number) {
    const std::string shard = name ? shard_path(*name, number) : path;
    const auto bytes = state->mappings.emplace_back(shard).bytes();
    Header& header = headers.emplace_back(read_header(shard, bytes));
    check_split(shard, header);
    place_tensors(shard, bytes, static_cast<int>(number - 1), header);
    state->tensors.insert(state->tensors.end(), header.tensors.begin(), header.tensors.end());
    state->shards.push_back({shard, header.version, bytes.size(), header.alignment,
                             header.data_start, header.metadata});
  }
  for (uint32_t i = 0; i < count; ++i)
    check_split_tensors(state->shards[i].path, headers[i], state->tensors.size());

  std::vector<std::string_view> names;
  names.reserve(state->tensors.size());
  for (const Tensor& tensor : state->tensors) names.push_back(tensor.name);
  state->tensor_names = NameIndex(names);
  check_names_differ(state->shards, state->tensors, state->tensor_names);

  state->path = path;
  state->first = std::move(headers.front());
  return File(std::move(state));
}

const std::string& File::path() const { return state_->path; }
std::span<const Shard> File::shards() const { return state_->shards; }
uint32_t File::version() const { return state_->first.version; }
uint64_t File::alignment() const { return state_->first.alignment; }
std::span<const KeyValue> File::metadata() const { return state_->first.metadata; }
std::span<const Tensor> File::tensors() const { return state_->tensors; }

uint64_t File::bytes() const {
  uint64_t sum = 0;
  for (const Mapping& mapping : state_->mappings) sum += mapping.bytes().size();
  return sum;
}

const Value* File::find(std::string_view key) const { return state_->first.find(key); }

const Tensor* File::find_tensor(std::string_view name) const {
  const auto position = state_->tensor_names.find(name);
  return position ? &state_->tensors[*position] : nullptr;
}

std::optional<uint64_t> File::find_uint(std::string_view key, uint64_t max) const {
  return gguf::find_uint(state_->shards.front().path, state_->first, key, max);
}

std::optional<double> File::find_float(std::string_view key) const {
  return state_->find_as(key, as_float, "a float");
}

std::optional<bool> File::find_bool(std::string_view key) const {
  return state_->find_as(key, as_bool, "a bool");
}

std::optional<std::string_view> File::find_string(std::string_view key) const {
  return state_->find_as(key, as_string, "a string");
}

std::optional<std::vector<std::string_view>> File::find_strings(std::string_view key) const {
  return state_->find_all_as(key, as_string, "an array of strings");
}

std::optional<std::vector<int64_t>> File::find_ints(std::string_view key) const {
  return state_->find_all_as(key, as_int, "an array of integers below 2^63");
}

std::optional<std::vector<double>> File::find_floats(std::string_view key) const {
  return state_->find_all_as(key, as_float, "an array of floats");
}

}  // namespace weld::gguf
