// Making, changing and writing small models.
#include "micro_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "gguf/bytes.h"
#include "gguf/writer.h"
#include "synth/shape.h"
#include "synth/weights.h"

namespace weld::test {
namespace {

using gguf::Type;
using gguf::ValueType;

template <typename T>
std::vector<std::byte> bytes_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

synth::Shape shape_of(const Micro& micro) {
  const model::Architecture& architecture = *model::find_architecture(micro.architecture);
  synth::Shape shape;
  shape.architecture = micro.architecture;
  shape.layers = micro.layers;
  shape.vocabulary = micro.vocabulary;
  shape.context = micro.context;
  shape.embedding = micro.embedding;
  shape.heads = micro.heads;
  shape.key_value_heads = micro.key_value_heads;
  shape.key_size = micro.key_size;
  shape.value_size = micro.value_size;
  shape.feed_forward = shape.expert_feed_forward = micro.feed_forward;
  shape.experts = micro.experts;
  shape.experts_used = micro.experts_used;
  shape.window = architecture.windowed_even_layers ? micro.window : 0;
  shape.tied = micro.tied;
  return shape;
}

/// The name without "blk.N." and ".weight".
std::string short_name(const std::string& name) {
  const size_t first = name.starts_with("blk.") ? name.find('.', 4) + 1 : 0;
  return name.substr(first, name.rfind('.') - first);
}

/// One member of a group: its name without ".weight", and its rows (of each expert).
struct Member {
  std::string name;
  uint64_t rows;
};

/// Members that a file may store as one tensor.
struct Group {
  std::string merged;
  std::vector<Member> members;
};

std::vector<Group> groups_of(const model::Config& c) {
  const auto rows = [](int heads, int size) {
    return static_cast<uint64_t>(heads) * static_cast<uint64_t>(size);
  };
  std::vector<Group> groups;
  for (int i = 0; i < c.layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    groups.push_back({prefix + "attn_qkv",
                      {{prefix + "attn_q", rows(c.heads, c.key_size)},
                       {prefix + "attn_k", rows(c.key_value_heads, c.key_size)},
                       {prefix + "attn_v", rows(c.key_value_heads, c.value_size)}}});
    const auto inner = static_cast<uint64_t>(c.expert_feed_forward);
    if (c.experts > 0)
      groups.push_back({prefix + "ffn_gate_up_exps",
                        {{prefix + "ffn_gate_exps", inner}, {prefix + "ffn_up_exps", inner}}});
  }
  return groups;
}

/// In weights [experts][rows][columns] rows are the second dimension, in biases the first.
size_t row_dimension(std::string_view suffix) { return suffix == ".weight" ? 1 : 0; }

/// Expert after expert, the members' rows one behind the other.
void join(Draft& draft, const Group& group, const std::string& suffix) {
  const size_t rows = row_dimension(suffix);
  std::vector<Draft::Tensor> parts;
  for (const Member& member : group.members) parts.push_back(draft.take(member.name + suffix));
  Draft::Tensor merged = parts.front();
  merged.name = group.merged + suffix;
  merged.data.clear();
  merged.dims[rows] = 0;
  for (const auto& part : parts) merged.dims[rows] += part.dims[rows];
  const size_t experts = merged.dims.size() > rows + 1 ? merged.dims[rows + 1] : 1;
  for (size_t e = 0; e < experts; ++e)
    for (const auto& part : parts) {
      const auto run = static_cast<ptrdiff_t>(part.data.size() / experts);
      const auto begin = part.data.begin() + static_cast<ptrdiff_t>(e) * run;
      merged.data.insert(merged.data.end(), begin, begin + run);
    }
  draft.add(std::move(merged));
}

void cut(Draft& draft, const Group& group, const std::string& suffix) {
  const size_t rows = row_dimension(suffix);
  const Draft::Tensor merged = draft.take(group.merged + suffix);
  const size_t experts = merged.dims.size() > rows + 1 ? merged.dims[rows + 1] : 1;
  const size_t row_bytes = merged.data.size() / experts / merged.dims[rows];
  size_t first = 0;
  for (const Member& member : group.members) {
    Draft::Tensor part{member.name + suffix, merged.type, merged.dims, {}};
    part.dims[rows] = member.rows;
    for (size_t e = 0; e < experts; ++e) {
      const auto begin =
          merged.data.begin() + static_cast<ptrdiff_t>((e * merged.dims[rows] + first) * row_bytes);
      part.data.insert(part.data.end(), begin,
                       begin + static_cast<ptrdiff_t>(member.rows * row_bytes));
    }
    first += member.rows;
    draft.add(std::move(part));
  }
}

}  // namespace

Draft::Draft(const gguf::File& file) {
  for (const auto& [key, value] : file.metadata())
    set_bytes(key, value.type, {value.bytes.begin(), value.bytes.end()});
  for (const gguf::Tensor& tensor : file.tensors())
    tensors_.push_back({std::string(tensor.name),
                        tensor.type,
                        {tensor.dims.begin(), tensor.dims.begin() + tensor.rank},
                        {tensor.data, tensor.data + tensor.bytes}});
}

void Draft::set_bytes(std::string_view key, ValueType type, std::vector<std::byte> bytes) {
  const auto field = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& candidate) { return candidate.key == key; });
  if (field != fields_.end())
    *field = {std::string(key), type, std::move(bytes)};
  else
    fields_.push_back({std::string(key), type, std::move(bytes)});
}

template <typename T>
void Draft::set(std::string_view key, ValueType type, T value) {
  set_bytes(key, type, bytes_of<T>({&value, 1}));
}

void Draft::set_u32(std::string_view key, uint32_t value) { set(key, ValueType::U32, value); }
void Draft::set_i32(std::string_view key, int32_t value) { set(key, ValueType::I32, value); }
void Draft::set_f32(std::string_view key, float value) { set(key, ValueType::F32, value); }

void Draft::set_string(std::string_view key, std::string_view value) {
  const std::string bytes = Bytes().string(value).text;
  set_bytes(key, ValueType::String, bytes_of<char>(bytes));
}

void Draft::set_strings(std::string_view key, std::span<const std::string> values) {
  Bytes bytes;
  bytes.type(ValueType::String).u64(values.size());
  for (const std::string& value : values) bytes.string(value);
  set_bytes(key, ValueType::Array, bytes_of<char>(bytes.text));
}

void Draft::unset(std::string_view key) {
  std::erase_if(fields_, [&](const Field& field) { return field.key == key; });
}

bool Draft::has(std::string_view name) const {
  return std::any_of(tensors_.begin(), tensors_.end(),
                     [&](const Tensor& tensor) { return tensor.name == name; });
}

Draft::Tensor& Draft::tensor(std::string_view name) {
  for (Tensor& tensor : tensors_)
    if (tensor.name == name) return tensor;
  throw std::logic_error("the draft has no tensor " + std::string(name));
}

Draft::Tensor Draft::take(std::string_view name) {
  Tensor taken = tensor(name);
  std::erase_if(tensors_, [&](const Tensor& tensor) { return tensor.name == taken.name; });
  return taken;
}

void Draft::add_f32(std::string name, std::vector<uint64_t> dims, std::span<const float> values) {
  add({std::move(name), Type::F32, std::move(dims), bytes_of(values)});
}

void Draft::write(const std::string& path) const {
  gguf::Writer writer;
  for (const Field& field : fields_) writer.add(field.key, {field.type, field.bytes});
  for (const Tensor& tensor : tensors_)
    writer.add_tensor(tensor.name, tensor.type, tensor.dims, tensor.data);
  writer.write(path);
}

model::Model Draft::open() const {
  const TemporaryFolder folder;
  const std::string path = folder / "model.gguf";
  write(path);
  return model::Model(gguf::File::open(path));
}

std::vector<std::byte> random_weights(Type type, size_t count, std::mt19937& random) {
  const gguf::TypeInfo& info = gguf::info(type);
  std::vector<std::byte> bytes(count / info.block_elements * info.block_bytes);
  synth::Random weights(random());
  synth::fill_weights(type, bytes, weights);
  return bytes;
}

Draft make(const Micro& micro) {
  const synth::Shape shape = shape_of(micro);
  Draft draft;
  for (const auto& [key, value] : synth::metadata_of(shape)) {
    if (const auto* size = std::get_if<uint32_t>(&value)) draft.set_u32(key, *size);
    if (const auto* number = std::get_if<float>(&value)) draft.set_f32(key, *number);
    if (const auto* text = std::get_if<std::string>(&value)) draft.set_string(key, *text);
  }
  synth::Random random(micro.seed);
  for (const synth::TensorShape& tensor : synth::tensors_of(shape, false)) {
    const bool matrix = tensor.role == synth::Role::Matrix;
    Type type = matrix ? micro.type : Type::F32;
    if (micro.choose_type && (matrix || tensor.role == synth::Role::Router))
      type = micro.choose_type(short_name(tensor.name), type);
    const gguf::TypeInfo& info = gguf::info(type);
    std::vector<std::byte> data(tensor.elements() / info.block_elements * info.block_bytes);
    synth::fill_tensor(tensor.role, type, data, random);
    draft.add({tensor.name, type, tensor.dims, std::move(data)});
  }
  return draft;
}

int merge(Draft& draft, const model::Config& config) {
  int merged = 0;
  for (const Group& group : groups_of(config)) {
    const auto& members = group.members;
    if (!draft.has(members.front().name + ".weight")) continue;
    const Type type = draft.tensor(members.front().name + ".weight").type;
    if (!std::all_of(members.begin(), members.end(), [&](const Member& member) {
          return draft.tensor(member.name + ".weight").type == type;
        }))
      continue;
    join(draft, group, ".weight");
    if (draft.has(members.front().name + ".bias")) join(draft, group, ".bias");
    ++merged;
  }
  return merged;
}

int split(Draft& draft, const model::Config& config) {
  int split = 0;
  for (const Group& group : groups_of(config)) {
    if (!draft.has(group.merged + ".weight")) continue;
    cut(draft, group, ".weight");
    if (draft.has(group.merged + ".bias")) cut(draft, group, ".bias");
    ++split;
  }
  return split;
}

}  // namespace weld::test
