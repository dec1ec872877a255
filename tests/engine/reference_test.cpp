// Whole models against the reference logits. WELD_PRINT_TABLE=1 prints every error as a row of a
// table.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "references.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;

namespace {

struct Case {
  Reference reference;
  std::string isa;
  int batch;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.reference.name; }

/// Every file by every kernel in every batch size; but plain loops take the short texts only, and
/// as one batch.
std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const Reference& reference : references())
    for (const std::string& isa : isas())
      for (const int batch : {512, 7, 1})
        if (isa != "portable" || (batch == 512 && reference.tokens.size() <= 48))
          cases.push_back({reference, isa, batch});
  return cases;
}

/// The median of the tokens' errors.
double median_error(const model::Model& model, const Case& c, kernels::CacheType cache,
                    std::span<const float> want) {
  engine::SessionOptions options;
  options.batch = c.batch;
  options.context = static_cast<int>(c.reference.tokens.size());
  options.cache = cache;
  const std::vector<float> got = evaluate(model, c.reference.tokens, options);
  EXPECT_EQ(got.size(), want.size());
  std::vector<double> errors = row_errors(got, want, static_cast<size_t>(model.vocabulary()));
  const auto middle = errors.begin() + static_cast<ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  return *middle;
}

void print_row(const Case& c, const char* cache, double error, double bound) {
  if (std::getenv("WELD_PRINT_TABLE") == nullptr) return;
  std::printf("| %s | %s | %d | %s | %.2e | %.2e |\n", c.reference.name.c_str(), c.isa.c_str(),
              c.batch, cache, error, bound);
}

class ReferenceModel : public ::testing::TestWithParam<Case> {};

TEST_P(ReferenceModel, StaysWithinItsBound) {
  const Case& c = GetParam();
  const UseKernels kernels(c.isa);
  const model::Model model(gguf::File::open(c.reference.file()));
  const std::vector<float> want = c.reference.logits();
  ASSERT_EQ(want.size(), c.reference.tokens.size() * static_cast<size_t>(model.vocabulary()));

  const double error = median_error(model, c, kernels::CacheType::F16, want);
  print_row(c, "f16", error, c.reference.bound);
  EXPECT_LE(error, c.reference.bound);
  if (c.reference.all_f32()) {
    constexpr double bound = 1e-10;
    const double exact = median_error(model, c, kernels::CacheType::F32, want);
    print_row(c, "f32", exact, bound);
    EXPECT_LE(exact, bound);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ReferenceModel, ::testing::ValuesIn(cases()), [](const auto& info) {
  return test_name(info.param.reference.name) + "_" + info.param.isa + "_batch_" +
         std::to_string(info.param.batch);
});

/// Says aloud what a checkout without the reference data does not test.
TEST(ReferenceModels, AreAllThere) {
  EXPECT_FALSE(references().empty()) << "not even those of tests/data/models";
  WELD_NEEDS_REFS();
  EXPECT_GE(references_in(refs() / "models").size(), 45U);
}

}  // namespace
