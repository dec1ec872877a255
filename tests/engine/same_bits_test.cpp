// The third law: the same bits with fusing on or off, from separate or merged tensors, on any
// number of threads.
#include <gtest/gtest.h>

#include "micro_model.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;
using gguf::Type;

namespace {

/// A model and what is special about it.
struct Case {
  const char* name;
  Micro micro;
  bool merges;  ///< whether the members' types allow one tensor
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// A type for each member, none like its neighbour; columns are multiples of 256 where they meet a
/// block of that size.
Type salad(std::string_view name, Type type) {
  if (name == "attn_q") return Type::Q4_K;
  if (name == "attn_k") return Type::F16;
  if (name == "attn_v") return Type::Q6_K;
  if (name == "ffn_gate" || name == "ffn_gate_exps") return Type::IQ4_XS;
  if (name == "ffn_up" || name == "ffn_up_exps") return Type::Q8_0;
  if (name == "ffn_down" || name == "ffn_down_exps") return Type::MXFP4;
  return type;
}

/// Types without blocks, which fit any number of columns.
Type float_salad(std::string_view name, Type) {
  if (name == "attn_q" || name == "ffn_up" || name == "ffn_up_exps") return Type::F16;
  if (name == "attn_v" || name == "ffn_down_exps" || name == "output") return Type::BF16;
  return Type::F32;
}

/// For 96 columns in, and a down projection of a number of columns that no block fits.
Type down_of_floats(std::string_view name, Type type) {
  return name == "ffn_down" || name == "ffn_down_exps" ? Type::F16 : type;
}

Micro of(const std::string& architecture, Type type, int experts = 0) {
  Micro micro;
  micro.architecture = architecture;
  micro.type = type;
  micro.experts = experts;
  return micro;
}

/// Shapes of which nothing is a multiple of 32, or of a vector.
Micro odd(const std::string& architecture, int experts = 0) {
  Micro micro = of(architecture, Type::F32, experts);
  micro.embedding = 72;
  micro.heads = 3;
  micro.key_value_heads = 1;
  micro.key_size = 40;
  micro.value_size = 24;
  micro.feed_forward = 104;
  micro.experts_used = 3;
  micro.vocabulary = 83;
  micro.choose_type = float_salad;
  return micro;
}

/// Quantized members whose rows are not multiples of 32.
Micro odd_rows(const std::string& architecture, Type type, int experts = 0) {
  Micro micro = of(architecture, type, experts);
  micro.embedding = 96;
  micro.heads = 4;
  micro.key_value_heads = 1;
  micro.key_size = 42;
  micro.value_size = 40;
  micro.feed_forward = 104;
  micro.experts_used = 1;
  micro.vocabulary = 81;
  micro.choose_type = down_of_floats;
  return micro;
}

Micro with_salad(Micro micro) {
  micro.embedding = 256;
  micro.choose_type = salad;
  return micro;
}

std::vector<Case> cases() {
  std::vector<Case> cases = {
      {"llama_f32", of("llama", Type::F32), true},
      {"llama_q4_0", of("llama", Type::Q4_0), true},
      {"llama_experts_q4_1", of("llama", Type::Q4_1, 4), true},
      {"qwen2_q5_0", of("qwen2", Type::Q5_0), true},
      {"qwen3_q8_0", of("qwen3", Type::Q8_0), true},
      {"qwen3moe_bf16", of("qwen3moe", Type::BF16, 5), true},
      {"qwen3moe_nvfp4", of("qwen3moe", Type::NVFP4, 5), true},
      {"gptoss_mxfp4", of("gpt-oss", Type::MXFP4, 4), true},
      {"llama_salad", with_salad(of("llama", Type::Q8_0)), false},
      {"qwen2_salad", with_salad(of("qwen2", Type::Q8_0)), false},
      {"qwen3moe_salad", with_salad(of("qwen3moe", Type::Q8_0, 4)), false},
      {"gptoss_salad", with_salad(of("gpt-oss", Type::Q8_0, 4)), false},
      {"llama_odd", odd("llama"), false},
      {"qwen3_odd", odd("qwen3"), false},
      {"llama_odd_experts", odd("llama", 5), false},
      {"gptoss_odd", odd("gpt-oss", 7), false},
      {"qwen2_odd_rows", odd_rows("qwen2", Type::Q5_1), true},
      {"qwen3moe_odd_rows", odd_rows("qwen3moe", Type::IQ4_NL, 3), true},
      {"gptoss_odd_rows", odd_rows("gpt-oss", Type::Q4_0, 3), true},
  };
  // Blocks of 64 must fit every number of columns.
  for (Case& c : cases)
    if (c.micro.type == Type::NVFP4) c.micro.feed_forward = 128;
  return cases;
}

/// Logits of tokens that go through the layers many at a time, a few at a time and one by one, for
/// each of which there are other kernels.
std::vector<float> run(const model::Model& model, model::Fuse fuse, int threads, int many) {
  engine::SessionOptions options;
  options.threads = threads;
  options.batch = many;
  options.context = many + 8;
  options.fuse = fuse;
  const std::vector<int32_t> tokens = some_tokens(many + 8, model.vocabulary());
  const auto all = std::span<const int32_t>(tokens);
  engine::Session session(model, options);
  std::vector<float> logits;
  evaluate(session, all.first(static_cast<size_t>(many) + 5), logits);
  for (size_t i = static_cast<size_t>(many) + 5; i < all.size(); ++i)
    evaluate(session, all.subspan(i, 1), logits);
  return logits;
}

constexpr model::Fuse all_fused{true, true};
constexpr model::Fuse none_fused{false, false};

/// Enough that the work between the products is shared out too, where plain loops allow.
int many_for(const std::string& isa) { return isa == "portable" ? 11 : 260; }

class SameBits : public ::testing::TestWithParam<std::tuple<std::string, Case>> {
 protected:
  SameBits() : kernels_(isa()), draft_(make(test_case().micro)), model_(draft_.open()) {}

  const std::string& isa() const { return std::get<0>(GetParam()); }
  const Case& test_case() const { return std::get<1>(GetParam()); }
  std::vector<float> run(const model::Model& model, model::Fuse fuse, int threads) const {
    return ::run(model, fuse, threads, many_for(isa()));
  }

  UseKernels kernels_;
  Draft draft_;
  model::Model model_;
};

TEST_P(SameBits, WhateverIsFused) {
  const std::vector<float> fused = run(model_, all_fused, 1);
  EXPECT_TRUE(same_bits(run(model_, none_fused, 1), fused)) << "none fused";
  EXPECT_TRUE(same_bits(run(model_, {true, false}, 1), fused)) << "only qkv fused";
  EXPECT_TRUE(same_bits(run(model_, {false, true}, 1), fused)) << "only gate and up fused";
}

TEST_P(SameBits, OnAnyNumberOfThreads) {
  const std::vector<float> alone = run(model_, all_fused, 1);
  for (const int threads : {2, 3, 5}) {
    EXPECT_TRUE(same_bits(run(model_, all_fused, threads), alone)) << threads << " threads";
    EXPECT_TRUE(same_bits(run(model_, none_fused, threads), alone))
        << threads << " threads, none fused";
  }
}

TEST_P(SameBits, FromMergedTensors) {
  const int groups = model_.config().layers * (model_.config().experts > 0 ? 2 : 1);
  Draft merged = draft_;
  const int count = merge(merged, model_.config());
  EXPECT_EQ(count, test_case().merges ? groups : 0);
  const model::Model twin = merged.open();
  EXPECT_EQ(twin.fused_groups(0).front().layout, count > 0 ? "merged" : "separate");
  const std::vector<float> separate = run(model_, all_fused, 1);
  EXPECT_TRUE(same_bits(run(twin, all_fused, 2), separate));
  EXPECT_TRUE(same_bits(run(twin, none_fused, 2), separate)) << "none fused";

  EXPECT_EQ(split(merged, twin.config()), count);
  EXPECT_TRUE(same_bits(run(merged.open(), all_fused, 2), separate)) << "merged and split again";
}

/// Without this, equal bits could be those of NaNs or of zeros.
TEST_P(SameBits, AreNumbersThatDependOnTheText) {
  const std::vector<float> logits = run(model_, all_fused, 2);
  for (const float logit : logits) ASSERT_TRUE(std::isfinite(logit));
  const auto row = static_cast<ptrdiff_t>(model_.vocabulary());
  EXPECT_FALSE(
      same_bits({logits.begin(), logits.begin() + row}, {logits.end() - row, logits.end()}));
}

std::string name_of(const ::testing::TestParamInfo<SameBits::ParamType>& info) {
  return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
}

INSTANTIATE_TEST_SUITE_P(Models, SameBits,
                         ::testing::Combine(::testing::ValuesIn(isas()),
                                            ::testing::ValuesIn(cases())),
                         name_of);

/// Every block type in every place of a model with experts.
class SameBitsOfType : public ::testing::TestWithParam<std::tuple<std::string, gguf::TypeInfo>> {};

TEST_P(SameBitsOfType, FusedOrNotMergedOrNot) {
  const auto& [isa, type] = GetParam();
  const UseKernels kernels(isa);
  Micro micro = of("llama", type.type, 3);
  micro.layers = 1;
  micro.embedding = 256;
  micro.key_size = micro.value_size = 64;
  micro.feed_forward = 256;
  Draft draft = make(micro);
  const model::Model model = draft.open();
  const int many = isa == "portable" ? 5 : 33;
  const std::vector<float> fused = run(model, all_fused, 1, many);
  for (const float logit : fused) ASSERT_TRUE(std::isfinite(logit));
  EXPECT_TRUE(same_bits(run(model, none_fused, 3, many), fused)) << "none fused, 3 threads";
  EXPECT_EQ(merge(draft, model.config()), 2);
  EXPECT_TRUE(same_bits(run(draft.open(), all_fused, 2, many), fused)) << "merged, 2 threads";
}

INSTANTIATE_TEST_SUITE_P(Types, SameBitsOfType,
                         ::testing::Combine(::testing::ValuesIn(isas()),
                                            ::testing::ValuesIn(gguf::type_table)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                         });

}  // namespace
