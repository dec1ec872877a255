// Activations in strips: every column of every token has a place of its own, and what was entered
// is there.
#include "kernels/cpu/activations.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "builds.h"
#include "quant/bf16.h"

namespace weld::test {
namespace {

using kernels::Activations;

class Strips : public testing::TestWithParam<const kernels::Kernels*> {};

TEST_P(Strips, HoldWhatWasEntered) {
  std::mt19937 random(1);
  kernels::ActivationBuffers buffers;
  for (const int columns : {32, 128, 512, 544, 1312})
    for (const int tokens : {1, 2, 5}) {
      const auto width = static_cast<size_t>(columns);
      const std::vector<float> x = random_floats(static_cast<size_t>(tokens) * width, random);
      buffers.reserve(tokens, columns, {.values = true, .codes = true});
      for (int t = 0; t < tokens; ++t)
        buffers.enter(*GetParam(), t, x.data() + static_cast<size_t>(t) * width);
      const Activations& view = buffers.view();
      std::set<size_t> places;
      for (int t = 0; t < tokens; ++t)
        for (int c = 0; c < columns; ++c) {
          const float entered = x[static_cast<size_t>(t) * width + static_cast<size_t>(c)];
          EXPECT_EQ(view.values[view.value_at(t, c)], entered);
          const size_t at = view.code_at(t, c);
          EXPECT_TRUE(places.insert(at).second) << "token " << t << ", column " << c;
          const float scale = view.scales[at / kernels::group_size];
          EXPECT_NEAR(scale * static_cast<float>(view.codes[at]), entered, 0.51F * scale);
        }
    }
}

TEST_P(Strips, HoldWhatWasEnteredRounded) {
  std::mt19937 random(1);
  kernels::ActivationBuffers buffers;
  const int tokens = 3;
  for (const int columns : {256, 201}) {  // what a wider batch leaves behind must not show
    const std::vector<float> x = random_floats(static_cast<size_t>(columns), random);
    buffers.reserve(tokens, columns, {.rounded = true});
    for (int t = 0; t < tokens; ++t) buffers.enter(*GetParam(), t, x.data());
    const Activations& view = buffers.view();
    for (int t = 0; t < tokens; ++t) {
      for (int c = 0; c < columns; ++c) {
        const float rounded =
            std::bit_cast<float>(uint32_t{view.rounded[view.value_at(t, c)]} << 16);
        const float entered = x[static_cast<size_t>(c)];
        EXPECT_NEAR(rounded, entered, std::abs(entered) / 256);
      }
      if (columns % 2 != 0) {
        EXPECT_EQ(view.rounded[view.value_at(t, columns)], 0);
      }
    }
  }
}

TEST(ToBf16, RoundsToTheNearestAndOfTwoToTheEvenOne) {
  const auto rounded = [](uint32_t bits) { return quant::to_bf16(std::bit_cast<float>(bits)); };
  EXPECT_EQ(rounded(0x3f808000), 0x3f80);
  EXPECT_EQ(rounded(0x3f808001), 0x3f81);
  EXPECT_EQ(rounded(0x3f818000), 0x3f82);
  EXPECT_EQ(rounded(0xbf7fffff), 0xbf80);
  EXPECT_EQ(rounded(0x7f7fffff), 0x7f80);  // infinity is nearer than the largest number
  EXPECT_EQ(rounded(0xff800000), 0xff80);
  EXPECT_EQ(rounded(0x7fffffff) & 0x7fc0, 0x7fc0);  // not a number, and stays so
  EXPECT_EQ(rounded(0xff800001) & 0x7fc0, 0x7fc0);
}

TEST_P(Strips, ContinueWithZeros) {
  std::mt19937 random(1);
  kernels::ActivationBuffers buffers;
  const int tokens = 3;
  // A wider batch first: what it leaves behind must not show.
  for (const int columns : {1024, 544}) {
    const std::vector<float> x = random_floats(static_cast<size_t>(columns), random);
    buffers.reserve(tokens, columns, {.codes = true, .words = true, .pairs = true, .places = true});
    for (int t = 0; t < tokens; ++t) buffers.enter(*GetParam(), t, x.data());
  }
  const Activations& view = buffers.view();
  EXPECT_EQ(view.values, nullptr);
  for (int t = 0; t < tokens; ++t)
    for (int c = 544; c < 768; ++c) {
      const size_t at = view.code_at(t, c);
      EXPECT_EQ(view.codes[at], 0);
      EXPECT_EQ(view.scales[at / kernels::group_size], 0);
      EXPECT_EQ(view.half_sums[at / (kernels::group_size / 2)], 0);
      EXPECT_EQ(view.wide_codes[at], 0);
      EXPECT_EQ(view.lane_sums[at / (kernels::group_size / 4)], 0);
      // Column c is in run c / 8 % 32 of its 256, in place c % 8, twice.
      const size_t in_span = 2 * view.code_at(t, c / 256 * 256);
      const size_t place = in_span + static_cast<size_t>(c % 8 * 64);
      for (const int run : {c / 8 % 32, 32 + c / 8 % 32})
        EXPECT_EQ(view.places[place + static_cast<size_t>(run)], 0);
      // In pair c / 32 % 4, half c / 16 % 2, with its sign and without.
      const int half = c / 32 % 4 * 2 + c / 16 % 2, upper = c / 128 % 2;
      const size_t in_pair = in_span + static_cast<size_t>(half * 32 + upper * 16 + c % 16);
      for (const size_t without_sign : {0, 256}) EXPECT_EQ(view.pairs[in_pair + without_sign], 0);
    }
}

// The parts of a number together are the number, as far as they have digits.
TEST(Packed, AddsUpToWhatWasEntered) {
  const kernels::Kernels& build = kernels::portable::kernels;
  std::mt19937 random(1);
  const int columns = 70, tokens = 5, parts = 3;
  const std::vector<float> x = random_floats(size_t{tokens} * columns, random, 100);
  const float* rows[tokens];
  for (ptrdiff_t t = 0; t < tokens; ++t) rows[t] = x.data() + t * columns;
  kernels::ActivationBuffers buffers;
  buffers.reserve(tokens, columns, {});
  buffers.reserve_packed(2, parts);
  buffers.pack(build, 1, rows, tokens);
  for (int t = 0; t < kernels::packed_tokens; ++t)
    for (int c = 0; c < 96; ++c) {
      const float entered = t < tokens && c < columns ? rows[t][c] : 0;
      float sum = 0, tolerance = std::fabs(entered);
      for (int part = 0; part < parts; ++part) {
        const uint16_t* const step = buffers.view().packed_at(part, 1, c / 32 * 32);
        sum +=
            quant::from_bits(static_cast<uint32_t>(step[(c % 32 / 2 * 16 + t) * 2 + c % 2]) << 16);
        tolerance /= 256;
        ASSERT_NEAR(sum, entered, tolerance) << "token " << t << ", column " << c;
      }
    }
}

TEST_P(Strips, ArePackedAsByPlainLoops) {
  if (!GetParam()->pack) GTEST_SKIP() << "reads nothing that is packed";
  std::mt19937 random(1);
  for (const int columns : {1, 16, 31, 32, 33, 48, 300})
    for (const int tokens : {1, 7, 16})
      for (const int parts : {1, 2, 3}) {
        const auto width = static_cast<size_t>(columns);
        const std::vector<float> x = random_floats(static_cast<size_t>(tokens) * width, random);
        std::vector<const float*> rows;
        for (size_t t = 0; t < static_cast<size_t>(tokens); ++t)
          rows.push_back(x.data() + t * width);
        const size_t size = kernels::packed_size(columns);
        kernels::Buffer<uint16_t> got, expected;
        const size_t all = size * static_cast<size_t>(parts);
        GetParam()->pack(rows.data(), tokens, columns, {got.at_least(all), size, parts});
        kernels::portable::kernels.pack(rows.data(), tokens, columns,
                                        {expected.at_least(all), size, parts});
        for (size_t i = 0; i < all; ++i) ASSERT_EQ(got.data()[i], expected.data()[i]) << i;
      }
}

INSTANTIATE_TEST_SUITE_P(Builds, Strips, testing::ValuesIn(all_builds()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace weld::test
