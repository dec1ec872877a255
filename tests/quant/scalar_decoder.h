// The scalar specification of the build that includes this, as a Decoder.
#pragma once

#include "decoders.h"
#include "quant/types.h"

namespace weld::quant::test {
inline namespace WELD_TARGET {

template <typename Block>
Decoder scalar_decoder() {
  if constexpr (is_float<Block>) {
    const auto values = [](const std::byte* blocks, float* out) {
      for (int i = 0; i < 8; ++i) out[i] = Block::value(blocks + i * bytes<Block>);
    };
    return {0, 0, false, nullptr, nullptr, values};
  } else {
    const auto codes = [](const std::byte* block, int i, uint8_t* out) {
      for (int n = 0; n < 32; ++n) out[n] = Block::code(block, 32 * i + n);
    };
    const auto scales = [](const std::byte* block, float* scale, float* offset) {
      for (int g = 0; g < groups<Block>; ++g) {
        scale[g] = Block::scale(block, g);
        if (Block::has_offset) offset[g] = Block::offset(block, g);
      }
    };
    return {groups<Block>, Block::max_code, Block::has_offset, codes, scales, nullptr};
  }
}

}  // namespace WELD_TARGET
}  // namespace weld::quant::test
