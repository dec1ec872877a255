// Sizes as the models' own configurations have them.
#include "synth/presets.h"

#include <vector>

namespace weld::synth {
namespace {

constexpr int context_of_qwen3 = 40960;

Shape qwen3(int embedding, int layers, int heads, int feed_forward, bool tied) {
  return {.architecture = "qwen3",
          .layers = layers,
          .vocabulary = 151936,
          .context = context_of_qwen3,
          .embedding = embedding,
          .heads = heads,
          .key_value_heads = 8,
          .key_size = 128,
          .value_size = 128,
          .feed_forward = feed_forward,
          .tied = tied,
          .rope_base = 1e6F,
          .epsilon = 1e-6F};
}

/// The sizes that the small models share.
Shape micro(const char* architecture) {
  return {.architecture = architecture,
          .vocabulary = 320,
          .context = 4096,
          .embedding = 256,
          .key_size = 64,
          .value_size = 64,
          .feed_forward = 512,
          .epsilon = 1e-6F};
}

Shape micro_experts(const char* architecture, int experts) {
  Shape shape = micro(architecture);
  shape.feed_forward = 256;
  shape.expert_feed_forward = 256;
  shape.experts = experts;
  shape.experts_used = 2;
  shape.rope_base = 1e6F;
  return shape;
}

Shape micro_scaled(const char* scaling) {
  Shape shape = micro("llama");
  shape.context = 16384;
  shape.scaling = scaling;
  shape.scaling_factor = 4;
  shape.original_context = 4096;
  return shape;
}

std::vector<Preset> published() {
  Shape qwen3_30b = qwen3(2048, 48, 32, 6144, false);
  qwen3_30b.architecture = "qwen3moe";
  qwen3_30b.key_value_heads = 4;
  qwen3_30b.experts = 128;
  qwen3_30b.experts_used = 8;
  qwen3_30b.expert_feed_forward = 768;

  const Shape llama = {.architecture = "llama",
                       .layers = 32,
                       .vocabulary = 128256,
                       .context = 131072,
                       .embedding = 4096,
                       .heads = 32,
                       .key_value_heads = 8,
                       .key_size = 128,
                       .value_size = 128,
                       .feed_forward = 14336,
                       .rope_base = 5e5F,
                       .epsilon = 1e-5F};
  const Shape qwen2 = {.architecture = "qwen2",
                       .layers = 28,
                       .vocabulary = 152064,
                       .context = 32768,
                       .embedding = 3584,
                       .heads = 28,
                       .key_value_heads = 4,
                       .key_size = 128,
                       .value_size = 128,
                       .feed_forward = 18944,
                       .rope_base = 1e6F,
                       .epsilon = 1e-6F};
  const Shape gpt_oss = {.architecture = "gpt-oss",
                         .layers = 24,
                         .vocabulary = 201088,
                         .context = 131072,
                         .embedding = 2880,
                         .heads = 64,
                         .key_value_heads = 8,
                         .key_size = 64,
                         .value_size = 64,
                         .feed_forward = 2880,
                         .experts = 32,
                         .experts_used = 4,
                         .expert_feed_forward = 2880,
                         .window = 128,
                         .rope_base = 1.5e5F,
                         .epsilon = 1e-5F,
                         .scaling = "yarn",
                         .scaling_factor = 32,
                         .original_context = 4096};
  return {
      {"qwen3-30b-a3b", qwen3_30b},
      {"qwen3-8b", qwen3(4096, 36, 32, 12288, false)},
      {"qwen3-4b", qwen3(2560, 36, 32, 9728, true)},
      {"qwen3-1.7b", qwen3(2048, 28, 16, 6144, true)},
      {"qwen3-0.6b", qwen3(1024, 28, 16, 3072, true)},
      {"llama-3.1-8b", llama},
      {"qwen2-7b", qwen2},
      {"gpt-oss-20b", gpt_oss},
  };
}

void add_micro(std::vector<Preset>& presets) {
  const Shape llama = micro("llama");
  Shape llama3 = llama;
  llama3.context = 131072;
  llama3.rope_base = 5e5F;
  llama3.rope_factors = true;
  Shape bare = llama;
  bare.key_value_heads = bare.heads;
  bare.bare = true;
  Shape qwen2 = micro("qwen2");
  qwen2.rope_base = 1e6F;
  Shape qwen3 = micro("qwen3");
  qwen3.key_size = qwen3.value_size = 128;
  qwen3.rope_base = 1e6F;
  qwen3.tied = true;
  Shape qwen3moe = micro_experts("qwen3moe", 6);
  qwen3moe.feed_forward = 768;
  Shape gpt_oss = micro_experts("gpt-oss", 4);
  gpt_oss.layers = 3;
  gpt_oss.heads = 8;
  gpt_oss.window = 16;
  gpt_oss.rope_base = 1.5e5F;
  gpt_oss.epsilon = 1e-5F;
  gpt_oss.scaling = "yarn";
  gpt_oss.scaling_factor = 32;
  gpt_oss.original_context = 4096;
  presets.insert(presets.end(), {
                                    {"micro-llama", llama},
                                    {"micro-llama3", llama3},
                                    {"micro-llama-linear", micro_scaled("linear")},
                                    {"micro-llama-yarn", micro_scaled("yarn")},
                                    {"micro-llama-bare", bare},
                                    {"micro-qwen2", qwen2},
                                    {"micro-qwen3", qwen3},
                                    {"micro-mixtral", micro_experts("llama", 4)},
                                    {"micro-qwen3moe", qwen3moe},
                                    {"micro-gpt-oss", gpt_oss},
                                });
}

}  // namespace

std::span<const Preset> presets() {
  static const std::vector<Preset> all = [] {
    std::vector<Preset> presets = published();
    add_micro(presets);
    return presets;
  }();
  return all;
}

}  // namespace weld::synth
