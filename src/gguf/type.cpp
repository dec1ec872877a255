// Naming block types, those of other engines among them: whoever has such a file should learn what
// it is.
#include "gguf/type.h"

#include <fmt/format.h>

namespace weld::gguf {
namespace {

struct ForeignType {
  uint32_t id;
  const char* name;
};

// What weld does not read: types that no weights are stored in, withdrawn and recent ones, and
// those of ik_llama.cpp.
constexpr ForeignType foreign_types[] = {
    {4, "Q4_2"},         {5, "Q4_3"},        {9, "Q8_1"},         {15, "Q8_K"},
    {24, "I8"},          {25, "I16"},        {26, "I32"},         {27, "I64"},
    {28, "F64"},         {31, "Q4_0_4_4"},   {32, "Q4_0_4_8"},    {33, "Q4_0_8_8"},
    {36, "I2_S"},        {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"},  {41, "Q1_0"},
    {42, "Q2_0"},        {133, "Q6_0"},      {134, "IQ1_BN"},     {135, "IQ2_BN"},
    {137, "IQ2_K"},      {138, "IQ3_K"},     {139, "IQ4_K"},      {140, "IQ5_K"},
    {141, "IQ6_K"},      {144, "IQ4_KS"},    {145, "IQ2_KS"},     {146, "IQ4_KSS"},
    {151, "Q8_KV"},      {152, "IQ5_KS"},    {153, "IQ2_KT"},     {154, "IQ3_KT"},
    {155, "IQ4_KT"},     {156, "IQ3_KS"},    {157, "IQ2_KL"},     {158, "IQ1_KT"},
    {202, "Q4_0_R8"},    {206, "Q5_0_R4"},   {208, "Q8_0_R8"},    {210, "Q2_K_R4"},
    {211, "Q3_K_R4"},    {212, "Q4_K_R4"},   {213, "Q5_K_R4"},    {214, "Q6_K_R4"},
    {216, "IQ2_XXS_R4"}, {217, "IQ2_XS_R4"}, {218, "IQ3_XXS_R4"}, {219, "IQ1_S_R4"},
    {220, "IQ4_NL_R4"},  {221, "IQ3_S_R4"},  {222, "IQ2_S_R4"},   {223, "IQ4_XS_R8"},
    {229, "IQ1_M_R4"},   {230, "BF16_R16"},  {233, "Q6_0_R4"},    {335, "IQ2_BN_R4"},
    {337, "IQ2_K_R4"},   {338, "IQ3_K_R4"},  {339, "IQ4_K_R4"},   {340, "IQ5_K_R4"},
    {344, "IQ4_KS_R4"},  {398, "Q8_KV_R8"},  {399, "Q8_K_R8"},
};

}  // namespace

std::string describe_type(uint32_t id) {
  if (const TypeInfo* known = find_type(id)) return fmt::format("{} ({})", known->name, id);
  for (const ForeignType& type : foreign_types)
    if (type.id == id) return fmt::format("{} ({})", type.name, id);
  return fmt::format("unknown ({})", id);
}

}  // namespace weld::gguf
