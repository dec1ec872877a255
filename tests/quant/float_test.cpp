// The 16-bit floats, all 65536 of each, against their definition and against the hardware's
// conversion.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "decoders.h"

namespace weld::quant::test {
namespace {

using gguf::Type;

uint32_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }

// The eight numbers with the bits `first` and on.
struct Eight {
  explicit Eight(uint32_t first) {
    for (uint32_t i = 0; i < 8; ++i) bits[i] = static_cast<uint16_t>(first + i);
  }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(bits); }
  uint16_t bits[8];
};

// A binary float of 16 bits by its definition; NaNs are quiet ones with the same payload.
float defined_value(uint32_t bits, int mantissa_bits) {
  const int exponent_bits = 15 - mantissa_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const auto mantissa = static_cast<float>(bits & ((1U << mantissa_bits) - 1));
  const int exponent = static_cast<int>(bits >> mantissa_bits & ((1U << exponent_bits) - 1));
  const float sign = bits >> 15 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return sign * (mantissa == 0 ? std::numeric_limits<float>::infinity()
                                 : std::numeric_limits<float>::quiet_NaN());
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(1 + std::ldexp(mantissa, -mantissa_bits), exponent - bias);
}

void expect_definition(Type type, int mantissa_bits) {
  const Decoder decoder = portable_decoder(type);
  for (uint32_t first = 0; first < 65536; first += 8) {
    float values[8];
    decoder.values(Eight(first).data(), values);
    for (uint32_t i = 0; i < 8; ++i) {
      const float defined = defined_value(first + i, mantissa_bits);
      ASSERT_EQ(std::isnan(values[i]), std::isnan(defined)) << first + i;
      if (std::isnan(defined)) continue;
      ASSERT_EQ(bits_of(values[i]), bits_of(defined)) << first + i;
    }
  }
}

void expect_hardware(Type type) {
  if (!have_avx2()) GTEST_SKIP() << "this CPU has no AVX2 and FMA";
  const Decoder portable = portable_decoder(type);
  for (const Decoder& hardware : {avx2_decoder(type), avx2_scalar_decoder(type)}) {
    for (uint32_t first = 0; first < 65536; first += 8) {
      float expected[8], values[8];
      portable.values(Eight(first).data(), expected);
      hardware.values(Eight(first).data(), values);
      for (uint32_t i = 0; i < 8; ++i)
        ASSERT_EQ(bits_of(values[i]), bits_of(expected[i])) << first + i;
    }
  }
}

TEST(F16, IsTheDefinition) { expect_definition(Type::F16, 10); }
TEST(BF16, IsTheDefinition) { expect_definition(Type::BF16, 7); }
TEST(F16, IsTheHardwaresConversion) { expect_hardware(Type::F16); }
TEST(BF16, IsTheHardwaresConversion) { expect_hardware(Type::BF16); }

TEST(F32, IsItsBytes) {
  const float values[8] = {0, -0.0F, 1, -2.5F, 1e-45F, 3e38F, -INFINITY, 0.1F};
  float decoded[8];
  portable_decoder(Type::F32).values(reinterpret_cast<const std::byte*>(values), decoded);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(bits_of(decoded[i]), bits_of(values[i]));
}

}  // namespace
}  // namespace weld::quant::test
