// Files with one thing wrong: each is refused with the line that names it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "bytes.h"

namespace weld::test {
namespace {

using gguf::ValueType;

struct Malformed {
  const char* name;
  std::string bytes;
  std::string error;  ///< what follows the file's name
};

void PrintTo(const Malformed& file, std::ostream* out) { *out << file.name; }

/// A file of one metadata entry with this key and type, and these bytes as its value.
std::string one_value(ValueType type, const Bytes& value, std::string_view key = "some.key") {
  return header(0, 1).key(key, type).raw(value.text).text;
}

/// A file of one array.
std::string one_array(ValueType type, uint64_t count, const Bytes& elements) {
  return one_value(ValueType::Array, Bytes().type(type).u64(count).raw(elements.text));
}

/// A file of one tensor with enough data for 32 floats.
std::string one_tensor(const Bytes& entry) {
  return header(1, 0).raw(entry.text).pad(32).raw(std::string(128, '\0')).text;
}

/// The entry of a tensor.
Bytes tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
             uint64_t offset) {
  Bytes out;
  out.string(name).u32(static_cast<uint32_t>(dims.size()));
  for (const uint64_t dimension : dims) out.u64(dimension);
  return out.u32(type).u64(offset);
}

std::string two_tensors(uint64_t first_offset, uint64_t second_offset) {
  Bytes out = header(2, 0);
  out.raw(tensor("a", {16}, 0, first_offset).text).raw(tensor("b", {16}, 0, second_offset).text);
  return out.pad(32).raw(std::string(256, '\0')).text;
}

std::string with_alignment(uint32_t alignment, uint64_t offset) {
  Bytes out = header(1, 1).key("general.alignment", ValueType::U32).u32(alignment);
  out.raw(tensor("a", {32}, 0, offset).text);
  return out.pad(256).raw(std::string(512, '\0')).text;
}

std::string nested(int depth) {
  Bytes out = header(0, 1).key("deep", ValueType::Array);
  for (int i = 1; i < depth; ++i) out.type(ValueType::Array).u64(1);
  return out.type(ValueType::U8).u64(1).u8(7).text;
}

constexpr uint32_t f32 = 0;
constexpr uint64_t huge = UINT64_MAX;

std::vector<Malformed> header_cases() {
  return {
      {"MagicCutShort", "GG", "magic: needs 4 bytes, 2 are left at byte 0"},
      {"MagicOfAnotherFormat", "GGML" + std::string(64, '\0'),
       R"(magic: must be "GGUF", is "GGML")"},
      {"MagicOfControlCharacters", std::string("\0\n\xFF\"", 4) + std::string(64, '\0'),
       R"(magic: must be "GGUF", is "\x00\n\xFF\"")"},
      {"VersionCutShort", "GGUF\3", "version: needs 4 bytes, 1 are left at byte 4"},
      {"Version0", header(0, 0, 0).text, "version: must be 2 or 3, is 0"},
      {"Version1", header(0, 0, 1).text, "version: must be 2 or 3, is 1"},
      {"Version4", header(0, 0, 4).text, "version: must be 2 or 3, is 4"},
      {"VersionBigEndian", header(0, 0, 0x03000000).text,
       "version: 0x03000000: big-endian files are not supported"},
      {"TensorCountCutShort", header(0, 0).text.substr(0, 12),
       "tensor count: needs 8 bytes, 4 are left at byte 8"},
      {"TensorCountOverflows", header(huge, 0).text,
       "tensor count: 18446744073709551615 do not fit into the 8 bytes that are left"},
      {"TensorCountBeyondFile", header(2, 0).raw(std::string(57, 'x')).text,
       "tensor count: 2 do not fit into the 65 bytes that are left"},
      {"MetadataCountCutShort", header(0, 0).text.substr(0, 23),
       "metadata count: needs 8 bytes, 7 are left at byte 16"},
      {"MetadataCountOverflows", header(0, huge).text,
       "metadata count: 18446744073709551615 do not fit into the 0 bytes that are left"},
      {"MetadataCountBeyondFile", header(0, 2).raw(std::string(27, 'x')).text,
       "metadata count: 2 do not fit into the 27 bytes that are left"},
      {"SecondEntryMissing", header(0, 2).key("long.enough.key", ValueType::U8).u8(0).text,
       "metadata entry 1: key: needs 8 bytes, 0 are left at byte 52"},
  };
}

std::vector<Malformed> key_cases() {
  const std::string rest(16, '\0');
  return {
      {"KeyLengthOverflows", header(0, 1).u64(huge).raw(rest).text,
       "metadata entry 0: key: must have at most 65535 bytes, has 18446744073709551615"},
      {"KeyBeyondFile", header(0, 1).u64(17).raw(rest).text,
       "metadata entry 0: key: needs 17 bytes, 16 are left at byte 32"},
      {"KeyTooLong", one_value(ValueType::U8, Bytes().u8(0), std::string(65536, 'k')),
       "metadata entry 0: key: must have at most 65535 bytes, has 65536"},
      {"KeyEmpty", one_value(ValueType::U32, Bytes().u32(0), ""),
       "metadata entry 0: key: is empty"},
      {"KeyStrayContinuation", one_value(ValueType::U8, Bytes().u8(0), "a\x80z"),
       R"(metadata entry 0: key: is not UTF-8: "a\x80z")"},
      {"KeyOverlong", one_value(ValueType::U8, Bytes().u8(0), "\xC0\xAF"),
       R"(metadata entry 0: key: is not UTF-8: "\xC0\xAF")"},
      {"KeySurrogate", one_value(ValueType::U8, Bytes().u8(0), "\xED\xA0\x80"),
       R"(metadata entry 0: key: is not UTF-8: "\xED\xA0\x80")"},
      {"KeyCharacterCutShort", one_value(ValueType::U8, Bytes().u8(0), "a\xE2\x82"),
       R"(metadata entry 0: key: is not UTF-8: "a\xE2\x82")"},
      {"KeyBeyondUnicode", one_value(ValueType::U8, Bytes().u8(0), "\xF4\x90\x80\x80"),
       R"(metadata entry 0: key: is not UTF-8: "\xF4\x90\x80\x80")"},
      {"KeyTwice",
       header(0, 3)
           .key("same", ValueType::U8)
           .u8(0)
           .key("other", ValueType::U8)
           .u8(0)
           .key("same", ValueType::U16)
           .u16(0)
           .text,
       R"(metadata entry 2: key: "same" was used by metadata entry 0)"},
      {"KeyWithLineBreakIsEscaped", header(0, 1).string("a\nb: fine").u32(77).raw(rest).text,
       R"("a\nb: fine": value type: must be from 0 to 12, is 77)"},
      {"KeyLongIsCut", header(0, 1).string(std::string(100, 'k')).u32(77).raw(rest).text,
       '"' + std::string(80, 'k') + R"("... (100 bytes): value type: must be from 0 to 12, is 77)"},
  };
}

std::vector<Malformed> value_cases() {
  return {
      {"ValueTypeCutShort", header(0, 1).string("some.key").u16(4).text,
       "some.key: value type: needs 4 bytes, 2 are left at byte 40"},
      {"ValueTypeUnknown", one_value(static_cast<ValueType>(13), Bytes().u64(0)),
       "some.key: value type: must be from 0 to 12, is 13"},
      {"ValueTypeHuge", one_value(static_cast<ValueType>(UINT32_MAX), Bytes().u64(0)),
       "some.key: value type: must be from 0 to 12, is 4294967295"},
      {"U8Missing", one_value(ValueType::U8, Bytes()),
       "some.key: value: needs 1 bytes, 0 are left at byte 44"},
      {"U16CutShort", one_value(ValueType::U16, Bytes().u8(0)),
       "some.key: value: needs 2 bytes, 1 are left at byte 44"},
      {"U32CutShort", one_value(ValueType::U32, Bytes().u16(0)),
       "some.key: value: needs 4 bytes, 2 are left at byte 44"},
      {"F32CutShort", one_value(ValueType::F32, Bytes().raw("abc")),
       "some.key: value: needs 4 bytes, 3 are left at byte 44"},
      {"U64CutShort", one_value(ValueType::U64, Bytes().u32(0)),
       "some.key: value: needs 8 bytes, 4 are left at byte 44"},
      {"F64CutShort", one_value(ValueType::F64, Bytes().raw("1234567")),
       "some.key: value: needs 8 bytes, 7 are left at byte 44"},
      {"BoolNeitherTrueNorFalse", one_value(ValueType::Bool, Bytes().u8(2)),
       "some.key: value: a bool must be 0 or 1, is 2"},
      {"StringLengthCutShort", one_value(ValueType::String, Bytes().u32(1)),
       "some.key: value: needs 8 bytes, 4 are left at byte 44"},
      {"StringLengthOverflows", one_value(ValueType::String, Bytes().u64(huge).raw("abc")),
       "some.key: value: needs 18446744073709551615 bytes, 3 are left at byte 52"},
      {"StringBeyondFile", one_value(ValueType::String, Bytes().u64(4).raw("abc")),
       "some.key: value: needs 4 bytes, 3 are left at byte 52"},
      {"ArrayTypeCutShort", one_value(ValueType::Array, Bytes().u16(4)),
       "some.key: element type: needs 4 bytes, 2 are left at byte 44"},
      {"ArrayTypeUnknown", one_array(static_cast<ValueType>(99), 0, Bytes()),
       "some.key: element type: must be from 0 to 12, is 99"},
      {"ArrayLengthCutShort", one_value(ValueType::Array, Bytes().u32(4).u32(0)),
       "some.key: array length: needs 8 bytes, 4 are left at byte 48"},
      {"ArrayLengthOverflows", one_array(ValueType::U32, 1ULL << 62U, Bytes().u32(0)),
       "some.key: array length: 4611686018427387904 do not fit into the 4 bytes that are left"},
      {"ArrayBeyondFile", one_array(ValueType::U64, 2, Bytes().u64(0).u32(0)),
       "some.key: array length: 2 do not fit into the 12 bytes that are left"},
      {"ArrayOfBadBool", one_array(ValueType::Bool, 3, Bytes().u8(1).u8(0).u8(255)),
       "some.key: value: a bool must be 0 or 1, is 255"},
      {"ArrayOfTooManyStrings", one_array(ValueType::String, 3, Bytes().string("").string("")),
       "some.key: array length: 3 do not fit into the 16 bytes that are left"},
      {"ArrayStringBeyondFile",
       one_array(ValueType::String, 2, Bytes().string("a").u64(9).raw("b")),
       "some.key: value: needs 9 bytes, 1 are left at byte 73"},
      {"ArrayOfTooManyArrays",
       one_array(ValueType::Array, 2, Bytes().type(ValueType::U8).u64(3).raw("abc")),
       "some.key: array length: 2 do not fit into the 15 bytes that are left"},
      {"InnerArrayTypeUnknown", one_array(ValueType::Array, 1, Bytes().u32(13).u64(0)),
       "some.key: element type: must be from 0 to 12, is 13"},
      {"InnerArrayBeyondFile",
       one_array(ValueType::Array, 1, Bytes().type(ValueType::U16).u64(2).raw("abc")),
       "some.key: array length: 2 do not fit into the 3 bytes that are left"},
      {"ArraysNestTooDeep", nested(5), "deep: value: arrays nest deeper than 4"},
      {"ArraysNestWithoutEnd", nested(100000), "deep: value: arrays nest deeper than 4"},
      {"AlignmentIsString", one_value(ValueType::String, Bytes().string("32"), "general.alignment"),
       R"(general.alignment: must be a u32, is string "32")"},
      {"AlignmentIsU64", one_value(ValueType::U64, Bytes().u64(32), "general.alignment"),
       "general.alignment: must be a u32, is u64 32"},
      {"Alignment0", with_alignment(0, 0),
       "general.alignment: must be a power of two from 8 to 2097152, is u32 0"},
      {"Alignment4", with_alignment(4, 0),
       "general.alignment: must be a power of two from 8 to 2097152, is u32 4"},
      {"Alignment48", with_alignment(48, 0),
       "general.alignment: must be a power of two from 8 to 2097152, is u32 48"},
      {"AlignmentTooLarge", with_alignment(1U << 31U, 0),
       "general.alignment: must be a power of two from 8 to 2097152, is u32 2147483648"},
      {"SplitCountWithoutShardName", one_value(ValueType::U16, Bytes().u16(3), "split.count"),
       "split.count: is 3, but the file is not named like a shard (NAME-00001-of-00003.gguf)"},
      {"SplitCountIsString", one_value(ValueType::String, Bytes().string("3"), "split.count"),
       R"(split.count: must be a non-negative integer, is string "3")"},
      {"SplitTensorsCountWrong", one_value(ValueType::I32, Bytes().u32(7), "split.tensors.count"),
       "split.tensors.count: must be 0, the tensors of all shards, is 7"},
  };
}

std::vector<Malformed> tensor_cases() {
  const std::string no_data = header(1, 0).raw(tensor("x", {32}, f32, 0).text).text;
  return {
      {"NameLengthOverflows", one_tensor(Bytes().u64(huge)),
       "tensor 0: name: must have at most 255 bytes, has 18446744073709551615"},
      {"NameTooLong", one_tensor(tensor(std::string(256, 'n'), {32}, f32, 0)),
       "tensor 0: name: must have at most 255 bytes, has 256"},
      {"NameBeyondFile", header(1, 0).u64(200).raw(std::string(40, 'n')).text,
       "tensor 0: name: needs 200 bytes, 40 are left at byte 32"},
      {"NameEmpty", one_tensor(tensor("", {32}, f32, 0)), "tensor 0: name: is empty"},
      {"NameNotUtf8", one_tensor(tensor("x\xFF", {32}, f32, 0)),
       R"(tensor 0: name: is not UTF-8: "x\xFF")"},
      {"NameTwice",
       header(2, 0)
           .raw(tensor("same", {8}, f32, 0).text)
           .raw(tensor("same", {8}, f32, 32).text)
           .pad(32)
           .raw(std::string(64, '\0'))
           .text,
       R"(tensor "same": the name is already used in this file)"},
      {"NameWithLineBreakIsEscaped", one_tensor(tensor("x\r\ny", {}, f32, 0)),
       R"(tensor "x\x0D\ny": rank: must be from 1 to 4, is 0)"},
      {"RankCutShort", header(1, 0).string(std::string(31, 'n')).u16(1).text,
       R"(tensor "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn": rank: needs 4 bytes, 2 are left at byte 63)"},
      {"Rank0", one_tensor(tensor("x", {}, f32, 0)),
       R"(tensor "x": rank: must be from 1 to 4, is 0)"},
      {"Rank5", one_tensor(tensor("x", {1, 1, 1, 1, 1}, f32, 0)),
       R"(tensor "x": rank: must be from 1 to 4, is 5)"},
      {"RankHuge", one_tensor(Bytes().string("x").u32(UINT32_MAX)),
       R"(tensor "x": rank: must be from 1 to 4, is 4294967295)"},
      {"DimensionsCutShort", header(1, 0).string("x").u32(4).u64(1).u64(1).u32(1).text,
       R"(tensor "x": dimensions: needs 8 bytes, 4 are left at byte 53)"},
      {"Dimension0IsZero", one_tensor(tensor("blk.0.attn_q.weight", {0, 4}, f32, 0)),
       R"(tensor "blk.0.attn_q.weight": dimension 0 is 0)"},
      {"Dimension3IsZero", one_tensor(tensor("x", {1, 1, 1, 0}, f32, 0)),
       R"(tensor "x": dimension 3 is 0)"},
      {"DimensionTooLarge", one_tensor(tensor("x", {1ULL << 63U}, f32, 0)),
       R"(tensor "x": dimension 0: 9223372036854775808 makes 2^63 elements or more)"},
      {"DimensionsOverflow", one_tensor(tensor("x", {1ULL << 32U, 1ULL << 32U}, f32, 0)),
       R"(tensor "x": dimension 1: 4294967296 makes 2^63 elements or more)"},
      {"DimensionsOverflowToSmall", one_tensor(tensor("x", {1ULL << 32U, 1, 1, huge}, f32, 0)),
       R"(tensor "x": dimension 3: 18446744073709551615 makes 2^63 elements or more)"},
      {"BytesOverflow", one_tensor(tensor("x", {1ULL << 40U, 1ULL << 22U}, f32, 0)),
       R"(tensor "x": size: 4611686018427387904 blocks of 4 bytes are 2^63 bytes or more)"},
      {"TypeCutShort", header(1, 0).string("long.enough.name").u32(1).u64(32).u16(0).text,
       R"(tensor "long.enough.name": type: needs 4 bytes, 2 are left at byte 60)"},
      {"TypeUnknown", one_tensor(tensor("x", {32}, 999, 0)),
       R"(tensor "x": type: unknown (999) is not supported)"},
      {"TypeHuge", one_tensor(tensor("x", {32}, UINT32_MAX, 0)),
       R"(tensor "x": type: unknown (4294967295) is not supported)"},
      {"TypeWithoutWeights", one_tensor(tensor("x", {256}, 15, 0)),
       R"(tensor "x": type: Q8_K (15) is not supported)"},
      {"TypeWithdrawn", one_tensor(tensor("x", {256}, 4, 0)),
       R"(tensor "x": type: Q4_2 (4) is not supported)"},
      {"TypeOfAnotherEngine", one_tensor(tensor("x", {256}, 144, 0)),
       R"(tensor "x": type: IQ4_KS (144) is not supported)"},
      {"RowNotWholeBlocks", one_tensor(tensor("x", {48, 2}, 2, 0)),
       R"(tensor "x": dimension 0: must be a multiple of 32 for Q4_0, is 48)"},
      {"RowNotWholeBlocksThoughTheProductIs", one_tensor(tensor("x", {128, 2}, 12, 0)),
       R"(tensor "x": dimension 0: must be a multiple of 256 for Q4_K, is 128)"},
      {"OffsetCutShort",
       header(1, 0).string("long.enough.name").u32(1).u64(32).u32(f32).u32(0).text,
       R"(tensor "long.enough.name": offset: needs 8 bytes, 4 are left at byte 64)"},
      {"OffsetNotAligned", one_tensor(tensor("x", {8}, f32, 33)),
       R"(tensor "x": offset: must be a multiple of the alignment 32, is 33)"},
      {"OffsetNotAlignedAsTheFileSays", with_alignment(128, 64),
       R"(tensor "a": offset: must be a multiple of the alignment 128, is 64)"},
      {"OffsetBeyondFile", one_tensor(tensor("x", {32}, f32, 128)),
       R"(tensor "x": data: 128 bytes at offset 128 do not fit into the 128 bytes of data)"},
      {"OffsetOverflows", one_tensor(tensor("x", {32}, f32, huge - 31)),
       R"(tensor "x": data: 128 bytes at offset 18446744073709551584 do not fit into the 128 bytes)"
       " of data"},
      {"DataBeyondFile", one_tensor(tensor("x", {33}, f32, 0)),
       R"(tensor "x": data: 132 bytes at offset 0 do not fit into the 128 bytes of data)"},
      {"DataMissing", no_data,
       R"(tensor "x": data: 128 bytes at offset 0 do not fit into the 0 bytes of data)"},
      {"DataCutShort", Bytes{no_data}.pad(32).raw(std::string(127, '\0')).text,
       R"(tensor "x": data: 128 bytes at offset 0 do not fit into the 127 bytes of data)"},
      {"DataInTheSamePlace", two_tensors(0, 0),
       R"(tensor "b": offset: 0 is inside the data of tensor "a")"},
      {"DataOverlaps", two_tensors(0, 32),
       R"(tensor "b": offset: 32 is inside the data of tensor "a")"},
      {"DataOverlapsBackwards", two_tensors(96, 64),
       R"(tensor "a": offset: 96 is inside the data of tensor "b")"},
  };
}

class MalformedFile : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedFile, IsRefusedByName) {
  const TemporaryFolder folder;
  const std::string path = folder.write("m.gguf", GetParam().bytes);
  const std::string error = refusal(path);
  EXPECT_EQ(error, path + ": " + GetParam().error);
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

std::string test_name(const testing::TestParamInfo<Malformed>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Header, MalformedFile, testing::ValuesIn(header_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Key, MalformedFile, testing::ValuesIn(key_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Value, MalformedFile, testing::ValuesIn(value_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Tensor, MalformedFile, testing::ValuesIn(tensor_cases()), test_name);

// What stands right beside the malformed files must be read.

TEST(WellFormedFile, LimitsThemselvesAreAllowed) {
  const TemporaryFolder folder;
  EXPECT_EQ(refusal(folder.write("a.gguf", nested(4))), "");
  EXPECT_EQ(refusal(folder.write("b.gguf", with_alignment(8, 0))), "");
  EXPECT_EQ(refusal(folder.write("c.gguf", with_alignment(128, 128))), "");
  EXPECT_EQ(refusal(folder.write("d.gguf", two_tensors(64, 0))), "");
  EXPECT_EQ(refusal(folder.write("e.gguf", two_tensors(0, 192))), "") << "a gap";
  EXPECT_EQ(
      refusal(folder.write("f.gguf", one_tensor(tensor(std::string(255, 'n'), {32}, f32, 0)))), "");
  EXPECT_EQ(refusal(folder.write("g.gguf", one_tensor(tensor("x", {2, 2, 4, 2}, f32, 0)))), "");
  EXPECT_EQ(refusal(folder.write("h.gguf",
                                 one_value(ValueType::U8, Bytes().u8(0), std::string(65535, 'k')))),
            "");
  EXPECT_EQ(refusal(folder.write("i.gguf", header(0, 0).text)), "")
      << "neither metadata nor tensors";
  EXPECT_EQ(refusal(folder.write("j.gguf", one_array(ValueType::String, 0, Bytes()))), "");
}

}  // namespace
}  // namespace weld::test
