// Command lines that are wrong, and help: one line each that says what would be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/process.h"

namespace weld::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Mistake {
  Words words;
  std::string message;  ///< the whole line
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.message; }

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreToldInOneLine) {
  const Result result = weld(GetParam().words);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, GetParam().message + "\n");
}

/// `weld run` with a model and a prompt, and then these words.
Words run_with(Words words) {
  words.insert(words.begin(), {"run", "-m", "no-such-file", "-p", "x"});
  return words;
}

INSTANTIATE_TEST_SUITE_P(
    Spelling, Mistakes,
    testing::Values(
        Mistake{{}, "weld: which subcommand? `weld help` lists them"},
        Mistake{{"rnu"}, "weld: unknown subcommand rnu, did you mean run?"},
        Mistake{{"tokenise"}, "weld: unknown subcommand tokenise, did you mean tokenize?"},
        Mistake{{"quantize-everything"}, "weld: unknown subcommand quantize-everything"},
        Mistake{{"--versoin"}, "weld: unknown flag --versoin, did you mean --version?"},
        Mistake{{"help", "inspct"}, "weld: unknown subcommand inspct, did you mean inspect?"},
        Mistake{run_with({"--tmp", "1"}), "weld run: unknown flag --tmp, did you mean --temp?"},
        Mistake{run_with({"--tmp=1"}), "weld run: unknown flag --tmp, did you mean --temp?"},
        Mistake{run_with({"-temp", "1"}), "weld run: unknown flag -temp, did you mean --temp?"},
        Mistake{run_with({"-top-k", "1"}), "weld run: unknown flag -top-k, did you mean --top-k?"},
        Mistake{run_with({"--thread", "1"}),
                "weld run: unknown flag --thread, did you mean --threads?"},
        Mistake{run_with({"-mkqv"}), "weld run: unknown flag -mkqv, did you mean -mqkv?"},
        Mistake{run_with({"--frobnicate"}), "weld run: unknown flag --frobnicate"},
        Mistake{run_with({"stray"}), "weld run: unexpected word \"stray\""},
        Mistake{run_with({"--", "-stray"}), "weld run: unexpected word \"-stray\""},
        Mistake{{"run", "a/b.gguf", "-p", "x"},
                "weld run: unexpected word \"a/b.gguf\", did you mean -m a/b.gguf?"},
        Mistake{{"inspect"}, "weld inspect: which model? weld inspect FILE"},
        Mistake{{"inspect", "a", "-m", "b"}, "weld inspect: FILE excludes --model"}));

INSTANTIATE_TEST_SUITE_P(
    Values, Mistakes,
    testing::Values(
        Mistake{run_with({"-n"}), "weld run: -n: needs a value"},
        Mistake{run_with({"-n", "abc"}),
                "weld run: -n: must be a whole number from -1 to 2147483647, is \"abc\""},
        Mistake{run_with({"-n", "-2"}),
                "weld run: -n: must be a whole number from -1 to 2147483647, is \"-2\""},
        Mistake{run_with({"-n", "1.5"}),
                "weld run: -n: must be a whole number from -1 to 2147483647, is \"1.5\""},
        Mistake{run_with({"-n", "99999999999"}),
                "weld run: -n: must be a whole number from -1 to 2147483647, is \"99999999999\""},
        Mistake{run_with({"-n="}),
                "weld run: -n: must be a whole number from -1 to 2147483647, is \"\""},
        Mistake{run_with({"-t", "0"}),
                "weld run: -t: must be a whole number from 1 to 1024, is \"0\""},
        Mistake{run_with({"-ub", "-1"}),
                "weld run: -ub: must be a whole number from 1 to 65536, is \"-1\""},
        Mistake{run_with({"-b", "0"}),
                "weld run: -b: must be a whole number from 1 to 65536, is \"0\""},
        Mistake{run_with({"-c", "-1"}),
                "weld run: -c: must be a whole number from 0 to 1073741824, is \"-1\""},
        Mistake{run_with({"--temp", "nan"}),
                "weld run: --temp: must be a number from 0 to 1000, is \"nan\""},
        Mistake{run_with({"--temp", "-1"}),
                "weld run: --temp: must be a number from 0 to 1000, is \"-1\""},
        Mistake{run_with({"--top-p", "2"}),
                "weld run: --top-p: must be a number from 0 to 1, is \"2\""},
        Mistake{run_with({"--min-p", "x"}),
                "weld run: --min-p: must be a number from 0 to 1, is \"x\""},
        Mistake{run_with({"--top-k", "-1"}),
                "weld run: --top-k: must be a whole number from 0 to 2147483647, is \"-1\""},
        Mistake{run_with({"--repeat-penalty", "0"}),
                "weld run: --repeat-penalty: must be a number from 0.01 to 100, is \"0\""},
        Mistake{run_with({"--seed", "-2"}),
                "weld run: --seed: must be a whole number from -1 to 2^64 - 1, is \"-2\""},
        Mistake{run_with({"--fuse", "gate_up"}),
                "weld run: --fuse: must be one of all, none, qkv, gate-up, is \"gate_up\", did you "
                "mean gate-up?"},
        Mistake{run_with({"--fuse", "none", "-mqkv"}),
                "weld run: --fuse and -mqkv or -muge say the same thing: give one of them"},
        Mistake{run_with({"-mqkv=1"}), "weld run: -mqkv: takes no value"},
        Mistake{run_with({"--cache", "q8_0"}),
                "weld run: --cache: must be one of f16, f32, is \"q8_0\""},
        Mistake{run_with({"-f", "x"}), "weld run: give a prompt: either -p TEXT or -f FILE"},
        Mistake{{"run", "-m", "x"}, "weld run: give a prompt: either -p TEXT or -f FILE"},
        Mistake{{"run", "-p", "x"}, "weld run: --model is required"},
        Mistake{{"logits", "-m", "x", "--tokens", "1"}, "weld logits: --output is required"},
        Mistake{{"logits", "-m", "x", "-o", "y", "--tokens", ""},
                "weld logits: --tokens: is empty"},
        Mistake{{"logits", "-m", "x", "-o", "y", "--tokens", "1,,2"},
                "weld logits: --tokens: \"\" is not a token id"},
        Mistake{{"logits", "-m", "x", "-o", "y", "--tokens", "1,two"},
                "weld logits: --tokens: \"two\" is not a token id"},
        Mistake{{"logits", "-m", "x", "-o", "y", "--tokens", "-1"},
                "weld logits: --tokens: \"-1\" is not a token id"},
        Mistake{{"logits", "-m", "x", "-o", "y", "--tokens", "4294967296"},
                "weld logits: --tokens: \"4294967296\" is not a token id"},
        Mistake{{"perplexity", "-m", "x", "-f", "y", "-c", "3"},
                "weld perplexity: -c: must be a whole number from 4 to 1073741824, is \"3\""}));

INSTANTIATE_TEST_SUITE_P(
    Measuring, Mistakes,
    testing::Values(
        Mistake{{"bench"}, "weld bench: which model? -m FILE or --preset PRESET:TYPE"},
        Mistake{{"bench", "-m", "x", "-p", "0", "-n", "0"},
                "weld bench: there is nothing to measure: -p and -n are 0"},
        Mistake{{"bench", "-m", "x", "-p", "512,"},
                "weld bench: -p: must be a whole number from 0 to 1048576, is \"\""},
        Mistake{{"bench", "-m", "x", "-p", "512", "-c", "100"},
                "weld bench: -c: must have room for 512 tokens, is 100"},
        Mistake{{"bench", "-m", "x", "-t", "1,0"},
                "weld bench: -t: must be a whole number from 1 to 1024, is \"0\""},
        Mistake{{"bench", "-m", "x", "--fuse", "all,non"},
                "weld bench: --fuse: must be one of all, none, qkv, gate-up, is \"non\", did you "
                "mean none?"},
        Mistake{{"bench", "-m", "x", "-o", "xml"},
                "weld bench: -o: must be one of md, json, csv, is \"xml\""},
        Mistake{{"bench", "--preset", "qwen3-8b"},
                "weld bench: --preset: must be PRESET:TYPE, as in qwen3-8b:Q4_K, is \"qwen3-8b\""},
        Mistake{{"bench", "--preset", "qwen3-8:Q4_K"},
                "weld bench: unknown preset qwen3-8, did you mean qwen3-8b?; `weld synth --list` "
                "lists them"},
        Mistake{{"synth"}, "weld synth: give PRESET TYPE OUT.gguf, or --list"},
        Mistake{{"synth", "micro-llama", "Q4_K"},
                "weld synth: give PRESET TYPE OUT.gguf, or --list"},
        Mistake{{"synth", "micro-llama", "Q4_0", "x", "--layers", "0"},
                "weld synth: --layers: must be a whole number from 1 to 4096, is \"0\""},
        Mistake{{"synth", "micro-llama", "Q4_0", "x", "--map", "attn_v"},
                "weld synth: --map: must be REGEX=TYPE, is \"attn_v\""},
        Mistake{{"synth", "micro-llama", "Q4_0", "x", "--map", "(=Q8_0"},
                "weld synth: --map: \"(\" is no regular expression: missing closing parenthesis"},
        Mistake{{"synth", "micro-llama", "Q4_0", "x", "--layout", "mixed"},
                "weld synth: --layout: must be one of separate, merged, is \"mixed\", "
                "did you mean merged?"}));

TEST(Usage, TheLastOfAFlagGivenTwiceCounts) {
  const Result result = weld(run_with({"-n", "abc", "-n", "1"}));
  EXPECT_EQ(result.status, 1);  // no complaint but about the model
  EXPECT_THAT(result.err, StartsWith("weld: no-such-file: cannot open"));
}

TEST(Usage, FlagsHaveShortAndLongNames) {
  for (const Words& words :
       {Words{"-ub", "8"}, Words{"--ubatch-size", "8"}, Words{"-ub=8"}, Words{"-t", "1"},
        Words{"--threads=1"}, Words{"-mqkv", "-muge"}, Words{"--merge-qkv"}})
    EXPECT_EQ(weld(run_with(words)).status, 1) << words.front();
}

TEST(Usage, AValueMayLookLikeAFlag) {
  const Result result = weld({"tokenize", "-m", model("qwen3-salad"), "--json", "--", "-ub"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(weld({"run", "-m", "no-such-file", "-p", "-ub"}).status, 1);
}

TEST(Usage, HelpGoesToStandardOutput) {
  for (const Words& words : {Words{"help"}, Words{"--help"}, Words{"-h"}}) {
    const Result result = weld(words);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    for (const char* name : {"run", "inspect", "logits", "perplexity", "tokenize"})
      EXPECT_THAT(result.out, HasSubstr(std::string("\n  ") + name + " "));
  }
}

TEST(Usage, EverySubcommandHasHelp) {
  for (const char* name : {"run", "inspect", "logits", "perplexity", "tokenize"}) {
    const Result result = weld({"help", name});
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.out, HasSubstr(std::string("Usage: weld ") + name));
    EXPECT_EQ(weld({name, "--help"}).out, result.out);
    EXPECT_EQ(weld({name, "-h"}).out, result.out);
  }
}

TEST(Usage, HelpShowsFlagsAsTheyAreTyped) {
  const std::string help = weld({"help", "run"}).out;
  for (const char* flag : {"-m,", "-p,", "-f,", "-n,", "-c,", "-b,", "-ub,", "-t,", "--temp N",
                           "--top-k N", "--top-p N", "--min-p N", "--repeat-penalty N", "--seed N",
                           "--fuse WORD", "-mqkv,", "-muge,", "WELD_ISA"})
    EXPECT_THAT(help, HasSubstr(flag));
}

TEST(Usage, Version) {
  const Result result = weld({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, testing::MatchesRegex("weld [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

class UnwritableOutput : public testing::TestWithParam<Output> {};

TEST_P(UnwritableOutput, IsAnErrorInOneLine) {
  for (const Words& words :
       {Words{"--version"}, Words{"help"}, Words{"help", "run"},
        Words{"inspect", model("llama-q4_k-q6_k")},
        Words{"tokenize", "-m", model("llama-q4_k-q6_k"), "text"},
        Words{"logits", "-m", model("llama-q4_k-q6_k"), "--tokens", "1", "-o", "-"}}) {
    const Result result = weld(words, "", GetParam());
    EXPECT_EQ(result.status, 1) << words.front();
    EXPECT_THAT(result.err, StartsWith("weld: standard output: cannot write: ")) << words.front();
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Usage, UnwritableOutput,
                         testing::Values(Output::Closed, Output::Full, Output::BrokenPipe));

}  // namespace
}  // namespace weld::test
