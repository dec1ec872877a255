// Recipes: every preset makes a model that weld runs, of the types asked for.
#include "synth/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gguf/bytes.h"
#include "model/model.h"
#include "synth/presets.h"
#include "weld/weld.h"

namespace weld::synth {
namespace {

using gguf::Type;

const Preset& preset(const std::string& name) {
  return *std::find_if(presets().begin(), presets().end(),
                       [&](const Preset& candidate) { return candidate.name == name; });
}

Recipe recipe(const std::string& name, Type type) {
  Recipe made;
  made.name = "a name";
  made.shape = preset(name).shape;
  made.type = type;
  return made;
}

bool is_micro(const Preset& candidate) { return candidate.name.starts_with("micro-"); }

/// Finite logits that tell tokens apart.
void expect_sound_logits(const std::string& path) {
  const Model model = Model::load(path);
  Session session(model, {.context = 64});
  const std::vector<Token> tokens = model.encode("Hello, world");
  EXPECT_EQ(tokens.size(), 12U) << "a token a byte";
  session.prefill(tokens);
  float least = INFINITY, most = -INFINITY;
  for (const float logit : session.logits()) {
    ASSERT_TRUE(std::isfinite(logit));
    least = std::min(least, logit);
    most = std::max(most, logit);
  }
  EXPECT_GT(most - least, 0.1);
}

TEST(Presets, RunFromSeparateAndMergedFiles) {
  const test::TemporaryFolder folder;
  for (const Preset& candidate : presets())
    for (const bool merged : {false, true}) {
      if (!is_micro(candidate)) continue;
      SCOPED_TRACE(candidate.name + (merged ? ", merged" : ""));
      Recipe made = recipe(candidate.name, Type::Q4_K);
      made.merged = merged;
      const std::string path = folder / "model.gguf";
      make(made, {}).write(path);
      const model::Model model(gguf::File::open(path));
      EXPECT_EQ(model.fused_groups(0).front().layout, merged ? "merged" : "separate");
      EXPECT_EQ(model.config().layers, candidate.shape.layers);
      EXPECT_EQ(model.vocabulary(), candidate.shape.vocabulary);
      EXPECT_EQ(model.config().experts, candidate.shape.experts);
      EXPECT_EQ(model.file().find_string("general.name"), "a name");
      expect_sound_logits(path);
    }
}

TEST(Presets, HaveAsManyParametersAsTheirModels) {
  // Billions, from the models' own cards.
  const std::map<std::string, double> billions = {
      {"qwen3-30b-a3b", 30.5}, {"qwen3-8b", 8.2},   {"qwen3-4b", 4.0}, {"qwen3-1.7b", 1.7},
      {"qwen3-0.6b", 0.6},     {"llama-3.1-8b", 8}, {"qwen2-7b", 7.6}, {"gpt-oss-20b", 20.9}};
  for (const Preset& candidate : presets()) {
    if (is_micro(candidate)) continue;
    Recipe made;
    made.shape = candidate.shape;
    const auto parameters = static_cast<double>(parameters_of(plan(made)));
    EXPECT_NEAR(parameters / 1e9, billions.at(candidate.name), 0.06) << candidate.name;
  }
}

TEST(Plan, DoesNotTakeForeverOverARule) {
  Recipe made = recipe("micro-qwen3", Type::Q4_K);
  made.rules = {{Pattern("(.*)*(.*)*(.*)*(.*)*(.*)*(.*)*q\\d"), Type::Q6_K}};
  EXPECT_THROW(plan(made), Error);
  EXPECT_THROW(Pattern(std::string(30000, '(') + std::string(30000, ')')), Error);
}

TEST(Plan, GivesTypesByTheLastRuleThatApplies) {
  Recipe made = recipe("micro-qwen3moe", Type::Q4_K);
  made.rules = {{Pattern("attn_|output"), Type::Q8_0}, {Pattern("attn_v"), Type::Q6_K}};
  std::map<std::string, Type> types;
  for (const PlannedTensor& tensor : plan(made)) types[tensor.shape.name] = tensor.type;
  EXPECT_EQ(types.at("blk.0.attn_q.weight"), Type::Q8_0);
  EXPECT_EQ(types.at("blk.1.attn_v.weight"), Type::Q6_K);
  EXPECT_EQ(types.at("blk.1.ffn_down_exps.weight"), Type::Q4_K);
  EXPECT_EQ(types.at("output.weight"), Type::Q8_0);
  EXPECT_EQ(types.at("token_embd.weight"), Type::Q8_0);
  // No rule is for vectors and routers.
  EXPECT_EQ(types.at("blk.0.attn_norm.weight"), Type::F32);
  EXPECT_EQ(types.at("output_norm.weight"), Type::F32);
  EXPECT_EQ(types.at("blk.0.ffn_gate_inp.weight"), Type::F32);
}

TEST(Plan, TakesAnotherTypeWhereBlocksDoNotFit) {
  Recipe made = recipe("gpt-oss-20b", Type::Q4_K);  // rows of 2880 are no multiple of 256
  for (const PlannedTensor& tensor : plan(made)) {
    const bool odd = tensor.shape.dims[0] == 2880;
    if (tensor.shape.name.ends_with("exps.weight")) {
      EXPECT_EQ(tensor.type, odd ? Type::Q8_0 : Type::Q4_K) << tensor.shape.name;
      EXPECT_EQ(tensor.substituted, odd);
    }
    if (tensor.shape.name == "blk.0.attn_output.weight") {
      EXPECT_EQ(tensor.type, Type::Q4_K);
    }
  }
}

TEST(Plan, RefusesAnUnknownArchitecture) {
  Recipe made;
  made.shape.architecture = "mamba";
  EXPECT_THROW(plan(made), Error);
}

TEST(Make, TheSameRecipeGivesTheSameBytes) {
  const test::TemporaryFolder folder;
  const auto write = [&](uint64_t seed) {
    Recipe made = recipe("micro-gpt-oss", Type::MXFP4);
    made.seed = seed;
    const std::string path = folder / "model.gguf";
    make(made, {}).write(path);
    const gguf::File file = gguf::File::open(path);
    std::vector<std::byte> bytes;
    for (const gguf::Tensor& tensor : file.tensors())
      bytes.insert(bytes.end(), tensor.data, tensor.data + tensor.bytes);
    return bytes;
  };
  const auto first = write(1);
  EXPECT_TRUE(first == write(1));
  EXPECT_FALSE(first == write(2));
}

TEST(Make, LeavesNothingWhenItIsStopped) {
  const test::TemporaryFolder folder;
  const Recipe made = recipe("micro-llama", Type::Q8_0);
  uint64_t written = 0;
  const auto stop = [&](uint64_t bytes) {
    written += bytes;
    if (written > 100000) throw Error("stopped");
  };
  EXPECT_THROW(make(made, stop).write(folder / "model.gguf"), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

}  // namespace
}  // namespace weld::synth
