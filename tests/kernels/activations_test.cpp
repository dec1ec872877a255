// Activations in strips: every column of every token has a place of its own, and what was entered
// is there.
#include "kernels/cpu/activations.h"

#include <gtest/gtest.h>

#include <set>

#include "builds.h"

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
      buffers.reserve(*GetParam(), tokens, columns, true, true);
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

TEST_P(Strips, ContinueWithZeros) {
  std::mt19937 random(1);
  kernels::ActivationBuffers buffers;
  const int tokens = 3;
  // A wider batch first: what it leaves behind must not show.
  for (const int columns : {1024, 544}) {
    const std::vector<float> x = random_floats(static_cast<size_t>(columns), random);
    buffers.reserve(*GetParam(), tokens, columns, false, true);
    for (int t = 0; t < tokens; ++t) buffers.enter(*GetParam(), t, x.data());
  }
  const Activations& view = buffers.view();
  EXPECT_EQ(view.values, nullptr);
  for (int t = 0; t < tokens; ++t)
    for (int c = 544; c < 768; ++c) {
      const size_t at = view.code_at(t, c);
      EXPECT_EQ(view.codes[at], 0);
      EXPECT_EQ(view.codes[at + view.magnitudes_at], 0);
      EXPECT_EQ(view.scales[at / kernels::group_size], 0);
      EXPECT_EQ(view.half_sums[at / (kernels::group_size / 2)], 0);
      if (view.lane_sums) {
        EXPECT_EQ(view.lane_sums[at / (kernels::group_size / 4)], 0);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Builds, Strips, testing::ValuesIn(all_builds()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace weld::test
