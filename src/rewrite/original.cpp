// Cutting merged tensors into members, by the record or by the model's hyperparameters.
#include "rewrite/original.h"

#include <map>
#include <optional>
#include <span>

#include "fail.h"
#include "gguf/quoted.h"
#include "gguf/value.h"

namespace weld::rewrite {
namespace {

/// A tensor as it is, in slices as its members would have them.
Entry whole(const gguf::File& file, size_t index) {
  const gguf::Tensor& tensor = file.tensors()[index];
  Entry entry{std::string(tensor.name), tensor.type, tensor.rank, tensor.dims, 1, {}};
  const auto name = parse_name(tensor.name);
  const auto how = name ? joining(name->suffix) : std::nullopt;
  if (how == Joining::Rows) entry.count = tensor.dims[2] * tensor.dims[3];
  if (how == Joining::Items) entry.count = tensor.rows();
  const uint64_t bytes = tensor.bytes / entry.count;
  entry.source = {index, 0, bytes, bytes};
  return entry;
}

/// The bytes of so many of an expert's rows.
uint64_t bytes_of_rows(const gguf::Tensor& tensor, Joining how, uint64_t rows) {
  const gguf::TypeInfo& type = gguf::info(tensor.type);
  return how == Joining::Rows ? rows * tensor.row_bytes()
                              : rows / type.block_elements * type.block_bytes;
}

/// The members of a merged tensor. `rows` has one number a member, whose sum is that of the tensor.
std::vector<Entry> cut(const gguf::File& file, size_t index, const GroupName& name,
                       std::span<const uint64_t> rows) {
  const Entry merged = whole(file, index);
  const Joining how = *joining(name.suffix);
  std::vector<Entry> members;
  uint64_t offset = 0;
  for (size_t m = 0; m < name.group->members.size(); ++m) {
    Entry& entry = members.emplace_back(merged);
    entry.name = std::string(name.block) + name.group->members[m] + std::string(name.suffix);
    if (how == Joining::Equal) continue;
    entry.dims[how == Joining::Rows ? 1 : 0] = rows[m];
    entry.source.offset = offset;
    entry.source.bytes = bytes_of_rows(file.tensors()[index], how, rows[m]);
    offset += entry.source.bytes;
  }
  return members;
}

/// Why these rows cannot be a tensor's members; empty if they can.
std::string misfit(const gguf::Tensor& tensor, Joining how, std::span<const uint64_t> rows) {
  if (how == Joining::Equal) return "";
  const uint64_t all = tensor.dims[how == Joining::Rows ? 1 : 0];
  uint64_t sum = 0;
  for (const uint64_t n : rows) {
    if (n == 0 || n > all - sum) return fmt::format("{} rows do not fit {}", n, tensor.name);
    if (how == Joining::Items && n % gguf::info(tensor.type).block_elements != 0)
      return fmt::format("{} rows of {} are no whole blocks", n, tensor.name);
    sum += n;
  }
  return sum == all ? "" : fmt::format("{} rows are too few for {}", sum, tensor.name);
}

/// A hyperparameter that may differ from layer to layer; nullopt if it is absent or not a number
/// below 2^32.
std::optional<uint64_t> hyperparameter(const gguf::File& file, std::string_view name,
                                       uint64_t layer) {
  const gguf::Value* architecture = file.find("general.architecture");
  const auto prefix = architecture ? gguf::as_string(*architecture) : std::nullopt;
  const gguf::Value* value = prefix ? file.find(fmt::format("{}.{}", *prefix, name)) : nullptr;
  if (!value) return std::nullopt;
  std::optional<uint64_t> number = gguf::as_uint(*value);
  if (auto array = gguf::as_array(*value); array && layer < array->count) {
    for (uint64_t i = 0; i < layer; ++i) gguf::take_first(*array);
    number = gguf::as_uint(gguf::take_first(*array));
  }
  return number && *number <= UINT32_MAX ? number : std::nullopt;
}

/// The rows of the members of a merged tensor that no record tells of; empty if nothing says.
std::vector<uint64_t> usual_rows(const gguf::File& file, const Unit& unit,
                                 const gguf::Tensor& weight) {
  if (unit.group->members.size() == 2) {
    if (weight.dims[1] % 2 != 0) return {};
    return {weight.dims[1] / 2, weight.dims[1] / 2};
  }
  const auto heads = hyperparameter(file, "attention.head_count", unit.block);
  if (!heads || *heads == 0) return {};
  const uint64_t pairs =
      hyperparameter(file, "attention.head_count_kv", unit.block).value_or(*heads);
  const uint64_t share =
      hyperparameter(file, "embedding_length", unit.block).value_or(weight.dims[0]) / *heads;
  const uint64_t key = hyperparameter(file, "attention.key_length", unit.block).value_or(share);
  const uint64_t value = hyperparameter(file, "attention.value_length", unit.block).value_or(share);
  if (*heads > UINT32_MAX || key > UINT32_MAX || value > UINT32_MAX) return {};
  return {*heads * key, pairs * key, pairs * value};
}

/// Cuts what was born merged, unit by unit: all of a unit's tensors or none.
class BornCutter {
 public:
  BornCutter(const gguf::File& file, Original& original) : file_(file), original_(original) {
    for (const gguf::Tensor& tensor : file.tensors()) {
      const auto name = parse_name(tensor.name);
      if (name && !name->member)
        tensors_[{block_number(name->block), name->group}].push_back(&tensor);
    }
  }

  std::vector<Entry> entries_of(size_t index) {
    const auto name = parse_name(file_.tensors()[index].name);
    if (!name || name->member) return {whole(file_, index)};
    const Unit unit{block_number(name->block), name->group};
    const std::vector<uint64_t>* rows = rows_of(unit, name->block);
    if (!rows) return {whole(file_, index)};
    return cut(file_, index, *name, *rows);
  }

 private:
  /// The rows of a unit's members; nullptr if it cannot be cut, which is then said.
  const std::vector<uint64_t>* rows_of(const Unit& unit, std::string_view block) {
    const auto [place, is_new] = rows_.try_emplace(unit);
    if (is_new) {
      std::string reason = find_rows(unit, block, place->second);
      if (!reason.empty()) {
        place->second.clear();
        original_.left.push_back({unit, std::move(reason)});
        original_.born_merged.insert(unit);
      } else {
        original_.split_born.insert(unit);
      }
    }
    return place->second.empty() ? nullptr : &place->second;
  }

  std::string find_rows(const Unit& unit, std::string_view block, std::vector<uint64_t>& rows) {
    const std::string stem = std::string(block) + unit.group->merged;
    const gguf::Tensor* weight = file_.find_tensor(stem + ".weight");
    if (!weight) return fmt::format("there is no {}.weight", stem);
    rows = usual_rows(file_, unit, *weight);
    if (rows.empty()) return "the metadata does not say how many rows each member has";
    for (const gguf::Tensor* tensor : tensors_[unit]) {
      const std::string_view suffix = tensor->name.substr(stem.size());
      const auto how = joining(suffix);
      if (!how) return fmt::format("{}{} is no weight, bias or scale", unit.group->merged, suffix);
      if (*how == Joining::Equal && unit.group->members.size() == 3 &&
          tensor->columns() * tensor->rows() != 1)
        return fmt::format("{}{} has more than one number", unit.group->merged, suffix);
      const std::string reason = misfit(*tensor, *how, rows);
      if (!reason.empty()) return fmt::format("{}, by the metadata", reason);
    }
    for (const char* member : unit.group->members)
      if (file_.find_tensor(std::string(block) + member + ".weight"))
        return fmt::format("there is {} too", member);
    return "";
  }

  const gguf::File& file_;
  Original& original_;
  std::map<Unit, std::vector<const gguf::Tensor*>> tensors_;
  std::map<Unit, std::vector<uint64_t>> rows_;
};

/// The original's table where the file has a record.
std::vector<Entry> restore(const gguf::File& file, Original& original) {
  const auto tensors = file.tensors();
  size_t total = tensors.size();
  for (const Record::Merged& merged : original.record.merged) total += merged.members.size() - 1;
  std::vector<Entry> entries(total);
  std::vector<bool> taken(total);
  std::vector<bool> is_merged(tensors.size());
  for (const Record::Merged& merged : original.record.merged) {
    const gguf::Tensor& tensor = tensors[merged.index];
    const GroupName name = *parse_name(tensor.name);
    std::vector<uint64_t> rows;
    for (const Record::Member& member : merged.members) rows.push_back(member.rows);
    const std::string reason = misfit(tensor, *joining(name.suffix), rows);
    if (!reason.empty()) fail("{}: {}: {}", gguf::plain(file.path()), merged_key, reason);
    std::vector<Entry> members = cut(file, merged.index, name, rows);
    for (size_t m = 0; m < members.size(); ++m) {
      entries[merged.members[m].position] = std::move(members[m]);
      taken[merged.members[m].position] = true;
    }
    is_merged[merged.index] = true;
    original.merged.insert({block_number(name.block), name.group});
  }
  size_t next = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (is_merged[i]) continue;
    while (taken[next]) ++next;
    entries[next++] = whole(file, i);
  }
  return entries;
}

}  // namespace

Original read_original(const gguf::File& file, Born born) {
  Original original;
  std::vector<Entry> entries;
  if (has_record(file)) {
    original.record = read_record(file);
    entries = restore(file, original);
  } else {
    for (size_t i = 0; i < file.tensors().size(); ++i) entries.push_back(whole(file, i));
  }
  BornCutter cutter(file, original);
  for (Entry& entry : entries) {
    const auto name = parse_name(entry.name);
    if (!name || name->member) {
      original.entries.push_back(std::move(entry));
    } else if (born == Born::Whole) {
      original.born_merged.insert({block_number(name->block), name->group});
      original.entries.push_back(std::move(entry));
    } else {
      for (Entry& member : cutter.entries_of(entry.source.tensor))
        original.entries.push_back(std::move(member));
    }
  }
  return original;
}

}  // namespace weld::rewrite
