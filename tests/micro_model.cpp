// Making, changing and writing small models.
#include "micro_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "gguf/bytes.h"
#include "gguf/writer.h"

namespace weld::test {
namespace {

using gguf::Type;
using gguf::ValueType;

template <typename T>
std::vector<std::byte> bytes_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

/// The same value on every machine, unlike the standard library's distributions.
float uniform(std::mt19937& random, float least, float most) {
  return least + (most - least) * static_cast<float>(random() >> 8U) * 0x1p-24F;
}

std::vector<float> uniforms(size_t count, float least, float most, std::mt19937& random) {
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random, least, most);
  return values;
}

void put_u16(std::byte* place, uint32_t value) {
  const auto word = static_cast<uint16_t>(value);
  std::memcpy(place, &word, sizeof word);
}

/// A half-precision number from 2^exponent to twice that.
uint32_t random_half(int exponent, std::mt19937& random) {
  return static_cast<uint32_t>(exponent + 15) << 10U | (random() & 0x3ffU);
}

/// Where a block's half-precision scales are, and the power of two that makes its weights of the
/// order of a tenth.
struct Scales {
  Type type;
  std::vector<int> places;
  int exponent;
};

const Scales& scales_of(Type type) {
  static const std::vector<Scales> table = {
      {Type::Q4_0, {0}, -7},    {Type::Q4_1, {0, 2}, -7},  {Type::Q5_0, {0}, -8},
      {Type::Q5_1, {0, 2}, -8}, {Type::Q8_0, {0}, -11},    {Type::Q2_K, {80, 82}, -9},
      {Type::Q3_K, {108}, -11}, {Type::Q4_K, {0, 2}, -12}, {Type::Q5_K, {0, 2}, -13},
      {Type::Q6_K, {208}, -15}, {Type::IQ1_S, {0}, -8},    {Type::IQ2_XXS, {0}, -11},
      {Type::IQ2_XS, {0}, -11}, {Type::IQ2_S, {0}, -11},   {Type::IQ3_XXS, {0}, -12},
      {Type::IQ3_S, {0}, -12},  {Type::IQ4_NL, {0}, -11},  {Type::IQ4_XS, {0}, -15},
      {Type::TQ1_0, {52}, -5},  {Type::TQ2_0, {64}, -5},
  };
  for (const Scales& scales : table)
    if (scales.type == type) return scales;
  throw std::logic_error("no scales are known for this type");
}

/// Gives a block of random bytes scales that are finite and small.
void set_scales(Type type, std::byte* block, std::mt19937& random) {
  if (type == Type::MXFP4) {
    block[0] = static_cast<std::byte>(120 + random() % 3);
  } else if (type == Type::NVFP4) {
    for (int i = 0; i < 4; ++i) block[i] = static_cast<std::byte>(4 + random() % 12);
  } else if (type == Type::IQ1_M) {
    // The scale's four digits are the top digits of four words.
    const uint32_t half = random_half(-8, random);
    for (uint32_t i = 0; i < 4; ++i) {
      std::byte& high = block[48 + 2 * i + 1];
      high = (high & std::byte{0x0f}) | static_cast<std::byte>((half >> 4 * i & 0xfU) << 4U);
    }
  } else {
    const Scales& scales = scales_of(type);
    for (const int place : scales.places)
      put_u16(block + place, random_half(scales.exponent, random));
  }
}

/// Puts the tensors of a model together, in the order in which they are asked for.
class Maker {
 public:
  explicit Maker(const Micro& micro)
      : micro_(micro),
        architecture_(*model::find_architecture(micro.architecture)),
        random_(micro.seed) {}

  Draft make() {
    set_metadata();
    matrix("token_embd", micro_.embedding, micro_.vocabulary);
    for (int i = 0; i < micro_.layers; ++i) {
      prefix_ = "blk." + std::to_string(i) + ".";
      add_attention();
      add_feed_forward();
    }
    prefix_.clear();
    norm("output_norm", micro_.embedding);
    if (!micro_.tied) matrix("output", micro_.embedding, micro_.vocabulary);
    return std::move(draft_);
  }

 private:
  void set_metadata() {
    const auto set = [&](const char* name, int value) {
      draft_.set_u32(micro_.architecture + "." + name, static_cast<uint32_t>(value));
    };
    draft_.set_string("general.architecture", micro_.architecture);
    set("block_count", micro_.layers);
    set("context_length", micro_.context);
    set("embedding_length", micro_.embedding);
    set("feed_forward_length", micro_.feed_forward);
    set("attention.head_count", micro_.heads);
    set("attention.head_count_kv", micro_.key_value_heads);
    set("attention.key_length", micro_.key_size);
    set("attention.value_length", micro_.value_size);
    set("rope.dimension_count", micro_.key_size);
    set("vocab_size", micro_.vocabulary);
    draft_.set_f32(micro_.architecture + ".rope.freq_base", 10000);
    draft_.set_f32(micro_.architecture + ".attention.layer_norm_rms_epsilon", 1e-5F);
    if (micro_.experts > 0) {
      set("expert_count", micro_.experts);
      set("expert_used_count", micro_.experts_used);
      set("expert_feed_forward_length", micro_.feed_forward);
    }
    if (architecture_.windowed_even_layers) set("attention.sliding_window", micro_.window);
  }

  void add_attention() {
    const int q = micro_.heads * micro_.key_size, k = micro_.key_value_heads * micro_.key_size,
              v = micro_.key_value_heads * micro_.value_size, d = micro_.embedding;
    const bool every_bias = micro_.architecture == "gpt-oss";
    const bool biases = every_bias || micro_.architecture == "qwen2";
    norm("attn_norm", d);
    matrix("attn_q", d, q, biases);
    matrix("attn_k", d, k, biases);
    matrix("attn_v", d, v, biases);
    matrix("attn_output", micro_.heads * micro_.value_size, d, every_bias);
    if (architecture_.sinks) values("attn_sinks.weight", {micro_.heads}, -1, 1);
    if (architecture_.normed_heads) {
      norm("attn_q_norm", micro_.key_size);
      norm("attn_k_norm", micro_.key_size);
    }
  }

  void add_feed_forward() {
    const int d = micro_.embedding, inner = micro_.feed_forward;
    norm(architecture_.feed_forward_norm, d);
    if (micro_.experts == 0) {
      matrix("ffn_gate", d, inner);
      matrix("ffn_up", d, inner);
      matrix("ffn_down", inner, d);
      return;
    }
    const bool biases = micro_.architecture == "gpt-oss";
    matrix("ffn_gate_inp", d, micro_.experts, biases);
    matrix("ffn_gate_exps", d, inner, biases, micro_.experts);
    matrix("ffn_up_exps", d, inner, biases, micro_.experts);
    matrix("ffn_down_exps", inner, d, biases, micro_.experts);
  }

  void matrix(const std::string& name, int columns, int rows, bool bias = false, int experts = 0) {
    // A router of full precision, as in every published model.
    const Type usual = name == "ffn_gate_inp" ? Type::F32 : micro_.type;
    const Type type = micro_.choose_type ? micro_.choose_type(name, usual) : usual;
    std::vector<uint64_t> dims = {static_cast<uint64_t>(columns), static_cast<uint64_t>(rows)};
    if (experts > 0) dims.push_back(static_cast<uint64_t>(experts));
    size_t count = 1;
    for (const uint64_t dim : dims) count *= dim;
    draft_.add({prefix_ + name + ".weight", type, dims, random_weights(type, count, random_)});
    if (bias && experts > 0) values(name + ".bias", {rows, experts}, -0.2F, 0.2F);
    if (bias && experts == 0) values(name + ".bias", {rows}, -0.2F, 0.2F);
  }

  void norm(const std::string& name, int n) { values(name + ".weight", {n}, 0.5F, 1.5F); }

  void values(const std::string& name, const std::vector<int>& sizes, float least, float most) {
    size_t count = 1;
    for (const int size : sizes) count *= static_cast<size_t>(size);
    draft_.add_f32(prefix_ + name, {sizes.begin(), sizes.end()},
                   uniforms(count, least, most, random_));
  }

  const Micro& micro_;
  const model::Architecture& architecture_;
  std::mt19937 random_;
  Draft draft_;
  std::string prefix_;
};

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
  if (type == Type::F32) return bytes_of<float>(uniforms(count, -0.1F, 0.1F, random));
  for (size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    std::byte* block = bytes.data() + at;
    if (type == Type::F16) {
      put_u16(block,
              (random() & 1U) << 15U | random_half(-4 - static_cast<int>(random() % 4), random));
    } else if (type == Type::BF16) {
      put_u16(block, (random() & 1U) << 15U | (120 + random() % 4) << 7U | (random() & 0x7fU));
    } else {
      for (uint32_t i = 0; i < info.block_bytes; ++i) block[i] = static_cast<std::byte>(random());
      set_scales(type, block, random);
    }
  }
  return bytes;
}

Draft make(const Micro& micro) { return Maker(micro).make(); }

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
