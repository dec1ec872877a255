// Fused projections shared out: the same bits however many threads there are, down to parts of the
// tokens for each.
#include "kernels/cpu/project.h"

#include <gtest/gtest.h>

#include <cstring>

#include "builds.h"
#include "micro_model.h"

namespace weld::test {
namespace {

using gguf::Type;
using kernels::Segment;

/// Members of two types that read the same activation.
struct Members {
  Members(Type first, Type second, int columns, std::mt19937& random) {
    const auto add = [&](Type type, int rows) {
      const gguf::TypeInfo& info = gguf::info(type);
      bytes.push_back(
          random_weights(type, static_cast<size_t>(rows) * static_cast<size_t>(columns), random));
      Segment segment;
      segment.type = type;
      segment.data = bytes.back().data();
      segment.row_bytes = static_cast<size_t>(columns) / info.block_elements * info.block_bytes;
      segment.rows = rows;
      segment.output = outputs;
      segments.push_back(segment);
      outputs += rows;
    };
    add(first, 70);
    add(second, 70);
  }
  std::vector<std::vector<std::byte>> bytes;
  std::vector<Segment> segments;
  int outputs = 0;
};

using Types = std::pair<Type, Type>;
class ProjectionOf : public testing::TestWithParam<Types> {};

TEST_P(ProjectionOf, HasTheSameBitsOnAnyNumberOfThreads) {
  constexpr int columns = 512;
  std::mt19937 random(8);
  const Members members(GetParam().first, GetParam().second, columns, random);
  for (const int tokens : {1, 3, 4, 130, 200, 961}) {
    const size_t size = static_cast<size_t>(tokens) * static_cast<size_t>(members.outputs);
    const std::vector<float> x = random_floats(static_cast<size_t>(tokens) * columns, random);
    std::vector<std::vector<float>> products, gated;
    for (const int threads : {1, 2, 7, 16}) {
      kernels::Context context(threads);
      products.emplace_back(size, NAN);
      kernels::project(context, members.segments, columns, x.data(), tokens,
                       kernels::Store::Replace, products.back().data(),
                       static_cast<size_t>(members.outputs));
      gated.emplace_back(size / 2, NAN);
      kernels::project_gated(context, members.segments[0], members.segments[1],
                             kernels::Gating::SwiGLU, columns, x.data(), tokens,
                             gated.back().data());
      ASSERT_EQ(std::memcmp(products[0].data(), products.back().data(), size * sizeof(float)), 0)
          << tokens << " tokens, " << threads << " threads";
      ASSERT_EQ(std::memcmp(gated[0].data(), gated.back().data(), size / 2 * sizeof(float)), 0)
          << tokens << " tokens, " << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ProjectionOf,
                         testing::Values(Types{Type::Q4_K, Type::Q6_K},
                                         Types{Type::Q8_0, Type::F16}, Types{Type::BF16, Type::F32},
                                         Types{Type::IQ2_XXS, Type::IQ4_XS}),
                         [](const auto& info) {
                           return std::string(gguf::info(info.param.first).name) + "_and_" +
                                  gguf::info(info.param.second).name;
                         });

}  // namespace
}  // namespace weld::test
