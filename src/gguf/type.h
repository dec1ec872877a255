// The block types of GGUF: their ids, names and sizes. What the bytes mean is in quant/.
#pragma once

#include <cstdint>
#include <string>

namespace weld::gguf {

/// Ids as the format numbers them.
enum class Type : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
  NVFP4 = 40,
};

/// A block is the smallest run of weights that can be decoded by itself.
struct TypeInfo {
  Type type;
  const char* name;
  uint32_t block_elements;
  uint32_t block_bytes;

  /// Whether weights are plain numbers: F32, F16 or BF16.
  constexpr bool is_float() const { return block_elements == 1; }
};

inline constexpr TypeInfo type_table[] = {
    {Type::F32, "F32", 1, 4},
    {Type::F16, "F16", 1, 2},
    {Type::BF16, "BF16", 1, 2},
    {Type::Q4_0, "Q4_0", 32, 18},
    {Type::Q4_1, "Q4_1", 32, 20},
    {Type::Q5_0, "Q5_0", 32, 22},
    {Type::Q5_1, "Q5_1", 32, 24},
    {Type::Q8_0, "Q8_0", 32, 34},
    {Type::Q2_K, "Q2_K", 256, 84},
    {Type::Q3_K, "Q3_K", 256, 110},
    {Type::Q4_K, "Q4_K", 256, 144},
    {Type::Q5_K, "Q5_K", 256, 176},
    {Type::Q6_K, "Q6_K", 256, 210},
    {Type::IQ1_S, "IQ1_S", 256, 50},
    {Type::IQ1_M, "IQ1_M", 256, 56},
    {Type::IQ2_XXS, "IQ2_XXS", 256, 66},
    {Type::IQ2_XS, "IQ2_XS", 256, 74},
    {Type::IQ2_S, "IQ2_S", 256, 82},
    {Type::IQ3_XXS, "IQ3_XXS", 256, 98},
    {Type::IQ3_S, "IQ3_S", 256, 110},
    {Type::IQ4_NL, "IQ4_NL", 32, 18},
    {Type::IQ4_XS, "IQ4_XS", 256, 136},
    {Type::TQ1_0, "TQ1_0", 256, 54},
    {Type::TQ2_0, "TQ2_0", 256, 66},
    {Type::MXFP4, "MXFP4", 32, 17},
    {Type::NVFP4, "NVFP4", 64, 36},
};

/// The entry of a type id, or nullptr where weld does not read it.
constexpr const TypeInfo* find_type(uint32_t id) {
  for (const TypeInfo& info : type_table)
    if (static_cast<uint32_t>(info.type) == id) return &info;
  return nullptr;
}

/// The entry of a type that weld reads.
constexpr const TypeInfo& info(Type type) { return *find_type(static_cast<uint32_t>(type)); }

/// "Q4_K (12)"; also names the types of the format that weld does not read: "Q8_K (15)", "unknown
/// (999)".
std::string describe_type(uint32_t id);

}  // namespace weld::gguf
