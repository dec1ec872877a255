// Binding tensors to what they are for, and checking that each has the shape that the
// hyperparameters ask for.
#include "model/model.h"

#include <array>
#include <cstdint>
#include <unordered_set>

#include "fail.h"
#include "gguf/quoted.h"
#include "quant/dequantize.h"

namespace weld::model {
namespace {

using kernels::Segment;

std::string shape_text(const std::array<uint64_t, 4>& dims) {
  std::string text = std::to_string(dims[0]);
  int rank = 4;
  while (rank > 1 && dims[static_cast<size_t>(rank) - 1] == 1) --rank;
  for (int i = 1; i < rank; ++i) text += " x " + std::to_string(dims[static_cast<size_t>(i)]);
  return text;
}

}  // namespace

/// Finds tensors by name, checks their shapes, and remembers which ones were asked for.
class Binder {
 public:
  explicit Binder(Model& model) : model_(model), file_(model.file_), config_(model.config_) {}

  void bind() {
    bind_ends();
    for (int i = 0; i < config_.layers; ++i) bind_layer(i);
    refuse_the_rest();
  }

 private:
  const gguf::Tensor* find(const std::string& name) {
    const gguf::Tensor* tensor = file_.find_tensor(name);
    if (tensor) used_.insert(tensor->name);
    return tensor;
  }

  const gguf::Tensor& need(const std::string& name) {
    const gguf::Tensor* tensor = find(name);
    if (!tensor) fail("{}: tensor \"{}\": is missing", file_.path(), name);
    return *tensor;
  }

  void check_shape(const gguf::Tensor& tensor, uint64_t columns, uint64_t rows = 1,
                   uint64_t experts = 1) const {
    const std::array<uint64_t, 4> wanted{columns, rows, experts, 1};
    if (tensor.dims != wanted)
      fail("{}: tensor \"{}\": must be {}, is {}", file_.path(), tensor.name, shape_text(wanted),
           shape_text(tensor.dims));
  }

  /// A small tensor as floats: where it lies, if it can be read there.
  const float* floats(const gguf::Tensor& tensor) {
    const uint64_t n = tensor.columns() * tensor.rows();
    if (tensor.type == gguf::Type::F32 &&
        reinterpret_cast<uintptr_t>(tensor.data) % alignof(float) == 0)
      return reinterpret_cast<const float*>(tensor.data);
    std::vector<float>& values = model_.converted_.emplace_back(n);
    quant::dequantize(tensor.type, tensor.data, static_cast<int64_t>(n), values.data());
    return values.data();
  }

  const float* vector(const std::string& name, int n) {
    const gguf::Tensor& tensor = need(name);
    check_shape(tensor, static_cast<uint64_t>(n));
    return floats(tensor);
  }

  const float* vector_if_there(const std::string& name, int n) {
    return file_.find_tensor(name) ? vector(name, n) : nullptr;
  }

  /// A whole matrix [rows][columns], for each of `experts` experts, with its bias and scale if the
  /// file has them. name is without ".weight".
  Segment matrix(const std::string& name, int columns, int rows, int experts = 1) {
    const gguf::Tensor& weight = need(name + ".weight");
    const auto n = static_cast<uint64_t>(experts);
    check_shape(weight, static_cast<uint64_t>(columns), static_cast<uint64_t>(rows), n);
    Segment segment;
    segment.type = weight.type;
    segment.data = weight.data;
    segment.row_bytes = weight.row_bytes();
    segment.expert_bytes = weight.row_bytes() * static_cast<uint64_t>(rows);
    segment.rows = rows;
    if (const gguf::Tensor* bias = find(name + ".bias")) {
      check_shape(*bias, static_cast<uint64_t>(rows), n);
      segment.bias = floats(*bias);
      segment.bias_stride = static_cast<size_t>(rows);
    }
    if (const gguf::Tensor* scale = find(name + ".scale")) {
      if (scale->columns() * scale->rows() == 1 && experts > 1) {
        segment.scale =
            model_.converted_.emplace_back(static_cast<size_t>(experts), *floats(*scale)).data();
      } else {
        check_shape(*scale, n);
        segment.scale = floats(*scale);
      }
    }
    find(name + ".input_scale");  // scales activations that other engines quantize to 4 bits; ours
                                  // need none
    return segment;
  }

  /// `rows` rows of every expert of a merged matrix, from row `first` on.
  static Segment part(Segment merged, int first, int rows) {
    merged.data += static_cast<size_t>(first) * merged.row_bytes;
    if (merged.bias) merged.bias += first;
    merged.rows = rows;
    return merged;
  }

  void bind_ends() {
    const gguf::Tensor& embedding = need("token_embd.weight");
    const uint64_t rows = embedding.rows();
    if (rows > INT32_MAX)
      fail("{}: tensor \"{}\": must have at most {} rows, has {}", file_.path(), embedding.name,
           INT32_MAX, rows);
    model_.vocabulary_ = static_cast<int>(rows);
    model_.embedding_ = matrix("token_embd", config_.embedding, model_.vocabulary_);
    if (model_.embedding_.bias) refuse(*file_.find_tensor("token_embd.bias"));
    model_.output_norm_ = vector("output_norm.weight", config_.embedding);
    model_.output_ = file_.find_tensor("output.weight")
                         ? matrix("output", config_.embedding, model_.vocabulary_)
                         : model_.embedding_;
    model_.rope_factors_ = vector_if_there("rope_freqs.weight", config_.rope.dimensions / 2);
    const auto vocabulary =
        file_.find_uint(std::string(config_.architecture->name) + ".vocab_size");
    if (vocabulary && *vocabulary != rows)
      fail("{}: {}.vocab_size: must be the {} rows of token_embd.weight, is {}", file_.path(),
           config_.architecture->name, rows, *vocabulary);
  }

  void bind_attention(const std::string& prefix, int index, Layer& layer) {
    const Config& c = config_;
    kernels::Heads& heads = layer.heads;
    heads.query = c.heads;
    heads.key_value = c.key_value_heads;
    heads.key_size = c.key_size;
    heads.value_size = c.value_size;
    heads.epsilon = c.epsilon;
    heads.window = c.window_of(index);
    if (c.architecture->normed_heads) {
      heads.query_norm = vector(prefix + "attn_q_norm.weight", c.key_size);
      heads.key_norm = vector(prefix + "attn_k_norm.weight", c.key_size);
    }
    if (c.architecture->sinks) heads.sinks = vector(prefix + "attn_sinks.weight", c.heads);

    const int q = c.heads * c.key_size, k = c.key_value_heads * c.key_size,
              v = c.key_value_heads * c.value_size;
    if (file_.find_tensor(prefix + "attn_qkv.weight")) {
      const Segment merged = matrix(prefix + "attn_qkv", c.embedding, q + k + v);
      layer.qkv = {part(merged, 0, q), part(merged, q, k), part(merged, q + k, v)};
    } else {
      layer.qkv = {matrix(prefix + "attn_q", c.embedding, q),
                   matrix(prefix + "attn_k", c.embedding, k),
                   matrix(prefix + "attn_v", c.embedding, v)};
    }
    layer.qkv[1].output = q;
    layer.qkv[2].output = q + k;
    layer.attention_norm = vector(prefix + "attn_norm.weight", c.embedding);
    layer.attention_output = matrix(prefix + "attn_output", c.heads * c.value_size, c.embedding);
  }

  void bind_feed_forward(const std::string& prefix, Layer& layer) {
    const Config& c = config_;
    layer.feed_forward_norm =
        vector(prefix + c.architecture->feed_forward_norm + ".weight", c.embedding);
    if (c.experts == 0) {
      layer.gate = matrix(prefix + "ffn_gate", c.embedding, c.feed_forward);
      layer.up = matrix(prefix + "ffn_up", c.embedding, c.feed_forward);
      layer.down = matrix(prefix + "ffn_down", c.feed_forward, c.embedding);
      return;
    }
    layer.router = matrix(prefix + "ffn_gate_inp", c.embedding, c.experts);
    if (file_.find_tensor(prefix + "ffn_gate_up_exps.weight")) {
      const Segment merged =
          matrix(prefix + "ffn_gate_up_exps", c.embedding, 2 * c.expert_feed_forward, c.experts);
      layer.gate = part(merged, 0, c.expert_feed_forward);
      layer.up = part(merged, c.expert_feed_forward, c.expert_feed_forward);
    } else {
      layer.gate = matrix(prefix + "ffn_gate_exps", c.embedding, c.expert_feed_forward, c.experts);
      layer.up = matrix(prefix + "ffn_up_exps", c.embedding, c.expert_feed_forward, c.experts);
    }
    layer.down = matrix(prefix + "ffn_down_exps", c.expert_feed_forward, c.embedding, c.experts);
  }

  void bind_layer(int index) {
    const std::string prefix = "blk." + std::to_string(index) + ".";
    Layer& layer = model_.layers_.emplace_back();
    bind_attention(prefix, index, layer);
    bind_feed_forward(prefix, layer);
  }

  /// A tensor that nothing asked for would mean that the model computes something that we do not.
  void refuse_the_rest() const {
    for (const gguf::Tensor& tensor : file_.tensors())
      if (!used_.contains(tensor.name)) refuse(tensor);
  }

  [[noreturn]] void refuse(const gguf::Tensor& tensor) const {
    fail("{}: tensor {}: has no place in a {} model of {} layers", file_.path(),
         gguf::quoted(tensor.name), config_.architecture->name, config_.layers);
  }

  Model& model_;
  const gguf::File& file_;
  const Config& config_;
  std::unordered_set<std::string_view> used_;
};

Model::Model(gguf::File file) : file_(std::move(file)), config_(read_config(file_)) {
  Binder(*this).bind();
}

std::vector<FusedGroup> Model::fused_groups(int layer) const {
  const std::string prefix = "blk." + std::to_string(layer) + ".";
  const Layer& l = layers_[static_cast<size_t>(layer)];
  const bool merged_qkv = file_.find_tensor(prefix + "attn_qkv.weight");
  const bool merged_gate_up = file_.find_tensor(prefix + "ffn_gate_up_exps.weight");
  const std::string suffix = config_.experts ? "_exps" : "";
  return {{"qkv", merged_qkv ? "merged" : "separate", {"attn_q", "attn_k", "attn_v"}, l.qkv},
          {"gate-up",
           merged_gate_up ? "merged" : "separate",
           {"ffn_gate" + suffix, "ffn_up" + suffix},
           {l.gate, l.up}}};
}

}  // namespace weld::model
