// Files that are no good: every subcommand that opens one says so in one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "cli/process.h"
#include "gguf/file.h"
#include "gguf/writer.h"

namespace weld::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A command line for each subcommand that loads a model.
std::vector<Words> loaders(const std::string& path) {
  return {{"run", "-m", path, "-p", "x", "-n", "1"},
          {"inspect", path},
          {"logits", "-m", path, "--tokens", "1", "-o", "/dev/null"},
          {"perplexity", "-m", path, "-f", "/dev/null"}};
}

void expect_refused(const Words& words, const std::string& why) {
  const Result result = weld(words);
  EXPECT_EQ(result.status, 1) << words.front();
  EXPECT_EQ(result.out, "") << words.front();
  EXPECT_THAT(result.err, StartsWith("weld: ")) << words.front();
  EXPECT_THAT(result.err, HasSubstr(why)) << words.front();
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

void expect_all_refuse(const std::string& path, const std::string& why) {
  for (const Words& words : loaders(path)) expect_refused(words, why);
}

TEST(Validation, FilesThatAreNoModels) {
  expect_all_refuse("no-such-file", "no-such-file: cannot open: No such file or directory");
  expect_all_refuse(testing::TempDir(), "is a directory");
  expect_all_refuse("/dev/null", "is not a regular file");
  const std::string path = scratch("file");
  write_file(path, "");
  expect_all_refuse(path, "the file is empty");
  write_file(path, std::string(100, 'x'));
  expect_all_refuse(path, path);
}

TEST(Validation, FilesThatAreCutShort) {
  const std::string bytes = read_file(model("llama-q4_k-q6_k"));
  const std::string path = scratch("cut.gguf");
  for (const size_t size :
       {size_t{3}, size_t{23}, size_t{1000}, bytes.size() / 2, bytes.size() - 1}) {
    write_file(path, bytes.substr(0, size));
    expect_all_refuse(path, path);
    expect_refused({"tokenize", "-m", path, "x"}, path);
  }
}

TEST(Validation, NamesWithControlCharactersStayOnOneLine) {
  expect_all_refuse("no\nsuch\x1b[2Jfile", "such");
}

/// A micro model's file with some metadata left out, and other metadata added.
std::string edited(const std::string& without, const std::function<void(gguf::Writer&)>& add) {
  const gguf::File file = gguf::File::open(model("llama-q4_k-q6_k"));
  gguf::Writer writer;
  for (const auto& [key, value] : file.metadata())
    if (!key.starts_with(without)) writer.add(key, value);
  add(writer);
  for (const gguf::Tensor& tensor : file.tensors())
    writer.add_tensor(tensor.name, tensor.type,
                      std::span(tensor.dims).first(static_cast<size_t>(tensor.rank)),
                      {tensor.data, tensor.bytes});
  std::string path = scratch("edited.gguf");
  writer.write(path);
  return path;
}

TEST(Validation, ATokenizerMustHaveATokenForEveryRow) {
  const gguf::File file = gguf::File::open(model("llama-q4_k-q6_k"));
  const std::string path = edited("tokenizer.ggml.t", [&](gguf::Writer& writer) {
    const auto tokens = file.find_strings("tokenizer.ggml.tokens");
    std::vector<std::string> more(tokens->begin(), tokens->end());
    more.emplace_back("one too many");
    writer.add_strings("tokenizer.ggml.tokens", more);
  });
  expect_all_refuse(path,
                    "tokenizer.ggml.tokens: must be the 320 rows of token_embd.weight, are 321");
}

TEST(Validation, ABadTokenizerIsBadForAllOfThem) {
  expect_all_refuse(edited("tokenizer.ggml.merges", [](gguf::Writer&) {}), "tokenizer.ggml.merges");
}

TEST(Validation, WithoutATokenizerThereAreStillLogits) {
  const std::string path = edited("tokenizer.", [](gguf::Writer&) {});
  const std::string why = path + ": tokenizer.ggml.model: ";
  expect_refused({"run", "-m", path, "-p", "x"}, why);
  expect_refused({"perplexity", "-m", path, "-f", "/dev/null"}, why);
  expect_refused({"tokenize", "-m", path, "x"}, why);
  EXPECT_EQ(weld({"inspect", path}).status, 0);
  EXPECT_EQ(weld({"logits", "-m", path, "--tokens", "1,2", "-o", "-"}).out.size(), 2 * 320 * 4U);
}

}  // namespace
}  // namespace weld::test
