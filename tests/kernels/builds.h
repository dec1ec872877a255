// The builds of the kernels that this processor runs, as test parameters, and random input for
// them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/kernels.h"

namespace weld::test {

inline std::vector<const kernels::Kernels*> all_builds() {
  const kernels::KernelList available = kernels::available_kernels();
  return {available.list, available.list + available.count};
}

/// Every vector build, each to be compared with the portable one.
inline std::vector<const kernels::Kernels*> vector_builds() {
  const kernels::KernelList available = kernels::available_kernels();
  return {available.list + 1, available.list + available.count};
}

inline std::string name_of(const kernels::Kernels* build) { return build->name; }

inline std::vector<float> random_floats(size_t n, std::mt19937& random, float size = 1) {
  std::vector<float> values(n);
  for (float& v : values) v = size * (static_cast<float>(random() >> 8U) * 0x1p-23F - 1.0F);
  return values;
}

/// Each value within `tolerance` of what is expected, relative to the larger of it and 1.
inline void expect_near(const std::vector<float>& got, const std::vector<float>& expected,
                        float tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], tolerance * std::max(1.0F, std::fabs(expected[i])))
        << "at " << i;
}

}  // namespace weld::test
