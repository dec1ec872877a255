// How many operations and quantizations one token costs, fused and not: exact numbers.
#include <gtest/gtest.h>

#include "micro_model.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;
using gguf::Type;

namespace {

/// What the operations of a layer are for one token; each is shared out once and ends with one
/// barrier. (Norms, rotation and quantization of a single token are too small to be shared out.)
///
///   operation         dispatches         inputs quantized
///                     fused  separate    fused  separate
///   q, k, v             1       3          1       3
///   attention           1       1          -       -
///   attention output    1       1          1       1
///   router              1       1          -       -      only with experts; its weights are F32
///   gate, up            1       2          1       2
///   activation          -       1          -       -      fused: in the epilogue of gate and up
///   down                1       1          1       1
struct Counts {
  int64_t dispatches;
  int64_t quantizations;
  bool operator==(const Counts&) const = default;
};
void PrintTo(const Counts& counts, std::ostream* out) {
  *out << counts.dispatches << " dispatches, " << counts.quantizations << " quantizations";
}

struct Case {
  const char* name;
  const char* architecture;
  int experts;
  model::Fuse fuse;
  Counts layer;
};

constexpr model::Fuse all{true, true}, none{false, false}, qkv{true, false}, gate_up{false, true};

constexpr Case cases[] = {
    {"dense_all", "qwen3", 0, all, {5, 4}},
    {"dense_none", "qwen3", 0, none, {9, 7}},
    {"dense_qkv", "qwen3", 0, qkv, {7, 5}},
    {"dense_gate_up", "qwen3", 0, gate_up, {7, 6}},
    {"experts_all", "qwen3moe", 4, all, {6, 4}},
    {"experts_none", "qwen3moe", 4, none, {10, 7}},
    {"experts_qkv", "qwen3moe", 4, qkv, {8, 5}},
    {"experts_gate_up", "qwen3moe", 4, gate_up, {8, 6}},
    {"gpt_oss_all", "gpt-oss", 4, all, {6, 4}},
    {"gpt_oss_none", "gpt-oss", 4, none, {10, 7}},
};

/// After the layers: the output projection, and its input.
constexpr Counts output{1, 1};

/// The counts of the second of two tokens.
Counts of_one_token(const model::Model& model, model::Fuse fuse) {
  engine::SessionOptions options;
  options.threads = 2;
  options.fuse = fuse;
  engine::Session session(model, options);
  const int32_t token = 3;
  session.prefill({&token, 1});
  const kernels::Counters before = session.counters();
  session.prefill({&token, 1});
  return {session.counters().dispatches - before.dispatches,
          session.counters().quantizations - before.quantizations};
}

class CountsOfALayer : public ::testing::TestWithParam<Case> {};

TEST_P(CountsOfALayer, AreThese) {
  const Case& c = GetParam();
  Micro micro;
  micro.architecture = c.architecture;
  micro.experts = c.experts;
  micro.type = Type::Q8_0;
  micro.layers = 3;
  Draft draft = make(micro);
  const Counts want{3 * c.layer.dispatches + output.dispatches,
                    3 * c.layer.quantizations + output.quantizations};
  const model::Model model = draft.open();
  EXPECT_EQ(of_one_token(model, c.fuse), want);
  merge(draft, model.config());
  EXPECT_EQ(of_one_token(draft.open(), c.fuse), want) << "merged";
}

INSTANTIATE_TEST_SUITE_P(Modes, CountsOfALayer, ::testing::ValuesIn(cases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Counts, FloatWeightsNeedNoQuantizedInput) {
  const model::Model model = make({}).open();
  EXPECT_EQ(of_one_token(model, all).quantizations, 0);
  EXPECT_EQ(of_one_token(model, none).quantizations, 0);
}

TEST(Counts, AFusedProjectionOfManyTypesQuantizesItsInputOnce) {
  Micro micro;
  micro.layers = 1;
  micro.choose_type = [](std::string_view name, Type) {
    if (name == "attn_q") return Type::Q4_0;
    if (name == "attn_v") return Type::Q8_0;
    return Type::F32;
  };
  const model::Model model = make(micro).open();
  EXPECT_EQ(of_one_token(model, all).quantizations, 1);
  EXPECT_EQ(of_one_token(model, none).quantizations, 2);
}

/// A long batch shares out more, but fusing saves the same operations.
TEST(Counts, FusingSavesTheSameInLongBatches) {
  Micro micro;
  micro.type = Type::Q8_0;
  const model::Model model = make(micro).open();
  const std::vector<int32_t> tokens = some_tokens(200, model.vocabulary());
  const auto count = [&](model::Fuse fuse) {
    engine::SessionOptions options;
    options.fuse = fuse;
    engine::Session session(model, options);
    session.prefill(tokens);
    return session.counters();
  };
  const kernels::Counters fused = count(all), separate = count(none);
  EXPECT_EQ(separate.quantizations - fused.quantizations, 2 * 3);
  EXPECT_GE(separate.dispatches - fused.dispatches, 2 * 4);
}

}  // namespace
