// weld run: text to standard output, everything else to standard error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "cli/process.h"

namespace weld::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

const std::string path = model("qwen3moe-iq2_xxs");

Words run_with(const Words& words, const std::string& prompt = "Hello") {
  Words all{"run", "-m", path, "-p", prompt};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

TEST(Run, StreamsTextAndReportsBothPhases) {
  const Result result = weld(run_with({"-n", "8", "--temp", "0"}));
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out, "");
  EXPECT_EQ(result.out.back(), '\n');
  EXPECT_THAT(result.err, ContainsRegex("\nprefill: 5 tokens, [0-9.]+ s, [0-9.]+ tokens/s\n"
                                        "generation: [0-7] tokens, [0-9.]+ s"));
}

TEST(Run, SaysTheSameHoweverItIsFused) {
  const auto text = [](const Words& words) { return weld(run_with(words)).out; };
  const std::string all = text({"-n", "32"});
  EXPECT_EQ(text({"-n", "32", "--fuse", "none"}), all);
  EXPECT_EQ(text({"-n", "32", "-mqkv", "-t", "1"}), all);
}

TEST(Run, TheSeedDecides) {
  const auto text = [](const char* seed) {
    return weld(run_with({"-n", "32", "--temp", "2", "--seed", seed})).out;
  };
  EXPECT_EQ(text("7"), text("7"));
  EXPECT_NE(text("7"), text("8"));
  EXPECT_THAT(weld(run_with({"-n", "1", "--seed", "-1"})).err, ContainsRegex("^seed: [0-9]+\n"));
}

TEST(Run, NothingIsGeneratedIfNothingIsAskedFor) {
  const Result result = weld(run_with({"-n", "0"}));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("\nprefill: 5 tokens"));
}

TEST(Run, ReadsThePromptFromAFileWithoutItsLastNewline) {
  const Words more{"-n", "8"};
  const std::string file = scratch("prompt.txt");
  write_file(file, "Hello\n");
  const std::string wanted = weld(run_with(more)).out;
  EXPECT_EQ(weld({"run", "-m", path, "-f", file, "-n", "8"}).out, wanted);
  EXPECT_EQ(weld({"run", "-m", path, "-f", "-", "-n", "8"}, "Hello").out, wanted);
}

TEST(Run, StopsWhereTheContextIsFull) {
  const Result result = weld(run_with({"-n", "-1", "-c", "16", "--seed", "1"}));
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("stopped: the context of 16 tokens is full\n"));
}

TEST(Run, WantsAPromptThatFits) {
  const Result empty = weld(run_with({}, ""));
  EXPECT_EQ(empty.status, 1);
  EXPECT_EQ(empty.err, "weld: the prompt has no tokens\n");
  const Result full = weld(run_with({"-c", "3"}, "too long"));
  EXPECT_EQ(full.status, 1);
  EXPECT_EQ(full.out, "");
  EXPECT_THAT(full.err, HasSubstr("\nweld: the context of 3 tokens is full"));
  EXPECT_THAT(weld({"run", "-m", path, "-f", "no-such-file"}).err,
              HasSubstr("weld: no-such-file: cannot open: No such file or directory\n"));
}

TEST(Run, OutputIsWholeCharacters) {
  // Most sequences of random bytes are no UTF-8: each comes out as U+FFFD.
  const Result result = weld(run_with({"-n", "200", "--temp", "5", "--top-k", "0"}));
  size_t at = 0;
  while (at < result.out.size()) {
    const auto first = static_cast<unsigned char>(result.out[at]);
    const size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    ASSERT_FALSE(first >= 0x80 && first < 0xC2) << "at byte " << at;
    for (size_t i = 1; i < length; ++i)
      ASSERT_EQ(static_cast<unsigned char>(result.out.at(at + i)) & 0xC0, 0x80) << "at byte " << at;
    at += length;
  }
}

TEST(Run, AReaderThatGoesAwayEndsIt) {
  const Result result = weld(run_with({"-n", "4000"}), "", Output::BrokenPipe);
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("\nweld: standard output: cannot write: Broken pipe\n"));
}

TEST(Run, CtrlCEndsTheGenerationButNotTheReport) {
  // Its likeliest tokens never end the text.
  const Words words{
      "run",    "-m", model("llama-q4_k-q6_k"), "-p", "Hello", "-n", "100000", "-c", "200000",
      "--temp", "0"};
  Process process(WELD_BINARY, words);
  for (int i = 0; i < 3000 && process.output().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  process.interrupt();
  const Result result = process.wait();
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(result.out.back(), '\n');
  EXPECT_THAT(result.err, ContainsRegex("\ngeneration: [0-9]+ tokens"));
}

TEST(Run, TheInstructionSetCanBeChosen) {
  setenv("WELD_ISA", "portable", 1);
  const Result portable = weld(run_with({"-n", "4"}));
  setenv("WELD_ISA", "sse9", 1);
  const Result unknown = weld(run_with({"-n", "4"}));
  unsetenv("WELD_ISA");
  EXPECT_EQ(portable.status, 0) << portable.err;
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("\nweld: WELD_ISA: "));
}

}  // namespace
}  // namespace weld::test
