// The table of types and the blocks' descriptions agree.
#include "quant/types.h"

#include <gtest/gtest.h>

namespace weld::quant {
namespace {

TEST(Visit, FindsEveryTypesBlock) {
  for (const gguf::TypeInfo& type : gguf::type_table) {
    visit(type.type, [&]<typename Block>() {
      EXPECT_EQ(Block::type, type.type);
      if constexpr (!is_float<Block>) {
        EXPECT_TRUE(Block::group == 16 || Block::group == 32) << type.name;
        EXPECT_LE(Block::zero, Block::max_code) << type.name;
        EXPECT_LE(Block::max_code, 255) << type.name;
      }
    });
  }
}

}  // namespace
}  // namespace weld::quant
