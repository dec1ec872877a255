// Going over the segments as the forward pass does.
#include "model/cost.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace weld::model {
namespace {

using kernels::Segment;
using Run = std::span<const std::byte>;

uint64_t columns_of(const Segment& segment) {
  const gguf::TypeInfo& info = gguf::info(segment.type);
  return segment.row_bytes / info.block_bytes * info.block_elements;
}

MultiplyAdds multiply_adds(const Segment& segment) {
  const double count = static_cast<double>(columns_of(segment)) * segment.rows;
  return gguf::info(segment.type).block_elements > 1 ? MultiplyAdds{count, 0}
                                                     : MultiplyAdds{0, count};
}

Run run_of(const Segment& segment, int expert) {
  return {segment.data + static_cast<size_t>(expert) * segment.expert_bytes,
          static_cast<size_t>(segment.rows) * segment.row_bytes};
}

}  // namespace

MultiplyAdds layer_multiply_adds(const Model& model) {
  MultiplyAdds sum;
  const int experts = model.config().experts;
  for (const Layer& layer : model.layers()) {
    for (const Segment& segment : layer.qkv) sum = sum + multiply_adds(segment);
    sum = sum + multiply_adds(layer.attention_output);
    if (experts > 0) sum = sum + multiply_adds(layer.router);
    for (const Segment& segment : {layer.gate, layer.up, layer.down})
      sum = sum + multiply_adds(segment) * (experts > 0 ? model.config().experts_used : 1);
  }
  return sum;
}

MultiplyAdds output_multiply_adds(const Model& model) { return multiply_adds(model.output()); }

std::vector<Run> token_reads(const Model& model, uint64_t seed) {
  const Config& config = model.config();
  std::mt19937_64 random(seed);
  std::vector<int> experts(static_cast<size_t>(std::max(config.experts, 1)));
  std::iota(experts.begin(), experts.end(), 0);
  const auto used = static_cast<size_t>(std::max(config.experts_used, 1));

  std::vector<Run> runs;
  const auto row = random() % static_cast<uint64_t>(model.vocabulary());
  const Segment& embedding = model.embedding();
  runs.emplace_back(embedding.data + row * embedding.row_bytes, embedding.row_bytes);
  for (const Layer& layer : model.layers()) {
    for (const Segment& segment : layer.qkv) runs.push_back(run_of(segment, 0));
    runs.push_back(run_of(layer.attention_output, 0));
    if (config.experts > 0) {
      runs.push_back(run_of(layer.router, 0));
      for (size_t i = 0; i < used; ++i)
        std::swap(experts[i], experts[i + random() % (experts.size() - i)]);
    }
    for (const Segment* segment : {&layer.gate, &layer.up, &layer.down})
      for (size_t i = 0; i < used; ++i) runs.push_back(run_of(*segment, experts[i]));
  }
  runs.push_back(run_of(model.output(), 0));
  return runs;
}

uint64_t token_bytes(const Model& model) {
  uint64_t bytes = 0;
  for (const Run& run : token_reads(model, 0)) bytes += run.size();
  return bytes;
}

}  // namespace weld::model
