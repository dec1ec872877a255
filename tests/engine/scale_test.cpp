// `.scale` tensors, which multiply a projection before its bias: one number for a tensor, or one an
// expert.
#include <gtest/gtest.h>

#include <algorithm>

#include "micro_model.h"
#include "quant/dequantize.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;
using gguf::Type;

namespace {

std::vector<float> floats_of(const Draft::Tensor& tensor) {
  const gguf::TypeInfo& info = gguf::info(tensor.type);
  std::vector<float> values(tensor.data.size() / info.block_bytes * info.block_elements);
  quant::dequantize(tensor.type, tensor.data.data(), static_cast<int64_t>(values.size()),
                    values.data());
  return values;
}

/// Names without ".weight" of everything that is projected.
std::vector<std::string> projections(Draft& draft) {
  std::vector<std::string> names;
  for (const Draft::Tensor& tensor : draft.tensors())
    if (tensor.dims.size() > 1 && tensor.name.ends_with(".weight"))
      names.push_back(tensor.name.substr(0, tensor.name.size() - 7));
  return names;
}

/// Scales for one tensor: as many as it has experts, or one for all of them.
std::vector<float> some_scales(const Draft::Tensor& weight, bool one_for_all, size_t seed) {
  const size_t experts = weight.dims.size() > 2 && !one_for_all ? weight.dims[2] : 1;
  std::vector<float> scales(experts);
  for (size_t e = 0; e < experts; ++e)
    scales[e] = 0.6F + 0.1F * static_cast<float>((seed * 7 + e * 3) % 9);
  return scales;
}

/// The draft with a scale beside every projection, and the same with float weights that are
/// multiplied by it.
struct Twins {
  Draft scaled;
  Draft multiplied;
};

Twins scale_everything(const Draft& draft, bool one_for_all) {
  Twins twins{draft, draft};
  size_t seed = 0;
  for (const std::string& name : projections(twins.scaled)) {
    Draft::Tensor& weight = twins.multiplied.tensor(name + ".weight");
    const std::vector<float> scales = some_scales(weight, one_for_all, ++seed);
    twins.scaled.add_f32(name + ".scale", {scales.size()}, scales);
    std::vector<float> values = floats_of(weight);
    const size_t run = values.size() / scales.size();
    for (size_t i = 0; i < values.size(); ++i) values[i] *= scales[i / run];
    const Draft::Tensor old = twins.multiplied.take(name + ".weight");
    twins.multiplied.add_f32(old.name, old.dims, values);
  }
  return twins;
}

engine::SessionOptions options(model::Fuse fuse = {}) {
  engine::SessionOptions options;
  options.threads = 2;
  options.cache = kernels::CacheType::F32;
  options.fuse = fuse;
  return options;
}

std::vector<float> run(const model::Model& model, model::Fuse fuse = {}) {
  return evaluate(model, some_tokens(20, model.vocabulary()), options(fuse));
}

double worst_error(std::span<const float> got, std::span<const float> want, int vocabulary) {
  const std::vector<double> errors = row_errors(got, want, static_cast<size_t>(vocabulary));
  return *std::max_element(errors.begin(), errors.end());
}

struct Case {
  const char* name;
  const char* architecture;
  int experts;
  bool one_for_all;
};

class ScaledModel : public ::testing::TestWithParam<std::tuple<std::string, Case>> {
 protected:
  ScaledModel() : kernels_(std::get<0>(GetParam())) {
    const Case& c = std::get<1>(GetParam());
    micro_.architecture = c.architecture;
    // All experts are used: a router that decides by a hair would hide what is tested.
    micro_.experts = micro_.experts_used = c.experts;
  }

  UseKernels kernels_;
  Micro micro_;
};

TEST_P(ScaledModel, ComputesAsIfItsWeightsWereMultiplied) {
  const Draft draft = make(micro_);
  const Twins twins = scale_everything(draft, std::get<1>(GetParam()).one_for_all);
  const model::Model scaled = twins.scaled.open();
  const std::vector<float> got = run(scaled);
  EXPECT_LT(worst_error(got, run(twins.multiplied.open()), scaled.vocabulary()), 1e-10);
  EXPECT_GT(worst_error(got, run(draft.open()), scaled.vocabulary()), 1e-3) << "scales matter";
  EXPECT_TRUE(same_bits(run(scaled, {false, false}), got)) << "none fused";
}

/// A merged tensor has one scale (an expert); members that each have it give the same bits.
TEST_P(ScaledModel, MayBeMerged) {
  Draft draft = make(micro_);
  const model::Config config = draft.open().config();
  Draft merged = draft;
  merge(merged, config);
  const bool one_for_all = std::get<1>(GetParam()).one_for_all;
  for (const std::string& name : projections(merged)) {
    const auto scales = some_scales(merged.tensor(name + ".weight"), one_for_all, 4);
    merged.add_f32(name + ".scale", {scales.size()}, scales);
    for (const std::string& member : projections(draft)) {
      const bool in_qkv = name.ends_with("attn_qkv") && !member.ends_with("output") &&
                          member.starts_with(name.substr(0, name.size() - 3));
      const bool in_gate_up = name.ends_with("gate_up_exps") &&
                              (member == name.substr(0, name.size() - 7) + "exps" ||
                               member == name.substr(0, name.size() - 12) + "up_exps");
      if (member == name || in_qkv || in_gate_up)
        draft.add_f32(member + ".scale", {scales.size()}, scales);
    }
  }
  EXPECT_TRUE(same_bits(run(merged.open()), run(draft.open())));
}

INSTANTIATE_TEST_SUITE_P(
    Models, ScaledModel,
    ::testing::Combine(::testing::ValuesIn(isas()),
                       ::testing::Values(Case{"llama", "llama", 0, false},
                                         Case{"qwen2", "qwen2", 0, false},
                                         Case{"qwen3moe", "qwen3moe", 3, false},
                                         Case{"qwen3moe_one_scale", "qwen3moe", 3, true},
                                         Case{"gptoss", "gpt-oss", 3, false},
                                         Case{"gptoss_one_scale", "gpt-oss", 3, true},
                                         Case{"one_expert", "llama", 1, false})),
    [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param).name; });

/// Beside every block type: floats come as near as the quantized activations let them.
class ScaledType : public ::testing::TestWithParam<std::tuple<std::string, gguf::TypeInfo>> {};

TEST_P(ScaledType, ComputesAsIfItsWeightsWereMultiplied) {
  const auto& [isa, type] = GetParam();
  const UseKernels kernels(isa);
  Micro micro;
  micro.type = type.type;
  micro.layers = 1;
  micro.embedding = 256;
  micro.key_size = micro.value_size = 64;
  micro.feed_forward = 256;
  micro.experts = micro.experts_used = 2;
  const Twins twins = scale_everything(make(micro), false);
  const model::Model scaled = twins.scaled.open();
  EXPECT_LT(worst_error(run(scaled), run(twins.multiplied.open()), scaled.vocabulary()), 3e-3);
}

INSTANTIATE_TEST_SUITE_P(Types, ScaledType,
                         ::testing::Combine(::testing::ValuesIn(isas()),
                                            ::testing::ValuesIn(gguf::type_table)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                         });

/// What published files have beside NVFP4: a scale of the weights, which counts, and one of the
/// activations for those who quantize them to 4 bits, which does not.
TEST(InputScale, ChangesNothing) {
  Micro micro;
  micro.type = Type::NVFP4;
  micro.feed_forward = 128;
  micro.experts = 3;
  Draft draft = scale_everything(make(micro), false).scaled;
  const std::vector<float> want = run(draft.open());
  for (const std::string& name : projections(draft)) {
    const std::vector<float> scales = {0.25F};
    draft.add_f32(name + ".input_scale", {1}, scales);
  }
  EXPECT_TRUE(same_bits(run(draft.open()), want));
}

}  // namespace
