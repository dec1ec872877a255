// make_micro_model OUT.gguf: writes a small mixture-of-experts model with random weights, always
// the same, in mixed types and with one token a byte. What it says is noise, but it says it by the
// same code as any other model.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <exception>
#include <list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gguf/writer.h"
#include "text/byte_level.h"

namespace weld {
namespace {

using gguf::Type;
using Bytes = std::vector<std::byte>;

constexpr uint64_t embedding = 256, heads = 4, key_value_heads = 2, head_size = 64;
constexpr uint64_t experts = 6, experts_used = 2, feed_forward = 256;
constexpr int layers = 2;
constexpr int byte_tokens = 256;
const std::string end_of_text = "<|endoftext|>";
constexpr uint64_t vocabulary = byte_tokens + 1;

/// Random weights in [-0.063, 0.063], one block after the other. The generator is the standard's,
/// so that every machine makes the same file.
class Weights {
 public:
  Bytes make(Type type, uint64_t elements) {
    const gguf::TypeInfo& info = gguf::info(type);
    Bytes bytes;
    for (uint64_t i = 0; i < elements; i += info.block_elements) append_block(type, bytes);
    return bytes;
  }

 private:
  void append_block(Type type, Bytes& out) {
    if (type == Type::Q8_0)
      append_codes(0x1000, 32, out);  // the scale 2^-11 as float16, then a code a byte
    else if (type == Type::Q4_0)
      append_codes(0x2000, 16, out);  // the scale 2^-7, then two codes a byte
    else if (type == Type::BF16)
      append(static_cast<uint16_t>(std::bit_cast<uint32_t>(weight()) >> 16), out);
    else
      append(weight(), out);
  }

  void append_codes(uint16_t scale, int count, Bytes& out) {
    append(scale, out);
    for (int i = 0; i < count; ++i) out.push_back(static_cast<std::byte>(random_() >> 24));
  }

  template <typename T>
  static void append(T value, Bytes& out) {
    const auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  float weight() { return (static_cast<float>(random_() >> 8) * 0x1p-23F - 1.0F) * 0x1p-4F; }

  std::mt19937 random_{1};
};

/// The model's tensors, kept until they are written.
class Tensors {
 public:
  explicit Tensors(gguf::Writer& writer) : writer_(writer) {}

  Bytes& add(const std::string& name, Type type, std::vector<uint64_t> dims) {
    uint64_t elements = 1;
    for (const uint64_t dim : dims) elements *= dim;
    Bytes& data = data_.emplace_back(weights_.make(type, elements));
    writer_.add_tensor(name, type, dims, data);
    return data;
  }

  /// The weights of a norm: ones.
  void add_norm(const std::string& name, uint64_t n) {
    const std::vector<float> ones(n, 1.0F);
    const auto bytes = std::as_bytes(std::span(ones));
    Bytes& data = data_.emplace_back(bytes.begin(), bytes.end());
    writer_.add_tensor(name, Type::F32, {{n}}, data);
  }

 private:
  gguf::Writer& writer_;
  Weights weights_;
  std::list<Bytes> data_;
};

void add_metadata(gguf::Writer& writer) {
  writer.add_string("general.architecture", "qwen3moe");
  writer.add_string("general.name", "micro model, random weights");
  const auto size = [&](const char* key, uint64_t value) {
    writer.add_u32(std::string("qwen3moe.") + key, static_cast<uint32_t>(value));
  };
  size("block_count", layers);
  size("context_length", 4096);
  size("embedding_length", embedding);
  size("feed_forward_length", feed_forward);
  size("attention.head_count", heads);
  size("attention.head_count_kv", key_value_heads);
  size("attention.key_length", head_size);
  size("attention.value_length", head_size);
  size("expert_count", experts);
  size("expert_used_count", experts_used);
  size("expert_feed_forward_length", feed_forward);
  size("vocab_size", vocabulary);
  writer.add_f32("qwen3moe.rope.freq_base", 1e6F);
  writer.add_f32("qwen3moe.attention.layer_norm_rms_epsilon", 1e-6F);

  std::vector<std::string> tokens;
  tokens.reserve(vocabulary);
  for (int byte = 0; byte < byte_tokens; ++byte)
    tokens.push_back(text::to_byte_level(static_cast<uint8_t>(byte)));
  tokens.push_back(end_of_text);
  std::vector<int32_t> types(byte_tokens, 1);
  types.push_back(3);
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", "qwen2");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_i32s("tokenizer.ggml.token_type", types);
  writer.add_strings("tokenizer.ggml.merges", {});
  writer.add_u32("tokenizer.ggml.eos_token_id", byte_tokens);
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
}

/// Clears the output rows of all tokens but printable ASCII. Their logits are 0 then, far from the
/// greatest, and the noise can be shown on a terminal.
void keep_printable(Bytes& output) {
  const size_t row = output.size() / vocabulary;
  for (size_t token = 0; token < vocabulary; ++token)
    if (token < ' ' || token > '~')
      std::fill_n(output.begin() + static_cast<ptrdiff_t>(token * row), row, std::byte{0});
}

void add_layer(const std::string& prefix, Tensors& tensors) {
  tensors.add_norm(prefix + "attn_norm.weight", embedding);
  tensors.add(prefix + "attn_q.weight", Type::Q8_0, {embedding, heads * head_size});
  tensors.add(prefix + "attn_k.weight", Type::Q4_0, {embedding, key_value_heads * head_size});
  tensors.add(prefix + "attn_v.weight", Type::BF16, {embedding, key_value_heads * head_size});
  tensors.add(prefix + "attn_output.weight", Type::Q8_0, {heads * head_size, embedding});
  tensors.add_norm(prefix + "attn_q_norm.weight", head_size);
  tensors.add_norm(prefix + "attn_k_norm.weight", head_size);
  tensors.add_norm(prefix + "ffn_norm.weight", embedding);
  tensors.add(prefix + "ffn_gate_inp.weight", Type::F32, {embedding, experts});
  tensors.add(prefix + "ffn_gate_exps.weight", Type::Q8_0, {embedding, feed_forward, experts});
  tensors.add(prefix + "ffn_up_exps.weight", Type::Q4_0, {embedding, feed_forward, experts});
  tensors.add(prefix + "ffn_down_exps.weight", Type::Q8_0, {feed_forward, embedding, experts});
}

void make_micro_model(const std::string& path) {
  gguf::Writer writer;
  Tensors tensors(writer);
  add_metadata(writer);
  tensors.add("token_embd.weight", Type::Q8_0, {embedding, vocabulary});
  for (int i = 0; i < layers; ++i) add_layer("blk." + std::to_string(i) + ".", tensors);
  tensors.add_norm("output_norm.weight", embedding);
  keep_printable(tensors.add("output.weight", Type::Q8_0, {embedding, vocabulary}));
  writer.write(path);
}

}  // namespace
}  // namespace weld

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_micro_model OUT.gguf\n");
    return 2;
  }
  try {
    weld::make_micro_model(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_micro_model: %s\n", error.what());
    return 1;
  }
}
