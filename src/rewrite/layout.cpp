// Choosing which units to merge, and laying out tables, offsets and headers.
#include "rewrite/layout.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "fail.h"
#include "gguf/header.h"
#include "gguf/name_index.h"
#include "gguf/quoted.h"
#include "gguf/shards.h"
#include "gguf/value.h"
#include "gguf/writer.h"
#include "quant/encode.h"

namespace weld::rewrite {
namespace {

using gguf::align_up;
using gguf::KeyValue;

constexpr size_t absent = SIZE_MAX;

/// A unit's tensors of one suffix, as positions in the original's table; `absent` where a member
/// has none.
struct Row {
  std::string suffix;
  std::vector<size_t> members;
};

struct UnitTensors {
  std::string block;
  std::vector<Row> rows;
};

using Units = std::map<Unit, UnitTensors>;

Units find_units(const std::vector<Entry>& entries) {
  Units units;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto name = parse_name(entries[i].name);
    if (!name || !name->member) continue;
    UnitTensors& unit = units[{block_number(name->block), name->group}];
    unit.block = name->block;
    auto row = std::find_if(unit.rows.begin(), unit.rows.end(),
                            [&](const Row& r) { return r.suffix == name->suffix; });
    if (row == unit.rows.end())
      row = unit.rows.insert(row, {std::string(name->suffix),
                                   std::vector<size_t>(name->group->members.size(), absent)});
    row->members[*name->member] = i;
  }
  // A unit is one only if every member has weights.
  std::erase_if(units, [](const auto& unit) {
    const auto& rows = unit.second.rows;
    return std::none_of(rows.begin(), rows.end(), [](const Row& row) {
      return row.suffix == ".weight" &&
             std::find(row.members.begin(), row.members.end(), absent) == row.members.end();
    });
  });
  return units;
}

bool same_bytes(const gguf::File& file, const Entry& a, const Entry& b) {
  const auto data = [&](const Entry& entry) {
    return file.tensors()[entry.source.tensor].data + entry.source.offset;
  };
  return a.count == b.count && a.source.bytes == b.source.bytes &&
         std::memcmp(data(a), data(b), a.source.bytes * a.count) == 0;
}

double bits_per_weight(gguf::Type type) {
  const gguf::TypeInfo& info = gguf::info(type);
  return 8.0 * info.block_bytes / info.block_elements;
}

std::string types_text(const std::vector<Entry>& entries, const Unit& unit, const Row& row) {
  std::string text;
  for (size_t m = 0; m < row.members.size(); ++m)
    text += fmt::format("{}{} {}", m == 0 ? "" : ", ", unit.group->members[m],
                        gguf::info(entries[row.members[m]].type).name);
  return text;
}

/// Decides unit by unit whether it can be merged.
class Judge {
 public:
  Judge(const gguf::File& file, const std::vector<Entry>& entries, bool retype)
      : file_(file), entries_(entries), retype_(retype) {
    std::vector<std::string_view> names;
    for (const Entry& entry : entries) names.push_back(entry.name);
    names_ = gguf::NameIndex(names);
  }

  /// Why the unit cannot be one tensor a suffix; empty if it can.
  std::string misfit(const Unit& unit, const UnitTensors& tensors) const {
    for (const Row& row : tensors.rows) {
      std::string reason = misfit(unit, tensors, row);
      if (!reason.empty()) return reason;
    }
    return "";
  }

  /// The type of the merged tensor of a row that fits.
  gguf::Type type_of(const Row& row) const {
    gguf::Type widest = entries_[row.members.front()].type;
    for (const size_t m : row.members)
      if (bits_per_weight(entries_[m].type) > bits_per_weight(widest)) widest = entries_[m].type;
    return widest;
  }

 private:
  std::string misfit(const Unit& unit, const UnitTensors& tensors, const Row& row) const {
    const auto how = joining(row.suffix);
    const auto member = [&](size_t m) { return unit.group->members[m]; };
    for (size_t m = 0; m < row.members.size(); ++m) {
      if (!how && row.members[m] != absent)
        return fmt::format("{}{} is no weight, bias or scale", member(m), row.suffix);
      if (how && row.members[m] == absent)
        return fmt::format("{} has no {}", member(m), row.suffix.substr(1));
    }
    if (names_.find(tensors.block + unit.group->merged + row.suffix))
      return fmt::format("there is {}{} too", unit.group->merged, row.suffix);

    const Entry& first = entries_[row.members.front()];
    for (size_t m = 0; m < row.members.size(); ++m) {
      const Entry& entry = entries_[row.members[m]];
      const std::string shape = misshape(unit, *how, first, entry);
      if (!shape.empty()) return fmt::format("{}{} {}", member(m), row.suffix, shape);
      if (*how == Joining::Equal && !same_bytes(file_, first, entry))
        return fmt::format("their {}s differ", row.suffix.substr(1));
    }
    return mistype(unit, row, *how);
  }

  static std::string misshape(const Unit& unit, Joining how, const Entry& first,
                              const Entry& entry) {
    const bool experts = unit.group->members.size() == 2;
    if (entry.rank != first.rank) return "has another rank";
    if (how == Joining::Equal) {
      const bool one = entry.dims == std::array<uint64_t, 4>{1, 1, 1, 1};
      return one || (experts && entry.dims == first.dims) ? "" : "is not one number";
    }
    const size_t joined = how == Joining::Rows ? 1 : 0;
    for (size_t d = 0; d < 4; ++d)
      if ((d != joined || experts) && entry.dims[d] != first.dims[d]) return "has another shape";
    if (!experts && entry.count != 1) return "has more dimensions than a matrix";
    if (entry.dims[joined] > UINT32_MAX / 4) return "has too many rows";
    return "";
  }

  std::string mistype(const Unit& unit, const Row& row, Joining how) const {
    const gguf::Type widest = type_of(row);
    for (const size_t m : row.members) {
      const Entry& entry = entries_[m];
      if (how == Joining::Items && entry.dims[0] % gguf::info(widest).block_elements != 0)
        return fmt::format("{} is no whole number of blocks", entry.name);
      if (entry.type == widest) continue;
      const std::string differ =
          fmt::format("their types differ: {}", types_text(entries_, unit, row));
      if (!retype_ || how == Joining::Equal) return differ;
      if (!quant::can_encode(widest))
        return fmt::format("{}; weld does not encode {}", differ, gguf::info(widest).name);
      if (entry.dims[0] % gguf::info(widest).block_elements != 0)
        return fmt::format("{}; rows of {} are no whole blocks of {}", differ, entry.dims[0],
                           gguf::info(widest).name);
    }
    return "";
  }

  const gguf::File& file_;
  const std::vector<Entry>& entries_;
  bool retype_;
  gguf::NameIndex names_;
};

/// A tensor that is to be written, and the original's positions that it was made of.
struct Placed {
  OutputTensor tensor;
  std::vector<size_t> positions;
  size_t shard = 0;
};

uint64_t tensor_bytes(gguf::Type type, const std::array<uint64_t, 4>& dims) {
  const gguf::TypeInfo& info = gguf::info(type);
  return dims[0] / info.block_elements * info.block_bytes * dims[1] * dims[2] * dims[3];
}

Placed place_alone(const Entry& entry, size_t position) {
  OutputTensor tensor{entry.name,
                      entry.type,
                      entry.rank,
                      entry.dims,
                      entry.count,
                      {{entry.type, entry.source}},
                      tensor_bytes(entry.type, entry.dims),
                      0};
  return {std::move(tensor), {position}, 0};
}

Placed place_merged(const std::vector<Entry>& entries, const Unit& unit, const UnitTensors& tensors,
                    const Row& row, gguf::Type type) {
  const Entry& first = entries[row.members.front()];
  Placed placed;
  OutputTensor& tensor = placed.tensor;
  tensor.name = tensors.block + unit.group->merged + row.suffix;
  tensor.type = type;
  tensor.rank = first.rank;
  tensor.dims = first.dims;
  tensor.count = first.count;
  placed.positions = row.members;
  const Joining how = *joining(row.suffix);
  if (how == Joining::Equal) {
    tensor.parts.push_back({first.type, first.source});
  } else {
    const size_t joined = how == Joining::Rows ? 1 : 0;
    tensor.dims[joined] = 0;
    for (const size_t m : row.members) {
      tensor.dims[joined] += entries[m].dims[joined];
      tensor.parts.push_back({entries[m].type, entries[m].source});
    }
  }
  tensor.bytes = tensor_bytes(type, tensor.dims);
  return placed;
}

/// How the output is spread over files.
enum class Sharding { One, Kept, BySize };

/// Everything between reading a file and its layout.
class Planner {
 public:
  Planner(const gguf::File& file, const Request& request)
      : file_(file),
        request_(request),
        original_(read_original(file, request.action == Request::Action::Split && !has_record(file)
                                          ? Born::Split
                                          : Born::Whole)),
        units_(find_units(original_.entries)),
        judge_(file, original_.entries, request.retype) {
    choose();
    place();
  }

  Layout to(const std::string& out) {
    choose_sharding(out);
    layout_.shards.clear();
    if (sharding_ == Sharding::BySize) {
      cut_by_size(out);
    } else {
      const size_t count = sharding_ == Sharding::Kept ? file_.shards().size() : 1;
      assign_shards(count);
      const auto name = gguf::parse_shard_name(out);
      for (size_t s = 0; s < count; ++s)
        layout_.shards.push_back(
            {name ? gguf::shard_path(*name, static_cast<uint32_t>(s + 1)) : out, {}, 0, {}, 0});
    }
    fill_shards(std::nullopt);
    const bool same_files = sharding_ == Sharding::Kept || file_.shards().size() == 1;
    const bool records = is_merge() && !has_record(file_) && !original_.born_merged.empty();
    layout_.unchanged = same_units_ && same_files && sharding_ != Sharding::BySize && !records;
    return std::move(layout_);
  }

  Layout in_place() {
    const gguf::Shard& source = file_.shards()[0];
    if (file_.shards().size() > 1)
      fail(
          "{}: is one of {} shards, which cannot be rewritten in place; write new ones with `weld "
          "{} IN OUT`",
          gguf::plain(file_.path()), file_.shards().size(), is_merge() ? "merge" : "split");
    sharding_ = Sharding::Kept;
    assign_shards(1);
    layout_.shards.push_back({source.path, {}, 0, {}, 0});
    layout_.unchanged = same_units_;
    if (same_units_) return std::move(layout_);
    fill_shards(source.data_start);
    const uint64_t bytes = layout_.shards[0].bytes;
    if (bytes != source.bytes)
      fail(
          "{}: would have {} bytes instead of {}, for padding or shared tensors, which cannot be "
          "done in place",
          gguf::plain(file_.path()), bytes, source.bytes);
    return std::move(layout_);
  }

 private:
  bool is_merge() const { return request_.action == Request::Action::Merge; }

  bool asked(const Unit& unit) const {
    return unit.group == &groups()[0] ? request_.qkv : request_.gate_up;
  }

  void choose() {
    std::set<Unit> merged = original_.merged;
    for (const auto& [unit, tensors] : units_) {
      const bool was_merged =
          original_.merged.contains(unit) || original_.split_born.contains(unit);
      const std::string reason =
          is_merge() || (was_merged && !asked(unit)) ? judge_.misfit(unit, tensors) : "";
      if (was_merged && !reason.empty())
        fail("{}: {}: block {}: {}", gguf::plain(file_.path()), merged_key, unit.block, reason);
      if (is_merge()) {
        if (was_merged || (asked(unit) && reason.empty())) target_.insert(unit);
        if (asked(unit) && !was_merged)
          layout_.units.push_back({unit, reason, reason.empty() ? added(tensors) : 0});
      } else if (was_merged) {
        if (!asked(unit))
          target_.insert(unit);
        else
          layout_.units.push_back({unit, "", 0});
      }
    }
    for (const LeftUnit& left : original_.left)
      if (asked(left.unit)) layout_.units.push_back({left.unit, left.reason, 0});
    std::sort(layout_.units.begin(), layout_.units.end(),
              [](const UnitResult& a, const UnitResult& b) { return a.unit < b.unit; });
    const bool restores = has_record(file_) && target_.empty();
    const bool none = std::all_of(layout_.units.begin(), layout_.units.end(),
                                  [](const UnitResult& u) { return !u.reason.empty(); });
    same_units_ = none && (is_merge() || !restores);
  }

  uint64_t added(const UnitTensors& tensors) const {
    uint64_t after = 0, before = 0;
    for (const Row& row : tensors.rows) {
      if (joining(row.suffix) == Joining::Equal) continue;
      const gguf::Type type = judge_.type_of(row);
      for (const size_t m : row.members) {
        after += tensor_bytes(type, original_.entries[m].dims);
        before += tensor_bytes(original_.entries[m].type, original_.entries[m].dims);
      }
    }
    return after - before;
  }

  /// The tensors in order; a merged one stands where the first of its members stood.
  void place() {
    std::set<std::pair<Unit, std::string_view>> done;
    for (size_t i = 0; i < original_.entries.size(); ++i) {
      const Entry& entry = original_.entries[i];
      const auto name = parse_name(entry.name);
      const Unit unit = name ? Unit{block_number(name->block), name->group} : Unit{};
      if (!name || !name->member || !target_.contains(unit)) {
        placed_.push_back(place_alone(entry, i));
      } else if (done.insert({unit, name->suffix}).second) {
        const UnitTensors& tensors = units_.at(unit);
        const auto row = std::find_if(tensors.rows.begin(), tensors.rows.end(),
                                      [&](const Row& r) { return r.suffix == name->suffix; });
        placed_.push_back(
            place_merged(original_.entries, unit, tensors, *row, judge_.type_of(*row)));
      }
    }
    std::vector<std::string_view> names;
    for (const Placed& placed : placed_) names.push_back(placed.tensor.name);
    if (const auto twins = gguf::NameIndex(names).duplicate())
      fail("{}: tensor {}: there would be two of this name", gguf::plain(file_.path()),
           gguf::quoted(names[twins->first]));
  }

  void choose_sharding(const std::string& out) {
    const auto name = gguf::parse_shard_name(out);
    if (name && name->number != 1)
      fail("{}: must be named as the first shard, is number {}", gguf::plain(out), name->number);
    sharding_ = request_.shard_bytes > 0                       ? Sharding::BySize
                : name && name->count == file_.shards().size() ? Sharding::Kept
                                                               : Sharding::One;
    if (sharding_ == Sharding::One && name && name->count > 1)
      fail(
          "{}: is named as one of {} shards, the input has {}; --shard-size makes as many as it "
          "takes",
          gguf::plain(out), name->count, file_.shards().size());
  }

  /// The shard of each of the original's tensors.
  std::vector<size_t> original_shards() const {
    std::vector<size_t> shards;
    for (size_t s = 0; s < original_.record.shards.size(); ++s)
      shards.insert(shards.end(), original_.record.shards[s], s);
    if (!shards.empty()) return shards;
    for (const Entry& entry : original_.entries)
      shards.push_back(static_cast<size_t>(file_.tensors()[entry.source.tensor].shard));
    return shards;
  }

  void assign_shards(size_t count) {
    if (count == 1) return;
    const std::vector<size_t> shards = original_shards();
    if (std::any_of(shards.begin(), shards.end(), [&](size_t s) { return s >= count; }))
      fail("{}: {}: counts more shards than there are", gguf::plain(file_.path()), shards_key);
    for (Placed& placed : placed_)
      placed.shard = shards[*std::min_element(placed.positions.begin(), placed.positions.end())];
  }

  uint64_t alignment(size_t shard) const {
    return file_.shards()[sharding_ == Sharding::Kept ? shard : 0].alignment;
  }

  void cut_by_size(const std::string& out) {
    const auto name = gguf::parse_shard_name(out);
    constexpr std::string_view suffix = ".gguf";
    std::string stem = name ? name->stem : out;
    if (!name && stem.ends_with(suffix)) stem.resize(stem.size() - suffix.size());

    uint64_t fixed = 1024;  // what every shard says of itself
    for (const KeyValue& entry : file_.metadata())
      fixed += 12 + entry.key.size() + entry.value.bytes.size();
    fixed += 28 * original_.entries.size();  // the record
    uint64_t used = fixed;
    size_t shard = 0;
    bool empty = true;
    for (Placed& placed : placed_) {
      const uint64_t more =
          align_up(placed.tensor.bytes, alignment(0)) + placed.tensor.name.size() + 64;
      if (!empty && more > request_.shard_bytes - std::min(request_.shard_bytes, used)) {
        ++shard;
        used = 1024;
      }
      used += more;
      empty = false;
      placed.shard = shard;
    }
    const auto count = static_cast<uint32_t>(shard + 1);
    if (count > 99999)
      fail("{}: would need {} shards, 99999 can be named", gguf::plain(out), count);
    for (uint32_t s = 1; s <= count; ++s)
      layout_.shards.push_back({gguf::shard_path({stem, s, count}, s), {}, 0, {}, 0});
  }

  /// Where the source's tensors and data end, if it is not as contiguous() has it.
  void record_shape(Record& record) const {
    const auto shards = file_.shards();
    std::vector<uint64_t> ends(shards.size()), padded(shards.size());
    bool contiguous = true;
    for (const gguf::Tensor& tensor : file_.tensors()) {
      const auto s = static_cast<size_t>(tensor.shard);
      contiguous = contiguous && tensor.offset - shards[s].data_start == padded[s];
      ends[s] = padded[s] + tensor.bytes;
      padded[s] = align_up(ends[s], shards[s].alignment);
    }
    std::vector<uint32_t> tails;
    for (size_t s = 0; s < shards.size(); ++s) {
      const uint64_t size = shards[s].bytes - std::min(shards[s].bytes, shards[s].data_start);
      contiguous = contiguous && size >= ends[s] && size <= padded[s];
      tails.push_back(static_cast<uint32_t>(padded[s] - std::min(size, padded[s])));
    }
    if (contiguous) {
      if (std::any_of(tails.begin(), tails.end(), [](uint32_t t) { return t != 0; }))
        record.tails = std::move(tails);
      return;
    }
    uint64_t sum = 0;
    for (const gguf::Tensor& tensor : file_.tensors()) sum += tensor.bytes;
    if (file_.bytes() / 2 > sum) return;  // mostly holes: not worth to be kept
    for (const gguf::Tensor& tensor : file_.tensors())
      record.offsets.push_back(tensor.offset -
                               shards[static_cast<size_t>(tensor.shard)].data_start);
    for (const gguf::Shard& shard : shards)
      record.offsets.push_back(shard.bytes - std::min(shard.bytes, shard.data_start));
  }

  /// What the output's record says; none if the output is the original itself.
  std::optional<Record> make_record(size_t) const {
    if (target_.empty() && (!is_merge() || original_.born_merged.empty())) return std::nullopt;
    Record record;
    const bool same_files = sharding_ == Sharding::Kept || file_.shards().size() == 1;
    if (same_files && sharding_ != Sharding::BySize) {
      if (has_record(file_)) {
        record.tails = original_.record.tails;
        record.offsets = original_.record.offsets;
      } else if (original_.split_born.empty()) {
        record_shape(record);
      }
      if (file_.shards().size() > 1) {
        record.shards.resize(file_.shards().size());
        for (const size_t s : original_shards()) ++record.shards[s];
      }
    }
    for (size_t i = 0; i < placed_.size(); ++i) {
      if (placed_[i].positions.size() == 1) continue;
      Record::Merged merged{static_cast<uint32_t>(i), {}};
      const auto name = parse_name(placed_[i].tensor.name);
      const Joining how = *joining(name->suffix);
      for (const size_t p : placed_[i].positions) {
        const uint64_t rows = how == Joining::Equal  ? 0
                              : how == Joining::Rows ? original_.entries[p].dims[1]
                                                     : original_.entries[p].dims[0];
        merged.members.push_back({static_cast<uint32_t>(p), static_cast<uint32_t>(rows)});
      }
      record.merged.push_back(std::move(merged));
    }
    return record;
  }

  /// Offsets and size of a shard's data, one tensor after the other.
  void lay_contiguous(size_t s, uint32_t tail, bool padded) {
    OutputShard& shard = layout_.shards[s];
    uint64_t end = 0, next = 0;
    for (OutputTensor& tensor : shard.tensors) {
      tensor.offset = next;
      end = next + tensor.bytes;
      next = align_up(end, alignment(s));
    }
    if (tail > next - end)
      fail("{}: {}: is more than the {} bytes of padding after the last tensor",
           gguf::plain(file_.path()), tail_key, next - end);
    shard.bytes = padded ? next - tail : end;
  }

  /// The offsets and sizes that the original had.
  void lay_recorded() {
    const std::vector<uint64_t>& offsets = original_.record.offsets;
    size_t i = 0;
    for (size_t s = 0; s < layout_.shards.size(); ++s) {
      OutputShard& shard = layout_.shards[s];
      shard.bytes = offsets[offsets.size() - layout_.shards.size() + s];
      std::vector<std::pair<uint64_t, uint64_t>> spans;
      uint64_t sum = 0;
      for (OutputTensor& tensor : shard.tensors) {
        tensor.offset = offsets[i++];
        spans.emplace_back(tensor.offset, tensor.bytes);
        sum += tensor.bytes;
      }
      std::sort(spans.begin(), spans.end());
      bool fits = shard.bytes / 4 <= sum;
      uint64_t end = 0;
      for (const auto& [offset, bytes] : spans) {
        fits = fits && offset % alignment(s) == 0 && offset >= end && offset <= shard.bytes &&
               bytes <= shard.bytes - offset;
        end = offset + bytes;
      }
      if (!fits)
        fail("{}: {}: tensors overlap, or do not fit", gguf::plain(file_.path()), offsets_key);
    }
  }

  void fill_shards(std::optional<uint64_t> data_start) {
    layout_.restored = has_record(file_) && target_.empty() && !is_merge();
    const std::optional<Record> record = make_record(layout_.shards.size());
    for (Placed& placed : placed_)
      layout_.shards[placed.shard].tensors.push_back(std::move(placed.tensor));

    const bool same_files = sharding_ != Sharding::BySize &&
                            (sharding_ == Sharding::Kept || file_.shards().size() == 1);
    const Record& before = original_.record;
    const bool exact = layout_.restored && same_files;
    if (exact && !before.offsets.empty()) {
      lay_recorded();
    } else {
      for (size_t s = 0; s < layout_.shards.size(); ++s) {
        const uint32_t tail = exact && !before.tails.empty() ? before.tails[s] : 0;
        // Where the source ends with its last tensor's last byte, so does the output.
        const bool unpadded = record && !record->tails.empty() && record->tails[s] != 0;
        lay_contiguous(s, tail, exact || !unpadded);
      }
    }
    for (size_t s = 0; s < layout_.shards.size(); ++s) write_header(s, record, data_start);
  }

  std::vector<OwnedEntry> split_entries(size_t s, size_t tensors) const {
    const auto number = [](std::string_view key, gguf::ValueType type, uint32_t value,
                           size_t bytes) {
      OwnedEntry entry{key, type, std::vector<std::byte>(bytes)};
      std::memcpy(entry.bytes.data(), &value, bytes);
      return entry;
    };
    return {number("split.no", gguf::ValueType::U16, static_cast<uint32_t>(s), 2),
            number("split.count", gguf::ValueType::U16,
                   static_cast<uint32_t>(layout_.shards.size()), 2),
            number("split.tensors.count", gguf::ValueType::I32, static_cast<uint32_t>(tensors), 4)};
  }

  void write_header(size_t s, const std::optional<Record>& record,
                    std::optional<uint64_t> data_start) {
    OutputShard& shard = layout_.shards[s];
    std::vector<OwnedEntry> owned;
    std::vector<KeyValue> entries;
    size_t tensors = 0;
    for (const OutputShard& each : layout_.shards) tensors += each.tensors.size();
    const bool reshards =
        sharding_ == Sharding::BySize || (sharding_ == Sharding::One && file_.shards().size() > 1);
    const std::vector<KeyValue>& source =
        file_.shards()[sharding_ == Sharding::Kept ? s : 0].metadata;
    std::vector<std::byte> count;
    for (const KeyValue& entry : source) {
      if (entry.key.starts_with(own_prefix)) continue;
      if (reshards && entry.key.starts_with("split.")) continue;
      if (reshards && s > 0 && entry.key != gguf::alignment_key) continue;
      entries.push_back(entry);
      const auto said = gguf::as_uint(entry.value);
      if (entry.key == "split.tensors.count" && said && *said != tensors) {
        count.assign(entry.value.bytes.begin(), entry.value.bytes.end());
        const uint64_t wide = tensors;
        if (count.size() < 8 && tensors >> (8 * count.size()) != 0)
          fail("{}: split.tensors.count: has no room for {}", gguf::plain(file_.path()), tensors);
        std::memcpy(count.data(), &wide, count.size());
        entries.back().value.bytes = count;
      }
    }
    if (sharding_ == Sharding::BySize) owned = split_entries(s, tensors);
    if (record && s == 0)
      for (OwnedEntry& entry : encode(*record)) owned.push_back(std::move(entry));
    for (const OwnedEntry& entry : owned) entries.push_back(entry.view());

    shard.header = header_bytes(s, entries);
    if (data_start) {
      if (align_up(shard.header.size(), alignment(s)) > *data_start)
        fail(
            "{}: its header would need {} bytes and has room for {}, so that it cannot be done in "
            "place",
            gguf::plain(file_.path()), shard.header.size(), *data_start);
      if (align_up(shard.header.size(), alignment(s)) < *data_start) {
        // The least that brings the end of the header into the alignment unit before the data.
        const uint64_t least = *data_start - alignment(s) + 1 - shard.header.size();
        const OwnedEntry filler = make_filler(std::max(least, filler_least));
        entries.push_back(filler.view());
        shard.header = header_bytes(s, entries);
        if (align_up(shard.header.size(), alignment(s)) != *data_start)
          fail("{}: no filler fits into the room that its header leaves",
               gguf::plain(file_.path()));
      }
    }
    gguf::read_header(shard.path, shard.header);
    shard.data_start = align_up(shard.header.size(), alignment(s));
    shard.bytes += shard.data_start;
  }

  std::vector<std::byte> header_bytes(size_t s, const std::vector<KeyValue>& entries) const {
    const OutputShard& shard = layout_.shards[s];
    gguf::HeaderBytes header(file_.shards()[sharding_ == Sharding::Kept ? s : 0].version,
                             shard.tensors.size(), entries.size());
    for (const KeyValue& entry : entries) header.add_entry(entry.key, entry.value);
    for (const OutputTensor& tensor : shard.tensors)
      header.add_tensor(tensor.name, tensor.type,
                        std::span(tensor.dims).first(static_cast<size_t>(tensor.rank)),
                        tensor.offset);
    return header.bytes();
  }

  const gguf::File& file_;
  const Request& request_;
  Original original_;
  Units units_;
  Judge judge_;
  std::set<Unit> target_;
  bool same_units_ = false;
  std::vector<Placed> placed_;
  Sharding sharding_ = Sharding::One;
  Layout layout_;
};

}  // namespace

std::vector<const OutputTensor*> by_offset(const OutputShard& shard) {
  std::vector<const OutputTensor*> tensors;
  for (const OutputTensor& tensor : shard.tensors) tensors.push_back(&tensor);
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const auto* a, const auto* b) { return a->offset < b->offset; });
  return tensors;
}

uint64_t OutputTensor::row_bytes() const {
  return dims[0] / gguf::info(type).block_elements * gguf::info(type).block_bytes;
}

Layout lay_out(const gguf::File& file, const Request& request, const std::string& out) {
  return Planner(file, request).to(out);
}

Layout lay_out_in_place(const gguf::File& file, const Request& request) {
  return Planner(file, request).in_place();
}

}  // namespace weld::rewrite
