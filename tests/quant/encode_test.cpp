// Encoding: what decodes to the same values, and how far off others are.
#include "quant/encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "quant/dequantize.h"

namespace weld::quant {
namespace {

using gguf::Type;

std::vector<float> through(Type type, const std::vector<float>& values) {
  const gguf::TypeInfo& info = gguf::info(type);
  std::vector<std::byte> bytes(values.size() / info.block_elements * info.block_bytes);
  std::vector<float> result(values.size());
  const auto n = static_cast<int64_t>(values.size());
  encode(type, values.data(), n, bytes.data());
  dequantize(type, bytes.data(), n, result.data());
  return result;
}

double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += std::pow(double{a[i]} - b[i], 2);
    norm += std::pow(double{a[i]}, 2);
  }
  return error / norm;
}

struct Bound {
  Type type;
  double error;  ///< of normal numbers, squared and relative: a little above a uniform grid's
};

constexpr Bound bounds[] = {{Type::F32, 0},       {Type::F16, 1e-7},   {Type::BF16, 1e-5},
                            {Type::Q8_0, 5e-5},   {Type::Q6_K, 8e-4},  {Type::Q5_K, 3e-3},
                            {Type::Q5_1, 2.5e-3}, {Type::Q5_0, 3e-3},  {Type::Q4_K, 1.2e-2},
                            {Type::Q4_1, 1e-2},   {Type::Q4_0, 1.2e-2}};

TEST(Encode, NormalNumbersComeBackAsNearAsTheTypeAllows) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.05F);
  std::vector<float> values(1 << 14);
  for (float& value : values) value = normal(random);
  for (const auto& [type, bound] : bounds) {
    ASSERT_TRUE(can_encode(type));
    EXPECT_LE(relative_error(values, through(type, values)), bound) << gguf::info(type).name;
  }
}

TEST(Encode, NarrowTypesFitIntoWiderOnesNearlyExactly) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0, 0.05F);
  std::vector<float> values(1 << 14);
  for (float& value : values) value = normal(random);
  for (const auto& [type, bound] : bounds) {
    const std::vector<float> narrow = through(type, values);
    EXPECT_LE(relative_error(narrow, through(Type::F32, narrow)), 0);
    EXPECT_LE(relative_error(narrow, through(Type::Q8_0, narrow)), 6e-5) << gguf::info(type).name;
  }
}

TEST(Encode, StrangeValuesDoNoHarm) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values(256, 0.0F);
  for (const auto& [type, bound] : bounds) {
    EXPECT_EQ(through(type, values), values) << gguf::info(type).name;
    for (const float strange : {1e-40F, -1e-7F, 1e30F, -1e30F, infinity, -infinity,
                                std::numeric_limits<float>::quiet_NaN()}) {
      std::vector<float> some = values;
      some[3] = strange;
      EXPECT_EQ(through(type, some).size(), some.size());
    }
  }
}

TEST(Encode, EveryCodeOfABlockHasItsPlace) {
  // Each weight in turn is the only one, so that a code in a wrong place is seen.
  for (const auto& [type, bound] : bounds) {
    for (size_t i = 0; i < 256; ++i) {
      std::vector<float> values(256, 0.0F);
      values[i] = -1;
      const std::vector<float> found = through(type, values);
      for (size_t j = 0; j < 256; ++j)
        ASSERT_NEAR(found[j], values[j], 0.04) << gguf::info(type).name << " " << i << " " << j;
    }
  }
}

TEST(Encode, KnowsWhatItDoesNotKnow) {
  for (const Type type : {Type::IQ2_S, Type::Q2_K, Type::NVFP4, Type::TQ1_0})
    EXPECT_FALSE(can_encode(type));
}

}  // namespace
}  // namespace weld::quant
