// Counts of bytes and multiply-adds, against counts by hand.
#include "model/cost.h"

#include <gtest/gtest.h>

#include <set>

#include "micro_model.h"

namespace weld::model {
namespace {

using gguf::Type;

test::Micro dense() {
  test::Micro micro;
  micro.type = Type::Q8_0;
  return micro;
}

test::Micro experts() {
  test::Micro micro = dense();
  micro.architecture = "qwen3moe";
  micro.experts = 4;
  micro.experts_used = 3;
  return micro;
}

// The small model's sizes: 64 floats a token; 4 heads and 2 key-value heads of 32; 96 inside.
constexpr double attention = 64 * (4 * 32 + 2 * 32 + 2 * 32) + (4 * 32) * 64;
constexpr double feed_forward = 3 * 64 * 96;
constexpr double output = 64 * 80;
constexpr double q8_0 = 34.0 / 32;

TEST(Cost, ADenseModelReadsAllButTheEmbedding) {
  const Model model = test::make(dense()).open();
  EXPECT_EQ(layer_multiply_adds(model).codes, 2 * (attention + feed_forward));
  EXPECT_EQ(layer_multiply_adds(model).floats, 0);
  EXPECT_EQ(output_multiply_adds(model).codes, output);
  EXPECT_EQ(static_cast<double>(token_bytes(model)),
            q8_0 * (2 * (attention + feed_forward) + output + 64));
}

TEST(Cost, AnExpertModelReadsTheExpertsThatATokenUses) {
  const Model model = test::make(experts()).open();
  EXPECT_EQ(layer_multiply_adds(model).codes, 2 * (attention + 3 * feed_forward));
  EXPECT_EQ(layer_multiply_adds(model).floats, 2 * 64 * 4) << "the router";
  EXPECT_EQ(static_cast<double>(token_bytes(model)),
            q8_0 * (2 * (attention + 3 * feed_forward) + output + 64) + 2 * 64 * 4 * 4);
}

TEST(Cost, MergedAndSeparateCostTheSame) {
  test::Draft draft = test::make(experts());
  const Model separate = draft.open();
  ASSERT_GT(test::merge(draft, separate.config()), 0);
  const Model merged = draft.open();
  EXPECT_EQ(token_bytes(merged), token_bytes(separate));
  EXPECT_EQ(layer_multiply_adds(merged).codes, layer_multiply_adds(separate).codes);
}

TEST(Cost, ReadsLieInTheFileAndNoExpertTwice) {
  const Model model = test::make(experts()).open();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::set<const std::byte*> begins;
    for (const auto& run : token_reads(model, seed)) {
      EXPECT_TRUE(begins.insert(run.data()).second);
      const auto holds = [&](const gguf::Tensor& tensor) {
        return run.data() >= tensor.data && run.data() + run.size() <= tensor.data + tensor.bytes;
      };
      EXPECT_TRUE(std::any_of(model.file().tensors().begin(), model.file().tensors().end(), holds));
    }
  }
  EXPECT_NE(token_reads(model, 1)[7].data(), token_reads(model, 2)[7].data())
      << "another token, other experts";
}

}  // namespace
}  // namespace weld::model
