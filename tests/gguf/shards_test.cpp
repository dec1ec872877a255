// Files in several shards: opened as one from any of them, refused where they do not belong
// together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bytes.h"

namespace weld::test {
namespace {

using gguf::File;
using gguf::Type;
using gguf::ValueType;

/// A shard as gguf-split writes it, with one tensor of 8 floats.
struct Shard {
  uint16_t number = 0;  ///< from 0
  uint16_t count = 3;
  int32_t tensors = 3;
  std::string tensor = "t";

  std::string text() const {
    Bytes out = header(1, 4);
    out.key("split.no", ValueType::U16).u16(number);
    out.key("split.count", ValueType::U16).u16(count);
    out.key("split.tensors.count", ValueType::I32).number(tensors);
    out.key("general.name", ValueType::String).string("shard " + std::to_string(number));
    out.string(tensor).u32(1).u64(8).type(Type::F32).u64(0);
    return out.pad(32).raw(std::string(32, static_cast<char>('0' + number))).text;
  }
};

class Shards : public testing::Test {
 protected:
  Shards() {
    for (uint16_t i = 0; i < 3; ++i) put(i, {.number = i, .tensor = "t" + std::to_string(i)});
  }
  std::string path(int number) const {
    return folder_ / ("m-0000" + std::to_string(number + 1) + "-of-00003.gguf");
  }
  void put(int number, const Shard& shard) const {
    std::ofstream(path(number), std::ios::binary) << shard.text();
  }
  /// Expects the message for each of the shards as the one that is opened.
  void expect_refused(const std::string& message) const {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(refusal(path(i)), message);
  }

  TemporaryFolder folder_;
};

TEST_F(Shards, OpenAsOneFromAnyOfThem) {
  for (int opened = 0; opened < 3; ++opened) {
    const auto file = File::open(path(opened));
    EXPECT_EQ(file.path(), path(opened));
    ASSERT_EQ(file.shards().size(), 3U);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(file.shards()[i].path, path(static_cast<int>(i)));
    EXPECT_EQ(file.find_string("general.name"), "shard 0");
    EXPECT_EQ(file.bytes(), 3 * Shard{.tensor = "t0"}.text().size());
    ASSERT_EQ(file.tensors().size(), 3U);
    for (int i = 0; i < 3; ++i) {
      const gguf::Tensor* tensor = file.find_tensor("t" + std::to_string(i));
      ASSERT_EQ(tensor, &file.tensors()[static_cast<size_t>(i)]);
      EXPECT_EQ(tensor->shard, i);
      EXPECT_EQ(static_cast<char>(tensor->data[31]), '0' + i);
    }
  }
}

TEST_F(Shards, ValueErrorsNameTheShardThatHasTheMetadata) {
  const auto file = File::open(path(2));
  EXPECT_EQ(error_of([&] { file.find_uint("general.name"); }),
            path(0) + ": general.name: must be a non-negative integer, is string \"shard 0\"");
  EXPECT_EQ(error_of([&] { file.find_bool("general.name"); }),
            path(0) + ": general.name: must be a bool, is string \"shard 0\"");
}

TEST_F(Shards, MissingOneIsNamed) {
  std::filesystem::remove(path(1));
  EXPECT_EQ(refusal(path(0)), path(1) + ": cannot open: No such file or directory");
  EXPECT_EQ(refusal(path(2)), path(1) + ": cannot open: No such file or directory");
}

TEST_F(Shards, DamagedOneIsNamed) {
  std::ofstream(path(2)) << "GGML";
  expect_refused(path(2) + ": magic: must be \"GGUF\", is \"GGML\"");
}

TEST_F(Shards, NumberMustBeThatOfTheName) {
  put(1, {.number = 2, .tensor = "t1"});
  expect_refused(path(1) + ": split.no: must be 1 for shard 2, is 2");
}

TEST_F(Shards, CountMustBeThatOfTheName) {
  put(2, {.number = 2, .count = 4, .tensor = "t2"});
  expect_refused(path(2) + ": split.count: must be 3 as in the file's name, is 4");
}

TEST_F(Shards, TensorsMustBeAsManyAsAnyShardSays) {
  put(1, {.number = 1, .tensors = 4, .tensor = "t1"});
  expect_refused(path(1) + ": split.tensors.count: must be 3, the tensors of all shards, is 4");
}

TEST_F(Shards, TensorNamesMustDiffer) {
  put(2, {.number = 2, .tensor = "t0"});
  expect_refused(path(2) + ": tensor \"t0\": the name is already used in " + path(0));
}

TEST_F(Shards, MustBeMarkedAsShards) {
  std::ofstream(path(0)) << header(0, 0).text;
  expect_refused(path(0) + ": split.count: is missing, the file's name says 3");
  std::ofstream(path(0)) << header(0, 1).key("split.count", ValueType::U8).u8(3).text;
  expect_refused(path(0) + ": split.no: is missing, it must be 0");
}

TEST_F(Shards, NameMustBeOfAShardThatCanBe) {
  const std::string fourth = folder_.write("m-00004-of-00003.gguf", Shard().text());
  EXPECT_EQ(refusal(fourth), fourth + ": file name: shard 4 of 3 cannot be");
  const std::string zeroth = folder_.write("m-00000-of-00003.gguf", Shard().text());
  EXPECT_EQ(refusal(zeroth), zeroth + ": file name: shard 0 of 3 cannot be");
}

TEST_F(Shards, OneOfOneNeedsNoMark) {
  EXPECT_EQ(refusal(folder_.write("s-00001-of-00001.gguf", small_file())), "");
  const Shard marked{.number = 0, .count = 1, .tensors = 1};
  EXPECT_EQ(refusal(folder_.write("t-00001-of-00001.gguf", marked.text())), "");
  EXPECT_EQ(refusal(folder_.write("whole.gguf", marked.text())), "");
}

TEST_F(Shards, NamesThatOnlyLookAlikeAreOfWholeFiles) {
  for (const char* name : {"m-0001-of-00002.gguf", "m-00001_of_00002.gguf", "m-0000a-of-00002.gguf",
                           "m-00001-of-00002.bin", "m 00001-of-00002.gguf"})
    EXPECT_EQ(refusal(folder_.write(name, small_file())), "") << name;
}

}  // namespace
}  // namespace weld::test
