#include "quant/dequantize.h"

#include "quant/types.h"

namespace weld::quant {
namespace {

template <typename Block>
void dequantize_block(const std::byte* block, float* out) {
  if constexpr (is_float<Block>) {
    *out = Block::value(block);
  } else {
    for (int g = 0; g < groups<Block>; ++g) {
      const float scale = Block::scale(block, g), offset = Block::offset(block, g);
      for (int i = g * Block::group; i < (g + 1) * Block::group; ++i) {
        const float product = scale * static_cast<float>(Block::code(block, i) - Block::zero);
        out[i] = Block::has_offset ? product + offset : product;
      }
    }
  }
}

}  // namespace

void dequantize(gguf::Type type, const std::byte* data, int64_t n, float* out) {
  visit(type, [=]<typename Block>() {
    for (int64_t b = 0; b < n / elements<Block>; ++b)
      dequantize_block<Block>(data + b * bytes<Block>, out + b * elements<Block>);
  });
}

}  // namespace weld::quant
