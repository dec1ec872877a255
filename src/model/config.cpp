// Reading hyperparameters: what must be there, what has a default, what range it may have.
#include "model/config.h"

#include <algorithm>
#include <string>

#include "fail.h"

namespace weld::model {
namespace {

using kernels::Gating;

constexpr Architecture architectures[] = {
    // name, halves, normed heads, sinks, windows, dense, experts, gating, norm before the
    // feed-forward layer
    {"llama", false, false, false, false, true, true, Gating::SwiGLU, "ffn_norm"},
    {"qwen2", true, false, false, false, true, false, Gating::SwiGLU, "ffn_norm"},
    {"qwen3", true, true, false, false, true, false, Gating::SwiGLU, "ffn_norm"},
    {"qwen3moe", true, true, false, false, false, true, Gating::SwiGLU, "ffn_norm"},
    {"gpt-oss", true, false, true, true, false, true, Gating::ClampedSwiGLU, "post_attention_norm"},
};

/// Larger than in any model, small enough that products of two of them fit in 64 bits with room to
/// spare.
constexpr uint64_t largest_size = 1U << 24;
constexpr uint64_t most_experts = 65536;
/// Times the tokens of the largest batch, this many still fit in an int.
constexpr uint64_t most_experts_used = 4096;

/// Metadata under the architecture's prefix.
class Fields {
 public:
  Fields(const gguf::File& file, const Architecture& architecture)
      : file_(file), prefix_(std::string(architecture.name) + ".") {}

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

  int size(std::string_view name, uint64_t least = 1, uint64_t most = largest_size) const {
    if (!file_.find(key(name))) fail("{}: {}: is missing", file_.path(), key(name));
    return size_or(name, 0, least, most);
  }
  int size_or(std::string_view name, int fallback, uint64_t least = 1,
              uint64_t most = largest_size) const {
    const auto value = file_.find_uint(key(name));
    if (!value) return fallback;
    if (*value < least || *value > most)
      fail("{}: {}: must be from {} to {}, is {}", file_.path(), key(name), least, most, *value);
    return static_cast<int>(*value);
  }
  double number_or(std::string_view name, double fallback, double least, double most) const {
    const auto value = file_.find_float(key(name));
    if (!value) return fallback;
    if (!(*value >= least && *value <= most))
      fail("{}: {}: must be from {} to {}, is {}", file_.path(), key(name), least, most, *value);
    return *value;
  }

 private:
  const gguf::File& file_;
  std::string prefix_;
};

Rope read_rope(const gguf::File& file, const Fields& fields, const Config& config) {
  Rope rope;
  rope.dimensions = fields.size_or("rope.dimension_count", config.key_size, 2,
                                   static_cast<uint64_t>(config.key_size));
  if (rope.dimensions % 2 != 0)
    fail("{}: {}: must be even, is {}", file.path(), fields.key("rope.dimension_count"),
         rope.dimensions);
  rope.base = fields.number_or("rope.freq_base", 10000, 1, 1e15);
  const std::string key = fields.key("rope.scaling.type");
  // A file that names a factor but no type means a linear one; the oldest files call it
  // scale_linear.
  const std::string_view type = file.find_string(key).value_or("linear");
  if (type == "linear")
    rope.scaling = RopeScaling::Linear;
  else if (type == "yarn")
    rope.scaling = RopeScaling::Yarn;
  else if (type != "none")
    fail("{}: {}: must be none, linear or yarn, is {}", file.path(), key,
         gguf::describe(*file.find(key)));
  if (rope.scaling == RopeScaling::None) return rope;
  rope.factor = fields.number_or("rope.scaling.factor",
                                 fields.number_or("rope.scale_linear", 1, 1e-3, 1e6), 1e-3, 1e6);
  rope.original_context =
      fields.size_or("rope.scaling.original_context_length", config.context, 1, 1U << 30);
  rope.attention_factor = fields.number_or("rope.scaling.attn_factor", 1, 1e-3, 1e3);
  rope.beta_fast = fields.number_or("rope.scaling.yarn_beta_fast", 32, 1e-3, 1e6);
  rope.beta_slow = fields.number_or("rope.scaling.yarn_beta_slow", 1, 1e-3, 1e6);
  return rope;
}

}  // namespace

const Architecture* find_architecture(std::string_view name) {
  for (const Architecture& architecture : architectures)
    if (name == architecture.name) return &architecture;
  return nullptr;
}

std::string architecture_names() {
  std::string names;
  for (const Architecture& architecture : architectures)
    names += (names.empty() ? "" : ", ") + std::string(architecture.name);
  return names;
}

Config read_config(const gguf::File& file) {
  const auto name = file.find_string("general.architecture");
  if (!name) fail("{}: general.architecture: is missing", file.path());
  Config config;
  config.architecture = find_architecture(*name);
  if (!config.architecture)
    fail("{}: general.architecture: must be one of {}, is {}", file.path(), architecture_names(),
         gguf::describe(*file.find("general.architecture")));
  const Architecture& architecture = *config.architecture;
  const Fields fields(file, architecture);

  config.layers = fields.size("block_count", 1, 4096);
  config.context = fields.size("context_length", 1, 1U << 30);
  config.embedding = fields.size("embedding_length");
  config.heads = fields.size("attention.head_count", 1, 65536);
  config.key_value_heads = fields.size_or("attention.head_count_kv", config.heads, 1, 65536);
  if (config.heads % config.key_value_heads != 0)
    fail("{}: {}: must divide the {} heads, is {}", file.path(),
         fields.key("attention.head_count_kv"), config.heads, config.key_value_heads);
  if (config.heads / config.key_value_heads > kernels::max_attention_rows)
    fail("{}: {}: must be at least a {}th of the {} heads, is {}", file.path(),
         fields.key("attention.head_count_kv"), kernels::max_attention_rows, config.heads,
         config.key_value_heads);
  const int even_share = config.embedding % config.heads == 0 ? config.embedding / config.heads : 0;
  for (auto [key, size] : {std::pair{"attention.key_length", &config.key_size},
                           std::pair{"attention.value_length", &config.value_size}}) {
    *size = fields.size_or(key, even_share, 1, kernels::max_head_size);
    if (*size == 0)
      fail("{}: {}: is missing, and the embedding length {} is not a multiple of the {} heads",
           file.path(), fields.key(key), config.embedding, config.heads);
    if (*size > kernels::max_head_size)
      fail("{}: {}: must be at most {}, is {}", file.path(), fields.key(key),
           kernels::max_head_size, *size);
  }
  if (!file.find(fields.key("attention.layer_norm_rms_epsilon")))
    fail("{}: {}: is missing", file.path(), fields.key("attention.layer_norm_rms_epsilon"));
  config.epsilon =
      static_cast<float>(fields.number_or("attention.layer_norm_rms_epsilon", 0, 0, 1));

  config.experts = fields.size_or("expert_count", 0, 0, most_experts);
  if (config.experts == 0 && !architecture.dense)
    fields.size("expert_count", 1, most_experts);  // says that it is missing, or that it is 0
  if (config.experts > 0 && !architecture.experts)
    fail("{}: {}: {} has no experts, is {}", file.path(), fields.key("expert_count"),
         architecture.name, config.experts);
  if (config.experts > 0) {
    const auto most_used = std::min(static_cast<uint64_t>(config.experts), most_experts_used);
    config.experts_used = fields.size("expert_used_count", 1, most_used);
    config.expert_feed_forward = fields.size_or("expert_feed_forward_length", 0);
    if (config.expert_feed_forward == 0)
      config.expert_feed_forward = fields.size("feed_forward_length");
  } else {
    config.feed_forward = fields.size("feed_forward_length");
  }
  if (architecture.windowed_even_layers)
    config.window = fields.size("attention.sliding_window", 1, 1U << 30);
  config.rope = read_rope(file, fields, config);
  return config;
}

}  // namespace weld::model
