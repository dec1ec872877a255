// Gathering what `weld inspect` shows.
#include "cli/inspection.h"

#include <algorithm>

#include "api/loaded_model.h"
#include "fail.h"
#include "gguf/quoted.h"

namespace weld::cli {
namespace {

std::string string_or_empty(const gguf::File& file, std::string_view key) {
  return std::string(file.find_string(key).value_or(""));
}

/// Why weld will not run this file whatever else it holds; empty: it may.
std::string refusal_of(const gguf::File& file) {
  if (file.tensors().empty()) return "a vocabulary without tensors";
  const auto name = file.find_string("general.architecture");
  if (name && !model::find_architecture(*name))
    return fmt::format("architecture {} is not one of {}", gguf::quoted(*name),
                       model::architecture_names());
  return "";
}

std::vector<TypeUse> types_of(const gguf::File& file) {
  std::vector<TypeUse> uses;
  for (const gguf::Tensor& tensor : file.tensors()) {
    const std::string type = gguf::info(tensor.type).name;
    auto use =
        std::find_if(uses.begin(), uses.end(), [&](const TypeUse& u) { return u.type == type; });
    if (use == uses.end()) use = uses.insert(uses.end(), {type, 0, 0});
    ++use->tensors;
    use->bytes += tensor.bytes;
  }
  std::stable_sort(uses.begin(), uses.end(),
                   [](const TypeUse& a, const TypeUse& b) { return a.bytes > b.bytes; });
  return uses;
}

/// Whether these bytes lie in the mapped file, inside one tensor.
bool is_in_file(const gguf::File& file, const std::byte* data, uint64_t bytes) {
  return std::any_of(file.tensors().begin(), file.tensors().end(), [&](const gguf::Tensor& tensor) {
    return data >= tensor.data && data + bytes <= tensor.data + tensor.bytes;
  });
}

std::vector<Fusion> fusions_of(const model::Model& model, int layer) {
  std::vector<Fusion> fusions;
  for (const model::FusedGroup& group : model.fused_groups(layer)) {
    const int experts = group.name == "gate-up" ? std::max(model.config().experts, 1) : 1;
    Fusion& fusion = fusions.emplace_back(Fusion{group.name, group.layout, {}, 0});
    for (size_t i = 0; i < group.segments.size(); ++i) {
      const kernels::Segment& segment = group.segments[i];
      const uint64_t expert_bytes = segment.row_bytes * static_cast<uint64_t>(segment.rows);
      const uint64_t bytes = expert_bytes * static_cast<uint64_t>(experts);
      const uint64_t span =
          segment.expert_bytes * static_cast<uint64_t>(experts - 1) + expert_bytes;
      fusion.members.push_back(
          {group.members[i], gguf::info(segment.type).name, segment.rows, experts, bytes});
      if (!is_in_file(model.file(), segment.data, span)) fusion.bytes_moved += bytes;
    }
  }
  return fusions;
}

std::vector<FusionRange> ranges_of(const model::Model& model) {
  std::vector<FusionRange> ranges;
  for (int layer = 0; layer < model.config().layers; ++layer) {
    std::vector<Fusion> fusions = fusions_of(model, layer);
    if (ranges.empty() || ranges.back().fusions != fusions)
      ranges.push_back({layer, layer, std::move(fusions)});
    ranges.back().last = layer;
  }
  return ranges;
}

}  // namespace

Inspection examine(const gguf::File& file) {
  Inspection found;
  found.name = string_or_empty(file, "general.name");
  found.architecture = string_or_empty(file, "general.architecture");
  found.refusal = refusal_of(file);
  found.tokenizer = string_or_empty(file, "tokenizer.ggml.model");
  found.pretokenizer = string_or_empty(file, "tokenizer.ggml.pre");
  if (const auto tokens = file.find_strings("tokenizer.ggml.tokens")) found.tokens = tokens->size();
  for (const gguf::Tensor& tensor : file.tensors())
    found.parameters += tensor.columns() * tensor.rows();
  found.types = types_of(file);
  if (found.refusal.empty()) {
    const LoadedModel loaded = load_model(gguf::File::open(file.path()));
    found.config = loaded.model.config();
    found.ranges = ranges_of(loaded.model);
  }
  return found;
}

}  // namespace weld::cli
