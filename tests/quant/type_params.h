// Tests with a block type as their parameter, named after it.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "gguf/type.h"

namespace weld::gguf {
inline void PrintTo(const TypeInfo& type, std::ostream* out) { *out << type.name; }
}  // namespace weld::gguf

namespace weld::quant::test {

template <typename Wanted>
std::vector<gguf::TypeInfo> types_where(Wanted wanted) {
  std::vector<gguf::TypeInfo> found;
  for (const gguf::TypeInfo& type : gguf::type_table)
    if (wanted(type)) found.push_back(type);
  return found;
}

inline std::string name_of(const testing::TestParamInfo<gguf::TypeInfo>& test) {
  return test.param.name;
}

}  // namespace weld::quant::test
