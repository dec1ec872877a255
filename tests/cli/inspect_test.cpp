// weld inspect: for people and for programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "gguf/writer.h"

namespace weld::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json inspect(const std::string& path, const Words& more = {}) {
  Words words{"inspect", path, "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const Result result = weld(words);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return json::parse(result.out);
}

TEST(Inspect, TellsWhatAModelIs) {
  const json found = inspect(model("qwen3moe-iq2_xxs"));
  EXPECT_EQ(found.at("architecture"), "qwen3moe");
  EXPECT_EQ(found.at("runs"), true);
  EXPECT_EQ(found.at("refusal"), "");
  EXPECT_EQ(found.at("bytes"), read_file(model("qwen3moe-iq2_xxs")).size());
  EXPECT_EQ(found.at("config").at("layers"), 2);
  EXPECT_EQ(found.at("config").at("experts"), 6);
  EXPECT_EQ(found.at("config").at("experts_used"), 2);
  EXPECT_EQ(found.at("tokenizer"), (json{{"model", "gpt2"}, {"pre", "qwen2"}, {"tokens", 320}}));
}

TEST(Inspect, AddsUpTheTypes) {
  const json found = inspect(model("qwen3-salad"), {"--all"});
  uint64_t tensors = 0, bytes = 0, listed = 0;
  for (const json& type : found.at("types")) {
    tensors += type.at("tensors").get<uint64_t>();
    bytes += type.at("bytes").get<uint64_t>();
  }
  for (const json& tensor : found.at("tensors")) listed += tensor.at("bytes").get<uint64_t>();
  EXPECT_EQ(tensors, found.at("tensors").size());
  EXPECT_EQ(bytes, listed);
  EXPECT_LE(bytes, found.at("bytes"));
}

TEST(Inspect, TellsWhatFusesOfSeparateTensors) {
  const json layers = inspect(model("llama-q4_k-q6_k")).at("layers");
  ASSERT_EQ(layers.size(), 1U) << "both layers are alike";
  EXPECT_EQ(layers[0].at("first"), 0);
  EXPECT_EQ(layers[0].at("last"), 1);
  const json& qkv = layers[0].at("groups").at(0);
  EXPECT_EQ(qkv.at("name"), "qkv");
  EXPECT_EQ(qkv.at("layout"), "separate");
  EXPECT_EQ(qkv.at("bytes_moved"), 0);
  EXPECT_EQ(qkv.at("members").at(0), (json{{"name", "attn_q"},
                                           {"type", "Q4_K"},
                                           {"rows", 256},
                                           {"experts", 1},
                                           {"bytes", 256 * 144}}));
  EXPECT_EQ(qkv.at("members").size(), 3U);
}

TEST(Inspect, TellsWhatFusesOfMergedTensors) {
  const json layers = inspect(model("qwen2-merged-q8_0")).at("layers");
  EXPECT_EQ(layers.at(0).at("groups").at(0).at("layout"), "merged");
  EXPECT_EQ(layers.at(0).at("groups").at(0).at("bytes_moved"), 0);
  EXPECT_EQ(layers.at(0).at("groups").at(0).at("members").at(2).at("name"), "attn_v");
}

TEST(Inspect, CountsTheBytesOfAllExperts) {
  const json layers = inspect(model("gpt-oss-mxfp4")).at("layers");
  const json& gate = layers.at(0).at("groups").at(1).at("members").at(0);
  EXPECT_EQ(gate, (json{{"name", "ffn_gate_exps"},
                        {"type", "MXFP4"},
                        {"rows", 256},
                        {"experts", 4},
                        {"bytes", 4 * 256 * 8 * 17}}));
}

TEST(Inspect, SpeaksToPeopleToo) {
  const Result result = weld({"inspect", "-m", model("qwen3-salad")});
  EXPECT_EQ(result.status, 0);
  for (const char* text : {"architecture  qwen3\n", "qkv      separate  attn_q ", " + attn_k ",
                           "gate-up  separate  ffn_gate ", " rows; bytes moved: 0\n"})
    EXPECT_THAT(result.out, HasSubstr(text));
}

TEST(Inspect, ShowsVocabulariesWithoutTensors) {
  gguf::Writer writer;
  writer.add_string("general.architecture", "bert");
  writer.add_string("general.name", "only\nwords");
  const std::string path = scratch("vocabulary.gguf");
  writer.write(path);
  const Result result = weld({"inspect", path});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("name          \"only\\nwords\"\n"));
  EXPECT_THAT(result.out, HasSubstr("runs          no: a vocabulary without tensors\n"));
  EXPECT_THAT(result.out, HasSubstr("general.architecture = string \"bert\"\n"));
}

TEST(Inspect, ShowsArchitecturesThatWeldCannotRun) {
  gguf::Writer writer;
  writer.add_string("general.architecture", "mamba");
  const std::vector<float> weights(8);
  writer.add_tensor("ssm_a", gguf::Type::F32, {{4, 2}}, std::as_bytes(std::span(weights)));
  const std::string path = scratch("mamba.gguf");
  writer.write(path);
  const json found = inspect(path);
  EXPECT_EQ(found.at("runs"), false);
  EXPECT_THAT(found.at("refusal"), HasSubstr("architecture \"mamba\" is not one of llama, "));
  EXPECT_EQ(found.at("config"), nullptr);
  EXPECT_EQ(found.at("tensors").at(0),
            (json{{"name", "ssm_a"}, {"type", "F32"}, {"shape", {4, 2}}, {"bytes", 32}}));
  EXPECT_EQ(weld({"run", "-m", path, "-p", "x"}).status, 1);
}

}  // namespace
}  // namespace weld::test
