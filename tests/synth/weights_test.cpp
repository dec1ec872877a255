// Random weights: what every type decodes to, and that a seed decides.
#include "synth/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <vector>

#include "quant/dequantize.h"

namespace weld::gguf {
static void PrintTo(const TypeInfo& info, std::ostream* out) { *out << info.name; }
}  // namespace weld::gguf

namespace weld::synth {
namespace {

std::vector<std::byte> weights(const gguf::TypeInfo& info, size_t count, uint64_t seed) {
  std::vector<std::byte> blocks(count / info.block_elements * info.block_bytes);
  Random random(seed);
  fill_weights(info.type, blocks, random);
  return blocks;
}

class Weights : public testing::TestWithParam<gguf::TypeInfo> {};

TEST_P(Weights, AreLikeThoseOfATrainedModel) {
  constexpr size_t count = 1 << 16;
  std::vector<float> values(count);
  quant::dequantize(GetParam().type, weights(GetParam(), count, 1).data(), count, values.data());
  double sum = 0, squares = 0;
  for (const float value : values) {
    ASSERT_TRUE(std::isfinite(value));
    ASSERT_LT(std::fabs(value), 2);
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const double deviation = std::sqrt(squares / count);
  EXPECT_GT(deviation, 0.01);
  EXPECT_LT(deviation, 0.2);
  EXPECT_LT(std::fabs(sum / count), deviation / 2);  // TQ2_0 has no code below -1, but one of 2
}

TEST_P(Weights, DependOnTheSeedAlone) {
  EXPECT_EQ(weights(GetParam(), 1024, 7), weights(GetParam(), 1024, 7));
  EXPECT_NE(weights(GetParam(), 1024, 7), weights(GetParam(), 1024, 8));
}

INSTANTIATE_TEST_SUITE_P(Types, Weights, testing::ValuesIn(gguf::type_table),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace weld::synth
