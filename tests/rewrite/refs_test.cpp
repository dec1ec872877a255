// Every model of the reference data: merged, split, in place, with equal logits.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "cli/process.h"
#include "gguf/bytes.h"
#include "micro_model.h"
#include "refs.h"

namespace weld::test {
namespace {

bool is_merged(const std::string& path) {
  const gguf::File file = gguf::File::open(path);
  return std::any_of(file.tensors().begin(), file.tensors().end(), [](const auto& tensor) {
    return tensor.name.find("attn_qkv") != std::string_view::npos;
  });
}

void expect_ok(const Words& words) {
  const Result result = weld(words);
  EXPECT_EQ(result.status, 0) << result.err;
}

/// All that can be done to one file comes back, and changes no logits.
void check(const std::string& path, const TemporaryFolder& folder) {
  SCOPED_TRACE(path);
  const std::string bytes = read_file(path);
  const std::string m = folder / "m", s = folder / "s", i = folder / "i";
  expect_ok({"merge", path, m});
  expect_ok({"verify", path, m, "--logits"});
  expect_ok({"split", m, s});
  EXPECT_TRUE(read_file(s) == bytes);
  if (is_merged(path)) {
    expect_ok({"split", path, s});
    expect_ok({"verify", path, s, "--logits"});
  }
  write_file(i, bytes);
  expect_ok({"merge", "--in-place", i});
  expect_ok({"verify", path, i, "--logits"});
  if (is_merged(path)) return;  // in place there is no room for more names
  expect_ok({"split", "--in-place", i});
  EXPECT_TRUE(read_file(i) == bytes);
}

TEST(References, ComeBackByteForByteWithTheSameLogits) {
  WELD_NEEDS_REFS();
  const TemporaryFolder folder;
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(refs() / "models")) {
    if (entry.path().extension() != ".gguf") continue;
    check(entry.path(), folder);
    ++models;
  }
  EXPECT_GT(models, 40);
}

TEST(References, SortedByNameToo) {
  WELD_NEEDS_REFS();
  const TemporaryFolder folder;
  for (const char* name : {"llama-q4_0", "qwen2-q5_0", "qwen3-bf16", "qwen3moe-salad",
                           "mixtral-q4_1", "gpt-oss-mxfp4"}) {
    const auto source = refs() / "models" / (std::string(name) + ".gguf");
    Draft draft{gguf::File::open(source)};
    std::sort(draft.tensors().begin(), draft.tensors().end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    draft.write(folder / "sorted");
    check(folder / "sorted", folder);
  }
}

}  // namespace
}  // namespace weld::test
