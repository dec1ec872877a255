// Each type's decoding, to the bit, against blocks decoded by the format's own package.
#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf/type.h"
#include "quant/dequantize.h"
#include "refs.h"
#include "type_params.h"

namespace weld::quant::test {
namespace {

template <typename T>
std::vector<T> read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::vector<T> values(std::filesystem::file_size(path) / sizeof(T));
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(T)));
  return values;
}

class Decode : public testing::TestWithParam<gguf::TypeInfo> {};

TEST_P(Decode, MatchesTheFormatsOwnPackage) {
  WELD_NEEDS_REFS();
  const gguf::TypeInfo& type = GetParam();
  const std::filesystem::path folder = weld::test::refs() / "quants";
  const auto index = nlohmann::json::parse(std::ifstream(folder / "index.json"));
  ASSERT_TRUE(index.contains(type.name));
  const auto& entry = index[type.name];
  ASSERT_EQ(entry["type_id"], static_cast<uint32_t>(type.type));
  ASSERT_EQ(entry["block_elements"], type.block_elements);
  ASSERT_EQ(entry["block_bytes"], type.block_bytes);

  const std::string stem = (folder / type.name).string();
  const auto blocks = read_all<std::byte>(stem + ".blocks.bin");
  const auto expected = read_all<float>(stem + ".values.f32");
  ASSERT_EQ(blocks.size() / type.block_bytes, entry["blocks"]);
  ASSERT_EQ(blocks.size() / type.block_bytes * type.block_elements, expected.size());

  std::vector<float> values(expected.size());
  dequantize(type.type, blocks.data(), static_cast<int64_t>(values.size()), values.data());
  for (size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(expected[i]))
        << "weight " << i % type.block_elements << " of block " << i / type.block_elements << ": "
        << values[i] << ", not " << expected[i];
}

// F32's blocks are its values.
bool is_decoded(const gguf::TypeInfo& type) { return type.type != gguf::Type::F32; }

INSTANTIATE_TEST_SUITE_P(Types, Decode, testing::ValuesIn(types_where(is_decoded)), name_of);

}  // namespace
}  // namespace weld::quant::test
