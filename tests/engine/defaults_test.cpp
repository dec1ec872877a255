// What files may leave out, and what the optional parts of a model do.
#include <gtest/gtest.h>

#include <functional>

#include "micro_model.h"
#include "quant/dequantize.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;

namespace {

std::vector<float> run(const Draft& draft) {
  const model::Model model = draft.open();
  engine::SessionOptions options;
  options.threads = 1;
  options.cache = kernels::CacheType::F32;
  return evaluate(model, some_tokens(40, model.vocabulary()), options);
}

/// A model in which every hyperparameter has the value that it has by default.
Draft plain(const std::string& architecture, int experts = 0) {
  Micro micro;
  micro.architecture = architecture;
  micro.experts = experts;
  micro.key_value_heads = micro.heads;
  micro.key_size = micro.value_size = micro.embedding / micro.heads;
  return make(micro);
}

struct Default {
  const char* name;
  const char* architecture;
  int experts;
  std::vector<const char*> keys;  ///< without the architecture
};

class DefaultOf : public ::testing::TestWithParam<Default> {};

TEST_P(DefaultOf, GivesTheSameBitsAsTheValueSpelledOut) {
  const Default& d = GetParam();
  const Draft spelled_out = plain(d.architecture, d.experts);
  Draft left_out = spelled_out;
  for (const char* key : d.keys) left_out.unset(std::string(d.architecture) + "." + key);
  EXPECT_TRUE(same_bits(run(left_out), run(spelled_out)));
}

const Default defaults[] = {
    {"head_count_kv", "llama", 0, {"attention.head_count_kv"}},
    {"key_length", "qwen3", 0, {"attention.key_length"}},
    {"value_length", "qwen2", 0, {"attention.value_length"}},
    {"dimension_count", "llama", 0, {"rope.dimension_count"}},
    {"freq_base", "qwen2", 0, {"rope.freq_base"}},
    {"vocab_size", "llama", 0, {"vocab_size"}},
    {"expert_feed_forward_length", "llama", 3, {"expert_feed_forward_length"}},
    {"feed_forward_length_of_experts", "qwen3moe", 3, {"feed_forward_length"}},
    {"everything",
     "llama",
     3,
     {"attention.head_count_kv", "attention.key_length", "attention.value_length",
      "rope.dimension_count", "rope.freq_base", "vocab_size", "expert_feed_forward_length"}},
    {"everything_of_gpt_oss",
     "gpt-oss",
     3,
     {"attention.head_count_kv", "attention.key_length", "attention.value_length",
      "rope.dimension_count", "rope.freq_base", "vocab_size", "expert_feed_forward_length"}},
};

INSTANTIATE_TEST_SUITE_P(Keys, DefaultOf, ::testing::ValuesIn(defaults),
                         [](const auto& info) { return std::string(info.param.name); });

/// Two ways to say the same, and a way to say something else.
struct Equivalence {
  const char* name;
  std::function<void(Draft&)> one, other, different;
};

class SameModel : public ::testing::TestWithParam<Equivalence> {};

TEST_P(SameModel, GivesTheSameBits) {
  Draft one = plain("llama"), other = one, different = one;
  GetParam().one(one);
  GetParam().other(other);
  GetParam().different(different);
  const std::vector<float> logits = run(one);
  EXPECT_TRUE(same_bits(run(other), logits));
  EXPECT_FALSE(same_bits(run(different), logits)) << "and it matters";
}

void scale_rope(Draft& draft, const char* type, float factor) {
  draft.set_string("llama.rope.scaling.type", type);
  draft.set_f32("llama.rope.scaling.factor", factor);
}

void set_rope_factors(Draft& draft, float factor) {
  draft.add_f32("rope_freqs.weight", {8}, std::vector<float>(8, factor));
}

void nothing(Draft&) {}

/// Sets YaRN up with everything but what is left out by name.
void set_yarn(Draft& draft, std::string_view left_out = "") {
  scale_rope(draft, "yarn", 4);
  draft.set_u32("llama.rope.scaling.original_context_length", 256);
  draft.set_f32("llama.rope.scaling.attn_factor", 1);
  draft.set_f32("llama.rope.scaling.yarn_beta_fast", 32);
  draft.set_f32("llama.rope.scaling.yarn_beta_slow", 1);
  draft.unset("llama.rope.scaling." + std::string(left_out));
}

Equivalence yarn_default(const char* name, const char* key, std::function<void(Draft&)> change) {
  return {name, [](Draft& d) { set_yarn(d); }, [key](Draft& d) { set_yarn(d, key); },
          [change = std::move(change)](Draft& d) {
            set_yarn(d);
            change(d);
          }};
}

const Equivalence equivalences[] = {
    {"no_scaling", nothing, [](Draft& d) { scale_rope(d, "none", 4); },
     [](Draft& d) { scale_rope(d, "linear", 4); }},
    {"linear_by_one", nothing, [](Draft& d) { scale_rope(d, "linear", 1); },
     [](Draft& d) { scale_rope(d, "linear", 2); }},
    {"a_factor_alone_is_linear", [](Draft& d) { scale_rope(d, "linear", 4); },
     [](Draft& d) { d.set_f32("llama.rope.scaling.factor", 4); }, nothing},
    {"the_oldest_name_of_the_factor", [](Draft& d) { scale_rope(d, "linear", 4); },
     [](Draft& d) { d.set_f32("llama.rope.scale_linear", 4); }, nothing},
    {"rope_factors", [](Draft& d) { scale_rope(d, "linear", 4); },
     [](Draft& d) { set_rope_factors(d, 4); }, [](Draft& d) { set_rope_factors(d, 3); }},
    {"rope_factors_of_one", nothing, [](Draft& d) { set_rope_factors(d, 1); },
     [](Draft& d) { set_rope_factors(d, 1.5F); }},
    {"rope_base", nothing, [](Draft& d) { d.set_f32("llama.rope.freq_base", 10000); },
     [](Draft& d) { d.set_f32("llama.rope.freq_base", 5e5F); }},
    {"some_dimensions", [](Draft& d) { d.set_u32("llama.rope.dimension_count", 8); },
     [](Draft& d) { d.set_i32("llama.rope.dimension_count", 8); }, nothing},
    yarn_default("yarn_context", "original_context_length",
                 [](Draft& d) { d.set_u32("llama.rope.scaling.original_context_length", 64); }),
    yarn_default("yarn_attention_factor", "attn_factor",
                 [](Draft& d) { d.set_f32("llama.rope.scaling.attn_factor", 1.5F); }),
    yarn_default("yarn_beta_fast", "yarn_beta_fast",
                 [](Draft& d) { d.set_f32("llama.rope.scaling.yarn_beta_fast", 4); }),
    yarn_default("yarn_beta_slow", "yarn_beta_slow",
                 [](Draft& d) { d.set_f32("llama.rope.scaling.yarn_beta_slow", 8); }),
    yarn_default("yarn_and_linear_differ", "attn_factor",
                 [](Draft& d) { d.set_string("llama.rope.scaling.type", "linear"); }),
    {"tied_output", [](Draft& d) { d.take("output.weight"); },
     [](Draft& d) {
       d.take("output.weight");
       Draft::Tensor copy = d.tensor("token_embd.weight");
       copy.name = "output.weight";
       d.add(std::move(copy));
     },
     nothing},
};

INSTANTIATE_TEST_SUITE_P(Ways, SameModel, ::testing::ValuesIn(equivalences),
                         [](const auto& info) { return std::string(info.param.name); });

/// Norms, biases and sinks may be of any type that holds a row of their length.
TEST(SmallTensors, MayBeOfAnyType) {
  Micro micro;
  micro.architecture = "gpt-oss";
  micro.experts = 2;
  for (const gguf::Type type : {gguf::Type::F16, gguf::Type::BF16, gguf::Type::Q8_0}) {
    Draft draft = make(micro), floats = draft;
    std::mt19937 random(7);
    for (Draft::Tensor& tensor : draft.tensors()) {
      const bool small = tensor.name.find("norm") != std::string::npos ||
                         tensor.name.find("bias") != std::string::npos ||
                         tensor.name.find("sinks") != std::string::npos;
      if (!small || tensor.dims[0] % gguf::info(type).block_elements != 0) continue;
      const size_t count = tensor.data.size() / sizeof(float);
      tensor.type = type;
      tensor.data = random_weights(type, count, random);
      std::vector<float> values(count);
      quant::dequantize(type, tensor.data.data(), static_cast<int64_t>(count), values.data());
      const auto bytes = std::as_bytes(std::span(values));
      floats.tensor(tensor.name).data.assign(bytes.begin(), bytes.end());
    }
    EXPECT_TRUE(same_bits(run(draft), run(floats))) << gguf::info(type).name;
  }
}

}  // namespace
