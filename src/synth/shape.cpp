// Names and dimensions as the format's architectures have them.
#include "synth/shape.h"

#include <initializer_list>
#include <string_view>

#include "fail.h"
#include "model/config.h"

namespace weld::synth {
namespace {

/// Lists tensors layer by layer.
class Lister {
 public:
  Lister(const Shape& shape, bool merged)
      : shape_(shape), merged_(merged), architecture_(find(shape.architecture)) {}

  std::vector<TensorShape> list() {
    if (shape_.rope_factors) vector("rope_freqs.weight", Role::RopeFactors, shape_.key_size / 2);
    matrix("token_embd", shape_.embedding, shape_.vocabulary);
    for (int i = 0; i < shape_.layers; ++i) {
      prefix_ = fmt::format("blk.{}.", i);
      list_attention();
      list_feed_forward();
    }
    prefix_.clear();
    norm("output_norm", shape_.embedding);
    if (!shape_.tied) matrix("output", shape_.embedding, shape_.vocabulary);
    return std::move(tensors_);
  }

 private:
  static const model::Architecture& find(const std::string& name) {
    const model::Architecture* architecture = model::find_architecture(name);
    if (!architecture)
      fail("architecture: must be one of {}, is {}", model::architecture_names(), name);
    return *architecture;
  }

  void list_attention() {
    const int d = shape_.embedding, q = shape_.heads * shape_.key_size,
              k = shape_.key_value_heads * shape_.key_size,
              v = shape_.key_value_heads * shape_.value_size;
    const bool every_bias = shape_.architecture == "gpt-oss";
    const bool biases = every_bias || shape_.architecture == "qwen2";
    norm("attn_norm", d);
    if (merged_) {
      matrix("attn_qkv", d, q + k + v, biases);
    } else {
      matrix("attn_q", d, q, biases);
      matrix("attn_k", d, k, biases);
      matrix("attn_v", d, v, biases);
    }
    matrix("attn_output", shape_.heads * shape_.value_size, d, every_bias);
    if (architecture_.sinks) vector("attn_sinks.weight", Role::Sinks, shape_.heads);
    if (architecture_.normed_heads) {
      norm("attn_q_norm", shape_.key_size);
      norm("attn_k_norm", shape_.key_size);
    }
  }

  void list_feed_forward() {
    const int d = shape_.embedding, experts = shape_.experts;
    norm(architecture_.feed_forward_norm, d);
    if (experts == 0) {
      matrix("ffn_gate", d, shape_.feed_forward);
      matrix("ffn_up", d, shape_.feed_forward);
      matrix("ffn_down", shape_.feed_forward, d);
      return;
    }
    const int inner = shape_.expert_feed_forward;
    const bool biases = shape_.architecture == "gpt-oss";
    add("ffn_gate_inp.weight", Role::Router, {d, experts});
    if (biases) vector("ffn_gate_inp.bias", Role::Bias, experts);
    if (merged_) {
      matrix("ffn_gate_up_exps", d, 2 * inner, biases, experts);
    } else {
      matrix("ffn_gate_exps", d, inner, biases, experts);
      matrix("ffn_up_exps", d, inner, biases, experts);
    }
    matrix("ffn_down_exps", inner, d, biases, experts);
  }

  void matrix(const std::string& name, int columns, int rows, bool bias = false, int experts = 0) {
    if (experts == 0) {
      add(name + ".weight", Role::Matrix, {columns, rows});
      if (bias) add(name + ".bias", Role::Bias, {rows});
    } else {
      add(name + ".weight", Role::Matrix, {columns, rows, experts});
      if (bias) add(name + ".bias", Role::Bias, {rows, experts});
    }
  }

  void norm(const std::string& name, int n) { vector(name + ".weight", Role::Norm, n); }
  void vector(const std::string& name, Role role, int n) { add(name, role, {n}); }

  void add(const std::string& name, Role role, std::initializer_list<int> dims) {
    tensors_.push_back({prefix_ + name, role, {dims.begin(), dims.end()}});
  }

  const Shape& shape_;
  bool merged_;
  const model::Architecture& architecture_;
  std::string prefix_;
  std::vector<TensorShape> tensors_;
};

}  // namespace

uint64_t TensorShape::elements() const {
  uint64_t count = 1;
  for (const uint64_t dim : dims) count *= dim;
  return count;
}

std::vector<TensorShape> tensors_of(const Shape& shape, bool merged) {
  return Lister(shape, merged).list();
}

std::vector<std::pair<std::string, Value>> metadata_of(const Shape& shape) {
  std::vector<std::pair<std::string, Value>> fields;
  fields.emplace_back("general.architecture", shape.architecture);
  const auto set = [&](std::string_view name, Value value) {
    fields.emplace_back(fmt::format("{}.{}", shape.architecture, name), std::move(value));
  };
  const auto set_size = [&](std::string_view name, int value) {
    set(name, static_cast<uint32_t>(value));
  };
  set_size("block_count", shape.layers);
  set_size("context_length", shape.context);
  set_size("embedding_length", shape.embedding);
  set_size("feed_forward_length", shape.feed_forward);
  set_size("attention.head_count", shape.heads);
  set("attention.layer_norm_rms_epsilon", shape.epsilon);
  if (!shape.bare) {
    set_size("attention.head_count_kv", shape.key_value_heads);
    set_size("attention.key_length", shape.key_size);
    set_size("attention.value_length", shape.value_size);
    set_size("rope.dimension_count", shape.key_size);
    set("rope.freq_base", shape.rope_base);
    set_size("vocab_size", shape.vocabulary);
  }
  if (shape.experts > 0) {
    set_size("expert_count", shape.experts);
    set_size("expert_used_count", shape.experts_used);
    set_size("expert_feed_forward_length", shape.expert_feed_forward);
  }
  if (shape.window > 0) set_size("attention.sliding_window", shape.window);
  if (!shape.scaling.empty()) {
    set("rope.scaling.type", shape.scaling);
    set("rope.scaling.factor", shape.scaling_factor);
    set_size("rope.scaling.original_context_length", shape.original_context);
  }
  return fields;
}

}  // namespace weld::synth
