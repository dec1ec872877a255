// Writing files: what is written is read again; what could not be read is not written; nothing is
// lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "bytes.h"
#include "gguf/writer.h"
#include "refs.h"

namespace weld::test {
namespace {

using gguf::File;
using gguf::Type;
using gguf::ValueType;
using gguf::Writer;
using testing::ElementsAre;

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A copy of an opened file.
Writer copy(const File& file) {
  Writer writer;
  for (const auto& [key, value] : file.metadata()) writer.add(key, value);
  for (const auto& tensor : file.tensors())
    writer.add_tensor(tensor.name, tensor.type,
                      std::span(tensor.dims).first(static_cast<size_t>(tensor.rank)),
                      {tensor.data, tensor.bytes});
  return writer;
}

class WriterTest : public testing::Test {
 protected:
  /// Expects the error, and that nothing was left behind.
  void expect_refused(const Writer& writer, const std::string& message) const {
    const std::string path = folder_ / "refused.gguf";
    EXPECT_EQ(error_of([&] { writer.write(path); }), path + ": " + message);
    EXPECT_EQ(folder_.entries(), 0U);
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "out.gguf";
};

TEST_F(WriterTest, WritesEachKindOfValue) {
  Writer writer;
  writer.add_u32("u32", 42);
  writer.add_i32("i32", -42);
  writer.add_u64("u64", UINT64_MAX);
  writer.add_f32("f32", 0.1F);
  writer.add_bool("bool", false);
  writer.add_string("string", "größe\n");
  writer.add_strings("strings", std::vector<std::string>{"a", "", "c"});
  writer.add_i32s("i32s", std::vector<int32_t>{1, -1});
  writer.add_f32s("f32s", std::vector<float>{0.5F, -0.25F});
  writer.add_strings("none", {});
  writer.write(path_);

  const auto file = File::open(path_);
  EXPECT_EQ(file.version(), 3U);
  EXPECT_EQ(file.metadata().size(), 10U);
  EXPECT_EQ(gguf::describe(*file.find("u32")), "u32 42");
  EXPECT_EQ(gguf::describe(*file.find("i32")), "i32 -42");
  EXPECT_EQ(gguf::describe(*file.find("u64")), "u64 18446744073709551615");
  EXPECT_EQ(gguf::describe(*file.find("f32")), "f32 0.1");
  EXPECT_EQ(gguf::describe(*file.find("bool")), "bool false");
  EXPECT_EQ(file.find_string("string"), "größe\n");
  EXPECT_THAT(*file.find_strings("strings"), ElementsAre("a", "", "c"));
  EXPECT_EQ(gguf::describe(*file.find("i32s")), "i32[2] {1, -1}");
  EXPECT_EQ(gguf::describe(*file.find("f32s")), "f32[2] {0.5, -0.25}");
  EXPECT_TRUE(file.find_strings("none")->empty());
}

TEST_F(WriterTest, CopiesValuesOfEveryType) {
  const auto original = File::open(folder_.write("original.gguf", small_file()));
  copy(original).write(path_);
  const auto copied = File::open(path_);
  ASSERT_EQ(copied.metadata().size(), original.metadata().size());
  for (size_t i = 0; i < original.metadata().size(); ++i) {
    const auto& [key, value] = original.metadata()[i];
    EXPECT_EQ(copied.metadata()[i].key, key);
    EXPECT_EQ(copied.metadata()[i].value.type, value.type);
    EXPECT_TRUE(std::ranges::equal(copied.metadata()[i].value.bytes, value.bytes)) << key;
  }
  // Bytes and all, but for the padding behind the last tensor.
  EXPECT_EQ(read_all(path_), Bytes{small_file()}.pad(32).text);
}

TEST_F(WriterTest, PutsTensorsAtAlignedOffsetsWithZerosBetween) {
  const std::string a(4, 'a');
  const std::string b(68, 'b');
  const std::string c(128, 'c');
  Writer writer;
  writer.add_u32("general.alignment", 64);
  writer.add_tensor("a", Type::F32, std::vector<uint64_t>{1}, as_bytes(a));
  writer.add_tensor("b", Type::Q8_0, std::vector<uint64_t>{32, 2}, as_bytes(b));
  writer.add_tensor("c", Type::F16, std::vector<uint64_t>{2, 2, 4, 4}, as_bytes(c));
  writer.write(path_);

  const auto file = File::open(path_);
  EXPECT_EQ(file.alignment(), 64U);
  ASSERT_EQ(file.tensors().size(), 3U);
  EXPECT_THAT(file.find_tensor("c")->dims, ElementsAre(2, 2, 4, 4));
  const std::string bytes = read_all(path_);
  EXPECT_EQ(bytes.size() % 64, 0U);
  const size_t data = bytes.size() - (64 + 128 + 128);
  EXPECT_EQ(data % 64, 0U);
  EXPECT_EQ(bytes.substr(data), a + std::string(60, '\0') + b + std::string(60, '\0') + c);
}

TEST_F(WriterTest, CopiesEveryReferenceModel) {
  WELD_NEEDS_REFS();
  for (const auto& entry : std::filesystem::directory_iterator(refs() / "models")) {
    if (entry.path().extension() != ".gguf") continue;
    copy(File::open(entry.path())).write(path_);
    EXPECT_TRUE(read_all(path_) == read_all(entry.path())) << entry.path();
  }
}

TEST_F(WriterTest, WritesShardsOneByOne) {
  for (uint32_t i = 0; i < 2; ++i) {
    Writer writer;
    writer.add_u32("split.no", i);
    writer.add_u32("split.count", 2);
    writer.write(folder_ / ("m-0000" + std::to_string(i + 1) + "-of-00002.gguf"));
  }
  EXPECT_EQ(File::open(folder_ / "m-00002-of-00002.gguf").shards().size(), 2U);
}

TEST_F(WriterTest, RefusesWhatCouldNotBeRead) {
  const std::vector<uint64_t> one = {1};
  const std::string four = "four";
  const auto tensor = [&](std::string_view name, Type type, const std::vector<uint64_t>& dims,
                          const std::string& data) {
    Writer writer;
    writer.add_tensor(name, type, dims, as_bytes(data));
    return writer;
  };
  expect_refused(tensor("", Type::F32, one, four), "tensor 0: name: is empty");
  expect_refused(tensor("x", Type::F32, {}, four),
                 R"(tensor "x": rank: must be from 1 to 4, is 0)");
  expect_refused(tensor("x", Type::F32, {1, 1, 1, 1, 1}, four),
                 R"(tensor "x": rank: must be from 1 to 4, is 5)");
  expect_refused(tensor("x", Type::F32, {0}, ""), R"(tensor "x": dimension 0 is 0)");
  expect_refused(tensor("x", static_cast<Type>(77), one, four),
                 R"(tensor "x": type: unknown (77) is not supported)");
  expect_refused(tensor("x", Type::Q4_0, {16}, four),
                 R"(tensor "x": dimension 0: must be a multiple of 32 for Q4_0, is 16)");
  expect_refused(tensor("x", Type::F32, {2}, four), R"(tensor "x": data: must be 8 bytes, is 4)");
  Writer twice = tensor("x", Type::F32, one, four);
  twice.add_tensor("x", Type::F32, one, as_bytes(four));
  expect_refused(twice, R"(tensor "x": the name is used twice)");
}

TEST_F(WriterTest, RefusesValuesThatCouldNotBeRead) {
  const auto value = [](std::string_view key, ValueType type, const Bytes& bytes) {
    Writer writer;
    writer.add(key, {type, as_bytes(bytes.text)});
    return writer;
  };
  expect_refused(value("k", ValueType::U32, Bytes().u16(1)),
                 "k: value: needs 4 bytes, 2 are left at byte 0");
  expect_refused(value("k", ValueType::U32, Bytes().u64(1)), "k: value: has 4 bytes too many");
  expect_refused(value("k", ValueType::Bool, Bytes().u8(2)),
                 "k: value: a bool must be 0 or 1, is 2");
  expect_refused(value("k", static_cast<ValueType>(13), Bytes().u8(2)),
                 "k: value type: must be from 0 to 12, is 13");
  expect_refused(value("", ValueType::U64, Bytes().u64(2)), "metadata entry 0: key: is empty");
  expect_refused(value("general.alignment", ValueType::U32, Bytes().u32(24)),
                 "general.alignment: must be a power of two from 8 to 2097152, is u32 24");
  expect_refused(
      value("split.count", ValueType::U32, Bytes().u32(2)),
      "split.count: is 2, but the file is not named like a shard (NAME-00001-of-00002.gguf)");
  Writer twice = value("k", ValueType::U8, Bytes().u8(1));
  twice.add_bool("k", true);
  expect_refused(twice, R"(metadata entry 1: key: "k" was used by metadata entry 0)");
}

TEST_F(WriterTest, ReplacesAFileThatIsStillMapped) {
  folder_.write("out.gguf", small_file());
  const auto before = File::open(path_);
  Writer writer = copy(before);
  writer.add_string("new", "value");
  writer.write(path_);
  EXPECT_EQ(before.find_string("string"), "abc");
  EXPECT_EQ(static_cast<char>(before.find_tensor("b")->data[0]), 'b');
  EXPECT_EQ(File::open(path_).find_string("new"), "value");
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(WriterTest, LeavesTheOldFileWhereItRefuses) {
  folder_.write("out.gguf", small_file());
  Writer writer;
  writer.add_u32("", 0);
  EXPECT_NE(error_of([&] { writer.write(path_); }), "");
  EXPECT_EQ(read_all(path_), small_file());
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(WriterTest, NamesAPlaceWhereItCannotWrite) {
  const Writer writer;
  const std::string nowhere = folder_ / "absent/out.gguf";
  EXPECT_EQ(error_of([&] { writer.write(nowhere); }),
            nowhere + ": cannot create: No such file or directory");
  const std::string folder = folder_ / "";
  EXPECT_EQ(error_of([&] { writer.write(folder); }), folder + ": is not a regular file");
  EXPECT_EQ(error_of([&] { writer.write("/dev/null"); }), "/dev/null: is not a regular file");
}

TEST_F(WriterTest, RemovesAFileThatItCannotFinish) {
  folder_.write("out.gguf", small_file());
  const std::string data(1 << 20, 'x');
  Writer writer;
  writer.add_tensor("x", Type::F16, std::vector<uint64_t>{1 << 19}, as_bytes(data));

  // A limit on the size of files stands in for a full disk.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit low{100000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  const std::string error = error_of([&] { writer.write(path_); });
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, old_handler);

  EXPECT_EQ(error, path_ + ": cannot write: File too large");
  EXPECT_EQ(read_all(path_), small_file());
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(WriterTest, FollowsTheUmask) {
  Writer().write(path_);
  std::ofstream(folder_ / "plain") << "x";
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::status(folder_ / "plain").permissions());
}

}  // namespace
}  // namespace weld::test
