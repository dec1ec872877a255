// Weights that are no numbers: whatever the bits, a model runs to its end and routes to experts
// that there are. What the logits are is nobody's business.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cpu/project.h"
#include "micro_model.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;

namespace {

using Fill = void (*)(std::span<std::byte> bytes, std::mt19937& random);

void ones(std::span<std::byte> bytes, std::mt19937&) {
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
}
void zeros(std::span<std::byte> bytes, std::mt19937&) {
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
}
void noise(std::span<std::byte> bytes, std::mt19937& random) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
}
/// The largest exponent everywhere: infinities and NaNs of either sign, in F32, F16 and BF16.
void infinities(std::span<std::byte> bytes, std::mt19937& random) {
  for (size_t i = 1; i < bytes.size(); i += 2) {
    bytes[i - 1] = std::byte{random() % 2 == 0 ? uint8_t{0x80} : uint8_t{0}};
    bytes[i] = std::byte{random() % 2 == 0 ? uint8_t{0xff} : uint8_t{0x7f}};
  }
}

constexpr Fill fills[] = {ones, zeros, noise, infinities};

void run(const Draft& draft, int tokens = 13) {
  const model::Model model = draft.open();
  for (const model::Fuse fuse : {model::Fuse{true, true}, model::Fuse{false, false}}) {
    engine::SessionOptions options;
    options.threads = 2;
    options.batch = tokens - 1;
    options.fuse = fuse;
    const std::vector<float> logits =
        evaluate(model, some_tokens(tokens, model.vocabulary()), options);
    EXPECT_EQ(logits.size(), static_cast<size_t>(tokens) * static_cast<size_t>(model.vocabulary()));
  }
}

class BadWeights : public ::testing::TestWithParam<std::tuple<std::string, gguf::TypeInfo>> {};

TEST_P(BadWeights, RunToTheEnd) {
  const auto& [isa, type] = GetParam();
  const UseKernels kernels(isa);
  Micro micro;
  micro.architecture = "gpt-oss";
  micro.layers = 1;
  micro.experts = 3;
  micro.type = type.type;
  micro.embedding = micro.feed_forward = 256;
  micro.key_size = micro.value_size = 64;
  const int tokens = isa == "portable" ? 3 : 13;
  std::mt19937 random(1);
  for (const Fill fill : fills) {
    Draft everything = make(micro), weights = everything;
    for (Draft::Tensor& tensor : everything.tensors()) fill(tensor.data, random);
    run(everything, tokens);
    // All weights, but norms and biases as they should be, so that not everything is lost at once.
    for (Draft::Tensor& tensor : weights.tensors())
      if (tensor.type == type.type && tensor.dims.size() > 1) fill(tensor.data, random);
    run(weights, tokens);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, BadWeights,
                         ::testing::Combine(::testing::ValuesIn(isas()),
                                            ::testing::ValuesIn(gguf::type_table)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
                         });

/// One tensor at a time, so that the damage is met in the middle of sound numbers.
TEST(OneBadTensor, IsRunToTheEnd) {
  for (const char* architecture : {"qwen3", "gpt-oss"}) {
    Micro micro;
    micro.architecture = architecture;
    micro.experts = micro.architecture == "gpt-oss" ? 3 : 0;
    const Draft sound = make(micro);
    std::mt19937 random(2);
    for (size_t i = 0; i < Draft(sound).tensors().size(); ++i)
      for (const Fill fill : {ones, infinities}) {
        Draft bad = sound;
        SCOPED_TRACE(bad.tensors()[i].name);
        fill(bad.tensors()[i].data, random);
        run(bad);
      }
  }
}

/// Rows of logits for a router of 5 experts.
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float wild[][5] = {
    {nan, nan, nan, nan, nan},
    {infinity, infinity, infinity, infinity, infinity},
    {-infinity, -infinity, -infinity, -infinity, -infinity},
    {nan, 1, nan, 2, nan},
    {-infinity, nan, infinity, 0, -0.0F},
    {3e38F, -3e38F, 3e38F, nan, infinity},
    {0, 0, 0, 0, 0},
};

TEST(Routing, StaysAmongTheExperts) {
  constexpr int tokens = std::size(wild), experts = 5;
  kernels::Context context(1);
  for (int used = 1; used <= experts; ++used) {
    kernels::Routes routes;
    kernels::choose_experts(context, &wild[0][0], tokens, experts, used, routes);
    const auto slots = static_cast<size_t>(tokens * used);
    ASSERT_EQ(routes.begin.size(), size_t{experts} + 1);
    EXPECT_EQ(routes.begin.front(), 0);
    EXPECT_EQ(routes.begin.back(), static_cast<int>(slots));
    EXPECT_TRUE(std::is_sorted(routes.begin.begin(), routes.begin.end()));

    ASSERT_EQ(routes.slot.size(), slots);
    std::vector<int> sorted = routes.slot, all(slots);
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(sorted, all) << "each slot once";
    for (int e = 0; e < experts; ++e) {
      std::vector<int> tokens_of_expert;
      for (int i = routes.begin[static_cast<size_t>(e)];
           i < routes.begin[static_cast<size_t>(e) + 1]; ++i) {
        const auto at = static_cast<size_t>(i);
        EXPECT_EQ(routes.token[at], routes.slot[at] / used);
        tokens_of_expert.push_back(routes.token[at]);
      }
      EXPECT_EQ(std::adjacent_find(tokens_of_expert.begin(), tokens_of_expert.end()),
                tokens_of_expert.end())
          << "no expert twice for one token";
    }
  }
}

/// Equal logits fall to the expert that comes first; a token's slots are in the experts' order.
TEST(Routing, IsInOrder) {
  kernels::Context context(1);
  kernels::Routes routes;
  const float logits[] = {2, 1, 3, 3, 3};
  kernels::choose_experts(context, logits, 1, 5, 3, routes);
  EXPECT_EQ(routes.begin, (std::vector<int>{0, 0, 0, 1, 2, 3}));
  const float with_less[] = {2, 1, 3, 3};
  kernels::choose_experts(context, with_less, 1, 4, 3, routes);
  EXPECT_EQ(routes.begin, (std::vector<int>{0, 1, 1, 2, 3}));
  EXPECT_EQ(routes.slot, (std::vector<int>{0, 1, 2}));
  const float total = 2 + std::exp(-1.0F);
  EXPECT_FLOAT_EQ(routes.weight[0], std::exp(-1.0F) / total);
  EXPECT_FLOAT_EQ(routes.weight[1], 1 / total);
  EXPECT_FLOAT_EQ(routes.weight[2], 1 / total);
}

/// Against a sort of all experts, with many equal logits, on several threads.
TEST(Routing, ChoosesTheGreatest) {
  constexpr int tokens = 300, experts = 128;
  std::mt19937 random(4);
  std::vector<float> logits(size_t{tokens} * experts);
  for (float& logit : logits) logit = static_cast<float>(random() % 50);
  kernels::Context context(3);
  for (const int used : {1, 2, 8, 127, 128}) {
    kernels::Routes routes;
    kernels::choose_experts(context, logits.data(), tokens, experts, used, routes);
    std::vector<std::vector<int>> chosen(tokens);
    for (int e = 0; e < experts; ++e)
      for (int i = routes.begin[static_cast<size_t>(e)];
           i < routes.begin[static_cast<size_t>(e) + 1]; ++i)
        chosen[static_cast<size_t>(routes.token[static_cast<size_t>(i)])].push_back(e);
    for (size_t t = 0; t < tokens; ++t) {
      std::vector<int> all(experts);
      std::iota(all.begin(), all.end(), 0);
      std::stable_sort(all.begin(), all.end(), [&](int a, int b) {
        return logits[t * experts + static_cast<size_t>(a)] >
               logits[t * experts + static_cast<size_t>(b)];
      });
      all.resize(static_cast<size_t>(used));
      std::sort(all.begin(), all.end());
      ASSERT_EQ(chosen[t], all) << "token " << t;
    }
  }
}

}  // namespace
