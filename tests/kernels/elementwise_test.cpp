// Quantization, norm, rotation, gating and bias: each vector build against plain loops, for odd
// sizes too.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "builds.h"

namespace weld::test {
namespace {

using kernels::Gating;
using kernels::Kernels;

const Kernels& plain = kernels::portable::kernels;
constexpr int sizes[] = {1, 2, 7, 8, 15, 16, 17, 31, 64, 100, 1024};

class Elementwise : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& build() const { return *GetParam(); }
  std::mt19937 random_{11};
};

struct Quantized {
  explicit Quantized(const Kernels& build, const std::vector<float>& x)
      : codes(x.size()),
        pairs((x.size() + 255) / 256 * 512),
        places((x.size() + 255) / 256 * 512),
        wide_codes(x.size()),
        scales(x.size() / 32),
        half_sums(x.size() / 16),
        lane_sums(x.size() / 8) {
    build.quantize(x.data(), static_cast<int>(x.size()),
                   {codes.data(), pairs.data(), places.data(), wide_codes.data(), scales.data(),
                    half_sums.data(), lane_sums.data()});
  }
  std::vector<int8_t> codes;
  std::vector<int8_t> pairs;
  std::vector<int8_t> places;
  std::vector<int16_t> wide_codes;
  std::vector<float> scales;
  std::vector<int16_t> half_sums;
  std::vector<int16_t> lane_sums;
};

TEST_P(Elementwise, QuantizesToTheSameCodes) {
  for (const float size : {1.0F, 1e-20F, 3e10F, 1e-33F, 0.0F}) {
    const std::vector<float> x = random_floats(4096, random_, size);
    const Quantized got(build(), x), expected(plain, x);
    EXPECT_EQ(got.codes, expected.codes);
    EXPECT_EQ(got.pairs, expected.pairs);
    EXPECT_EQ(got.places, expected.places);
    EXPECT_EQ(got.wide_codes, expected.wide_codes);
    EXPECT_EQ(got.scales, expected.scales);
    EXPECT_EQ(got.half_sums, expected.half_sums);
    EXPECT_EQ(got.lane_sums, expected.lane_sums);
  }
}

// AVX-512 multiplies scales by 1.5 times a power of two and relies on the product.
TEST_P(Elementwise, ScalesTimesThreeAreExact) {
  const Quantized quantized(build(), random_floats(65536, random_));
  for (const float scale : quantized.scales)
    ASSERT_EQ(static_cast<double>(scale * 3.0F), static_cast<double>(scale) * 3.0);
}

TEST_P(Elementwise, QuantizationErrsByHalfAStep) {
  const std::vector<float> x = random_floats(4096, random_);
  for (const Kernels* kernels : {&build(), &plain}) {
    const Quantized q(*kernels, x);
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_LE(std::fabs(static_cast<float>(q.codes[i]) * q.scales[i / 32] - x[i]),
                0.501F * q.scales[i / 32]);
  }
}

TEST_P(Elementwise, NormsRows) {
  for (const int n : sizes) {
    const std::vector<float> x = random_floats(static_cast<size_t>(n), random_, 3);
    const std::vector<float> weight = random_floats(x.size(), random_);
    std::vector<float> got(x.size()), expected(x.size());
    build().rms_norm(x.data(), weight.data(), 1e-5F, n, got.data());
    plain.rms_norm(x.data(), weight.data(), 1e-5F, n, expected.data());
    expect_near(got, expected, 2e-6F);
  }
}

TEST_P(Elementwise, RotatesHalvesAndNeighbours) {
  for (const bool halves : {false, true})
    for (const int pairs : sizes) {
      const std::vector<float> angles = random_floats(static_cast<size_t>(pairs), random_, 3);
      std::vector<float> cosine, sine;
      for (const float angle : angles) {
        cosine.push_back(std::cos(angle));
        sine.push_back(std::sin(angle));
      }
      std::vector<float> got = random_floats(2 * angles.size() + 3, random_);
      std::vector<float> expected = got;
      build().rotate(got.data(), cosine.data(), sine.data(), pairs, halves);
      plain.rotate(expected.data(), cosine.data(), sine.data(), pairs, halves);
      expect_near(got, expected, 1e-6F);
      EXPECT_EQ(got.back(), expected.back()) << "what is beyond the pairs must stay";
    }
}

TEST_P(Elementwise, Gates) {
  for (const Gating gating : {Gating::SwiGLU, Gating::ClampedSwiGLU})
    for (const int n : sizes)
      for (const float size : {1.0F, 20.0F, 500.0F}) {
        const std::vector<float> gates = random_floats(static_cast<size_t>(n), random_, size);
        const std::vector<float> up = random_floats(gates.size(), random_, size);
        std::vector<float> got(gates.size()), expected(gates.size());
        build().gate(gating, gates.data(), up.data(), n, got.data());
        plain.gate(gating, gates.data(), up.data(), n, expected.data());
        expect_near(got, expected, 1e-6F);
      }
}

TEST_P(Elementwise, GateOfEveryMagnitudeIsAccurate) {
  // silu(g) * (1 + e^-g) / g is 1: this sees the error of e^x over its whole range.
  for (int i = 0; i < 433; ++i) {
    const float g = -80 + 0.37F * static_cast<float>(i);
    const float one = 1;
    float out = 0;
    build().gate(Gating::SwiGLU, &g, &one, 1, &out);
    const double exact = static_cast<double>(g) / (1 + std::exp(-static_cast<double>(g)));
    ASSERT_NEAR(out / exact, 1, 1e-6) << g;
  }
}

TEST_P(Elementwise, ScalesAndAdds) {
  for (const int n : sizes) {
    const std::vector<float> x = random_floats(static_cast<size_t>(n), random_),
                             bias = random_floats(x.size(), random_);
    for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
      std::vector<float> got(x.size()), expected(x.size());
      build().scale_and_bias(x.data(), 1.7F, b, n, got.data());
      plain.scale_and_bias(x.data(), 1.7F, b, n, expected.data());
      expect_near(got, expected, 1e-6F);
    }
    std::vector<float> got = bias, expected = bias;
    build().add_scaled(x.data(), -0.3F, n, got.data());
    plain.add_scaled(x.data(), -0.3F, n, expected.data());
    expect_near(got, expected, 1e-6F);
  }
}

TEST_P(Elementwise, SurvivesWhatIsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity, -infinity}) {
    std::vector<float> x(64, 1.0F), out(64);
    x[5] = bad;
    x[40] = bad;
    const Quantized quantized(build(), x), quantized_plain(plain, x);
    build().rms_norm(x.data(), x.data(), 1e-5F, 64, out.data());
    build().gate(Gating::SwiGLU, x.data(), x.data(), 64, out.data());
    build().gate(Gating::ClampedSwiGLU, x.data(), x.data(), 64, out.data());
  }
}

INSTANTIATE_TEST_SUITE_P(Builds, Elementwise, testing::ValuesIn(vector_builds()),
                         [](const auto& info) { return name_of(info.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Elementwise);

}  // namespace
}  // namespace weld::test
