// Files that are sound GGUF and no model: each is refused in one line that names the file, the
// field and the value.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "gguf/bytes.h"
#include "micro_model.h"

using namespace weld;
using namespace weld::test;
using gguf::Type;

namespace {

struct Case {
  const char* name;
  const char* architecture;  ///< of the sound model that is spoiled
  std::function<void(Draft&)> spoil;
  const char* message;  ///< what follows the file's name
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// The sound models: dense ones, and those with experts.
Micro sound(const std::string& architecture) {
  Micro micro;
  micro.architecture = architecture;
  micro.layers = 2;
  if (architecture == "qwen3moe" || architecture == "gpt-oss") micro.experts = 4;
  return micro;
}

auto unset(const char* key) {
  return [key](Draft& d) { d.unset(key); };
}
auto set_u32(const char* key, uint32_t value) {
  return [=](Draft& d) { d.set_u32(key, value); };
}
auto set_i32(const char* key, int32_t value) {
  return [=](Draft& d) { d.set_i32(key, value); };
}
auto set_f32(const char* key, float value) {
  return [=](Draft& d) { d.set_f32(key, value); };
}
auto set_string(const char* key, const char* value) {
  return [=](Draft& d) { d.set_string(key, value); };
}
auto drop(const char* tensor) {
  return [tensor](Draft& d) { d.take(tensor); };
}
auto rename(const char* from, const char* to) {
  return [=](Draft& d) { d.tensor(from).name = to; };
}
/// The tensor in another shape, its weights forgotten.
auto reshape(const char* tensor, std::vector<uint64_t> dims) {
  return [=](Draft& d) {
    d.take(tensor);
    uint64_t count = 1;
    for (const uint64_t dim : dims) count *= dim;
    d.add_f32(tensor, dims, std::vector<float>(count));
  };
}
/// One more tensor.
auto with(const char* tensor, const std::vector<uint64_t>& dims) {
  return [=](Draft& d) {
    uint64_t count = 1;
    for (const uint64_t dim : dims) count *= dim;
    d.add_f32(tensor, dims, std::vector<float>(count));
  };
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

const Case cases[] = {
    // What the model is.
    {"architecture_missing", "llama", unset("general.architecture"),
     "general.architecture: is missing"},
    {"architecture_unknown", "llama", set_string("general.architecture", "mamba"),
     "general.architecture: must be one of llama, qwen2, qwen3, qwen3moe, gpt-oss, is string "
     "\"mamba\""},
    {"architecture_of_two_lines", "llama", set_string("general.architecture", "a\nb"),
     "general.architecture: must be one of llama, qwen2, qwen3, qwen3moe, gpt-oss, is string "
     "\"a\\nb\""},
    {"architecture_a_number", "llama", set_u32("general.architecture", 3),
     "general.architecture: must be a string, is u32 3"},

    // Sizes.
    {"layers_missing", "llama", unset("llama.block_count"), "llama.block_count: is missing"},
    {"layers_zero", "llama", set_u32("llama.block_count", 0),
     "llama.block_count: must be from 1 to 4096, is 0"},
    {"layers_too_many", "llama", set_u32("llama.block_count", 4097),
     "llama.block_count: must be from 1 to 4096, is 4097"},
    {"layers_negative", "llama", set_i32("llama.block_count", -1),
     "llama.block_count: must be a non-negative integer, is i32 -1"},
    {"layers_a_float", "llama", set_f32("llama.block_count", 2),
     "llama.block_count: must be a non-negative integer, is f32 2"},
    {"layers_a_string", "llama", set_string("llama.block_count", "2"),
     "llama.block_count: must be a non-negative integer, is string \"2\""},
    {"context_missing", "qwen2", unset("qwen2.context_length"), "qwen2.context_length: is missing"},
    {"context_zero", "qwen2", set_u32("qwen2.context_length", 0),
     "qwen2.context_length: must be from 1 to 1073741824, is 0"},
    {"context_too_long", "qwen2", set_u32("qwen2.context_length", UINT32_MAX),
     "qwen2.context_length: must be from 1 to 1073741824, is 4294967295"},
    {"embedding_missing", "llama", unset("llama.embedding_length"),
     "llama.embedding_length: is missing"},
    {"embedding_too_large", "llama", set_u32("llama.embedding_length", 1U << 25U),
     "llama.embedding_length: must be from 1 to 16777216, is 33554432"},
    {"feed_forward_missing", "llama", unset("llama.feed_forward_length"),
     "llama.feed_forward_length: is missing"},
    {"feed_forward_zero", "llama", set_u32("llama.feed_forward_length", 0),
     "llama.feed_forward_length: must be from 1 to 16777216, is 0"},
    {"vocabulary_disagrees", "llama", set_u32("llama.vocab_size", 81),
     "llama.vocab_size: must be the 80 rows of token_embd.weight, is 81"},
    {"vocabulary_a_string", "llama", set_string("llama.vocab_size", "eighty"),
     "llama.vocab_size: must be a non-negative integer, is string \"eighty\""},

    // Heads.
    {"heads_missing", "llama", unset("llama.attention.head_count"),
     "llama.attention.head_count: is missing"},
    {"heads_zero", "llama", set_u32("llama.attention.head_count", 0),
     "llama.attention.head_count: must be from 1 to 65536, is 0"},
    {"heads_not_divided", "llama", set_u32("llama.attention.head_count_kv", 3),
     "llama.attention.head_count_kv: must divide the 4 heads, is 3"},
    {"more_key_heads_than_heads", "llama", set_u32("llama.attention.head_count_kv", 8),
     "llama.attention.head_count_kv: must divide the 4 heads, is 8"},
    {"key_heads_zero", "llama", set_u32("llama.attention.head_count_kv", 0),
     "llama.attention.head_count_kv: must be from 1 to 65536, is 0"},
    {"too_many_heads_share_a_key", "llama",
     [](Draft& d) {
       d.set_u32("llama.attention.head_count", 128);
       d.set_u32("llama.attention.head_count_kv", 1);
     },
     "llama.attention.head_count_kv: must be at least a 64th of the 128 heads, is 1"},
    {"a_head_count_a_layer", "llama",
     [](Draft& d) {
       d.set_strings("llama.attention.head_count", std::vector<std::string>{"4", "4"});
     },
     "llama.attention.head_count: must be a non-negative integer, is string[2] {\"4\", \"4\"}"},
    {"key_size_missing_and_uneven", "llama",
     [](Draft& d) {
       d.set_u32("llama.attention.head_count", 6);
       d.unset("llama.attention.key_length");
     },
     "llama.attention.key_length: is missing, and the embedding length 64 is not a multiple of the "
     "6 heads"},
    {"value_size_missing_and_uneven", "llama",
     [](Draft& d) {
       d.set_u32("llama.attention.head_count", 6);
       d.unset("llama.attention.value_length");
     },
     "llama.attention.value_length: is missing, and the embedding length 64 is not a multiple of "
     "the 6 heads"},
    {"key_size_zero", "llama", set_u32("llama.attention.key_length", 0),
     "llama.attention.key_length: must be from 1 to 512, is 0"},
    {"key_size_too_large", "llama", set_u32("llama.attention.key_length", 513),
     "llama.attention.key_length: must be from 1 to 512, is 513"},
    {"default_key_size_too_large", "llama",
     [](Draft& d) {
       d.set_u32("llama.embedding_length", 1024);
       d.set_u32("llama.attention.head_count", 1);
       d.set_u32("llama.attention.head_count_kv", 1);
       d.unset("llama.attention.key_length");
     },
     "llama.attention.key_length: must be at most 512, is 1024"},

    // Numbers.
    {"epsilon_missing", "llama", unset("llama.attention.layer_norm_rms_epsilon"),
     "llama.attention.layer_norm_rms_epsilon: is missing"},
    {"epsilon_nan", "llama", set_f32("llama.attention.layer_norm_rms_epsilon", nan),
     "llama.attention.layer_norm_rms_epsilon: must be from 0 to 1, is nan"},
    {"epsilon_negative", "llama", set_f32("llama.attention.layer_norm_rms_epsilon", -0.5F),
     "llama.attention.layer_norm_rms_epsilon: must be from 0 to 1, is -0.5"},
    {"epsilon_an_integer", "llama", set_u32("llama.attention.layer_norm_rms_epsilon", 1),
     "llama.attention.layer_norm_rms_epsilon: must be a float, is u32 1"},

    // Rotary positions.
    {"rope_dimensions_odd", "llama", set_u32("llama.rope.dimension_count", 7),
     "llama.rope.dimension_count: must be even, is 7"},
    {"rope_dimensions_beyond_the_head", "llama", set_u32("llama.rope.dimension_count", 34),
     "llama.rope.dimension_count: must be from 2 to 32, is 34"},
    {"rope_base_zero", "llama", set_f32("llama.rope.freq_base", 0),
     "llama.rope.freq_base: must be from 1 to 1000000000000000, is 0"},
    {"rope_base_infinite", "llama", set_f32("llama.rope.freq_base", infinity),
     "llama.rope.freq_base: must be from 1 to 1000000000000000, is inf"},
    {"rope_scaling_unknown", "llama", set_string("llama.rope.scaling.type", "longrope"),
     "llama.rope.scaling.type: must be none, linear or yarn, is string \"longrope\""},
    {"rope_scaling_a_number", "llama", set_u32("llama.rope.scaling.type", 1),
     "llama.rope.scaling.type: must be a string, is u32 1"},
    {"rope_factor_zero", "llama", set_f32("llama.rope.scaling.factor", 0),
     "llama.rope.scaling.factor: must be from 0.001 to 1000000, is 0"},
    {"rope_oldest_factor_nan", "llama", set_f32("llama.rope.scale_linear", nan),
     "llama.rope.scale_linear: must be from 0.001 to 1000000, is nan"},
    {"rope_context_zero", "llama", set_u32("llama.rope.scaling.original_context_length", 0),
     "llama.rope.scaling.original_context_length: must be from 1 to 1073741824, is 0"},
    {"rope_attention_factor_nan", "llama", set_f32("llama.rope.scaling.attn_factor", nan),
     "llama.rope.scaling.attn_factor: must be from 0.001 to 1000, is nan"},
    {"rope_beta_fast_negative", "llama", set_f32("llama.rope.scaling.yarn_beta_fast", -1),
     "llama.rope.scaling.yarn_beta_fast: must be from 0.001 to 1000000, is -1"},
    {"rope_beta_slow_infinite", "llama", set_f32("llama.rope.scaling.yarn_beta_slow", infinity),
     "llama.rope.scaling.yarn_beta_slow: must be from 0.001 to 1000000, is inf"},

    // Experts and windows.
    {"experts_missing", "qwen3moe", unset("qwen3moe.expert_count"),
     "qwen3moe.expert_count: is missing"},
    {"experts_none", "gpt-oss", set_u32("gpt-oss.expert_count", 0),
     "gpt-oss.expert_count: must be from 1 to 65536, is 0"},
    {"experts_where_there_are_none", "qwen3", set_u32("qwen3.expert_count", 4),
     "qwen3.expert_count: qwen3 has no experts, is 4"},
    {"experts_too_many", "qwen3moe", set_u32("qwen3moe.expert_count", 65537),
     "qwen3moe.expert_count: must be from 0 to 65536, is 65537"},
    {"experts_used_missing", "qwen3moe", unset("qwen3moe.expert_used_count"),
     "qwen3moe.expert_used_count: is missing"},
    {"experts_used_zero", "qwen3moe", set_u32("qwen3moe.expert_used_count", 0),
     "qwen3moe.expert_used_count: must be from 1 to 4, is 0"},
    {"experts_used_more_than_there_are", "qwen3moe", set_u32("qwen3moe.expert_used_count", 5),
     "qwen3moe.expert_used_count: must be from 1 to 4, is 5"},
    {"experts_used_too_many", "qwen3moe",
     [](Draft& d) {
       d.set_u32("qwen3moe.expert_count", 8192);
       d.set_u32("qwen3moe.expert_used_count", 4097);
     },
     "qwen3moe.expert_used_count: must be from 1 to 4096, is 4097"},
    {"expert_feed_forward_missing", "qwen3moe",
     [](Draft& d) {
       d.unset("qwen3moe.expert_feed_forward_length");
       d.unset("qwen3moe.feed_forward_length");
     },
     "qwen3moe.feed_forward_length: is missing"},
    {"window_missing", "gpt-oss", unset("gpt-oss.attention.sliding_window"),
     "gpt-oss.attention.sliding_window: is missing"},
    {"window_zero", "gpt-oss", set_u32("gpt-oss.attention.sliding_window", 0),
     "gpt-oss.attention.sliding_window: must be from 1 to 1073741824, is 0"},

    // Tensors that are not there.
    {"embedding_tensor_missing", "llama", drop("token_embd.weight"),
     "tensor \"token_embd.weight\": is missing"},
    {"output_norm_missing", "llama", drop("output_norm.weight"),
     "tensor \"output_norm.weight\": is missing"},
    {"attention_norm_missing", "llama", drop("blk.1.attn_norm.weight"),
     "tensor \"blk.1.attn_norm.weight\": is missing"},
    {"query_missing", "llama", drop("blk.0.attn_q.weight"),
     "tensor \"blk.0.attn_q.weight\": is missing"},
    {"value_missing", "llama", drop("blk.1.attn_v.weight"),
     "tensor \"blk.1.attn_v.weight\": is missing"},
    {"head_norm_missing", "qwen3", drop("blk.0.attn_k_norm.weight"),
     "tensor \"blk.0.attn_k_norm.weight\": is missing"},
    {"sinks_missing", "gpt-oss", drop("blk.0.attn_sinks.weight"),
     "tensor \"blk.0.attn_sinks.weight\": is missing"},
    {"down_missing", "llama", drop("blk.1.ffn_down.weight"),
     "tensor \"blk.1.ffn_down.weight\": is missing"},
    {"router_missing", "qwen3moe", drop("blk.0.ffn_gate_inp.weight"),
     "tensor \"blk.0.ffn_gate_inp.weight\": is missing"},
    {"up_of_experts_missing", "qwen3moe", drop("blk.0.ffn_up_exps.weight"),
     "tensor \"blk.0.ffn_up_exps.weight\": is missing"},
    {"norm_by_another_name", "gpt-oss",
     rename("blk.0.post_attention_norm.weight", "blk.0.ffn_norm.weight"),
     "tensor \"blk.0.post_attention_norm.weight\": is missing"},
    {"more_layers_than_tensors", "llama", set_u32("llama.block_count", 3),
     "tensor \"blk.2.attn_q.weight\": is missing"},

    // Tensors of another shape.
    {"embedding_tensor_too_narrow", "llama", reshape("token_embd.weight", {32, 80}),
     "tensor \"token_embd.weight\": must be 64 x 80, is 32 x 80"},
    {"embedding_tensor_of_rank_three", "llama", reshape("token_embd.weight", {64, 40, 2}),
     "tensor \"token_embd.weight\": must be 64 x 80, is 64 x 40 x 2"},
    {"output_of_another_vocabulary", "llama", reshape("output.weight", {64, 79}),
     "tensor \"output.weight\": must be 64 x 80, is 64 x 79"},
    {"norm_too_long", "llama", reshape("blk.0.attn_norm.weight", {65}),
     "tensor \"blk.0.attn_norm.weight\": must be 64, is 65"},
    {"query_transposed", "llama", reshape("blk.0.attn_q.weight", {128, 64}),
     "tensor \"blk.0.attn_q.weight\": must be 64 x 128, is 128 x 64"},
    {"key_with_as_many_heads_as_query", "llama", reshape("blk.0.attn_k.weight", {64, 128}),
     "tensor \"blk.0.attn_k.weight\": must be 64 x 64, is 64 x 128"},
    {"bias_too_short", "qwen2", reshape("blk.1.attn_q.bias", {127}),
     "tensor \"blk.1.attn_q.bias\": must be 128, is 127"},
    {"merged_too_short", "llama",
     [](Draft& d) {
       for (const char* name : {"attn_q", "attn_k", "attn_v"})
         d.take(std::string("blk.0.") + name + ".weight");
       with("blk.0.attn_qkv.weight", {64, 255})(d);
     },
     "tensor \"blk.0.attn_qkv.weight\": must be 64 x 256, is 64 x 255"},
    {"experts_too_few", "qwen3moe", reshape("blk.0.ffn_up_exps.weight", {64, 96, 3}),
     "tensor \"blk.0.ffn_up_exps.weight\": must be 64 x 96 x 4, is 64 x 96 x 3"},
    {"bias_of_experts_too_few", "gpt-oss", reshape("blk.0.ffn_down_exps.bias", {64, 3}),
     "tensor \"blk.0.ffn_down_exps.bias\": must be 64 x 4, is 64 x 3"},
    {"sinks_too_many", "gpt-oss", reshape("blk.1.attn_sinks.weight", {5}),
     "tensor \"blk.1.attn_sinks.weight\": must be 4, is 5"},
    {"scale_of_two_for_one", "llama", with("blk.0.attn_q.scale", {2}),
     "tensor \"blk.0.attn_q.scale\": must be 1, is 2"},
    {"scales_of_too_few_experts", "qwen3moe", with("blk.0.ffn_up_exps.scale", {3}),
     "tensor \"blk.0.ffn_up_exps.scale\": must be 4, is 3"},
    {"rope_factors_too_many", "llama", with("rope_freqs.weight", {32}),
     "tensor \"rope_freqs.weight\": must be 16, is 32"},

    // Tensors that nobody asked for.
    {"layer_beyond_the_last", "llama", with("blk.2.attn_q.weight", {64, 128}),
     "tensor \"blk.2.attn_q.weight\": has no place in a llama model of 2 layers"},
    {"fewer_layers_than_tensors", "llama", set_u32("llama.block_count", 1),
     "tensor \"blk.1.attn_norm.weight\": has no place in a llama model of 1 layers"},
    {"unknown_tensor", "llama", with("blk.0.attn_gate.weight", {64, 64}),
     "tensor \"blk.0.attn_gate.weight\": has no place in a llama model of 2 layers"},
    {"unknown_name_of_two_lines", "llama", with("blk.0\nattn", {4}),
     "tensor \"blk.0\\nattn\": has no place in a llama model of 2 layers"},
    {"merged_beside_separate", "llama", with("blk.0.attn_qkv.weight", {64, 256}),
     "tensor \"blk.0.attn_q.weight\": has no place in a llama model of 2 layers"},
    {"norm_with_a_bias", "llama", with("output_norm.bias", {64}),
     "tensor \"output_norm.bias\": has no place in a llama model of 2 layers"},
    {"head_norm_where_there_is_none", "llama", with("blk.0.attn_q_norm.weight", {32}),
     "tensor \"blk.0.attn_q_norm.weight\": has no place in a llama model of 2 layers"},
    {"embedding_with_a_bias", "llama", with("token_embd.bias", {80}),
     "tensor \"token_embd.bias\": has no place in a llama model of 2 layers"},
};

class MalformedModel : public ::testing::TestWithParam<Case> {};

TEST_P(MalformedModel, IsRefusedInOneLine) {
  const TemporaryFolder folder;
  const std::string path = folder / "micro.gguf";
  Draft draft = make(sound(GetParam().architecture));
  draft.write(path);
  ASSERT_NO_THROW(model::Model(gguf::File::open(path)));
  GetParam().spoil(draft);
  draft.write(path);
  EXPECT_EQ(error_of([&] { model::Model(gguf::File::open(path)); }),
            path + ": " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedModel, ::testing::ValuesIn(cases),
                         [](const auto& info) { return std::string(info.param.name); });

/// A block type that weld does not read, by its name: ids are changed in the bytes, since no writer
/// of ours would.
TEST(ForeignBlockType, IsNamed) {
  const TemporaryFolder folder;
  Draft draft = make({});
  const std::string path = folder / "micro.gguf";
  draft.write(path);
  std::string bytes = read_all(path);
  const std::string name = "blk.0.ffn_up.weight";
  const size_t type = bytes.find(name) + name.size() + 4 + 2 * 8;
  for (const auto& [id, text] : {std::pair{15, "Q8_K (15)"}, std::pair{139, "IQ4_K (139)"},
                                 std::pair{9999, "unknown (9999)"}}) {
    const Bytes number = Bytes().u32(static_cast<uint32_t>(id));
    bytes.replace(type, 4, number.text);
    folder.write("micro.gguf", bytes);
    EXPECT_EQ(error_of([&] { model::Model(gguf::File::open(path)); }),
              path + ": tensor \"" + name + "\": type: " + text + " is not supported");
  }
}

}  // namespace
