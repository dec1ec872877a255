// Hyperparameters as they are read: each from its key, defaults where keys are absent.
#include "model/config.h"

#include <gtest/gtest.h>

#include "micro_model.h"

using namespace weld;
using namespace weld::test;
using model::Config;
using model::RopeScaling;

namespace {

Config config_of(const Draft& draft) { return draft.open().config(); }

TEST(Config, ReadsWhatADenseFileSays) {
  Micro micro;
  micro.architecture = "qwen3";
  micro.layers = 3;
  micro.context = 1000;
  micro.heads = 6;
  micro.key_value_heads = 3;
  micro.value_size = 16;
  micro.embedding = 96;
  Draft draft = make(micro);
  draft.set_f32("qwen3.rope.freq_base", 1e6F);
  draft.set_u32("qwen3.rope.dimension_count", 20);
  const Config c = config_of(draft);
  EXPECT_STREQ(c.architecture->name, "qwen3");
  EXPECT_EQ(c.layers, 3);
  EXPECT_EQ(c.context, 1000);
  EXPECT_EQ(c.embedding, 96);
  EXPECT_EQ(c.heads, 6);
  EXPECT_EQ(c.key_value_heads, 3);
  EXPECT_EQ(c.key_size, 32);
  EXPECT_EQ(c.value_size, 16);
  EXPECT_EQ(c.feed_forward, 96);
  EXPECT_EQ(c.experts, 0);
  EXPECT_EQ(c.window_of(0), 0);
  EXPECT_EQ(c.epsilon, 1e-5F);
  EXPECT_EQ(c.rope.base, 1e6);
  EXPECT_EQ(c.rope.dimensions, 20);
  EXPECT_EQ(c.rope.factor, 1);
}

TEST(Config, ReadsWhatAFileOfExpertsSays) {
  Micro micro;
  micro.architecture = "gpt-oss";
  micro.experts = 5;
  micro.experts_used = 3;
  Draft draft = make(micro);
  draft.set_string("gpt-oss.rope.scaling.type", "yarn");
  draft.set_f32("gpt-oss.rope.scaling.factor", 32);
  draft.set_u32("gpt-oss.rope.scaling.original_context_length", 4096);
  draft.set_f32("gpt-oss.rope.scaling.attn_factor", 0.5F);
  draft.set_f32("gpt-oss.rope.scaling.yarn_beta_fast", 16);
  draft.set_f32("gpt-oss.rope.scaling.yarn_beta_slow", 2);
  const Config c = config_of(draft);
  EXPECT_EQ(c.experts, 5);
  EXPECT_EQ(c.experts_used, 3);
  EXPECT_EQ(c.expert_feed_forward, 96);
  EXPECT_EQ(c.window_of(0), 16);
  EXPECT_EQ(c.window_of(1), 0) << "every other layer sees all";
  EXPECT_EQ(c.window_of(2), 16);
  EXPECT_EQ(c.rope.scaling, RopeScaling::Yarn);
  EXPECT_EQ(c.rope.factor, 32);
  EXPECT_EQ(c.rope.original_context, 4096);
  EXPECT_EQ(c.rope.attention_factor, 0.5);
  EXPECT_EQ(c.rope.beta_fast, 16);
  EXPECT_EQ(c.rope.beta_slow, 2);
}

TEST(Config, HasDefaults) {
  Micro micro;
  micro.experts = 2;
  micro.key_value_heads = micro.heads;
  micro.key_size = micro.value_size = 16;
  Draft draft = make(micro);
  for (const char* key :
       {"attention.head_count_kv", "attention.key_length", "attention.value_length",
        "rope.dimension_count", "rope.freq_base", "expert_feed_forward_length", "vocab_size"})
    draft.unset(std::string("llama.") + key);
  const Config c = config_of(draft);
  EXPECT_EQ(c.key_value_heads, 4);
  EXPECT_EQ(c.key_size, 16);
  EXPECT_EQ(c.value_size, 16);
  EXPECT_EQ(c.expert_feed_forward, 96);
  EXPECT_EQ(c.rope.dimensions, 16);
  EXPECT_EQ(c.rope.base, 10000);
  EXPECT_EQ(c.rope.factor, 1);
}

TEST(Config, TakesIntegersOfAnyType) {
  Draft draft = make({});
  draft.set_i32("llama.block_count", 2);
  draft.set_i32("llama.attention.head_count", 4);
  EXPECT_EQ(config_of(draft).layers, 2);
}

TEST(Architectures, AreFoundByTheirNames) {
  for (const char* name : {"llama", "qwen2", "qwen3", "qwen3moe", "gpt-oss"}) {
    ASSERT_NE(model::find_architecture(name), nullptr);
    EXPECT_STREQ(model::find_architecture(name)->name, name);
  }
  EXPECT_EQ(model::find_architecture("gpt"), nullptr);
  EXPECT_EQ(model::find_architecture(""), nullptr);
  EXPECT_EQ(model::architecture_names(), "llama, qwen2, qwen3, qwen3moe, gpt-oss");
}

}  // namespace
