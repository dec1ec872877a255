// Compiled for AVX2, so it stays clear of test and standard library templates: the linker might
// take them for the other files' too.
#include "decoders.h"
#include "scalar_decoder.h"

namespace weld::quant::test {
namespace {

// Types of one group a block decode the scales of eight blocks at once: one of the eight, picked by
// the block's own bits, is the block, and the others are zeros.
template <typename Block>
void scales_of_one(const std::byte* block, float* scale, float* offset) {
  static constexpr std::byte zeros[bytes<Block>] = {};
  const int at = byte_at(block, bytes<Block> - 1) % 8;
  EightBlocks blocks;
  for (int i = 0; i < 8; ++i) blocks.block[i] = i == at ? block : zeros;
  float scales[8], offsets[8] = {};
  Block::scales(blocks, scales, offsets);
  *scale = scales[at];
  if (offset) *offset = offsets[at];
}

template <typename Block>
Decoder vector_decoder() {
  if constexpr (is_float<Block>) {
    const auto values = [](const std::byte* blocks, float* out) {
      _mm256_storeu_ps(out, Block::values(blocks));
    };
    return {0, 0, false, nullptr, nullptr, values};
  } else {
    const auto codes = [](const std::byte* block, int i, uint8_t* out) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), quant::BlockCodes<Block>(block)(i));
    };
    const auto scales = [] {
      if constexpr (groups<Block> == 1)
        return scales_of_one<Block>;
      else
        return quant::scales<Block>;
    }();
    return {groups<Block>, Block::max_code, Block::has_offset, codes, scales, nullptr};
  }
}

}  // namespace

Decoder avx2_decoder(gguf::Type type) {
  return visit(type, []<typename Block>() { return vector_decoder<Block>(); });
}

Decoder avx2_scalar_decoder(gguf::Type type) {
  return visit(type, []<typename Block>() { return scalar_decoder<Block>(); });
}

}  // namespace weld::quant::test
