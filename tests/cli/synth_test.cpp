// weld synth: a file that every other subcommand takes for a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/process.h"

namespace weld::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

TEST(Synth, WritesAModelThatRuns) {
  const std::string path = scratch("synth.gguf");
  const Result made = weld(
      {"synth", "micro-qwen3moe", "Q4_K", path, "--layers", "1", "--map", "attn_v|ffn_down=Q6_K"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(made.out, "");
  EXPECT_THAT(made.err, ContainsRegex("synth.gguf: [0-9]+ tensors, .* parameters, .* GB\n$"));
  const Result shown = weld({"inspect", path});
  EXPECT_THAT(shown.out, HasSubstr("layers        1,"));
  EXPECT_THAT(shown.out, HasSubstr("attn_q Q4_K 256 rows + attn_k Q4_K 128 rows + attn_v Q6_K"));
  EXPECT_EQ(weld({"run", "-m", path, "-p", "Hello", "-n", "4"}).status, 0);
}

TEST(Synth, WritesMergedTensors) {
  const std::string path = scratch("merged.gguf");
  ASSERT_EQ(weld({"synth", "micro-gpt-oss", "MXFP4", path, "--layout", "merged"}).status, 0);
  const Result shown = weld({"inspect", path});
  EXPECT_THAT(shown.out, HasSubstr("qkv      merged"));
  EXPECT_THAT(shown.out, HasSubstr("gate-up  merged"));
}

TEST(Synth, TheSeedDecides) {
  const auto bytes = [](const char* seed) {
    const std::string path = scratch("seed.gguf");
    EXPECT_EQ(weld({"synth", "micro-llama", "Q4_0", path, "--seed", seed}).status, 0);
    return read_file(path);
  };
  const std::string first = bytes("1");
  EXPECT_TRUE(bytes("1") == first);
  EXPECT_FALSE(bytes("2") == first);
}

TEST(Synth, ListsPresetsWithTheirSizes) {
  const Result result = weld({"synth", "--list"});
  EXPECT_EQ(result.status, 0);
  for (const char* name : {"qwen3-30b-a3b", "gpt-oss-20b", "llama-3.1-8b", "micro-mixtral"})
    EXPECT_THAT(result.out, HasSubstr(name));
  EXPECT_THAT(result.out, ContainsRegex("qwen3-8b .* 8\\.19 B +5\\.0. GB"));
}

TEST(Synth, SaysWhereATypeDoesNotFit) {
  const Result result =
      weld({"synth", "micro-llama", "Q8_0", "/dev/null/x", "--map", "attn_q=no-type"});
  EXPECT_EQ(result.status, 2);
  const std::string path = scratch("odd.gguf");
  const Result odd = weld({"synth", "gpt-oss-20b", "Q4_K", path, "--layers", "1", "--map",
                           "exps=MXFP4", "--map", "embd|output=MXFP4"});
  EXPECT_EQ(odd.status, 0) << odd.err;
  EXPECT_THAT(odd.err, HasSubstr("3 tensors are Q8_0: their rows of 2880 are no multiple of the "
                                 "type's block\n"));
  std::filesystem::remove(path);
}

TEST(Synth, NothingIsLeftWhereItCannotWrite) {
  const Result result = weld({"synth", "micro-llama", "Q4_0", "/no-such-folder/x.gguf"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("/no-such-folder/x.gguf: cannot create: No such file"));
}

}  // namespace
}  // namespace weld::test
