// Each reference file with its members merged (or, where they are merged, split) gives the same
// bits.
#include <gtest/gtest.h>

#include "micro_model.h"
#include "references.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;

namespace {

class ReferenceTwin : public ::testing::TestWithParam<Reference> {};

TEST_P(ReferenceTwin, GivesTheSameBits) {
  const Reference& reference = GetParam();
  const model::Model model(gguf::File::open(reference.file()));
  Draft draft(model.file());
  if (split(draft, model.config()) == 0 && merge(draft, model.config()) == 0)
    GTEST_SKIP() << "its members are of different types";
  const model::Model twin = draft.open();
  EXPECT_NE(twin.fused_groups(0).front().layout, model.fused_groups(0).front().layout);

  engine::SessionOptions options;
  options.context = options.batch = 48;
  const auto tokens = std::span(reference.tokens).first(48);
  const std::vector<float> want = evaluate(model, tokens, options);
  EXPECT_TRUE(same_bits(evaluate(twin, tokens, options), want));
  options.fuse = {false, false};
  EXPECT_TRUE(same_bits(evaluate(twin, tokens, options), want)) << "none fused";
}

INSTANTIATE_TEST_SUITE_P(Files, ReferenceTwin, ::testing::ValuesIn(references()),
                         [](const auto& info) { return test_name(info.param.name); });

}  // namespace
