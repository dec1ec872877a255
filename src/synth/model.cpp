// Types for the tensors of a shape, values for their roles.
#include "synth/model.h"

#include <algorithm>
#include <span>

#include "synth/weights.h"
#include "text/byte_level.h"

namespace weld::synth {
namespace {

using gguf::Type;

/// Weights are made so many bytes at a time: enough to make a write cheap, few enough to stay in
/// cache.
constexpr size_t piece_bytes = 1 << 20;

constexpr int byte_tokens = 256;
constexpr int control_tokens = 2;

/// The type, or the next one whose blocks a row can be cut into.
Type fitting(Type type, uint64_t columns) {
  for (const Type candidate : {type, Type::Q8_0})
    if (columns % gguf::info(candidate).block_elements == 0) return candidate;
  return Type::F16;
}

Type type_of(const Recipe& recipe, const TensorShape& tensor) {
  Type type = recipe.type;
  if (tensor.role != Role::Matrix) return Type::F32;
  if (tensor.name == "token_embd.weight") type = recipe.embedding;
  if (tensor.name == "output.weight") type = recipe.output;
  for (const TypeRule& rule : recipe.rules)
    if (rule.pattern.is_found_in(tensor.name)) type = rule.type;
  return type;
}

/// The values of one tensor, which depend on nothing but the tensor and the seed.
void write_values(const PlannedTensor& tensor, uint64_t seed, const gguf::Sink& sink) {
  Random random(seed);
  const bool matrix = tensor.shape.role == Role::Matrix;
  const size_t block = gguf::info(tensor.type).block_bytes;
  std::vector<std::byte> piece(matrix ? piece_bytes / block * block : tensor.bytes());
  for (uint64_t left = tensor.bytes(); left > 0;) {
    const std::span<std::byte> part(piece.data(), std::min<uint64_t>(piece.size(), left));
    fill_tensor(tensor.shape.role, tensor.type, part, random);
    sink(part);
    left -= part.size();
  }
}

/// A token a byte, then unused ones, then the end of a text and of a turn.
void add_tokenizer(const Shape& shape, gguf::Writer& writer) {
  constexpr int32_t normal = 1, control = 3, unused = 5;
  const auto size = static_cast<size_t>(shape.vocabulary);
  std::vector<std::string> tokens;
  tokens.reserve(size);
  for (int byte = 0; byte < byte_tokens; ++byte)
    tokens.push_back(text::to_byte_level(static_cast<uint8_t>(byte)));
  while (tokens.size() < size - control_tokens)
    tokens.push_back("<unused_" + std::to_string(tokens.size()) + ">");
  tokens.insert(tokens.end(), {"<|endoftext|>", "<|im_end|>"});
  std::vector<int32_t> types(size, unused);
  std::fill_n(types.begin(), byte_tokens, normal);
  std::fill_n(types.rbegin(), control_tokens, control);

  const auto end_of_text = static_cast<uint32_t>(size - control_tokens);
  const bool llama = shape.architecture == "llama", gpt_oss = shape.architecture == "gpt-oss";
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", llama ? "llama-bpe" : gpt_oss ? "gpt-4o" : "qwen2");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_i32s("tokenizer.ggml.token_type", types);
  // Other engines want one merge at least.
  const std::string merge = text::to_byte_level('h') + " " + text::to_byte_level('e');
  writer.add_strings("tokenizer.ggml.merges", {{merge}});
  writer.add_u32("tokenizer.ggml.eos_token_id", end_of_text);
  writer.add_u32("tokenizer.ggml.bos_token_id", end_of_text);
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
}

struct AddField {
  gguf::Writer& writer;
  const std::string& key;
  void operator()(uint32_t value) const { writer.add_u32(key, value); }
  void operator()(float value) const { writer.add_f32(key, value); }
  void operator()(const std::string& value) const { writer.add_string(key, value); }
};

}  // namespace

uint64_t PlannedTensor::bytes() const {
  const gguf::TypeInfo& info = gguf::info(type);
  return shape.elements() / info.block_elements * info.block_bytes;
}

std::vector<PlannedTensor> plan(const Recipe& recipe) {
  std::vector<PlannedTensor> tensors;
  for (TensorShape& shape : tensors_of(recipe.shape, recipe.merged)) {
    const Type wanted = type_of(recipe, shape);
    const Type type = fitting(wanted, shape.dims[0]);
    tensors.push_back({std::move(shape), type, type != wanted});
  }
  return tensors;
}

uint64_t bytes_of(const std::vector<PlannedTensor>& tensors) {
  uint64_t bytes = 0;
  for (const PlannedTensor& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

uint64_t parameters_of(const std::vector<PlannedTensor>& tensors) {
  uint64_t parameters = 0;
  for (const PlannedTensor& tensor : tensors) parameters += tensor.shape.elements();
  return parameters;
}

gguf::Writer make(const Recipe& recipe, const Progress& progress) {
  gguf::Writer writer;
  for (const auto& [key, value] : metadata_of(recipe.shape))
    std::visit(AddField{writer, key}, value);
  writer.add_string("general.name", recipe.name);
  if (recipe.shape.vocabulary > byte_tokens + control_tokens) add_tokenizer(recipe.shape, writer);
  uint64_t seed = recipe.seed << 20U;
  for (const PlannedTensor& tensor : plan(recipe))
    writer.add_tensor(tensor.shape.name, tensor.type, tensor.shape.dims, tensor.bytes(),
                      [tensor, progress, seed = seed++](const gguf::Sink& sink) {
                        write_values(tensor, seed, [&](std::span<const std::byte> part) {
                          sink(part);
                          if (progress) progress(part.size());
                        });
                      });
  return writer;
}

}  // namespace weld::synth
