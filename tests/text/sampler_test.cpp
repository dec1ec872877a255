// Sampling: what may be chosen, how often, and the same on every machine.
#include "text/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "weld/error.h"

namespace weld::test {
namespace {

using text::Sampler;
using text::SamplerOptions;

/// Nothing is cut and nothing is changed.
constexpr SamplerOptions plain{.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};

std::vector<int> draw(const SamplerOptions& options, const std::vector<float>& logits, int count) {
  Sampler sampler(options);
  std::vector<int> tokens(count);
  for (int& token : tokens) token = sampler.sample(logits);
  return tokens;
}

std::set<int> choices(const SamplerOptions& options, const std::vector<float>& logits) {
  const std::vector<int> tokens = draw(options, logits, 2000);
  return {tokens.begin(), tokens.end()};
}

std::vector<float> spread_logits() {
  std::vector<float> logits(1000);
  for (int i = 0; i < 1000; ++i) logits[i] = static_cast<float>(i * 7919 % 1000) / 100.0F;
  return logits;
}

// Tenths of the first numbers that SplitMix64 gives for this seed in its published test:
// 6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
// 16408922859458223821.
TEST(Sampler, DrawsFromSplitMix64) {
  SamplerOptions options = plain;
  options.seed = 1234567;
  EXPECT_EQ(draw(options, std::vector<float>(10, 0.5F), 5), (std::vector<int>{3, 1, 5, 2, 8}));
}

// The expected tokens are from a second implementation, with another language's exp().
TEST(Sampler, GivesTheSameTokensOnEveryMachine) {
  const std::vector<float> logits = spread_logits();
  SamplerOptions options;
  options.seed = 42;
  EXPECT_EQ(draw(options, logits, 12),
            (std::vector<int>{667, 605, 889, 852, 642, 272, 247, 309, 852, 62, 247, 457}));
  options.repeat_penalty = 1.3F;
  options.repeat_last = 8;
  EXPECT_EQ(draw(options, logits, 12),
            (std::vector<int>{667, 605, 210, 173, 642, 877, 889, 235, 136, 667, 568, 62}));
  options = plain;
  options.temperature = 1.5F;
  options.seed = 7;
  EXPECT_EQ(draw(options, logits, 12),
            (std::vector<int>{385, 14, 902, 582, 457, 249, 470, 322, 137, 412, 103, 960}));
  const std::vector<int> many = draw(options, logits, 5000);
  EXPECT_EQ(std::accumulate(many.begin(), many.end(), 0), 2480732);
  options.top_p = 0.5F;
  EXPECT_EQ(draw(options, logits, 12),
            (std::vector<int>{704, 321, 902, 877, 988, 815, 309, 420, 568, 346, 926, 507}));
  options = plain;
  options.temperature = 3;
  options.min_p = 0.5F;
  options.seed = 7;
  EXPECT_EQ(draw(options, logits, 12),
            (std::vector<int>{408, 25, 914, 581, 470, 260, 482, 321, 161, 420, 136, 963}));
}

TEST(Sampler, SeedsDiffer) {
  SamplerOptions one = plain;
  SamplerOptions other = plain;
  other.seed = 1;
  const std::vector<float> logits(100, 0.0F);
  EXPECT_EQ(draw(one, logits, 50), draw(one, logits, 50));
  EXPECT_NE(draw(one, logits, 50), draw(other, logits, 50));
}

TEST(Sampler, DrawsByProbability) {
  const std::vector<float> logits{1.0F, 0.0F, 2.0F, -1.0F};
  for (const float temperature : {1.0F, 0.5F, 2.0F}) {
    SamplerOptions options = plain;
    options.temperature = temperature;
    constexpr int count = 40'000;
    std::vector<int> seen(4);
    for (const int token : draw(options, logits, count)) ++seen[token];
    double total = 0;
    for (const float logit : logits) total += std::exp(logit / temperature);
    for (int i = 0; i < 4; ++i) {
      const double p = std::exp(logits[i] / temperature) / total;
      EXPECT_NEAR(seen[i], count * p, 5 * std::sqrt(count * p)) << i << " at " << temperature;
    }
  }
}

TEST(Sampler, IsGreedyAtTemperatureZeroOrTopOne) {
  const std::vector<float> logits{0.0F, 3.0F, 3.0F, 1.0F};
  SamplerOptions options;
  options.temperature = 0;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1}));
  options.temperature = 1;
  options.top_k = 1;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1}));
}

TEST(Sampler, CutsToTheTop) {
  const std::vector<float> logits{0.1F, 0.5F, 0.3F, 0.5F, 0.2F};
  SamplerOptions options = plain;
  options.top_k = 2;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1, 3}));
  options.top_k = 3;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1, 2, 3}));
  options.top_k = 50;
  EXPECT_EQ(choices(options, logits), (std::set<int>{0, 1, 2, 3, 4}));
}

TEST(Sampler, CutsToAShareOfAllProbability) {
  // 0.5, 0.3, 0.15, 0.05
  const std::vector<float> logits{std::log(0.15F), std::log(0.5F), std::log(0.05F), std::log(0.3F)};
  SamplerOptions options = plain;
  options.top_p = 0.0F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1}));
  options.top_p = 0.49F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1}));
  options.top_p = 0.51F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1, 3}));
  options.top_p = 0.79F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1, 3}));
  options.top_p = 0.81F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{0, 1, 3}));
  options.top_p = 0.96F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{0, 1, 2, 3}));
}

TEST(Sampler, CutsByTheLikeliest) {
  const std::vector<float> logits{std::log(0.15F), std::log(0.5F), std::log(0.05F), std::log(0.3F)};
  SamplerOptions options = plain;
  options.min_p = 0.31F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1, 3}));
  options.min_p = 0.29F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{0, 1, 3}));
  options.min_p = 1.0F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{1}));
}

// The cuts are made before the temperature, which would even the probabilities out.
TEST(Sampler, CutsBeforeTheTemperature) {
  const std::vector<float> logits{5.0F, 0.0F};
  SamplerOptions options = plain;
  options.temperature = 100;
  EXPECT_EQ(choices(options, logits), (std::set<int>{0, 1}));
  options.top_p = 0.9F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{0}));
  options.top_p = 1;
  options.min_p = 0.1F;
  EXPECT_EQ(choices(options, logits), (std::set<int>{0}));
}

TEST(Sampler, PenalizesRecentTokens) {
  SamplerOptions options;
  options.temperature = 0;
  options.repeat_penalty = 2;
  options.repeat_last = 2;
  // Once taken, a token's logit halves; it is itself again when two others have followed.
  EXPECT_EQ(draw(options, {4.0F, 3.0F, 2.5F, 0.0F}, 6), (std::vector<int>{0, 1, 2, 0, 1, 2}));
  // Below zero, the logit doubles instead.
  EXPECT_EQ(draw(options, {-1.0F, -1.5F, -9.0F}, 3), (std::vector<int>{0, 1, 0}));

  Sampler sampler(options);
  const std::vector<float> logits{4.0F, 3.0F, 2.5F};
  sampler.accept(0);
  sampler.accept(0);  // twice counts once
  sampler.accept(1'000'000);
  sampler.accept(-1);
  EXPECT_EQ(sampler.sample(logits), 0) << "forgotten";
  EXPECT_EQ(sampler.sample(logits), 1);
  options.repeat_last = 0;
  EXPECT_EQ(draw(options, logits, 3), (std::vector<int>{0, 0, 0}));
}

TEST(Sampler, StandsLogitsThatAreNotFinite) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::nanf("");
  SamplerOptions cut;
  SamplerOptions greedy;
  greedy.temperature = 0;
  SamplerOptions penalized = plain;
  penalized.repeat_penalty = 2;
  for (const SamplerOptions& options : {cut, plain, greedy, penalized}) {
    EXPECT_EQ(choices(options, {nan, 1.0F, -infinity}), (std::set<int>{1}));
    EXPECT_EQ(choices(options, {0.0F, infinity, nan}), (std::set<int>{1}));
    EXPECT_EQ(draw(options, {nan, nan, nan}, 10).size(), 10U);
    EXPECT_EQ(draw(options, {-infinity, -infinity}, 10).size(), 10U);
    EXPECT_EQ(draw(options, {infinity, infinity}, 10).size(), 10U);
    EXPECT_EQ(choices(options, {nan}), (std::set<int>{0}));
  }
}

TEST(Sampler, ChoosesFromAWholeVocabulary) {
  std::vector<float> logits(200'000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 1009) * -0.01F;
  for (const SamplerOptions& options : {SamplerOptions{}, plain}) {
    for (const int token : draw(options, logits, 20)) {
      ASSERT_GE(token, 0);
      ASSERT_LT(token, 200'000);
    }
  }
  logits[123'456] = 50.0F;
  EXPECT_EQ(draw({}, logits, 3), (std::vector<int>{123'456, 123'456, 123'456}));
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  const auto expect_refused = [](const SamplerOptions& options, const std::string& line) {
    try {
      Sampler sampler(options);
      ADD_FAILURE() << "no error for " << line;
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), line);
    }
  };
  expect_refused({.temperature = -1}, "sampler: temperature -1 is not 0 or more");
  expect_refused({.temperature = std::nanf("")}, "sampler: temperature nan is not 0 or more");
  expect_refused({.top_k = -1}, "sampler: top_k -1 is not 0 or more");
  expect_refused({.top_p = 1.5F}, "sampler: top_p 1.5 is not between 0 and 1");
  expect_refused({.min_p = -0.5F}, "sampler: min_p -0.5 is not between 0 and 1");
  expect_refused({.repeat_penalty = 0}, "sampler: repeat_penalty 0 is not more than 0");
  expect_refused({.repeat_last = -1}, "sampler: repeat_last -1 is not 0 or more");
  EXPECT_THROW(Sampler({}).sample({}), Error);
}

}  // namespace
}  // namespace weld::test
