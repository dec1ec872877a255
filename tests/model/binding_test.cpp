// Tensors bound to segments: where the rows of each member are, in separate and merged tensors.
#include <gmock/gmock.h>

#include "micro_model.h"
#include "model/model.h"

using namespace weld;
using namespace weld::test;
using gguf::Type;
using kernels::Segment;
using ::testing::ElementsAre;

namespace {

const std::byte* data_of(const model::Model& model, const char* tensor) {
  return model.file().find_tensor(tensor)->data;
}

/// Bytes of a row of the default number of columns.
constexpr size_t q8_0_row = size_t{64 / 32} * 34;

TEST(Binding, PointsIntoTheMappedFile) {
  Micro micro;
  micro.type = Type::Q8_0;
  const model::Model model = make(micro).open();
  const std::vector<Segment>& qkv = model.layers()[1].qkv;
  ASSERT_EQ(qkv.size(), 3U);
  EXPECT_EQ(qkv[0].data, data_of(model, "blk.1.attn_q.weight"));
  EXPECT_EQ(qkv[1].data, data_of(model, "blk.1.attn_k.weight"));
  EXPECT_EQ(qkv[2].data, data_of(model, "blk.1.attn_v.weight"));
  EXPECT_EQ(qkv[0].rows, 4 * 32);
  EXPECT_EQ(qkv[1].rows, 2 * 32);
  EXPECT_EQ(qkv[2].rows, 2 * 32);
  EXPECT_EQ(qkv[0].output, 0);
  EXPECT_EQ(qkv[1].output, 4 * 32);
  EXPECT_EQ(qkv[2].output, 6 * 32);
  for (const Segment& segment : qkv) {
    EXPECT_EQ(segment.type, Type::Q8_0);
    EXPECT_EQ(segment.row_bytes, q8_0_row);
    EXPECT_EQ(segment.bias, nullptr);
    EXPECT_EQ(segment.scale, nullptr);
  }
  EXPECT_EQ(static_cast<const void*>(model.output_norm()), data_of(model, "output_norm.weight"));
}

TEST(Binding, FindsMembersInAMergedTensor) {
  Micro micro;
  micro.architecture = "gpt-oss";
  micro.experts = 3;
  micro.type = Type::Q8_0;
  Draft draft = make(micro);
  merge(draft, draft.open().config());
  const model::Model model = draft.open();
  const model::Layer& layer = model.layers()[0];

  const std::byte* qkv = data_of(model, "blk.0.attn_qkv.weight");
  EXPECT_EQ(layer.qkv[0].data, qkv);
  EXPECT_EQ(layer.qkv[1].data, qkv + 4 * 32 * q8_0_row);
  EXPECT_EQ(layer.qkv[2].data, qkv + 6 * 32 * q8_0_row);
  EXPECT_EQ(layer.qkv[1].bias, layer.qkv[0].bias + 4 * 32);
  EXPECT_EQ(layer.qkv[2].bias, layer.qkv[0].bias + 6 * 32);

  const std::byte* gate_up = data_of(model, "blk.0.ffn_gate_up_exps.weight");
  EXPECT_EQ(layer.gate.data, gate_up);
  EXPECT_EQ(layer.up.data, gate_up + 96 * q8_0_row);
  EXPECT_EQ(layer.up.bias, layer.gate.bias + 96);
  for (const Segment& segment : {layer.gate, layer.up}) {
    EXPECT_EQ(segment.rows, 96);
    EXPECT_EQ(segment.expert_bytes, 2 * 96 * q8_0_row);
    EXPECT_EQ(segment.bias_stride, 2U * 96);
  }
}

TEST(Binding, TiesTheOutputToTheEmbeddingWhereThereIsNone) {
  Micro micro;
  EXPECT_NE(make(micro).open().output().data, make(micro).open().embedding().data);
  micro.tied = true;
  const model::Model model = make(micro).open();
  EXPECT_EQ(model.output().data, model.embedding().data);
  EXPECT_EQ(model.vocabulary(), 80);
}

TEST(Binding, NamesWhatFusesWithWhat) {
  Micro micro;
  micro.architecture = "qwen3moe";
  micro.experts = 2;
  micro.choose_type = [](std::string_view name, Type type) {
    return name == "attn_v" ? Type::Q8_0 : name == "ffn_up_exps" ? Type::F16 : type;
  };
  const auto separate = make(micro).open().fused_groups(1);
  ASSERT_EQ(separate.size(), 2U);
  EXPECT_EQ(separate[0].name, "qkv");
  EXPECT_EQ(separate[0].layout, "separate");
  EXPECT_THAT(separate[0].members, ElementsAre("attn_q", "attn_k", "attn_v"));
  EXPECT_EQ(separate[0].segments[2].type, Type::Q8_0);
  EXPECT_EQ(separate[1].name, "gate-up");
  EXPECT_THAT(separate[1].members, ElementsAre("ffn_gate_exps", "ffn_up_exps"));
  EXPECT_EQ(separate[1].segments[1].type, Type::F16);

  micro.choose_type = nullptr;
  Draft draft = make(micro);
  merge(draft, draft.open().config());
  for (const model::FusedGroup& group : draft.open().fused_groups(0))
    EXPECT_EQ(group.layout, "merged") << group.name;

  micro.architecture = "llama";
  micro.experts = 0;
  EXPECT_THAT(make(micro).open().fused_groups(0)[1].members, ElementsAre("ffn_gate", "ffn_up"));
}

TEST(Binding, ReadsOptionalTensorsWhereverTheyAre) {
  Draft draft = make({});
  const std::vector<float> one = {2};
  draft.add_f32("blk.0.attn_k.bias", {64}, std::vector<float>(64, 0.5F));
  draft.add_f32("blk.1.ffn_down.scale", {1}, one);
  draft.add_f32("rope_freqs.weight", {16}, std::vector<float>(16, 3));
  const model::Model model = draft.open();
  EXPECT_EQ(model.layers()[0].qkv[1].bias[63], 0.5F);
  EXPECT_EQ(model.layers()[0].qkv[0].bias, nullptr);
  EXPECT_EQ(*model.layers()[1].down.scale, 2);
  EXPECT_EQ(model.rope_factors()[15], 3);
}

}  // namespace
