// weld logits and weld perplexity, against the reference logits of the micro models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace weld::test {
namespace {

using testing::StartsWith;

std::vector<float> floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

struct Reference {
  std::string tokens;  ///< as --tokens has them
  size_t rows, vocabulary;
  double bound;
  std::vector<float> logits;
};

Reference reference(const std::string& name) {
  const auto index =
      nlohmann::json::parse(read_file(WELD_SOURCE_DIR "/tests/data/models/index.json"));
  const auto& entry = index.at(name);
  std::string tokens = entry.at("tokens").dump();
  return {tokens.substr(1, tokens.size() - 2), entry.at("rows"), entry.at("vocab"),
          entry.at("bound"),
          floats(read_file(WELD_SOURCE_DIR "/tests/data/models/" + name + ".logits.f32"))};
}

/// The median over rows of squared error over squared norm.
double median_error(const std::vector<float>& found, const Reference& wanted) {
  std::vector<double> errors;
  for (size_t row = 0; row < wanted.rows; ++row) {
    double error = 0, norm = 0;
    for (size_t i = row * wanted.vocabulary; i < (row + 1) * wanted.vocabulary; ++i) {
      error += std::pow(double{found[i]} - wanted.logits[i], 2);
      norm += std::pow(double{wanted.logits[i]}, 2);
    }
    errors.push_back(error / norm);
  }
  std::nth_element(errors.begin(), errors.begin() + errors.size() / 2, errors.end());
  return errors[errors.size() / 2];
}

class Logits : public testing::TestWithParam<const char*> {};

TEST_P(Logits, AgreeWithTheReference) {
  const Reference wanted = reference(GetParam());
  const std::string path = scratch("logits.f32");
  const Result result = weld({"logits", "-m", model(GetParam()), "--tokens", wanted.tokens, "-o",
                              path, "--cache", "f32", "-t", "2"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out + result.err, "");
  const std::vector<float> found = floats(read_file(path));
  ASSERT_EQ(found.size(), wanted.rows * wanted.vocabulary);
  EXPECT_LE(median_error(found, wanted), wanted.bound);
}

TEST_P(Logits, AreTheSameBitsHoweverTheyAreFused) {
  const std::string tokens = reference(GetParam()).tokens;
  const auto with = [&](const Words& words) {
    Words all{"logits", "-m", model(GetParam()), "--tokens", tokens, "-o", "-"};
    all.insert(all.end(), words.begin(), words.end());
    const Result result = weld(all);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const std::string fused = with({});
  EXPECT_EQ(fused.size(), reference(GetParam()).logits.size() * sizeof(float));
  for (const Words& words : {Words{"--fuse", "none"}, Words{"--fuse", "qkv"}, Words{"-muge"},
                             Words{"-mqkv", "-muge", "-t", "3"}})
    EXPECT_TRUE(with(words) == fused) << words.front();
}

INSTANTIATE_TEST_SUITE_P(Models, Logits,
                         testing::Values("llama-q4_k-q6_k", "qwen2-merged-q8_0", "qwen3-salad",
                                         "qwen3moe-iq2_xxs", "gpt-oss-mxfp4"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

Result logits_of(const std::string& tokens, const std::string& output, const Words& more = {}) {
  Words words{"logits", "-m", model("llama-q4_k-q6_k"), "--tokens", tokens, "-o", output};
  words.insert(words.end(), more.begin(), more.end());
  return weld(words);
}

TEST(LogitsFile, IsRemovedWhereItCannotBeComplete) {
  const std::string path = scratch("logits.f32");
  const Result result = logits_of("1,320", path);
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err,
            "weld: " + model("llama-q4_k-q6_k") + ": token 320: is not in the vocabulary of 320\n");
  EXPECT_THROW(read_file(path), std::runtime_error);
}

TEST(LogitsFile, ThatIsThereStaysWhereItCannotBeReplaced) {
  const std::string path = scratch("precious.f32"), link = scratch("link.f32");
  write_file(path, "precious");
  unlink(link.c_str());
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  for (const std::string& output : {path, link}) {
    EXPECT_EQ(logits_of("1,320", output).status, 1);
    EXPECT_EQ(read_file(path), "precious");
  }
  // A link stays one when all goes well.
  EXPECT_EQ(logits_of("1,2", link).status, 0);
  EXPECT_EQ(read_file(path).size(), 2 * 320 * sizeof(float));
}

TEST(LogitsFile, IsNeverAModel) {
  const std::string path = scratch("model.gguf"), link = scratch("link.gguf");
  const std::string bytes = read_file(model("llama-q4_k-q6_k"));
  write_file(path, bytes);
  unlink(link.c_str());
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  for (const std::string& output : {path, link}) {
    const Result result = weld({"logits", "-m", path, "--tokens", "1", "-o", output});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, "weld: " + output + ": is a GGUF file, and would be lost\n");
  }
  EXPECT_TRUE(read_file(path) == bytes);
}

TEST(LogitsFile, LargerThanFilesMayBeIsAnError) {
  const std::string path = scratch("large.f32");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1024, before.rlim_max};  // handed down to the program
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Result result = logits_of("1,2,3", path);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "weld: " + path + ": cannot write: File too large\n");
  EXPECT_THROW(read_file(path), std::runtime_error);
}

TEST(LogitsFile, ThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(logits_of("1,2,3", "/dev/full").err,
            "weld: /dev/full: cannot write: No space left on device\n");
  EXPECT_EQ(logits_of("1,2,3", "/no/such/folder/x").err,
            "weld: /no/such/folder/x: cannot create: No such file or directory\n");
  EXPECT_EQ(logits_of("1,2,3", "").err, "weld: \"\": cannot create: No such file or directory\n");
}

TEST(LogitsFile, NeedsRoomInTheContext) {
  const Result result = logits_of("1,2,3", "-", {"-c", "2"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith("weld: the context of 2 tokens is full"));
}

/// exp(mean of -log p) of tokens half+1 to the last, from logits of the whole chunk.
double expected_perplexity(const std::vector<float>& logits, const std::vector<int>& tokens,
                           size_t vocabulary) {
  double sum = 0;
  size_t count = 0;
  for (size_t i = tokens.size() / 2; i + 1 < tokens.size(); ++i, ++count) {
    const float* row = logits.data() + i * vocabulary;
    double total = 0;
    for (size_t v = 0; v < vocabulary; ++v) total += std::exp(double{row[v]});
    sum += std::log(total) - row[tokens[i + 1]];
  }
  return std::exp(sum / static_cast<double>(count));
}

TEST(Perplexity, IsThatOfTheLogits) {
  const std::string path = model("qwen2-merged-q8_0");
  const std::string text = "Sixteen tokens and a rest";
  const Result result = weld({"perplexity", "-m", path, "-f", "-", "-c", "16"}, text);
  ASSERT_EQ(result.status, 0) << result.err;
  // The vocabulary of the micro models is one token a byte, and one for "he" that is not used here.
  const std::vector<int> tokens(text.begin(), text.begin() + 16);
  std::string list;
  for (const int token : tokens) list += std::to_string(token) + " ";
  const Result logits = weld({"logits", "-m", path, "--tokens", list, "-o", "-"});
  double found = 0, error = 0;
  ASSERT_EQ(
      std::sscanf(result.out.c_str(), "perplexity: %lf +/- %lf (7 tokens scored, 1 chunks of 16)",
                  &found, &error),
      2)
      << result.out;
  const double wanted = expected_perplexity(floats(logits.out), tokens, 320);
  EXPECT_NEAR(found, wanted, wanted * 1e-3);
  EXPECT_GT(error, 0);
  EXPECT_THAT(result.err, StartsWith("chunk 1 of 1: "));
}

TEST(Perplexity, NeedsAChunkOfText) {
  const Result result =
      weld({"perplexity", "-m", model("qwen2-merged-q8_0"), "-f", "-", "-c", "16"}, "too short");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "weld: the text has 9 tokens, fewer than a chunk of 16; try a smaller -c\n");
}

}  // namespace
}  // namespace weld::test
