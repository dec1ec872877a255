// Reading whole files: all that a valid file says, metadata as C++ values, and what is no file at
// all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "bytes.h"
#include "refs.h"

namespace weld::test {
namespace {

using gguf::File;
using gguf::Type;
using gguf::ValueType;
using testing::ElementsAre;

class SmallFile : public testing::TestWithParam<uint32_t> {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.write("small.gguf", small_file(GetParam()));
  File file_ = File::open(path_);
};

TEST_P(SmallFile, SaysWhatItIs) {
  EXPECT_EQ(file_.path(), path_);
  ASSERT_EQ(file_.shards().size(), 1U);
  EXPECT_EQ(file_.shards()[0].path, path_);
  EXPECT_EQ(file_.bytes(), small_file().size());
  EXPECT_EQ(file_.version(), GetParam());
  EXPECT_EQ(file_.alignment(), 32U);
  EXPECT_EQ(file_.metadata().size(), 15U);
  EXPECT_EQ(file_.metadata().front().key, "u8");
  EXPECT_EQ(file_.metadata().back().key, "nested");
}

TEST_P(SmallFile, HasItsTensors) {
  ASSERT_EQ(file_.tensors().size(), 2U);
  const gguf::Tensor& a = file_.tensors()[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.type, Type::Q4_0);
  EXPECT_EQ(a.rank, 2);
  EXPECT_THAT(a.dims, ElementsAre(32, 2, 1, 1));
  EXPECT_EQ(a.columns(), 32U);
  EXPECT_EQ(a.rows(), 2U);
  EXPECT_EQ(a.row_bytes(), 18U);
  EXPECT_EQ(a.bytes, 36U);
  EXPECT_EQ(a.shard, 0);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(a.data), a.bytes), std::string(36, 'a'));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data) % 32, 0U);

  const gguf::Tensor* b = file_.find_tensor("b");
  ASSERT_EQ(b, &file_.tensors()[1]);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(b->data), b->bytes), std::string(12, 'b'));
  EXPECT_EQ(file_.find_tensor("c"), nullptr);
}

TEST_P(SmallFile, ReadsIntegersOfAnyType) {
  EXPECT_EQ(file_.find_uint("u8"), 200U);
  EXPECT_EQ(file_.find_uint("u16"), 60000U);
  EXPECT_EQ(file_.find_uint("u32"), 4000000000U);
  EXPECT_EQ(file_.find_uint("u64"), UINT64_MAX);
  EXPECT_EQ(file_.find_uint("u8", 200), 200U);
  EXPECT_EQ(file_.find_uint("absent"), std::nullopt);
}

TEST_P(SmallFile, ReadsFloatsBoolsAndStrings) {
  EXPECT_EQ(file_.find_float("f32"), 1.5);
  EXPECT_EQ(file_.find_float("f64"), -2.25);
  EXPECT_EQ(file_.find_bool("bool"), true);
  EXPECT_EQ(file_.find_string("string"), "abc");
  EXPECT_EQ(file_.find_float("absent"), std::nullopt);
  EXPECT_EQ(file_.find_bool("absent"), std::nullopt);
  EXPECT_EQ(file_.find_string("absent"), std::nullopt);
}

TEST_P(SmallFile, ReadsArrays) {
  EXPECT_THAT(*file_.find_ints("numbers"), ElementsAre(1, -2, 3));
  EXPECT_THAT(*file_.find_strings("words"), ElementsAre("one", "", "two"));
  EXPECT_EQ(file_.find_ints("absent"), std::nullopt);
  EXPECT_EQ(file_.find_floats("absent"), std::nullopt);
  EXPECT_EQ(file_.find_strings("absent"), std::nullopt);
}

TEST_P(SmallFile, DescribesValues) {
  const auto description = [&](const char* key) { return gguf::describe(*file_.find(key)); };
  EXPECT_EQ(description("u8"), "u8 200");
  EXPECT_EQ(description("i8"), "i8 -100");
  EXPECT_EQ(description("u16"), "u16 60000");
  EXPECT_EQ(description("i16"), "i16 -30000");
  EXPECT_EQ(description("u32"), "u32 4000000000");
  EXPECT_EQ(description("i32"), "i32 -2000000000");
  EXPECT_EQ(description("f32"), "f32 1.5");
  EXPECT_EQ(description("bool"), "bool true");
  EXPECT_EQ(description("string"), "string \"abc\"");
  EXPECT_EQ(description("u64"), "u64 18446744073709551615");
  EXPECT_EQ(description("i64"), "i64 -9223372036854775808");
  EXPECT_EQ(description("f64"), "f64 -2.25");
  EXPECT_EQ(description("numbers"), "i16[3] {1, -2, 3}");
  EXPECT_EQ(description("words"), R"(string[3] {"one", "", "two"})");
  EXPECT_EQ(description("nested"), "array[2] {u8[2], bool[1]}");
  EXPECT_EQ(file_.find("absent"), nullptr);
}

TEST_P(SmallFile, RefusesValuesThatDoNotFit) {
  const auto expect = [&](const std::string& message, const std::function<void()>& action) {
    EXPECT_EQ(error_of(action), path_ + ": " + message);
  };
  expect("i8: must be a non-negative integer, is i8 -100", [&] { file_.find_uint("i8"); });
  expect(R"(string: must be a non-negative integer, is string "abc")",
         [&] { file_.find_uint("string"); });
  expect("bool: must be a non-negative integer, is bool true", [&] { file_.find_uint("bool"); });
  expect("u8: must be a non-negative integer of at most 199, is u8 200",
         [&] { file_.find_uint("u8", 199); });
  expect("u8: must be a float, is u8 200", [&] { file_.find_float("u8"); });
  expect("u8: must be a bool, is u8 200", [&] { file_.find_bool("u8"); });
  expect("words: must be a string, is string[3] {\"one\", \"\", \"two\"}",
         [&] { file_.find_string("words"); });
  expect("numbers: must be an array of strings, is i16[3] {1, -2, 3}",
         [&] { file_.find_strings("numbers"); });
  expect(R"(string: must be an array of strings, is string "abc")",
         [&] { file_.find_strings("string"); });
  expect("numbers: must be an array of floats, is i16[3] {1, -2, 3}",
         [&] { file_.find_floats("numbers"); });
  expect("nested: must be an array of integers below 2^63, is array[2] {u8[2], bool[1]}",
         [&] { file_.find_ints("nested"); });
}

TEST_P(SmallFile, CanBeMoved) {
  File moved = std::move(file_);
  file_ = std::move(moved);
  EXPECT_EQ(file_.find_string("string"), "abc");
  EXPECT_EQ(static_cast<char>(file_.find_tensor("b")->data[11]), 'b');
}

std::string version_name(const testing::TestParamInfo<uint32_t>& info) {
  return "Version" + std::to_string(info.param);
}
INSTANTIATE_TEST_SUITE_P(Reader, SmallFile, testing::Values(2U, 3U), version_name);

TEST(Reader, ReadsArraysOfEachNumberType) {
  const TemporaryFolder folder;
  Bytes out = header(0, 5);
  out.key("u64", ValueType::Array).type(ValueType::U64).u64(2).u64(0).u64(INT64_MAX);
  out.key("big", ValueType::Array).type(ValueType::U64).u64(1).u64(1ULL << 63U);
  out.key("f32", ValueType::Array).type(ValueType::F32).u64(2).number(0.5F).number(-1.0F);
  out.key("f64", ValueType::Array).type(ValueType::F64).u64(1).number(0.1);
  out.key("none", ValueType::Array).type(ValueType::I32).u64(0);
  const auto file = File::open(folder.write("a.gguf", out.text));
  EXPECT_THAT(*file.find_ints("u64"), ElementsAre(0, INT64_MAX));
  EXPECT_THAT(*file.find_floats("f32"), ElementsAre(0.5, -1.0));
  EXPECT_THAT(*file.find_floats("f64"), ElementsAre(0.1));
  EXPECT_TRUE(file.find_ints("none")->empty());
  EXPECT_EQ(error_of([&] { file.find_ints("big"); }),
            file.path() +
                ": big: must be an array of integers below 2^63, is u64[1] "
                "{9223372036854775808}");
}

TEST(Reader, DescribesLongValuesInShort) {
  const TemporaryFolder folder;
  Bytes out = header(0, 2);
  out.key("long", ValueType::String).string("line one\n" + std::string(1000, 'x'));
  out.key("many", ValueType::Array).type(ValueType::U8).u64(9).raw("\1\2\3\4\5\6\7\10\11");
  const auto file = File::open(folder.write("a.gguf", out.text));
  EXPECT_EQ(gguf::describe(*file.find("long")),
            R"(string "line one\n)" + std::string(71, 'x') + "\"... (1009 bytes)");
  EXPECT_EQ(gguf::describe(*file.find("many")), "u8[9] {1, 2, 3, 4, 5, 6, 7, 8, ...}");
}

TEST(Reader, RefusesWhatIsNoRegularFile) {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe.gguf";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refusal(pipe), pipe + ": is not a regular file");
  EXPECT_EQ(refusal("/dev/zero"), "/dev/zero: is not a regular file");
  EXPECT_EQ(refusal(folder / ""), (folder / "") + ": is a directory, not a GGUF file");
  const std::string absent = folder / "absent.gguf";
  EXPECT_EQ(refusal(absent), absent + ": cannot open: No such file or directory");
  const std::string empty = folder.write("empty.gguf", "");
  EXPECT_EQ(refusal(empty), empty + ": the file is empty");
  EXPECT_EQ(refusal(""), "\"\": cannot open: No such file or directory");
  EXPECT_EQ(refusal("/absent\n/x"), "\"/absent\\n/x\": cannot open: No such file or directory");
}

TEST(Reader, RefusesAFileItMayNotRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TemporaryFolder folder;
  const std::string path = folder.write("secret.gguf", small_file());
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  EXPECT_EQ(refusal(path), path + ": cannot open: Permission denied");
}

std::vector<std::string> reference_files() {
  std::vector<std::string> paths;
  for (const char* folder : {"models", "tokenizers"})
    for (const auto& entry : std::filesystem::directory_iterator(refs() / folder))
      if (entry.path().extension() == ".gguf") paths.push_back(entry.path());
  return paths;
}

TEST(Reader, ReadsEveryReferenceFile) {
  WELD_NEEDS_REFS();
  const auto paths = reference_files();
  EXPECT_GT(paths.size(), 40U);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const auto file = File::open(path);
    EXPECT_TRUE(file.find_string("general.architecture"));
    EXPECT_FALSE(file.find_string("general.architecture")->empty());
    const bool vocabulary_only = path.ends_with(".vocab.gguf");
    EXPECT_EQ(file.tensors().empty(), vocabulary_only);
    if (vocabulary_only) {
      EXPECT_GT(file.find_strings("tokenizer.ggml.tokens")->size(), 30000U);
    } else {
      EXPECT_NE(file.find_tensor("token_embd.weight"), nullptr);
    }
  }
}

TEST(Reader, CopiesNoStrings) {
  WELD_NEEDS_REFS();
  const auto file = File::open(refs() / "tokenizers" / "qwen3.vocab.gguf");
  const auto stored = file.find("tokenizer.ggml.tokens")->bytes;
  const auto* begin = reinterpret_cast<const char*>(stored.data());
  const auto tokens = file.find_strings("tokenizer.ggml.tokens");
  ASSERT_EQ(tokens->size(), 151669U);
  for (const std::string_view token : *tokens) {
    ASSERT_GE(token.data(), begin);
    ASSERT_LE(token.data() + token.size(), begin + stored.size());
  }
}

}  // namespace
}  // namespace weld::test
